package pgaccess

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval/access"
	"qianhe/approval/access/totp"
)

// Second says what may be shown as a second factor now. It gives
// [access.ErrFlow] when no sign-in of this browser waits for one.
func (s *Store) Second(ctx context.Context, cookie string) (access.Askable, error) {
	f, err := s.flow(ctx, cookie, flowSecond, "")
	if err != nil {
		return access.Askable{}, err
	}
	return s.askable(ctx, f)
}

func (s *Store) askable(ctx context.Context, f flow) (access.Askable, error) {
	c := access.Askable{Passkey: string(f.state.Options), Passkeys: len(f.state.Options) > 0}
	// Codes on paper are good whichever factor was lost.
	has, err := s.hasFactors(ctx, f.account)
	c.Codes = has
	return c, err
}

// FinishSecond lets in whoever shows a second factor, and says where to go on. It
// gives [access.ErrCredentials] for what is none of the account's, which can be
// tried again, and the errors of [Store.SignIn].
func (s *Store) FinishSecond(ctx context.Context, cookie string, shown access.Shown, b access.Browser) (in access.SignedIn, next string, err error) {
	f, err := s.flow(ctx, cookie, flowSecond, "")
	if err != nil {
		return access.SignedIn{}, "", err
	}
	method, err := s.show(ctx, f, shown, b.DeviceCookie, func(tx pgx.Tx) error {
		_, err := s.takeFlow(ctx, tx, cookie, flowSecond, "")
		return err
	})
	if err != nil {
		return access.SignedIn{}, f.state.Next, s.refused(ctx, f.account, b.Address, err)
	}
	p := f.state.Proven
	p.Methods, p.At = append(slices.Clone(p.Methods), method), s.now()
	in, err = s.Admit(ctx, p, b)
	return in, f.state.Next, err
}

// show looks at what was shown, counts what is wrong, and uses up what is right:
// the step of an app, a code on paper, the challenge of a passkey. With it, in the
// same transaction, goes what use does.
func (s *Store) show(ctx context.Context, f flow, shown access.Shown, deviceCookie string, use func(pgx.Tx) error) (access.Method, error) {
	now := s.now()
	try := tried{key: access.FactorKey(f.account)}
	// Strangers who have found the password do not keep its owner out of their
	// own phone.
	if device, err := s.trustedOf(ctx, f.account, deviceCookie, now); err != nil {
		return "", err
	} else if device != "" {
		try.key = access.DeviceKey("factor "+f.account, device)
	}
	attempt, err := s.count(ctx, try, now)
	if err != nil {
		return "", err
	}
	var method access.Method
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var err error
		if shown.Passkey != nil {
			method, err = access.ByPasskey, s.showPasskey(ctx, tx, f, shown.Passkey, now)
		} else {
			method, err = access.ByTOTP, s.showCode(ctx, tx, f.account, shown.Code, now)
		}
		if err != nil {
			return err
		}
		if err := use(tx); err != nil {
			return err
		}
		return succeed(ctx, tx, attempt)
	})
	return method, err
}

// trustedOf gives the id of the device of a cookie when it is one that the account
// has confirmed, else "".
func (s *Store) trustedOf(ctx context.Context, account, cookie string, now time.Time) (string, error) {
	token, ok := access.ParseToken(cookie)
	if !ok {
		return "", nil
	}
	var hash []byte
	err := s.pool.QueryRow(ctx, `
		select secret_hash
		from   device
		where  id = $1
		and    account = $2
		and    revoked_at is null
		and    trusted_at is not null
		and    last_seen_at > $3`, token.ID, account, now.Add(-s.policy.Device)).Scan(&hash)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("trusted device: %w", err)
	case !token.Matches(hash):
		return "", nil
	}
	return token.ID, nil
}

// showCode looks for digits of an app, then for a code on paper.
func (s *Store) showCode(ctx context.Context, tx pgx.Tx, account, code string, now time.Time) error {
	list, err := factors(ctx, tx, account, true)
	if err != nil {
		return err
	}
	for _, f := range list {
		if f.Kind != string(access.ByTOTP) {
			continue
		}
		secret, err := s.sealer.Open(f.Sealed, factorContext(f.ID))
		if err != nil {
			return fmt.Errorf("factor %s: %w", f.ID, err)
		}
		if step, ok := totp.Check(secret, code, now, f.LastStep); ok {
			_, err := tx.Exec(ctx, `update factor set last_step = $2, last_used_at = $3 where id = $1`, f.ID, step, now)
			return err
		}
	}
	hash, ok := access.HashRecoveryCode(code)
	if !ok || len(list) == 0 {
		return access.ErrCredentials
	}
	tag, err := tx.Exec(ctx, `update recovery_code set used_at = $3 where account = $1 and hash = $2 and used_at is null`, account, hash[:], now)
	if err == nil && tag.RowsAffected() == 0 {
		err = access.ErrCredentials
	}
	return err
}

// showPasskey looks at what a passkey has signed.
func (s *Store) showPasskey(ctx context.Context, tx pgx.Tx, f flow, response []byte, now time.Time) error {
	if s.passkeys == nil || len(f.state.Kept) == 0 {
		return access.ErrCredentials
	}
	// Of two who show the same counter at once the second finds the first's.
	if _, err := factors(ctx, tx, f.account, true); err != nil {
		return err
	}
	owner, err := s.owner(ctx, tx, f.account)
	if err != nil {
		return err
	}
	key, err := s.passkeys.FinishAssertion(owner, f.state.Kept, response)
	if err != nil {
		return err
	}
	var id string
	if err := tx.QueryRow(ctx, `select id from factor where credential_id = $1 and account = $2`, key.ID, f.account).Scan(&id); err != nil {
		return fmt.Errorf("factor of key %s: %w", hex.EncodeToString(key.ID), notFound(err))
	}
	_, err = tx.Exec(ctx, `update factor set sealed = $2, last_used_at = $3 where id = $1`, id, s.sealer.Seal(key.Record, factorContext(id)), now)
	return err
}
