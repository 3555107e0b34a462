package pghub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// brief is what the messages of a batch need besides the counts: policy and
// choices of this moment, not of when the delivery was planned.
type brief struct {
	policy  hub.Policy
	worked  func(time.Time) bool
	choices map[approval.PersonID]hub.Preferences
	forms   map[approval.PersonID]int // that wait in other systems
	tallies map[string]hub.Tally      // by notification
	details map[approval.DocumentID]hub.Detail
}

const selectFormsOf = `
	select p.person, (select count(*) from notification n where n.person = p.person and n.kind = 'form.pending' and n.cancelled_at is null)
	from unnest($1::text[]) as p (person)`

// brief reads it.
func (h *Hub) brief(ctx context.Context, list []delivery, people []approval.PersonID) (brief, error) {
	policy, err := h.Policy(ctx)
	if err != nil {
		return brief{}, err
	}
	s := brief{policy: policy, worked: h.workdays.Workday, choices: map[approval.PersonID]hub.Preferences{}, forms: map[approval.PersonID]int{}}
	var chased []string
	var named []approval.DocumentID
	for _, d := range list {
		n := d.notification
		switch n.Kind {
		case hub.KindOverdueSoon, hub.KindOverdue, hub.KindEscalation:
			chased = append(chased, n.ID)
		}
		if n.Document != "" && !n.Grade.Classified() && policy.Rule(n.Kind).Tier != hub.TierCounts {
			named = append(named, n.Document)
		}
	}
	b := &pgx.Batch{}
	b.Queue(selectPreferencesOf, pgx.NamedArgs{"people": people}).Query(func(rows pgx.Rows) error {
		var p approval.PersonID
		var c hub.Preferences
		_, err := pgx.ForEachRow(rows, []any{&p, &c}, func() error {
			s.choices[p], c = c, hub.Preferences{}
			return nil
		})
		return err
	})
	b.Queue(selectFormsOf, people).Query(func(rows pgx.Rows) error {
		var p approval.PersonID
		var n int
		_, err := pgx.ForEachRow(rows, []any{&p, &n}, func() error {
			s.forms[p] = n
			return nil
		})
		return err
	})
	if len(chased) > 0 {
		b.Queue(selectTallies, chased, h.now(), approval.Midnight(h.now()).AddDate(0, 0, 1)).Query(func(rows pgx.Rows) (err error) {
			s.tallies, err = collectTallies(rows)
			return err
		})
	}
	if len(named) > 0 {
		b.Queue(`select id, number, subject from document where id = any($1) and grade = ''`, named).Query(func(rows pgx.Rows) error {
			s.details = map[approval.DocumentID]hub.Detail{}
			var id approval.DocumentID
			var d hub.Detail
			_, err := pgx.ForEachRow(rows, []any{&id, &d.Number, &d.Subject}, func() error {
				s.details[id] = d
				return nil
			})
			return err
		})
	}
	if err := h.pool.SendBatch(ctx, b).Close(); err != nil {
		return brief{}, fmt.Errorf("pghub: what messages need: %w", err)
	}
	return s, nil
}

// check looks again at what may have changed since a delivery was planned: why
// it is not to be sent any more, or until when it has to wait because it has
// come into quiet hours, by a retry or because the server was away.
func (s brief) check(d delivery, c hub.Counts, now time.Time) (over string, until time.Time) {
	n := d.notification
	rule, choice := s.policy.Rule(n.Kind), s.choices[n.Person]
	switch n.Kind {
	case hub.KindDigest:
		if c.Pending == 0 && c.Forms == 0 {
			return "nothing is pending any more", until
		}
	case hub.KindOverdueSoon, hub.KindOverdue, hub.KindEscalation:
		if s.tallies[n.ID].Sum() == 0 {
			return "all of it has moved", until
		}
	}
	if rule.Held {
		return "", until
	}
	if slices.Contains(choice.Off, d.channel) || slices.Contains(choice.Muted, n.Kind) {
		return "turned off by this person", until
	}
	if rule.Quiet == hub.QuietHold || rule.Quiet == hub.QuietUrgent && n.Speed != approval.SpeedHighest {
		quiet := *s.policy.Quiet
		if choice.Quiet != nil {
			quiet = *choice.Quiet
		}
		until = quiet.Until(now, s.worked)
	}
	return "", until
}

// setting is what Compose needs for one of them.
func (s brief) setting(h *Hub, d delivery, now time.Time) hub.Setting {
	n := d.notification
	return hub.Setting{
		Lang: d.lang, Agency: h.agency, BaseURL: h.baseURL, Now: now,
		Rule: s.policy.Rule(n.Kind), Tally: s.tallies[n.ID], Detail: s.details[n.Document],
	}
}
