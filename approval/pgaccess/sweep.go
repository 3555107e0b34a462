package pgaccess

import (
	"context"
	"fmt"
	"time"

	"qianhe/approval/access"
)

// Sweep removes what nobody needs any more: attempts that no limit looks back
// to, sessions and entries of the audit trail as old as the agency keeps them, devices that were not used for as long as
// they stay known. It may run on several nodes at once.
//
// A session that a channel link still names stays: the link may be alive, and
// the session is how it is found when the device is signed out.
func (s *Store) Sweep(ctx context.Context) error {
	now := s.now()
	settings, err := s.Settings(ctx)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	keep := s.policy.Keep
	if settings.KeepSessions != access.DefaultSettings().KeepSessions { // the agency has decided
		keep = time.Duration(settings.KeepSessions) * 24 * time.Hour
	}
	kept := now.Add(-keep)
	if _, err := s.ExpireAudit(ctx, now.AddDate(0, -settings.KeepAudit, 0)); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, sweep := range []struct {
		what, query string
		args        []any
	}{
		{"attempts", `delete from sign_in_attempt where at <= $1`, []any{now.Add(-s.policy.Longest())}},
		{"flows", `delete from sign_in_flow where expires_at <= $1`, []any{now}},
		{"sessions", `
			delete from session s
			where  least(s.revoked_at, s.expires_at) <= $1
			and    not exists (select from channel_link l where l.session = s.id)`, []any{kept}},
		{"devices", `
			delete from device d
			where  (d.revoked_at <= $1 or d.last_seen_at <= $2 or d.trusted_at is null and d.last_seen_at <= $1)
			and    not exists (select from session s where s.device = d.id)`, []any{kept, now.Add(-s.policy.Device)}},
	} {
		tag, err := s.pool.Exec(ctx, sweep.query, sweep.args...)
		if err != nil {
			return fmt.Errorf("sweep %s: %w", sweep.what, err)
		}
		s.log.DebugContext(ctx, "swept", "what", sweep.what, "rows", tag.RowsAffected())
	}
	return nil
}
