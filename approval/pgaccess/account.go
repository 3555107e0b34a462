package pgaccess

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"qianhe/approval"
	"qianhe/approval/access"
)

// CreateAccount creates an account for a person. A login, password or locale
// that may not be, a login that is taken, or a person who has an account, gives
// an [*approval.InvalidError]; a person that there is not approval.ErrNotFound.
func (s *Store) CreateAccount(ctx context.Context, n access.NewAccount) error {
	login, err := access.CheckLogin(n.Login)
	if err != nil {
		return err
	}
	locale, err := access.CheckLocale(n.Locale)
	if err != nil {
		return err
	}
	var name, unit string
	err = s.pool.QueryRow(ctx, `
		select p.name, u.name
		from   person p
		join   unit u on u.id = p.unit
		where  p.id = $1`, n.Person).Scan(&name, &unit)
	if err != nil {
		return fmt.Errorf("create account: person: %w", notFound(err))
	}
	if err := s.choice.Check(n.Password, login, name, unit); err != nil {
		return err
	}
	hash, err := s.passwords.Hash(ctx, n.Password)
	if err != nil {
		return fmt.Errorf("create account: %w", err)
	}
	now := s.now()
	id := approval.NewID(now, s.random)
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into account (id, person, login, password_hash, must_change, locale, created_at)
			values (@id, @person, @login, @hash, @must_change, @locale, @now)`,
			pgx.NamedArgs{
				"id": id, "person": n.Person, "login": login, "hash": hash,
				"must_change": n.MustChange, "locale": locale, "now": now,
			})
		if err != nil {
			return err
		}
		return s.record(ctx, tx, access.Event{At: now, Kind: access.EventAccountCreated, Person: n.Person, Account: id, Detail: map[string]string{"login": login}})
	})
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pgErr.ConstraintName {
		case "account_login_key":
			return &approval.InvalidError{Field: "login", Reason: "login.taken", Detail: login}
		case "account_person_key":
			return &approval.InvalidError{Field: "person", Reason: "person.account"}
		}
	}
	if err != nil {
		return fmt.Errorf("create account: %w", err)
	}
	return nil
}

// PersonByLogin gives the person of an account in use, approval.ErrNotFound
// when there is none.
func (s *Store) PersonByLogin(ctx context.Context, login string) (approval.Person, error) {
	login, err := access.CheckLogin(login)
	if err != nil {
		return approval.Person{}, approval.ErrNotFound
	}
	var p approval.Person
	err = s.pool.QueryRow(ctx, `
		select p.id, p.name, p.title, p.unit, p.roles
		from   person p
		join   account a on a.person = p.id
		where  a.login = $1
		and    a.disabled_at is null
		and    p.left_at is null`, login).Scan(&p.ID, &p.Name, &p.Title, &p.Unit, &p.Roles)
	if err != nil {
		return approval.Person{}, fmt.Errorf("person by login: %w", notFound(err))
	}
	return p, nil
}

// SetLocale sets the language of an account. One that there is no translation
// for gives an [*approval.InvalidError].
func (s *Store) SetLocale(ctx context.Context, account, locale string) error {
	locale, err := access.CheckLocale(locale)
	if err != nil {
		return err
	}
	tag, err := s.pool.Exec(ctx, `update account set locale = $2 where id = $1`, account, locale)
	if err != nil {
		return fmt.Errorf("set locale: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return approval.ErrNotFound
	}
	return nil
}

// ChangePassword gives the account of a session another password, ends its
// sessions on other devices and goes on with the session under a new secret.
//
// A wrong old password gives [access.ErrCredentials] and counts as a failed
// sign-in from this device, [*access.LimitedError] included; a new one that may
// not be, an [*approval.InvalidError]; a session that has ended meanwhile,
// [access.ErrNoSession].
func (s *Store) ChangePassword(ctx context.Context, session access.Session, old, new string) (access.PasswordChanged, error) {
	if err := s.choice.Check(new, session.Login, session.Person.Name, session.UnitName); err != nil {
		return access.PasswordChanged{}, err
	}
	if old == new {
		return access.PasswordChanged{}, &approval.InvalidError{Field: "password", Reason: "password.same"}
	}
	leave, err := s.hashing.Enter()
	if err != nil {
		return access.PasswordChanged{}, err
	}
	defer leave()
	now := s.now()
	tried, err := s.count(ctx, tried{key: access.DeviceKey(session.Login, session.Device)}, now)
	if limited, ok := errors.AsType[*access.LimitedError](err); ok {
		return access.PasswordChanged{}, limited
	}
	if err != nil {
		return access.PasswordChanged{}, fmt.Errorf("change password: count attempt: %w", err)
	}
	who, err := s.credentials(ctx, `a.id = $1`, session.Account)
	var hash string
	if err == nil {
		err = s.verify(ctx, who, old)
	}
	if err == nil {
		hash, err = s.passwords.Hash(ctx, new)
	}
	if err != nil {
		return access.PasswordChanged{}, changeError(err)
	}
	cookie := access.Token{ID: session.ID}.Renew(s.random)
	out := access.PasswordChanged{SessionCookie: cookie.Reveal()}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		before, _, err := lockAccount(ctx, tx, session.Account)
		if err != nil {
			return err
		}
		if before != who.Hash {
			return access.ErrCredentials
		}
		if _, err := s.session(ctx, tx, session.ID, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update account set password_hash = $2, must_change = false where id = $1`, session.Account, hash)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update session set revoked_at = $3 where account = $1 and id <> $2 and revoked_at is null`, session.Account, session.ID, now)
		if err != nil {
			return err
		}
		secret := cookie.Hash()
		if _, err := tx.Exec(ctx, `update session set secret_hash = $2 where id = $1`, session.ID, secret[:]); err != nil {
			return err
		}
		out.Ended, err = collect[string](tx.Query(ctx, `
			select   id
			from     session
			where    account = $1
			and      device <> $2
			order by id`, session.Account, session.Device))
		if err != nil {
			return err
		}
		err = s.record(ctx, tx, access.Event{
			At: now, Kind: access.EventPasswordChanged, Actor: session.Person.ID, Person: session.Person.ID, Account: session.Account,
			Session: session.ID, Device: session.Device,
		})
		if err != nil {
			return err
		}
		return succeed(ctx, tx, tried)
	})
	if err != nil {
		return access.PasswordChanged{}, changeError(err)
	}
	s.log.InfoContext(ctx, "password changed", "account", session.Account, "session", session.ID)
	return out, nil
}

// changeError gives what whoever changes a password may hear.
func changeError(err error) error {
	switch {
	case errors.Is(err, access.ErrCredentials):
		return access.ErrCredentials
	case errors.Is(err, access.ErrDisabled), errors.Is(err, access.ErrNoSession):
		return access.ErrNoSession
	}
	return fmt.Errorf("change password: %w", err)
}
