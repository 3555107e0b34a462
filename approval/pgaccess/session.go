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

// live is the condition under which a session lets in, over session s, device
// d, account a and person p.
const live = `
		s.revoked_at is null
		and s.expires_at > @now
		and s.last_seen_at > @idle
		and d.revoked_at is null
		and a.disabled_at is null
		and p.left_at is null`

// liveArgs are the arguments of [live].
func (s *Store) liveArgs(now time.Time) pgx.NamedArgs {
	return pgx.NamedArgs{"now": now, "idle": now.Add(-s.policy.Idle)}
}

type sessionRow struct {
	ID         string
	Account    string
	Device     string
	SecretHash []byte
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
	Login      string
	Locale     string
	MustChange bool
	Person     approval.PersonID
	Name       string
	Title      string
	Unit       approval.UnitID
	Roles      []approval.Role
	UnitName   string

	Standing     access.Standing
	ReadingUntil *time.Time
	ProvenAt     time.Time
	Methods      []access.Method
}

func (r *sessionRow) session(now time.Time) access.Session {
	return access.Session{
		ID:         r.ID,
		Account:    r.Account,
		Person:     approval.Person{ID: r.Person, Name: r.Name, Title: r.Title, Unit: r.Unit, Roles: r.Roles},
		UnitName:   r.UnitName,
		Login:      r.Login,
		Locale:     r.Locale,
		Device:     r.Device,
		CreatedAt:  r.CreatedAt.UTC(),
		ExpiresAt:  r.ExpiresAt.UTC(),
		MustChange: r.MustChange,

		Standing:     r.Standing.At(now, zeroTime(r.ReadingUntil)),
		ReadingUntil: zeroTime(r.ReadingUntil),
		ProvenAt:     r.ProvenAt.UTC(),
		Methods:      r.Methods,
	}
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// session gives a session that lets in, or access.ErrNoSession.
func (s *Store) session(ctx context.Context, q querier, id string, now time.Time) (*sessionRow, error) {
	args := s.liveArgs(now)
	args["id"] = id
	rows, err := q.Query(ctx, `
		select s.id,
		       s.account,
		       s.device,
		       s.secret_hash,
		       s.created_at,
		       s.last_seen_at,
		       s.expires_at,
		       s.standing,
		       s.reading_until,
		       s.proven_at,
		       s.methods,
		       a.login,
		       a.locale,
		       a.must_change,
		       p.id as person,
		       p.name,
		       p.title,
		       p.unit,
		       p.roles,
		       u.name as unit_name
		from   session s
		join   device d on d.id = s.device
		join   account a on a.id = s.account
		join   person p on p.id = a.person
		join   unit u on u.id = p.unit
		where  s.id = @id
		and    `+live, args)
	if err != nil {
		return nil, err
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[sessionRow])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, access.ErrNoSession
	}
	return row, err
}

// Resume gives the session of a cookie, and takes note, about once a minute,
// that it was used. It gives [access.ErrNoSession] when the cookie is not one,
// or the session has ended, was not used for too long, or the account is closed.
// With one of a device
// whose place another has taken it gives [access.ErrReplaced]; with a session that waits it gives [access.ErrWaiting] too: whoever looks at
// the error only lets nobody in who waits.
func (s *Store) Resume(ctx context.Context, cookie string) (access.Session, error) {
	token, ok := access.ParseToken(cookie)
	if !ok {
		return access.Session{}, access.ErrNoSession
	}
	now := s.now()
	row, err := s.session(ctx, s.pool, token.ID, now)
	if errors.Is(err, access.ErrNoSession) {
		return access.Session{}, s.why(ctx, token)
	}
	if err != nil {
		return access.Session{}, fmt.Errorf("resume session: %w", err)
	}
	if !token.Matches(row.SecretHash) {
		return access.Session{}, access.ErrNoSession
	}
	if err := s.touch(ctx, row, now); err != nil {
		return access.Session{}, fmt.Errorf("resume session: %w", err)
	}
	session := row.session(now)
	if session.Standing == access.Waiting {
		return session, access.ErrWaiting
	}
	return session, nil
}

// touch enters the time of last use when the one on record is a minute old. The
// two rows are changed one after the other, never locked together.
func (s *Store) touch(ctx context.Context, row *sessionRow, now time.Time) error {
	before := now.Add(-touchEvery)
	if row.LastSeenAt.After(before) {
		return nil
	}
	_, err := s.pool.Exec(ctx, `update session set last_seen_at = $2 where id = $1 and last_seen_at <= $3`, row.ID, now, before)
	if err != nil {
		return err
	}
	_, err = s.pool.Exec(ctx, `update device set last_seen_at = $2 where id = $1 and last_seen_at <= $3`, row.Device, now, before)
	return err
}

// SignOut ends a session. It gives all sessions on record of its device: live
// connections and push links of theirs are to be ended. Once more, or for a
// session that there is not, it does nothing and is no error.
func (s *Store) SignOut(ctx context.Context, session string) (ended []string, err error) {
	now := s.now()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		e := access.Event{At: now, Kind: access.EventSignedOut, Session: session}
		err := tx.QueryRow(ctx, `
			update session s
			set    revoked_at = $2
			from   account a
			where  s.id = $1
			and    s.revoked_at is null
			and    a.id = s.account
			returning a.id, a.person, s.device`, session, now).Scan(&e.Account, &e.Actor, &e.Device)
		switch {
		case err == nil:
			e.Person = e.Actor
			err = s.record(ctx, tx, e)
		case errors.Is(err, pgx.ErrNoRows): // it has ended already
			err = nil
		}
		if err != nil {
			return err
		}
		ended, err = collect[string](tx.Query(ctx, `
			select id
			from   session
			where  device = (select device from session where id = $1)
			order  by id`, session))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sign out: %w", err)
	}
	return ended, nil
}

// Alive says of each session whether it lets in now, which one that waits does
// not. It does not count as use.
func (s *Store) Alive(ctx context.Context, sessions []string) (map[string]bool, error) {
	args := s.liveArgs(s.now())
	args["ids"] = sessions
	ids, err := collect[string](s.pool.Query(ctx, `
		select s.id
		from   session s
		join   device d on d.id = s.device
		join   account a on a.id = s.account
		join   person p on p.id = a.person
		where  s.id = any (@ids::text[])
		and    s.standing <> 'waiting'
		and    `+live, args))
	if err != nil {
		return nil, fmt.Errorf("look after sessions: %w", err)
	}
	alive := make(map[string]bool, len(sessions))
	for _, id := range sessions {
		alive[id] = false
	}
	for _, id := range ids {
		alive[id] = true
	}
	return alive, nil
}

// collect gives the rows of a query of one column.
func collect[T any](rows pgx.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}
