package pgaccess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"qianhe/approval"
	"qianhe/approval/access"
)

// settingsAge is how old the settings may be by which this process acts, when
// another has changed them.
const settingsAge = 3 * time.Second

// settingsCache is the settings in force, as they were read last.
type settingsCache struct {
	mu     sync.Mutex
	last   access.SettingsVersion
	readAt time.Time // zero: never
}

// Settings gives what is in force. A change made by another process is known
// here within seconds. What it gives is shared: not to be changed without
// [access.Settings.Clone].
func (s *Store) Settings(ctx context.Context) (access.Settings, error) {
	now := s.now()
	s.settings.mu.Lock()
	last, at := s.settings.last, s.settings.readAt
	s.settings.mu.Unlock()
	if age := now.Sub(at); !at.IsZero() && age >= 0 && age < settingsAge {
		return last.Settings, nil
	}
	list, err := s.SettingsHistory(ctx, 1)
	if err != nil {
		return access.Settings{}, err
	}
	last = list[0]
	s.keepSettings(last, now)
	return last.Settings, nil
}

// rules is the policy with what the agency has decided. It is asked for before a
// transaction, which holds a connection.
func (s *Store) rules(ctx context.Context) (access.Policy, error) {
	p := s.policy
	if s.given.Confirming != "" && s.given.Reading > 0 && s.given.Refuse > 0 {
		return p, nil
	}
	settings, err := s.Settings(ctx)
	if err != nil {
		return p, err
	}
	if s.given.Confirming == "" {
		p.Confirming = settings.Confirming
	}
	if s.given.Reading <= 0 {
		p.Reading = settings.Reading
	}
	if s.given.Refuse <= 0 {
		p.Refuse = settings.Refuse
	}
	return p, nil
}

// keepSettings keeps what was read or written, unless a later version is known.
func (s *Store) keepSettings(v access.SettingsVersion, now time.Time) {
	s.settings.mu.Lock()
	defer s.settings.mu.Unlock()
	if s.settings.readAt.IsZero() || v.Version >= s.settings.last.Version {
		s.settings.last, s.settings.readAt = v, now
	}
}

// SettingsHistory gives the versions that were in force, latest first, at most
// limit, and at the end the default as version 0 where there is room for it: at
// least one. They come from the database, not from what is kept in memory.
func (s *Store) SettingsHistory(ctx context.Context, limit int) ([]access.SettingsVersion, error) {
	rows, _ := s.pool.Query(ctx, `
		select   v.version,
		         v.settings,
		         coalesce(v.set_by, ''),
		         coalesce(p.name, ''),
		         v.set_at
		from     access_settings v
		left join person p on p.id = v.set_by
		order by v.version desc
		limit    $1`, limit)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.SettingsVersion, error) {
		var v access.SettingsVersion
		var values map[string]string
		err := row.Scan(&v.Version, &values, &v.By, &v.Name, &v.At)
		v.Settings = access.DefaultSettings().With(values)
		return v, err
	})
	if err != nil {
		return nil, fmt.Errorf("read access settings: %w", err)
	}
	if len(list) < limit {
		list = append(list, access.SettingsVersion{Settings: access.DefaultSettings()})
	}
	return list, nil
}

// SaveSettings puts settings in force that were made from a version. It gives
// [access.ErrSettingsChanged] when that is not the last one. By is "" for the
// command line.
func (s *Store) SaveSettings(ctx context.Context, by approval.PersonID, from int, to access.Settings) error {
	now := s.now()
	text, err := json.Marshal(to.Changes(access.DefaultSettings()))
	if err != nil {
		return fmt.Errorf("save access settings: %w", err)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			insert into access_settings (version, settings, set_by, set_at)
			select @version, @settings, nullif(@by, ''), @now
			where  @version = 1 + coalesce((select max(version) from access_settings), 0)`,
			pgx.NamedArgs{"version": from + 1, "settings": text, "by": by, "now": now})
		if err == nil && tag.RowsAffected() == 0 {
			err = access.ErrSettingsChanged
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, access.Event{At: now, Kind: access.EventSettingsChanged, Actor: by, Detail: map[string]string{"version": strconv.Itoa(from + 1)}})
	})
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && pgErr.ConstraintName == "access_settings_pkey", errors.Is(err, access.ErrSettingsChanged):
		return access.ErrSettingsChanged
	case err != nil:
		return fmt.Errorf("save access settings: %w", err)
	}
	s.log.InfoContext(ctx, "access settings changed", "version", from+1, "by", by)
	s.keepSettings(access.SettingsVersion{Version: from + 1, Settings: to.Clone(), By: by, At: now}, now)
	return nil
}
