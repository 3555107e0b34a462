package pgaccess

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// maxDesk is how many sign-ins the list of those who vouch shows.
const maxDesk = 100

// mayVouch reports whether a session is of the registry desk (登記桌) or an
// administrator.
func mayVouch(session access.Session) error {
	if owner(session) != nil || !session.Person.Has(approval.RoleRegistry) && !session.Person.Has(approval.RoleAdmin) {
		return approval.ErrForbidden
	}
	return nil
}

// Desk gives the sign-ins that somebody can be vouched for: those that wait, and
// those that a text alone has confirmed and that may only read. Latest first.
func (s *Store) Desk(ctx context.Context, session access.Session) ([]access.Newcomer, error) {
	if err := mayVouch(session); err != nil {
		return nil, err
	}
	now := s.now()
	rules, err := s.rules(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.challenges(ctx, s.pool, `
		where  c.created_at > @since
		and    c.account <> @own
		and    (c.state = 'open' or c.took_over)
		order  by c.created_at desc, c.id desc
		limit  @max`, pgx.NamedArgs{"since": now.Add(-rules.Waiting - rules.Reading), "own": session.Account, "max": maxDesk})
	if err != nil {
		return nil, fmt.Errorf("list sign-ins to vouch for: %w", err)
	}
	var out []access.Newcomer
	for _, r := range list {
		if !r.IsOpen(now) && !r.Undoable(access.ByText, rules, now) {
			continue
		}
		n := s.newcomer(r, rules)
		n.Choices = nil
		err := s.pool.QueryRow(ctx, `
			select a.login, p.name, u.name
			from   account a
			join   person p on p.id = a.person
			join   unit u on u.id = p.unit
			where  a.id = $1`, r.Account).Scan(&n.Login, &n.Name, &n.Unit)
		if err != nil {
			return nil, fmt.Errorf("list sign-ins to vouch for: %w", err)
		}
		out = append(out, n)
	}
	return out, nil
}

// Vouch confirms a sign-in in the name of the agency: who stands before the
// registry desk has shown who they are. Nobody vouches for themselves. Errors
// are approval.ErrForbidden, approval.ErrNotFound and [access.ErrAnswered].
func (s *Store) Vouch(ctx context.Context, session access.Session, id string) (access.Answered, error) {
	if err := mayVouch(session); err != nil {
		return access.Answered{}, err
	}
	r, err := s.challenge(ctx, s.pool, `where c.id = @id`, pgx.NamedArgs{"id": id})
	if err != nil {
		return access.Answered{}, fmt.Errorf("vouch: %w", err)
	}
	if r.Account == session.Account {
		return access.Answered{}, approval.ErrForbidden
	}
	return s.answer(ctx, r.Account, id, func(tx pgx.Tx, r *challengeRow, now time.Time) error {
		r.actor = session.Person.ID
		return r.Vouch(r.rules, now)
	})
}

// AcceptDevices ends the refusal of new devices that a denial has brought, in
// the name of the agency.
func (s *Store) AcceptDevices(ctx context.Context, session access.Session, account string) error {
	if err := mayVouch(session); err != nil {
		return err
	}
	if account == session.Account {
		return approval.ErrForbidden
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update account set refused_until = null, texts_off = false where id = $1`, account)
		if err == nil && tag.RowsAffected() == 0 {
			err = approval.ErrNotFound
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, access.Event{Kind: access.EventNewAccepted, Actor: session.Person.ID, Account: account})
	})
	if err != nil {
		return fmt.Errorf("accept new devices: %w", err)
	}
	return nil
}
