package pgaccess

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"qianhe/approval"
	"qianhe/approval/access"
)

// initialPassword is what somebody is handed on paper: 16 letters and digits,
// 80 bits, good for one sign-in.
func (s *Store) initialPassword() string {
	var b [10]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		panic(fmt.Sprintf("pgaccess: source of randomness failed: %v", err))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// CreateMember enters a person with an account, and gives the password to hand
// over. What may not be gives an [*approval.InvalidError].
func (s *Store) CreateMember(ctx context.Context, d access.MemberDraft) (access.Changed, error) {
	list, err := s.CreateMembers(ctx, []access.MemberDraft{d})
	if err != nil {
		return access.Changed{}, err
	}
	return list[0], nil
}

// CreateMembers enters several people, all of them or none. Errors of the third,
// counted from 0, are a [*MemberError] with Index 2.
func (s *Store) CreateMembers(ctx context.Context, drafts []access.MemberDraft) ([]access.Changed, error) {
	type entered struct {
		access.MemberDraft
		hash, password string
	}
	list := make([]entered, len(drafts))
	for i, d := range drafts {
		d, err := d.Check()
		login, err2 := access.CheckLogin(d.Login)
		locale, err3 := access.CheckLocale(d.Locale)
		if err := errors.Join(err, err2, err3); err != nil {
			return nil, &MemberError{i, err}
		}
		d.Login, d.Locale = login, locale
		list[i] = entered{MemberDraft: d, password: s.initialPassword()}
		if list[i].hash, err = s.passwords.Hash(ctx, list[i].password); err != nil {
			return nil, fmt.Errorf("create account: %w", err)
		}
	}
	now := s.now()
	out := make([]access.Changed, len(list))
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for i, d := range list {
			person, account := approval.PersonID(approval.NewID(now, s.random)), approval.NewID(now, s.random)
			roles := d.Roles
			if roles == nil {
				roles = []approval.Role{}
			}
			tag, err := tx.Exec(ctx, `
				insert into person (id, name, title, unit, roles, created_at)
				select $1, $2, $3, u.id, $5, $6 from unit u where u.id = $4`, person, d.Name, d.Title, d.Unit, roles, now)
			if err == nil && tag.RowsAffected() == 0 {
				err = &approval.InvalidError{Field: "unit", Reason: "unit.missing"}
			}
			if err == nil {
				_, err = tx.Exec(ctx, `
					insert into account (id, person, login, password_hash, must_change, locale, created_at)
					values ($1, $2, $3, $4, true, $5, $6)`, account, person, d.Login, d.hash, d.Locale, now)
			}
			if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.ConstraintName == "account_login_key" {
				err = &approval.InvalidError{Field: "login", Reason: "login.taken", Detail: d.Login}
			}
			if err == nil {
				err = s.record(ctx, tx, access.Event{
					At: now, Kind: access.EventAccountCreated, Person: person, Account: account, Detail: map[string]string{"login": d.Login, "roles": joinRoles(roles)},
				})
			}
			if err == nil {
				out[i].Member, err = s.member(ctx, tx, person)
				out[i].Password = d.password
			}
			if err != nil {
				return &MemberError{i, err}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("create accounts: %w", err)
	}
	s.log.InfoContext(ctx, "accounts created", "count", len(list))
	return out, nil
}

// MemberError says which of several people cannot be entered.
type MemberError struct {
	Index int
	Err   error
}

func (e *MemberError) Error() string { return e.Err.Error() }
func (e *MemberError) Unwrap() error { return e.Err }

func joinRoles(roles []approval.Role) string {
	var list []string
	for _, r := range roles {
		list = append(list, string(r))
	}
	return strings.Join(list, " ")
}

// ChangeMember sets name, title, unit and roles. It gives
// [access.ErrMemberChanged] when the version is not the last, and
// [access.ErrOwnAccess] to an administrator who would cease to be one.
func (s *Store) ChangeMember(ctx context.Context, id approval.PersonID, version int, d access.MemberDraft) (access.Changed, error) {
	d, err := d.Check()
	if err != nil {
		return access.Changed{}, err
	}
	return s.changeMember(ctx, "change person", id, version, func(c *change) error {
		was := c.before.Person
		if was.Has(approval.RoleAdmin) && !slices.Contains(d.Roles, approval.RoleAdmin) {
			if err := c.notOwn(); err != nil {
				return err
			}
		}
		roles := d.Roles
		if roles == nil {
			roles = []approval.Role{}
		}
		tag, err := c.tx.Exec(ctx, `
			update person p
			set    name = $2, title = $3, unit = u.id, roles = $5
			from   unit u
			where  p.id = $1
			and    u.id = $4`, id, d.Name, d.Title, d.Unit, roles)
		if err == nil && tag.RowsAffected() == 0 {
			err = &approval.InvalidError{Field: "unit", Reason: "unit.missing"}
		}
		if err != nil {
			return err
		}
		detail := map[string]string{}
		slices.Sort(was.Roles)
		if before, after := joinRoles(was.Roles), joinRoles(roles); before != after {
			detail["roles_before"], detail["roles"] = before, after
		}
		if was.Unit != d.Unit {
			detail["unit_before"], detail["unit"] = string(was.Unit), string(d.Unit)
		}
		if was.Name != d.Name {
			detail["name_before"], detail["name"] = was.Name, d.Name
		}
		if was.Title != d.Title {
			detail["title_before"], detail["title"] = was.Title, d.Title
		}
		if len(detail) == 0 {
			return nil
		}
		c.tell("")
		return s.recordChange(ctx, c, access.EventAccountChanged, detail)
	})
}

// GiveAccount gives a person who has none an account, and the password to hand
// over.
func (s *Store) GiveAccount(ctx context.Context, id approval.PersonID, version int, login string) (access.Changed, error) {
	login, err := access.CheckLogin(login)
	if err != nil {
		return access.Changed{}, err
	}
	password := s.initialPassword()
	hash, err := s.passwords.Hash(ctx, password)
	if err != nil {
		return access.Changed{}, fmt.Errorf("give account: %w", err)
	}
	out, err := s.changeMember(ctx, "give account", id, version, func(c *change) error {
		if c.before.Account != "" || !c.before.LeftAt.IsZero() {
			return &approval.InvalidError{Field: "login", Reason: "person.account"}
		}
		c.before.Account = approval.NewID(c.now, s.random)
		_, err := c.tx.Exec(ctx, `
			insert into account (id, person, login, password_hash, must_change, created_at)
			values ($1, $2, $3, $4, true, $5)`, c.before.Account, id, login, hash, c.now)
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.ConstraintName == "account_login_key" {
			return &approval.InvalidError{Field: "login", Reason: "login.taken", Detail: login}
		}
		if err != nil {
			return err
		}
		return s.recordChange(ctx, c, access.EventAccountCreated, map[string]string{"login": login})
	})
	if err == nil {
		out.Password = password
	}
	return out, err
}

// LockMember closes an account and ends its sessions; nobody closes their own.
func (s *Store) LockMember(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
	return s.changeMember(ctx, "lock account", id, version, func(c *change) error {
		if err := errors.Join(c.hasAccount(), c.notOwn()); err != nil {
			return err
		}
		_, err := c.tx.Exec(ctx, `update account set disabled_at = coalesce(disabled_at, $2) where id = $1`, c.before.Account, c.now)
		if err != nil {
			return err
		}
		if err := c.endSessions(ctx); err != nil {
			return err
		}
		c.tell(approval.MatterLocked)
		return s.recordChange(ctx, c, access.EventAccountLocked, nil)
	})
}

// UnlockMember opens an account again. One whose person has left stays closed.
func (s *Store) UnlockMember(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
	return s.changeMember(ctx, "unlock account", id, version, func(c *change) error {
		if err := c.hasAccount(); err != nil {
			return err
		}
		if !c.before.LeftAt.IsZero() {
			return &approval.InvalidError{Field: "account", Reason: "person.left"}
		}
		if _, err := c.tx.Exec(ctx, `update account set disabled_at = null where id = $1`, c.before.Account); err != nil {
			return err
		}
		c.tell(approval.MatterUnlocked)
		return s.recordChange(ctx, c, access.EventAccountUnlocked, nil)
	})
}

// ResetPassword gives an account a password to hand over, which must be changed
// at the first sign-in, and ends its sessions. What devices it trusts stays. An
// account whose password is kept in a directory has none to reset.
func (s *Store) ResetPassword(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
	password := s.initialPassword()
	hash, err := s.passwords.Hash(ctx, password)
	if err != nil {
		return access.Changed{}, fmt.Errorf("reset password: %w", err)
	}
	out, err := s.changeMember(ctx, "reset password", id, version, func(c *change) error {
		if err := errors.Join(c.hasAccount(), c.notOwn()); err != nil {
			return err
		}
		if !c.before.Local {
			return &approval.InvalidError{Field: "account", Reason: "account.directory"}
		}
		_, err := c.tx.Exec(ctx, `update account set password_hash = $2, must_change = true where id = $1`, c.before.Account, hash)
		if err != nil {
			return err
		}
		if err := c.endSessions(ctx); err != nil {
			return err
		}
		c.tell(approval.MatterReset)
		return s.recordChange(ctx, c, access.EventPasswordReset, nil)
	})
	if err == nil {
		out.Password = password
	}
	return out, err
}

// SignOutMember ends all sessions and forgets all devices of an account: the
// next sign-in is on a new device.
func (s *Store) SignOutMember(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
	return s.changeMember(ctx, "sign out everywhere", id, version, func(c *change) error {
		if err := errors.Join(c.hasAccount(), c.notOwn()); err != nil {
			return err
		}
		c.tell(approval.MatterSignedOut)
		return s.forget(ctx, c)
	})
}

// forget revokes devices and ends sessions.
func (s *Store) forget(ctx context.Context, c *change) error {
	devices, err := collect[string](c.tx.Query(ctx, `select id from device where account = $1 and revoked_at is null order by id`, c.before.Account))
	if err != nil {
		return err
	}
	if _, err := s.revoke(ctx, c.tx, c.before.Account, devices, c.now); err != nil {
		return err
	}
	return c.endSessions(ctx)
}

// LeaveMember is what is done when somebody leaves (離職、調職), at once: the
// account is closed, sessions end, devices are forgotten, channels unlinked and
// no notification goes out any more. What was in their hands stays there until
// it is given to somebody else.
func (s *Store) LeaveMember(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
	return s.changeMember(ctx, "leave", id, version, func(c *change) error {
		if err := c.notOwn(); err != nil {
			return err
		}
		if !c.before.LeftAt.IsZero() {
			return &approval.InvalidError{Field: "account", Reason: "person.left"}
		}
		if _, err := c.tx.Exec(ctx, `update person set left_at = $2 where id = $1`, id, c.now); err != nil {
			return err
		}
		if c.before.Account != "" {
			_, err := c.tx.Exec(ctx, `update account set disabled_at = coalesce(disabled_at, $2) where id = $1`, c.before.Account, c.now)
			if err != nil {
				return err
			}
			if err := s.forget(ctx, c); err != nil {
				return err
			}
		}
		// The trigger that records it reads who does it from the transaction.
		if err := sayOrigin(ctx, c.tx); err != nil {
			return err
		}
		tag, err := c.tx.Exec(ctx, `update channel_link set disabled_at = $2, reason = 'left' where person = $1 and disabled_at is null`, id, c.now)
		if err != nil {
			return err
		}
		return s.recordChange(ctx, c, access.EventLeft, map[string]string{"links": fmt.Sprint(tag.RowsAffected())})
	})
}

// sayOrigin tells the database who asks, for triggers that write the audit trail.
func sayOrigin(ctx context.Context, tx pgx.Tx) error {
	o := access.OriginOf(ctx)
	_, err := tx.Exec(ctx, `
		select set_config('qianhe.actor', $1, true), set_config('qianhe.session', $2, true),
		       set_config('qianhe.address', $3, true), set_config('qianhe.network', $4, true), set_config('qianhe.operator', $5, true)`,
		string(o.Person), o.Session, o.Address, o.Network, o.Operator)
	return err
}
