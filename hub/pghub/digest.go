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
	return slices.Compact(times)
}

// digestDue reports whether at now a digest of now's day is due: its first time
// of that day has come, lately, and the day is worked.
func (h *Hub) digestDue(now time.Time) bool {
	if !h.workdays.Workday(now) {
		return false
	}
	at := h.digestAt.Next(approval.Midnight(now).Add(-time.Second))
	return !at.IsZero() && !at.After(now) && now.Before(at.Add(digestLate))
}

// Digest tells everybody with something pending how much it is, when it is the
// time of a working day at which that is due. It does so once per person and
// day in Asia/Taipei, however often and in however many processes it is called,
// and gives how many it told.
func (h *Hub) Digest(ctx context.Context, now time.Time) (n int, err error) {
	if !h.digestDue(now) {
		return 0, nil
	}
	return h.DigestNow(ctx, now)
}

// DigestNow is [Hub.Digest] at any time of any day, for a demonstration. Who
// has had the day's digest does not get another.
func (h *Hub) DigestNow(ctx context.Context, now time.Time) (n int, err error) {
	people, err := h.trays.Waiting(ctx)
	if err != nil {
		return 0, fmt.Errorf("pghub: digest: %w", err)
	}
	dedup := "digest:" + now.In(approval.Zone).Format(time.DateOnly)
	people, err = h.without(ctx, people, dedup)
	if err != nil {
		return 0, fmt.Errorf("pghub: digest: %w", err)
	}
	n, err = h.tellBulk(ctx, people, item{kind: hub.KindDigest, dedup: dedup, at: now})
	if err != nil {
		return n, fmt.Errorf("pghub: digest: %w", err)
	}
	return n, nil
}

// without leaves out those who have a notification of this key, so that a sweep
// that has nothing to do moves nobody's inbox. Whoever gets one meanwhile is
// left out when it is written.
func (h *Hub) without(ctx context.Context, people []approval.PersonID, dedup string) ([]approval.PersonID, error) {
	if len(people) == 0 {
		return nil, nil
	}
	rows, _ := h.pool.Query(ctx, `
		select p.person
		from unnest($1::text[]) as p (person)
		where not exists (select from notification n where n.person = p.person and n.dedup = $2)
		order by p.person`, people, dedup)
	return pgx.CollectRows(rows, pgx.RowTo[approval.PersonID])
}
