package pgaccess

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// Ender ends what hangs on sessions that are over, inside the transaction that
// ends them: push subscriptions, and, once it has been committed, the pages that
// are open, on every node. pghub.Hub does.
type Ender interface {
	EndSessionsTx(ctx context.Context, tx pgx.Tx, sessions []string) (after func(), err error)
}

// Displaces gives the devices of the account that would make room for another
// one: what a page says before that is confirmed.
func (s *Store) displaces(ctx context.Context, q querier, account, device string) ([]access.Device, error) {
	rows, err := q.Query(ctx, `
		select d.id, d.label, d.platform, d.class, d.phone, d.last_seen_at, d.created_at, d.trusted_at is not null as trusted,
		       false as current, 0 as sessions, coalesce(d.reading_until, timestamptz '0001-01-01 00:00:00+00') as reading_until
		from   device d
		where  d.account = @account
		and    d.revoked_at is null
		and    (d.id = @device or d.trusted_at is not null and d.last_seen_at > @known)
		order  by d.created_at, d.id`,
		pgx.NamedArgs{"account": account, "device": device, "known": s.now().Add(-s.policy.Device)})
	var list []access.Device
	if err == nil {
		list, err = pgx.CollectRows(rows, pgx.RowToStructByName[access.Device])
	}
	if err != nil {
		return nil, err
	}
	var newcomer access.Device
	for _, d := range list {
		if d.ID == device {
			newcomer = d
		}
	}
	if newcomer.ID == "" {
		return nil, nil
	}
	roles, err := collect[[]approval.Role](q.Query(ctx, `select p.roles from account a join person p on p.id = a.person where a.id = $1`, account))
	if err != nil || len(roles) == 0 {
		return nil, err
	}
	settings, err := settingsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	return access.Displaced(list, newcomer, settings.PhonesOf(roles[0]), settings.Desktops), nil
}

// settingsOf gives the settings that are in force for a transaction.
func settingsOf(ctx context.Context, q querier) (access.Settings, error) {
	values, err := collect[map[string]string](q.Query(ctx, `select settings from access_settings order by version desc limit 1`))
	if err != nil {
		return access.Settings{}, fmt.Errorf("read access settings: %w", err)
	}
	settings := access.DefaultSettings()
	if len(values) > 0 {
		settings = settings.With(values[0])
	}
	return settings, nil
}

// makeRoom retires what makes room for a device that has just been trusted, with
// everything that hangs on it, and tells its owner. It gives the sessions that
// are over. The account is locked.
func (s *Store) makeRoom(ctx context.Context, tx pgx.Tx, t *telling, account, device string, now time.Time) ([]string, error) {
	gone, err := s.displaces(ctx, tx, account, device)
	if err != nil || len(gone) == 0 {
		return nil, err
	}
	var devices []string
	for _, d := range gone {
		devices = append(devices, d.ID)
	}
	ended, err := s.revoke(ctx, tx, account, devices, now)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `update device set replaced_by = $2 where id = any ($1)`, devices, device); err != nil {
		return nil, err
	}
	var person approval.PersonID
	var class access.Class
	err = tx.QueryRow(ctx, `select a.person, d.class from device d join account a on a.id = d.account where d.id = $1`, device).Scan(&person, &class)
	if err != nil {
		return nil, err
	}
	for _, d := range gone {
		e := access.Event{At: now, Kind: access.EventDeviceReplaced, Account: account, Device: d.ID, Detail: map[string]string{"browser": d.Label, "by": device}}
		if err := s.record(ctx, tx, e); err != nil {
			return nil, err
		}
	}
	t.ended = append(t.ended, ended...)
	t.alerts = append(t.alerts, approval.Alert{
		Person: person, Kind: approval.AlertReplaced, Key: device, At: now, Device: string(class), Path: "/me/devices", Way: approval.AlertNoText,
	})
	return ended, nil
}

// makeRoomLate is [Store.makeRoom] for a device that a text alone has confirmed,
// once nobody can object to it any more.
func (s *Store) makeRoomLate(ctx context.Context, tx pgx.Tx, t *telling, account, device string, now time.Time) ([]string, error) {
	tag, err := tx.Exec(ctx, `update device set displaces_at = null where id = $1 and displaces_at <= $2`, device, now)
	if err != nil || tag.RowsAffected() == 0 {
		return nil, err
	}
	return s.makeRoom(ctx, tx, t, account, device, now)
}

// why says of a session that lets nobody in whether that is so because another
// device took its device's place. It is told to nobody but the holder of the
// cookie.
func (s *Store) why(ctx context.Context, token access.Token) error {
	var hash []byte
	err := s.pool.QueryRow(ctx, `
		select s.secret_hash
		from   session s
		join   device d on d.id = s.device
		where  s.id = $1
		and    d.replaced_by is not null`, token.ID).Scan(&hash)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && !token.Matches(hash):
		return access.ErrNoSession
	case err != nil:
		return fmt.Errorf("resume session: %w", err)
	}
	return access.ErrReplaced
}
