package pghub

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/robfig/cron/v3"

	"qianhe/approval"
	"qianhe/hub"
)

// defaultDigest is the beginning of the working day.
const defaultDigest = "30 8 * * *"

// digestLate is how long after its time a digest still goes out, when the
// server was down at that time. Nobody wants the morning's counts at night.
const digestLate = 4 * time.Hour

func parseDigest(line string) (cron.Schedule, error) {
	if line == "" {
		line = defaultDigest
	}
	if !strings.HasPrefix(line, "CRON_TZ=") && !strings.HasPrefix(line, "TZ=") {
		line = "CRON_TZ=Asia/Taipei " + line
	}
	s, err := cron.ParseStandard(line)
	if err != nil {
		return nil, fmt.Errorf("pghub: digest schedule: %w", err)
	}
	return s, nil
}

// mostTimes is how many digests a week's schedule may have.
const mostTimes = 7 * 24

// digestTimes gives the minutes since midnight, in Asia/Taipei, of a schedule's
// times, whatever days they are on.
func digestTimes(s cron.Schedule) []int {
	var times []int
	from := time.Date(2026, time.November, 23, 0, 0, 0, 0, approval.Zone) // a Monday
	for at := s.Next(from.Add(-time.Second)); !at.IsZero() && at.Before(from.AddDate(0, 0, 7)) && len(times) < mostTimes; at = s.Next(at) {
		times = append(times, int(at.Sub(approval.Midnight(at))/time.Minute))
	}
	slices.Sort(times)
	times = slices.Compact(times)
	return times[:min(len(times), 24)]
}

// digestSlot gives the last time of a digest on now's day that has come by now;
// the zero time when none has. Times of the organisation take the place of the
// configured schedule, which may also know days of the week.
func (h *Hub) digestSlot(p hub.Policy, now time.Time) (slot time.Time) {
	midnight := approval.Midnight(now)
	if slices.Equal(p.Digests, h.base.Digests) {
		for at := h.digestAt.Next(midnight.Add(-time.Second)); !at.IsZero() && !at.After(now); at = h.digestAt.Next(at) {
			slot = at.In(approval.Zone)
		}
		return slot
	}
	for _, m := range p.Digests {
		if at := midnight.Add(time.Duration(m) * time.Minute); !at.After(now) {
			slot = at
		}
	}
	return slot
}

// digestDue gives the digest that is due at now: the last whose time has come,
// lately, on a day that is worked; the zero time when none is. Who has missed
// two has missed the first.
func (h *Hub) digestDue(p hub.Policy, now time.Time) time.Time {
	slot := h.digestSlot(p, now)
	if !h.workdays.Workday(now) || slot.IsZero() || !now.Before(slot.Add(digestLate)) {
		return time.Time{}
	}
	return slot
}

// Digest tells everybody with something pending how much it is, when it is the
// time of a working day at which that is due, and leaves out who does not take
// this one. It does so once per person and time, however often and in however
// many processes it is called, and gives how many it told.
func (h *Hub) Digest(ctx context.Context, now time.Time) (n int, err error) {
	p, err := h.Policy(ctx)
	if err != nil {
		return 0, err
	}
	slot := h.digestDue(p, now)
	if slot.IsZero() {
		return 0, nil
	}
	return h.digest(ctx, p, slot, now)
}

// DigestNow is [Hub.Digest] at any time of any day, for a demonstration. Who
// has had the last digest does not get another.
func (h *Hub) DigestNow(ctx context.Context, now time.Time) (n int, err error) {
	p, err := h.Policy(ctx)
	if err != nil {
		return 0, err
	}
	slot := h.digestSlot(p, now)
	if slot.IsZero() {
		slot = approval.Midnight(now)
	}
	return h.digest(ctx, p, slot, now)
}

func (h *Hub) digest(ctx context.Context, p hub.Policy, slot, now time.Time) (n int, err error) {
	key := "digest:" + slot.In(approval.Zone).Format("2006-01-02T15:04")
	people, err := h.digestPeople(ctx, p, slot, key)
	if err != nil {
		return 0, fmt.Errorf("pghub: digest: %w", err)
	}
	n, err = h.tellBulk(ctx, people, item{kind: hub.KindDigest, dedup: key, at: now})
	if err != nil {
		return n, fmt.Errorf("pghub: digest: %w", err)
	}
	return n, nil
}

// digestPeople gives who has something pending, in our own hands or in another
// system, takes this digest and has not had it, so that a sweep that has nothing
// to do moves nobody's inbox.
func (h *Hub) digestPeople(ctx context.Context, p hub.Policy, slot time.Time, key string) ([]approval.PersonID, error) {
	people, err := h.trays.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	refuse := map[approval.PersonID]bool{}
	minute := int(slot.Sub(approval.Midnight(slot)) / time.Minute)
	b := &pgx.Batch{}
	b.Queue(`select distinct person from notification where kind = 'form.pending' and cancelled_at is null`).Query(func(rows pgx.Rows) error {
		more, err := pgx.CollectRows(rows, pgx.RowTo[approval.PersonID])
		people = append(people, more...)
		return err
	})
	b.Queue(`select person, preferences from person_preferences where preferences ? 'digest' or preferences ? 'muted'`).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r hub.Recipient, err error) {
			return r, row.Scan(&r.Person, &r.Preferences)
		})
		for _, r := range list {
			refuse[r.Person] = !r.Preferences.WantsDigest(minute, p.Digests)
		}
		return err
	})
	b.Queue(`select person from notification where dedup = $1 and created_at >= $2`, key, slot).Query(func(rows pgx.Rows) error {
		had, err := pgx.CollectRows(rows, pgx.RowTo[approval.PersonID])
		for _, p := range had {
			refuse[p] = true
		}
		return err
	})
	if err := h.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	slices.Sort(people)
	people = slices.DeleteFunc(slices.Compact(people), func(p approval.PersonID) bool { return refuse[p] })
	return people, nil
}
