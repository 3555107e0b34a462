package pgaccess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// challengeRow is a challenge with what it is about.
type challengeRow struct {
	ID        string
	Account   string
	Session   string
	Device    string
	Network   string
	State     access.ChallengeState
	Answerer  access.Answerer
	TookOver  bool
	Sealed    []byte
	CodeUntil *time.Time
	Tries     int
	Texts     int
	CreatedAt time.Time
	ExpiresAt time.Time
	ClosedAt  *time.Time

	Person   approval.PersonID
	Label    string // of the device
	Class    access.Class
	Over     bool // its session has ended
	TextsOff bool
	First    bool // the account has never had a device that was trusted

	rules access.Policy     // in an answer
	actor approval.PersonID // who answers it, "" for whoever has the text

	*access.Challenge `db:"-"`
}

const selectChallenge = `
	select c.id, c.account, c.session, c.device, c.network, c.state, c.answerer, c.took_over, c.sealed, c.code_until, c.tries, c.texts,
	       c.created_at, c.expires_at, c.closed_at, a.person, d.label, d.class, s.revoked_at is not null as over, a.texts_off, a.device_since is null as first
	from   challenge c
	join   session s on s.id = c.session
	join   device d on d.id = c.device
	join   account a on a.id = c.account
	`

// hidden is what is sealed of a challenge.
type hidden struct {
	Number  int    `json:"number"`
	Choices []int  `json:"choices"`
	Code    string `json:"code,omitempty"`
	Deny    string `json:"deny,omitempty"`
}

func challengeContext(id string) string { return "challenge " + id }

func (s *Store) seal(r *challengeRow) []byte {
	text, _ := json.Marshal(hidden{r.Number, r.Choices, r.Code, r.Deny}) // of numbers and strings
	return s.sealer.Seal(text, challengeContext(r.ID))
}

// challenges gives those that a condition names.
func (s *Store) challenges(ctx context.Context, q querier, where string, args pgx.NamedArgs) ([]*challengeRow, error) {
	rows, err := q.Query(ctx, selectChallenge+where, args)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[challengeRow])
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		text, err := s.sealer.Open(r.Sealed, challengeContext(r.ID))
		if err != nil {
			return nil, fmt.Errorf("challenge %s: %w", r.ID, err)
		}
		var h hidden
		if err := json.Unmarshal(text, &h); err != nil {
			return nil, fmt.Errorf("challenge %s: what is sealed cannot be read", r.ID) // the cause might quote it
		}
		r.Challenge = &access.Challenge{
			State: r.State, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), ClosedAt: zeroTime(r.ClosedAt), By: r.Answerer, TookOver: r.TookOver,
			Number: h.Number, Choices: h.Choices, Code: h.Code, Deny: h.Deny, CodeUntil: zeroTime(r.CodeUntil), Tries: r.Tries, Texts: r.Texts,
		}
		if r.Over && r.State == access.Open { // signed out, or signed in once more
			r.Challenge.ExpiresAt = r.Challenge.CreatedAt
		}
	}
	return list, nil
}

// challenge gives the one that a condition names, or approval.ErrNotFound.
func (s *Store) challenge(ctx context.Context, q querier, where string, args pgx.NamedArgs) (*challengeRow, error) {
	list, err := s.challenges(ctx, q, where, args)
	if err == nil && len(list) == 0 {
		err = approval.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// begin enters a challenge for a session that waits. The account is locked.
func (s *Store) begin(ctx context.Context, tx pgx.Tx, e *entry, session string) (*challengeRow, error) {
	label, platform := access.DescribeBrowser(e.browser.UserAgent)
	r := &challengeRow{
		ID: approval.NewID(e.now, s.random), Account: e.Account, Session: session, Device: e.token.ID, Network: e.browser.Network,
		Person: e.person, Label: label, Class: access.ClassOf(platform), TextsOff: e.textsOff,
		Challenge: access.NewChallenge(s.policy, e.now, s.random),
	}
	_, err := tx.Exec(ctx, `
		insert into challenge (id, account, session, device, network, state, sealed, created_at, expires_at)
		values (@id, @account, @session, @device, @network, 'open', @sealed, @at, @expires)`,
		pgx.NamedArgs{
			"id": r.ID, "account": r.Account, "session": r.Session, "device": r.Device, "network": r.Network,
			"sealed": s.seal(r), "at": r.Challenge.CreatedAt, "expires": r.Challenge.ExpiresAt,
		})
	return r, err
}

// save writes back what has become of a challenge.
func (s *Store) save(ctx context.Context, tx pgx.Tx, r *challengeRow, denyHash []byte) error {
	c := r.Challenge
	_, err := tx.Exec(ctx, `
		update challenge
		set    state = @state,
		       answerer = @by,
		       took_over = @took,
		       sealed = @sealed,
		       deny_hash = coalesce(@deny, deny_hash),
		       code_until = @until,
		       tries = @tries,
		       texts = @texts,
		       closed_at = @closed
		where  id = @id`,
		pgx.NamedArgs{
			"id": r.ID, "state": c.State, "by": c.By, "took": c.TookOver, "sealed": s.seal(r), "deny": denyHash,
			"until": orNull(c.CodeUntil), "tries": c.Tries, "texts": c.Texts, "closed": orNull(c.ClosedAt),
		})
	return err
}

// orNull gives null for the zero time.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// answer changes a challenge by fn, with all that follows from it, in one
// transaction. What fn says about an answer that was wrong is on record when it
// comes back: a try that was counted, a sign-in that was denied.
func (s *Store) answer(ctx context.Context, account, id string, fn func(tx pgx.Tx, r *challengeRow, now time.Time) error) (out access.Answered, err error) {
	now := s.now()
	rules, err := s.rules(ctx)
	if err != nil {
		return access.Answered{}, err
	}
	var said error
	err = s.telling(ctx, func(tx pgx.Tx, t *telling) error {
		_, closed, err := lockAccount(ctx, tx, account)
		switch {
		case err != nil:
			return err
		case closed:
			return access.ErrNoSession
		}
		r, err := s.challenge(ctx, tx, `where c.id = @id and c.account = @account for update of c`, pgx.NamedArgs{"id": id, "account": account})
		if err != nil {
			return err
		}
		r.rules = rules
		before := *r.Challenge
		if said = fn(tx, r, now); errors.Is(said, access.ErrAnswered) {
			return said
		}
		if err := s.save(ctx, tx, r, nil); err != nil {
			return err
		}
		out.State = r.Challenge.State
		switch {
		case r.Challenge.State == access.Denied && before.State != access.Denied:
			out.Ended, err = s.denied(ctx, tx, r, t, now)
		case r.Challenge.State == access.Confirmed && (before.State != access.Confirmed || before.By != r.By):
			out.Ended, err = s.confirmed(ctx, tx, r, t, now)
		}
		return err
	})
	if err != nil {
		return access.Answered{}, err
	}
	s.log.InfoContext(ctx, "sign-in on a new device answered", "account", account, "challenge", id, "state", out.State)
	return out, said
}

// confirmed opens the session that has waited, and retires what makes room for
// it; a text alone retires nothing until nobody can object any more. It gives
// the sessions that are over. The account is locked.
func (s *Store) confirmed(ctx context.Context, tx pgx.Tx, r *challengeRow, t *telling, now time.Time) (ended []string, err error) {
	until, standing := r.ReadsUntil(r.rules), access.Full
	if !until.IsZero() {
		standing = access.Reading
	}
	_, err = tx.Exec(ctx, `
		update session
		set    standing = @standing,
		       reading_until = @until,
		       proven_at = @now,
		       expires_at = created_at + @absolute,
		       methods = case when @by = 'text' and not 'sms' = any (methods) then methods || 'sms'::text else methods end
		where  device = @device
		and    revoked_at is null`,
		pgx.NamedArgs{"device": r.Device, "standing": standing, "until": orNull(until), "now": now, "absolute": s.policy.Absolute, "by": string(r.By)})
	if err != nil {
		return nil, err
	}
	var later *time.Time
	if standing == access.Reading {
		later = orNull(now.Add(s.policy.Undo))
	}
	_, err = tx.Exec(ctx, `update device set reading_until = $2, displaces_at = $3 where id = $1`, r.Device, orNull(until), later)
	if err != nil {
		return nil, err
	}
	if err := trust(ctx, tx, r.Account, r.Device, now); err != nil {
		return nil, err
	}
	if r.By != access.ByText {
		_, err := tx.Exec(ctx, `update account set texts_off = false, refused_until = null where id = $1`, r.Account)
		if err != nil {
			return nil, err
		}
	}
	if standing == access.Full {
		if ended, err = s.makeRoom(ctx, tx, t, r.Account, r.Device, now); err != nil {
			return nil, err
		}
	}
	t.withdraw(r)
	switch {
	case r.By == access.ByVouch:
		t.alert(r, approval.MatterVouched, now)
	case standing == access.Reading:
		t.alert(r, approval.MatterReading, now)
	}
	return ended, s.record(ctx, tx, r.event(access.EventNewConfirmed, now))
}

// denied ends everything that waits, and refuses new devices for a while. No
// device that is trusted is touched. The account is locked.
func (s *Store) denied(ctx context.Context, tx pgx.Tx, r *challengeRow, t *telling, now time.Time) (ended []string, err error) {
	others, err := s.challenges(ctx, tx, `where c.account = @account and c.state = 'open' and c.id <> @id for update of c`, pgx.NamedArgs{"account": r.Account, "id": r.ID})
	if err != nil {
		return nil, err
	}
	devices := []string{r.Device}
	for _, o := range others {
		if o.IsOpen(now) {
			if err := o.Refuse(r.By, r.rules, now); err != nil {
				return nil, err
			}
			if err := s.save(ctx, tx, o, nil); err != nil {
				return nil, err
			}
			devices = append(devices, o.Device)
			t.withdraw(o)
		}
	}
	if ended, err = s.revoke(ctx, tx, r.Account, devices, now); err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `
		update account
		set    refused_until = $2,
		       must_change = must_change or password_hash <> '',
		       texts_off = texts_off or password_hash = ''
		where  id = $1`, r.Account, now.Add(r.rules.Refuse))
	if err != nil {
		return nil, err
	}
	t.withdraw(r)
	t.alert(r, approval.MatterDenied, now)
	return ended, s.record(ctx, tx, r.event(access.EventNewDenied, now))
}

// event is what the audit trail says of it.
func (r *challengeRow) event(kind access.EventKind, now time.Time) access.Event {
	e := access.Event{At: now, Kind: kind, Actor: r.actor, Person: r.Person, Account: r.Account, Device: r.Device, Network: r.Network, Detail: map[string]string{"browser": r.Label}}
	if r.By != "" {
		e.Detail["by"] = string(r.By)
	}
	return e
}
