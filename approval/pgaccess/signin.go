package pgaccess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval/access"
	"qianhe/approval/access/password"
)

// SignIn lets somebody in by login and password: the one that is kept here, or
// that of the provider of [access.SignIn.Way]. It gives [access.ErrCredentials]
// for whatever is not right, [*access.LimitedError] while a limit holds,
// [*access.BusyError] where too many are at it, [*access.ProviderError] where the
// provider does not answer, and [*access.SecondError] where a second factor is
// asked for.
func (s *Store) SignIn(ctx context.Context, in access.SignIn) (access.SignedIn, error) {
	proven, err := s.prove(ctx, in)
	if err != nil {
		return access.SignedIn{}, err
	}
	return s.further(ctx, proven, in.Browser(), in.Next)
}

// Try counts an attempt to sign in as a failure, before what was brought is
// looked at; [Store.Admit] makes a success of it. While a limit holds it gives
// [*access.LimitedError] and counts nothing.
func (s *Store) Try(ctx context.Context, login string, b access.Browser) (attempt int64, err error) {
	now := s.now()
	login = access.FoldLogin(login)
	address, _ := netip.ParseAddr(b.Address) // the zero Addr when it is none
	device, err := s.trustedDevice(ctx, login, b.DeviceCookie, now)
	if err != nil {
		return 0, fmt.Errorf("sign in: %w", err)
	}
	try := tried{key: access.LoginKey(login), address: cmp.Or(access.AddressGroup(address), "unknown")}
	if device != nil {
		try = tried{key: access.DeviceKey(login, device.ID)}
	}
	attempt, err = s.count(ctx, try, now)
	if limited, ok := errors.AsType[*access.LimitedError](err); ok {
		s.log.WarnContext(ctx, "sign-in limited", "address", b.Address, "trusted_device", device != nil, "retry_after", limited.RetryAfter)
		if err := s.recordLimited(ctx, b.Address, now); err != nil {
			return 0, fmt.Errorf("sign in: %w", err)
		}
		return 0, limited
	}
	if err != nil {
		return 0, fmt.Errorf("sign in: count attempt: %w", err)
	}
	return attempt, nil
}

// ProvePassword says whose login and password these are. It gives the errors of
// [Store.SignIn]. More than there are places for are turned away before anything
// is looked at or counted, with [*access.BusyError].
func (s *Store) ProvePassword(ctx context.Context, in access.SignIn) (access.Proven, error) {
	leave, err := s.hashing.Enter()
	if err != nil {
		return access.Proven{}, err
	}
	defer leave()
	attempt, err := s.Try(ctx, in.Login, in.Browser())
	if err != nil {
		return access.Proven{}, err
	}
	login := access.FoldLogin(in.Login)
	var who credentials
	if _, invalid := access.CheckLogin(login); invalid == nil {
		if who, err = s.credentials(ctx, `a.login = $1`, login); err != nil {
			return access.Proven{}, fmt.Errorf("sign in: %w", err)
		}
	}
	if err := s.verify(ctx, who, in.Password); err != nil {
		return access.Proven{}, s.refused(ctx, who.ID, in.Address, err)
	}
	if who.Hash, err = s.rehash(ctx, who, in.Password); err != nil {
		return access.Proven{}, fmt.Errorf("sign in: %w", err)
	}
	return access.Proven{Account: who.ID, Methods: []access.Method{access.ByPassword}, At: s.now(), Attempt: attempt, Hash: who.Hash}, nil
}

// refused gives what whoever signs in may hear, and the log and the audit trail
// the rest.
func (s *Store) refused(ctx context.Context, account, address string, err error) error {
	if errors.Is(err, access.ErrCredentials) || errors.Is(err, access.ErrDisabled) {
		s.log.InfoContext(ctx, "sign-in refused", "account", account, "address", address, "reason", err.Error())
		if err := s.record(ctx, s.pool, access.Event{Kind: access.EventRefused, Account: account, Address: address}); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		return access.ErrCredentials
	}
	return fmt.Errorf("sign in: %w", err)
}

// rehash hashes the password again where the cost has been set anew, and gives
// the hash that counts. One that has changed meanwhile stays.
func (s *Store) rehash(ctx context.Context, who credentials, plain string) (string, error) {
	if !s.passwords.NeedsRehash(who.Hash) {
		return who.Hash, nil
	}
	hash, err := s.passwords.Hash(ctx, plain)
	if err != nil {
		return "", err
	}
	tag, err := s.pool.Exec(ctx, `update account set password_hash = $2 where id = $1 and password_hash = $3`, who.ID, hash, who.Hash)
	if err != nil || tag.RowsAffected() == 1 {
		return hash, err
	}
	return who.Hash, nil
}

// trustedDevice gives the device of the cookie when it is one that the account
// with this login has confirmed, else nil.
func (s *Store) trustedDevice(ctx context.Context, login, cookie string, now time.Time) (*access.Token, error) {
	token, ok := access.ParseToken(cookie)
	if !ok {
		return nil, nil
	}
	if _, err := access.CheckLogin(login); err != nil {
		return nil, nil
	}
	var hash []byte
	err := s.pool.QueryRow(ctx, `
		select d.secret_hash
		from   device d
		join   account a on a.id = d.account
		where  d.id = $1
		and    a.login = $2
		and    d.revoked_at is null
		and    d.trusted_at is not null
		and    d.last_seen_at > $3`, token.ID, login, now.Add(-s.policy.Device)).Scan(&hash)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case !token.Matches(hash):
		return nil, nil
	}
	return &token, nil
}

// credentials is what a password is compared with; the zero value is that of an
// account that there is not.
type credentials struct {
	ID     string
	Hash   string
	Closed bool
}

// credentials looks an account up by a condition.
func (s *Store) credentials(ctx context.Context, where, key string) (who credentials, err error) {
	err = s.pool.QueryRow(ctx, `
		select a.id,
		       a.password_hash,
		       a.disabled_at is not null or p.left_at is not null
		from   account a
		join   person p on p.id = a.person
		where  `+where, key).Scan(&who.ID, &who.Hash, &who.Closed)
	if errors.Is(err, pgx.ErrNoRows) {
		return credentials{}, nil
	}
	return who, err
}

// verify compares the password, and does the work of it for an account that
// there is not or that has no password, too. It gives access.ErrCredentials, or
// access.ErrDisabled when only the account is in the way.
func (s *Store) verify(ctx context.Context, who credentials, plain string) error {
	err := s.passwords.Verify(ctx, who.Hash, plain)
	if broken, ok := errors.AsType[*password.FormatError](err); ok {
		s.log.ErrorContext(ctx, "stored password hash cannot be read", "account", who.ID, "err", broken)
		return access.ErrCredentials
	}
	switch {
	case errors.Is(err, password.ErrMismatch):
		return access.ErrCredentials
	case err != nil:
		return err
	case who.Hash == "": // whatever the hasher says to that
		return access.ErrCredentials
	case who.Closed:
		return access.ErrDisabled
	}
	return nil
}
