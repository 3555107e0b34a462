package pgaccess

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"qianhe/approval/access"
)

// BeginProof says by what somebody who is in can show again that it is them, and
// gives the cookie to be set.
func (s *Store) BeginProof(ctx context.Context, session access.Session) (c access.Askable, cookie string, err error) {
	f := flow{purpose: flowProve, account: session.Account, session: session.ID}
	if f.state.Options, f.state.Kept, err = s.beginAssertion(ctx, session.Account); err != nil {
		return c, "", fmt.Errorf("begin proof: %w", err)
	}
	if c, err = s.askable(ctx, f); err != nil {
		return c, "", fmt.Errorf("begin proof: %w", err)
	}
	if c.Password, err = s.takesPassword(ctx, session.Account); err != nil {
		return c, "", fmt.Errorf("begin proof: %w", err)
	}
	cookie, err = s.beginFlow(ctx, f)
	return c, cookie, err
}

// Provable says by what somebody who is in could show again that it is them. It
// begins nothing.
func (s *Store) Provable(ctx context.Context, session access.Session) (c access.Askable, err error) {
	list, _, err := s.Factors(ctx, session.Account)
	if err != nil {
		return c, err
	}
	for _, f := range list {
		c.Codes = true // those on paper go with any factor
		c.Passkeys = c.Passkeys || f.Method == access.ByPasskey && s.passkeys != nil
	}
	c.Password, err = s.takesPassword(ctx, session.Account)
	return c, err
}

// Keyed reports whether passkeys can be had here.
func (s *Store) Keyed() bool { return s.passkeys != nil }

// takesPassword reports whether the account has a password here, or a provider
// that takes one.
func (s *Store) takesPassword(ctx context.Context, account string) (bool, error) {
	who, err := s.credentials(ctx, `a.id = $1`, account)
	if err != nil || who.Hash != "" {
		return who.Hash != "", err
	}
	src, err := s.formSource(ctx, account)
	return src != nil, err
}

// formSource gives the provider of an account that takes a password on our own
// page, nil when there is none.
func (s *Store) formSource(ctx context.Context, account string) (*access.Source, error) {
	names, err := collect[string](s.pool.Query(ctx, `select source from account_identity where account = $1 order by last_at desc`, account))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if src, ok := s.source(name); ok && src.Method() == access.ByLDAP {
			return &src, nil
		}
	}
	return nil, nil
}

// Prove notes that somebody who is in has shown a factor now. The session goes on
// under a new secret: cookie is to be set. What is wrong gives
// [access.ErrCredentials], counts as at a sign-in, and can be tried again.
func (s *Store) Prove(ctx context.Context, session access.Session, flowCookie string, shown access.Shown, b access.Browser) (cookie string, err error) {
	f, err := s.flow(ctx, flowCookie, flowProve, session.ID)
	if err != nil {
		return "", err
	}
	token := access.Token{ID: session.ID}.Renew(s.random)
	done := func(tx pgx.Tx, methods ...access.Method) error {
		if _, err := s.takeFlow(ctx, tx, flowCookie, flowProve, session.ID); err != nil {
			return err
		}
		return s.proved(ctx, tx, session, token, methods)
	}
	if shown.Password != "" {
		var p access.Proven
		if p, err = s.proveAgain(ctx, session, shown.Password, b); err == nil {
			err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
				if p.Attempt != 0 {
					if err := succeed(ctx, tx, p.Attempt); err != nil {
						return err
					}
				}
				return done(tx, p.Methods...)
			})
		}
	} else {
		method := access.ByTOTP
		if shown.Passkey != nil {
			method = access.ByPasskey
		}
		_, err = s.show(ctx, f, shown, b.DeviceCookie, func(tx pgx.Tx) error { return done(tx, method) })
	}
	if err != nil {
		if errors.Is(err, access.ErrDisabled) {
			return "", access.ErrNoSession
		}
		return "", err
	}
	s.log.InfoContext(ctx, "shown again", "account", session.Account, "session", session.ID)
	return token.Reveal(), nil
}

// proveAgain tries the password of a session's own account.
func (s *Store) proveAgain(ctx context.Context, session access.Session, plain string, b access.Browser) (access.Proven, error) {
	in := access.SignIn{Login: session.Login, Password: plain, Address: b.Address, UserAgent: b.UserAgent, DeviceCookie: b.DeviceCookie, SessionCookie: b.SessionCookie}
	who, err := s.credentials(ctx, `a.id = $1`, session.Account)
	if err != nil {
		return access.Proven{}, err
	}
	if who.Hash == "" {
		src, err := s.formSource(ctx, session.Account)
		if err != nil {
			return access.Proven{}, err
		}
		if src != nil {
			in.Way = src.Name()
		}
	}
	p, err := s.prove(ctx, in)
	if err == nil && p.Account != session.Account {
		err = access.ErrCredentials
	}
	return p, err
}

// proved notes it on the session.
func (s *Store) proved(ctx context.Context, tx pgx.Tx, session access.Session, token access.Token, methods []access.Method) error {
	row, err := s.session(ctx, tx, session.ID, s.now())
	if err != nil {
		return err
	}
	for _, m := range row.session(s.now()).Methods {
		if !slices.Contains(methods, m) {
			methods = append(methods, m)
		}
	}
	secret := token.Hash()
	_, err = tx.Exec(ctx, `update session set proven_at = $2, methods = $3, secret_hash = $4 where id = $1`, session.ID, s.now(), methods, secret[:])
	return err
}
