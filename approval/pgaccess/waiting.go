package pgaccess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// waits gives the challenge of a session by its cookie, also one that has ended
// meanwhile: its page has to say so. It gives access.ErrNoSession for any other.
func (s *Store) waits(ctx context.Context, cookie string) (*challengeRow, access.Token, error) {
	token, ok := access.ParseToken(cookie)
	if !ok {
		return nil, access.Token{}, access.ErrNoSession
	}
	var hash []byte
	err := s.pool.QueryRow(ctx, `select secret_hash from session where id = $1`, token.ID).Scan(&hash)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && !token.Matches(hash):
		return nil, access.Token{}, access.ErrNoSession
	case err != nil:
		return nil, access.Token{}, fmt.Errorf("waiting session: %w", err)
	}
	r, err := s.challenge(ctx, s.pool, `where c.session = @session`, pgx.NamedArgs{"session": token.ID})
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return nil, access.Token{}, access.ErrNoSession
	case err != nil:
		return nil, access.Token{}, fmt.Errorf("waiting session: %w", err)
	}
	return r, token, nil
}

// Waiting says how a session that waits stands, also when it was answered and
// waits no longer. It gives [access.ErrNoSession] for any other cookie.
func (s *Store) Waiting(ctx context.Context, cookie string) (access.Wait, error) {
	r, _, err := s.waits(ctx, cookie)
	if err != nil {
		return access.Wait{}, err
	}
	now := s.now()
	w := access.Wait{
		Challenge: r.ID, State: r.Challenge.State, ExpiresAt: r.Challenge.ExpiresAt, Texts: r.Challenge.Texts,
		CodeGood: r.CodeGood(now) && !r.TextsOff, CodeUntil: r.Challenge.CodeUntil, Left: max(0, access.MaxTries-r.Challenge.Tries),
	}
	to, err := s.number(ctx, s.pool, r.Person)
	switch {
	case err == nil && !r.TextsOff:
		w.Phone = to.Label
		w.CanText = r.IsOpen(now) && (r.Code == "" || w.CodeGood && r.Challenge.Texts < access.MaxTexts)
	case err != nil && !errors.Is(err, access.ErrNoNumber):
		return access.Wait{}, fmt.Errorf("waiting session: %w", err)
	}
	var trusted bool
	err = s.pool.QueryRow(ctx, `select a.locale, `+hasTrusted+` from account a where a.id = @account`, pgx.NamedArgs{
		"account": r.Account, "now": now, "known": now.Add(-s.policy.Device),
	}).Scan(&w.Locale, &trusted)
	if err != nil {
		return access.Wait{}, fmt.Errorf("waiting session: %w", err)
	}
	if trusted {
		w.Number = r.Number
	}
	if r.IsOpen(now) {
		if w.Replaces, err = s.displaces(ctx, s.pool, r.Account, r.Device); err != nil {
			return access.Wait{}, fmt.Errorf("waiting session: %w", err)
		}
	}
	return w, nil
}

// hasTrusted says whether @account has a device on which a new one can be
// confirmed.
const hasTrusted = `exists (
		select from device t
		where  t.account = @account
		and    t.trusted_at is not null
		and    t.revoked_at is null
		and    t.last_seen_at > @known
		and    (t.reading_until is null or t.reading_until <= @now))`

// owner refuses what only the owner of a device that is trusted may do.
func owner(session access.Session) error {
	if session.Standing != access.Full {
		return access.ErrTrusted
	}
	return nil
}

// Newcomers gives the sign-ins on new devices that the owner of the session can
// answer or take back, latest first.
func (s *Store) Newcomers(ctx context.Context, session access.Session) ([]access.Newcomer, error) {
	if owner(session) != nil {
		return nil, nil
	}
	now := s.now()
	rules, err := s.rules(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.challenges(ctx, s.pool, `where c.account = @account and c.device <> @own and c.created_at > @since order by c.created_at desc, c.id desc limit 20`,
		pgx.NamedArgs{"account": session.Account, "own": session.Device, "since": now.Add(-s.policy.Waiting - s.policy.Undo)})
	if err != nil {
		return nil, fmt.Errorf("list sign-ins: %w", err)
	}
	var out []access.Newcomer
	for _, r := range list {
		if r.IsOpen(now) || r.Undoable(access.ByDevice, rules, now) {
			out = append(out, s.newcomer(r, rules))
		}
	}
	return out, nil
}

// Newcomer gives a sign-in on a new device of the account of the session,
// whatever has become of it, or approval.ErrNotFound.
func (s *Store) Newcomer(ctx context.Context, session access.Session, id string) (access.Newcomer, error) {
	if err := owner(session); err != nil {
		return access.Newcomer{}, err
	}
	rules, err := s.rules(ctx)
	if err != nil {
		return access.Newcomer{}, err
	}
	r, err := s.challenge(ctx, s.pool, `where c.id = @id and c.account = @account`, pgx.NamedArgs{"id": id, "account": session.Account})
	if err != nil {
		return access.Newcomer{}, fmt.Errorf("sign-in on a new device: %w", err)
	}
	n := s.newcomer(r, rules)
	if r.IsOpen(s.now()) {
		if n.Replaces, err = s.displaces(ctx, s.pool, session.Account, r.Device); err != nil {
			return access.Newcomer{}, fmt.Errorf("sign-in on a new device: %w", err)
		}
		for i := range n.Replaces {
			n.Replaces[i].Current = n.Replaces[i].ID == session.Device
		}
	}
	return n, nil
}

func (s *Store) newcomer(r *challengeRow, rules access.Policy) access.Newcomer {
	now := s.now()
	n := access.Newcomer{
		ID: r.ID, State: r.Challenge.State, By: r.Challenge.By, Device: r.Label, Class: r.Class, Network: r.Network,
		At: r.Challenge.CreatedAt, ExpiresAt: r.Challenge.ExpiresAt, ClosedAt: r.Challenge.ClosedAt, Undoable: r.Undoable(access.ByDevice, rules, now),
	}
	if r.IsOpen(now) {
		n.Choices = slices.Clone(r.Choices)
	}
	return n
}

// PickNumber answers a sign-in on a new device from one that is trusted: with
// the number that the new one shows it is confirmed, with any other denied, and
// [access.ErrWrongNumber] comes with what that has ended. Other errors are
// [access.ErrTrusted], approval.ErrNotFound and [access.ErrAnswered].
func (s *Store) PickNumber(ctx context.Context, session access.Session, id string, picked int) (access.Answered, error) {
	if err := owner(session); err != nil {
		return access.Answered{}, err
	}
	return s.answer(ctx, session.Account, id, func(tx pgx.Tx, r *challengeRow, now time.Time) error {
		if err := s.still(ctx, tx, session, now); err != nil {
			return err
		}
		r.actor = session.Person.ID
		return r.Pick(picked, now)
	})
}

// RefuseNewcomer denies a sign-in on a new device from one that is trusted, or
// takes back what a text alone has confirmed. Errors are those of
// [Store.PickNumber].
func (s *Store) RefuseNewcomer(ctx context.Context, session access.Session, id string) (access.Answered, error) {
	if err := owner(session); err != nil {
		return access.Answered{}, err
	}
	return s.answer(ctx, session.Account, id, func(tx pgx.Tx, r *challengeRow, now time.Time) error {
		if err := s.still(ctx, tx, session, now); err != nil {
			return err
		}
		r.actor = session.Person.ID
		return r.Refuse(access.ByDevice, r.rules, now)
	})
}

// still makes sure, with the account locked, that a session lets in.
func (s *Store) still(ctx context.Context, tx pgx.Tx, session access.Session, now time.Time) error {
	row, err := s.session(ctx, tx, session.ID, now)
	if err != nil {
		return err
	}
	return owner(row.session(now))
}
