package pgaccess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// errNoAccount: the provider knows the person and there is no account for them.
// It is for the log.
var errNoAccount = fmt.Errorf("%w: there is no account for this identity", access.ErrCredentials)

// proveIdentity finds, or makes, the account of somebody whom a provider has
// shown, and gives its person the roles and the unit that the provider is there
// for. What the provider has taken away is gone with this sign-in.
func (s *Store) proveIdentity(ctx context.Context, src access.Source, id access.Identity, attempt int64, address string) (access.Proven, error) {
	now := s.now()
	var account string
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Two first sign-ins of one person make one account.
		_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('qianhe identity ' || $1 || ' ' || $2, 0))`, src.Name(), id.Subject)
		if err != nil {
			return err
		}
		if account, err = s.accountOf(ctx, tx, src, id, now); err != nil {
			return err
		}
		_, closed, err := lockAccount(ctx, tx, account)
		switch {
		case err != nil:
			return err
		case closed:
			return access.ErrDisabled
		}
		return s.follow(ctx, tx, account, src, id)
	})
	if err != nil {
		return access.Proven{}, s.refused(ctx, account, address, err)
	}
	return access.Proven{Account: account, Methods: []access.Method{src.Method()}, At: now, Attempt: attempt}, nil
}

// accountOf gives the account of an identity: the one that it has, one that was
// made for it, or a new one, as far as the source may.
func (s *Store) accountOf(ctx context.Context, tx pgx.Tx, src access.Source, id access.Identity, now time.Time) (string, error) {
	var account string
	err := tx.QueryRow(ctx, `
		update account_identity
		set    last_at = $3
		where  source = $1
		and    subject = $2
		returning account`, src.Name(), id.Subject, now).Scan(&account)
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return account, err
	}
	login, invalid := access.CheckLogin(id.Login)
	if invalid != nil {
		return "", fmt.Errorf("%w: its login cannot be one here", errNoAccount)
	}
	var adoptable bool
	err = tx.QueryRow(ctx, `
		select a.id,
		       a.password_hash = '' and not exists (select from account_identity i where i.account = a.id)
		from   account a
		where  a.login = $1
		for    no key update`, login).Scan(&account, &adoptable)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		if !src.Create {
			return "", errNoAccount
		}
		if account, err = s.createFor(ctx, tx, src, id, login, now); err != nil {
			return "", err
		}
	case err != nil:
		return "", err
	case !src.Adopt || !adoptable:
		// An account that somebody can open otherwise is not given away because
		// another system uses the same name.
		return "", fmt.Errorf("%w: its login is another's", errNoAccount)
	}
	_, err = tx.Exec(ctx, `
		insert into account_identity (source, subject, account, created_at, last_at)
		values ($1, $2, $3, $4, $4)`, src.Name(), id.Subject, account, now)
	if err == nil {
		s.log.InfoContext(ctx, "identity has an account", "provider", src.Name(), "account", account)
	}
	return account, err
}

// maxName is the longest name that is taken over, in bytes.
const maxName = 120

// createFor makes a person and an account without a password.
func (s *Store) createFor(ctx context.Context, tx pgx.Tx, src access.Source, id access.Identity, login string, now time.Time) (string, error) {
	name := strings.TrimSpace(id.Name)
	if name == "" || len(name) > maxName || len(id.Title) > maxName || strings.ContainsFunc(name+id.Title, unicode.IsControl) {
		return "", fmt.Errorf("%w: its name cannot be one", errNoAccount)
	}
	path := src.UnitOf(id)
	if path == nil {
		path = src.Unit
	}
	unit, err := unitAt(ctx, tx, path)
	if err != nil {
		return "", err
	}
	person, account := approval.NewID(now, s.random), approval.NewID(now, s.random)
	_, err = tx.Exec(ctx, `
		insert into person (id, name, title, unit, roles, created_at)
		values ($1, $2, $3, $4, '{}', $5)`, person, name, strings.TrimSpace(id.Title), unit, now)
	if err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, `
		insert into account (id, person, login, password_hash, must_change, locale, created_at)
		values ($1, $2, $3, '', false, 'zh-TW', $4)`, account, person, login, now)
	return account, err
}

// unitAt gives the unit at the end of a path of names. One that there is not is
// not made: the agency's tree is not a provider's to change.
func unitAt(ctx context.Context, tx pgx.Tx, path []string) (unit approval.UnitID, err error) {
	if len(path) == 0 {
		return "", fmt.Errorf("%w: its unit is not one of those configured", errNoAccount)
	}
	var parent *approval.UnitID
	for _, name := range path {
		err := tx.QueryRow(ctx, `select id from unit where name = $1 and parent is not distinct from $2`, name, parent).Scan(&unit)
		if errors.Is(err, pgx.ErrNoRows) {
			return "", fmt.Errorf("%w: there is no unit %s", errNoAccount, strings.Join(path, "／"))
		}
		if err != nil {
			return "", err
		}
		parent = &unit
	}
	return unit, nil
}

// follow gives the person what the provider says now.
func (s *Store) follow(ctx context.Context, tx pgx.Tx, account string, src access.Source, id access.Identity) error {
	var person approval.PersonID
	var have []approval.Role
	var unit approval.UnitID
	err := tx.QueryRow(ctx, `
		select p.id, p.roles, p.unit
		from   person p
		join   account a on a.person = p.id
		where  a.id = $1
		for    no key update of p`, account).Scan(&person, &have, &unit)
	if err != nil {
		return err
	}
	roles := have
	if src.Roles != nil {
		roles = src.RolesOf(have, id)
	}
	there := unit
	if path := src.UnitOf(id); path != nil {
		if there, err = unitAt(ctx, tx, path); err != nil {
			return err
		}
	}
	sorted := func(list []approval.Role) []approval.Role { return slices.Sorted(slices.Values(list)) }
	if there == unit && slices.Equal(sorted(roles), sorted(have)) {
		return nil
	}
	s.log.InfoContext(ctx, "provider has changed a person", "provider", src.Name(), "account", account, "roles", roles, "unit", there)
	_, err = tx.Exec(ctx, `update person set roles = $2, unit = $3 where id = $1`, person, roles, there)
	return err
}
