package pgaccess

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// number is where texts to a person go: the number on record, which the import
// or the registry desk has entered.
type number struct {
	Hash  []byte
	Label string // masked
	Cools bool
}

// errCooling: the number on record took another's place of late.
var errCooling = fmt.Errorf("%w: the number is new", access.ErrNoNumber)

// number gives the one of a person, or access.ErrNoNumber: also for a while after
// it took the place of another, so that whoever has it changed does not take the
// account over with it at once.
func (s *Store) number(ctx context.Context, q querier, p approval.PersonID) (*number, error) {
	if s.alerts == nil || !s.texts {
		return nil, access.ErrNoNumber
	}
	rows, err := q.Query(ctx, `
		select l.address_hash as hash,
		       l.label,
		       l.created_at > $2 and exists (
			select from channel_link before
			where  before.person = $1
			and    before.channel = 'sms'
			and    before.disabled_at > $2
			and    before.address_hash <> l.address_hash) as cools
		from   channel_link l
		where  l.person = $1
		and    l.channel = 'sms'
		and    l.disabled_at is null`, p, s.now().Add(-s.policy.CoolOff))
	if err != nil {
		return nil, err
	}
	n, err := pgx.CollectOneRow(rows, pgx.RowToAddrOfStructByName[number])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, access.ErrNoNumber
	}
	if err == nil && n.Cools {
		return nil, errCooling
	}
	return n, err
}

// denyKey is what deny codes are hashed under: eight digits are quickly tried,
// and nobody who has only the database shall.
func (s *Store) denyKey(ctx context.Context) ([]byte, error) {
	return s.Secret(ctx, "deny codes", func() ([]byte, error) {
		key := make([]byte, 32)
		_, err := io.ReadFull(s.random, key)
		return key, err
	})
}

func denyHash(key []byte, code string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(code))
	return m.Sum(nil)
}

// sendText has the text of a challenge sent, and writes the challenge back. It
// gives access.ErrNoNumber, access.ErrCodeSpent, access.ErrAnswered or
// [*access.LimitedError] and has then done nothing. The account is locked.
func (s *Store) sendText(ctx context.Context, tx pgx.Tx, r *challengeRow, address string, key []byte, t *telling, now time.Time) error {
	to, err := s.number(ctx, tx, r.Person)
	switch {
	case err != nil:
		return err
	case r.TextsOff:
		return access.ErrNoNumber
	}
	c := *r.Challenge
	if err := c.SendText(s.policy, now, s.random); err != nil {
		return err
	}
	a, _ := netip.ParseAddr(address)
	counts := []tried{ // in the same order for everybody
		{key: access.CountKey("texts to person", string(r.Person)), rules: s.policy.Texts},
		{key: access.CountKey("texts to number", hex.EncodeToString(to.Hash)), rules: s.policy.Texts},
		{key: access.CountKey("texts from address", cmp.Or(access.AddressGroup(a), "unknown")), rules: s.policy.TextSource},
	}
	for _, count := range counts {
		if err := s.limit(ctx, tx, count, now, true); err != nil {
			return err
		}
	}
	for _, count := range counts {
		if _, err := count.enter(ctx, tx, now); err != nil {
			return err
		}
	}
	*r.Challenge = c
	t.text(r, now)
	if err := s.record(ctx, tx, r.event(access.EventTextSent, now)); err != nil {
		return err
	}
	return s.save(ctx, tx, r, denyHash(key, c.Deny))
}

// noText reports whether err only says that no text goes out.
func noText(err error) bool {
	_, limited := errors.AsType[*access.LimitedError](err)
	return limited || errors.Is(err, access.ErrNoNumber) || errors.Is(err, access.ErrCodeSpent)
}

// SendText sends the text of a waiting session, or sends it again as it was. It
// gives [access.ErrNoSession], [access.ErrNoNumber], [access.ErrCodeSpent],
// [access.ErrAnswered] or [*access.LimitedError].
func (s *Store) SendText(ctx context.Context, cookie, address string) error {
	r, _, err := s.waits(ctx, cookie)
	if err != nil {
		return err
	}
	key, err := s.denyKey(ctx)
	if err != nil {
		return err
	}
	now := s.now()
	err = s.telling(ctx, func(tx pgx.Tx, t *telling) error {
		if _, _, err := lockAccount(ctx, tx, r.Account); err != nil {
			return err
		}
		locked, err := s.challenge(ctx, tx, `where c.id = @id for update of c`, pgx.NamedArgs{"id": r.ID})
		if err != nil {
			return err
		}
		return s.sendText(ctx, tx, locked, address, key, t, now)
	})
	switch {
	case err == nil, noText(err), errors.Is(err, access.ErrAnswered):
		return err
	}
	return fmt.Errorf("send text: %w", err)
}

// EnterCode confirms a waiting session with the code of its text. It gives the
// cookie under which the session goes on: its secret is another from here.
// Errors are [access.ErrNoSession], [access.ErrCode], [access.ErrCodeSpent] and
// [access.ErrAnswered].
func (s *Store) EnterCode(ctx context.Context, cookie, code string) (string, error) {
	r, token, err := s.waits(ctx, cookie)
	if err != nil {
		return "", err
	}
	renewed := token.Renew(s.random)
	_, err = s.answer(ctx, r.Account, r.ID, func(tx pgx.Tx, r *challengeRow, now time.Time) error {
		if r.TextsOff {
			return access.ErrCodeSpent
		}
		if err := r.Enter(code, r.First, now); err != nil {
			return err
		}
		secret := renewed.Hash()
		_, err := tx.Exec(ctx, `update session set secret_hash = $2 where id = $1`, r.Session, secret[:])
		return err
	})
	switch {
	case err == nil:
		return renewed.Reveal(), nil
	case errors.Is(err, access.ErrCode), errors.Is(err, access.ErrCodeSpent), errors.Is(err, access.ErrAnswered), errors.Is(err, access.ErrNoSession):
		return "", err
	}
	return "", fmt.Errorf("enter code: %w", err)
}

// RefuseByCode denies the sign-in that a text has told of, by the deny code in
// it. It gives [access.ErrCode], [access.ErrAnswered] or
// [*access.LimitedError].
func (s *Store) RefuseByCode(ctx context.Context, code, address string) (access.Answered, error) {
	now := s.now()
	a, _ := netip.ParseAddr(address)
	attempt, err := s.count(ctx, tried{key: access.CountKey("deny codes from address", cmp.Or(access.AddressGroup(a), "unknown")), rules: s.policy.DenyCodes}, now)
	if limited, ok := errors.AsType[*access.LimitedError](err); ok {
		return access.Answered{}, limited
	}
	var key []byte
	if err == nil {
		key, err = s.denyKey(ctx)
	}
	var r *challengeRow
	if err == nil {
		r, err = s.challenge(ctx, s.pool, `where c.deny_hash = @hash`, pgx.NamedArgs{"hash": denyHash(key, access.OnlyDigits(code))})
	}
	if errors.Is(err, approval.ErrNotFound) {
		return access.Answered{}, access.ErrCode
	}
	if err != nil {
		return access.Answered{}, fmt.Errorf("refuse by code: %w", err)
	}
	out, err := s.answer(ctx, r.Account, r.ID, func(tx pgx.Tx, r *challengeRow, now time.Time) error {
		if err := r.Refuse(access.ByText, r.rules, now); err != nil {
			return err
		}
		return succeed(ctx, tx, attempt)
	})
	if err != nil && !errors.Is(err, access.ErrAnswered) {
		return out, fmt.Errorf("refuse by code: %w", err)
	}
	return out, err
}
