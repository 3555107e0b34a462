package pgaccess

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// maxDevices is how many devices a list shows, the last used first.
const maxDevices = 100

// Devices gives the devices of an account that were confirmed and not revoked,
// the current one first, then the last used. A device with no session is signed out and
// still known.
func (s *Store) Devices(ctx context.Context, account, current string) ([]access.Device, error) {
	now := s.now()
	rows, err := s.pool.Query(ctx, `
		select   d.id,
		         d.label,
		         d.platform,
		         d.created_at,
		         d.last_seen_at,
		         d.id = @current as current,
		         d.reading_until is null or d.reading_until <= @now as trusted,
		         d.class,
		         d.phone,
		         coalesce(d.reading_until, timestamptz '0001-01-01 00:00:00+00') as reading_until,
		         count(s.id)::int as sessions
		from     device d
		left join session s on s.device = d.id and s.revoked_at is null and s.expires_at > @now and s.last_seen_at > @idle
		where    d.account = @account
		and      d.revoked_at is null
		and      d.trusted_at is not null
		and      d.last_seen_at > @known
		group by d.id
		order by d.id = @current desc, d.last_seen_at desc, d.id
		limit    @max`,
		pgx.NamedArgs{
			"account": account, "current": current, "max": maxDevices,
			"now": now, "idle": now.Add(-s.policy.Idle), "known": now.Add(-s.policy.Device),
		})
	var devices []access.Device
	if err == nil {
		devices, err = pgx.CollectRows(rows, pgx.RowToStructByName[access.Device])
	}
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	for i := range devices {
		d := &devices[i]
		d.CreatedAt, d.LastSeenAt, d.ReadingUntil = d.CreatedAt.UTC(), d.LastSeenAt.UTC(), d.ReadingUntil.UTC()
	}
	return devices, nil
}

// RevokeDevice ends the sessions of a device and forgets it: its cookie is that
// of a stranger from now on. It gives all its sessions on record, whose live
// connections and push links are to be ended; once more, the same ones. A
// device that is not the account's gives approval.ErrNotFound.
func (s *Store) RevokeDevice(ctx context.Context, account, device string) (ended []string, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, _, err := lockAccount(ctx, tx, account); err != nil {
			return err
		}
		var mine bool
		err := tx.QueryRow(ctx, `select exists (select from device where id = $1 and account = $2)`, device, account).Scan(&mine)
		if err != nil {
			return err
		}
		if !mine {
			return approval.ErrNotFound
		}
		ended, err = s.revoke(ctx, tx, account, []string{device}, s.now())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("revoke device: %w", err)
	}
	s.log.InfoContext(ctx, "device revoked", "account", account, "device", device)
	return ended, nil
}

// RevokeOthers does what [Store.RevokeDevice] does, to all devices of the
// account but the current one.
func (s *Store) RevokeOthers(ctx context.Context, account, current string) (ended []string, err error) {
	var devices []string
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, _, err := lockAccount(ctx, tx, account); err != nil {
			return err
		}
		devices, err = collect[string](tx.Query(ctx, `
			select id
			from   device
			where  account = $1
			and    id <> $2
			and    revoked_at is null`, account, current))
		if err != nil {
			return err
		}
		ended, err = s.revoke(ctx, tx, account, devices, s.now())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("revoke other devices: %w", err)
	}
	s.log.InfoContext(ctx, "other devices revoked", "account", account, "devices", len(devices))
	return ended, nil
}

// revoke gives all sessions on record of the devices. The account is locked.
func (s *Store) revoke(ctx context.Context, tx pgx.Tx, account string, devices []string, now time.Time) ([]string, error) {
	type known struct{ ID, Label string }
	rows, _ := tx.Query(ctx, `
		update device
		set    revoked_at = $2
		where  id = any ($1)
		and    revoked_at is null
		returning id, label`, devices, now)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[known])
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		e := access.Event{At: now, Kind: access.EventDeviceRevoked, Account: account, Device: d.ID, Detail: map[string]string{"browser": d.Label}}
		if err := s.record(ctx, tx, e); err != nil {
			return nil, err
		}
	}
	_, err = tx.Exec(ctx, `update session set revoked_at = $2 where device = any ($1) and revoked_at is null`, devices, now)
	if err != nil {
		return nil, err
	}
	return collect[string](tx.Query(ctx, `select id from session where device = any ($1) order by id`, devices))
}
