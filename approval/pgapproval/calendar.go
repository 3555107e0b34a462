package pgapproval

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/workday"
)

// CalendarOverrides gives the days on which the agency departs from the
// official calendar, in order.
func (r *Reader) CalendarOverrides(ctx context.Context) ([]workday.Override, error) {
	rows, err := r.pool.Query(ctx, `
		select
			day,
			off,
			note
		from calendar_override
		order by day`)
	if err != nil {
		return nil, fail("calendar", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (workday.Override, error) {
		var o workday.Override
		var day time.Time // 00:00 UTC
		err := row.Scan(&day, &o.Off, &o.Note)
		o.Day = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, approval.Zone)
		return o, err
	})
	return list, fail("calendar", err)
}

// SetCalendarOverride enters a day, or corrects what was entered for it.
func (s *Store) SetCalendarOverride(ctx context.Context, o workday.Override, at time.Time) error {
	_, err := s.pool.Exec(ctx, `
		insert into calendar_override (
			day,
			off,
			note,
			created_at
		) values (
			@day::date,
			@off,
			@note,
			@at
		)
		on conflict (day) do update
		set
			off        = excluded.off,
			note       = excluded.note,
			created_at = excluded.created_at`,
		pgx.NamedArgs{"day": o.Day.In(approval.Zone).Format(time.DateOnly), "off": o.Off, "note": o.Note, "at": at})
	return fail("set calendar day", err)
}

// RemoveCalendarOverride has a day follow the official calendar again. It is
// no error when it did.
func (s *Store) RemoveCalendarOverride(ctx context.Context, day time.Time) error {
	_, err := s.pool.Exec(ctx, `delete from calendar_override where day = $1::date`, day.In(approval.Zone).Format(time.DateOnly))
	return fail("remove calendar day", err)
}
