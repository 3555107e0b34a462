package pgaccess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/access/password"
)

// SignIn lets somebody in by login and password. It gives
// [access.ErrCredentials] for whatever is not right and [*access.LimitedError]
// while a limit holds.
//
// The browser's device is used again when its cookie is one of this account,
// and its earlier session ends. Otherwise a new device is entered.
func (s *Store) SignIn(ctx context.Context, in access.SignIn) (access.SignedIn, error) {
	now := s.now()
	login := access.FoldLogin(in.Login)
	address, _ := netip.ParseAddr(in.Address) // the zero Addr when it is none
	device, err := s.knownDevice(ctx, login, in.DeviceCookie, now)
	if err != nil {
		return access.SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	try := attempt{key: access.LoginKey(login), address: cmp.Or(access.AddressGroup(address), "unknown")}
	if device != nil {
		try = attempt{key: access.DeviceKey(login, device.ID)}
	}
	tried, err := s.admit(ctx, try, now)
	if err != nil {
		if limited, ok := errors.AsType[*access.LimitedError](err); ok {
			s.log.WarnContext(ctx, "sign-in limited", "address", in.Address, "known_device", device != nil, "retry_after", limited.RetryAfter)
			return access.SignedIn{}, limited
		}
		return access.SignedIn{}, fmt.Errorf("sign in: count attempt: %w", err)
	}
	var who credentials
	if _, invalid := access.CheckLogin(login); invalid == nil {
		if who, err = s.credentials(ctx, `a.login = $1`, login); err != nil {
			return access.SignedIn{}, fmt.Errorf("sign in: %w", err)
		}
	}
	var out access.SignedIn
	if err = s.verify(ctx, who, in.Password); err == nil {
		out, err = s.enter(ctx, entry{in: in, who: who, device: device, attempt: tried, address: address, now: now})
	}
	switch {
	case err == nil:
		s.log.InfoContext(ctx, "signed in", "account", who.ID, "session", out.Session.ID, "device", out.Session.Device, "address", in.Address, "known_device", device != nil)
		return out, nil
	case errors.Is(err, access.ErrCredentials), errors.Is(err, access.ErrDisabled):
		s.log.InfoContext(ctx, "sign-in refused", "account", who.ID, "address", in.Address, "reason", err.Error())
		return access.SignedIn{}, access.ErrCredentials
	}
	return access.SignedIn{}, fmt.Errorf("sign in: %w", err)
}

// knownDevice gives the device of the cookie when it is one of the account with
// this login, else nil.
func (s *Store) knownDevice(ctx context.Context, login, cookie string, now time.Time) (*access.Token, error) {
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

// entry is what a session is made of.
type entry struct {
	in      access.SignIn
	who     credentials
	device  *access.Token // known one, or nil
	attempt int64
	address netip.Addr
	now     time.Time
}

// enter makes the session. It gives access.ErrCredentials when the password has
// changed since it was compared.
func (s *Store) enter(ctx context.Context, e entry) (out access.SignedIn, err error) {
	if out.Ended, err = s.endForeign(ctx, e); err != nil {
		return access.SignedIn{}, err
	}
	var rehashed string
	if s.passwords.NeedsRehash(e.who.Hash) {
		if rehashed, err = s.passwords.Hash(ctx, e.in.Password); err != nil {
			return access.SignedIn{}, err
		}
	}
	session := access.NewToken(e.now, s.random)
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		hash, closed, err := lockAccount(ctx, tx, e.who.ID)
		switch {
		case errors.Is(err, approval.ErrNotFound), err == nil && hash != e.who.Hash:
			return access.ErrCredentials
		case err != nil:
			return err
		case closed:
			return access.ErrDisabled
		}
		if rehashed != "" {
			if _, err := tx.Exec(ctx, `update account set password_hash = $2 where id = $1`, e.who.ID, rehashed); err != nil {
				return err
			}
		}
		device, err := s.useDevice(ctx, tx, e)
		if err != nil {
			return err
		}
		out.Replaced, err = collect[string](tx.Query(ctx, `
			update session
			set    revoked_at = $2
			where  device = $1
			and    revoked_at is null
			returning id`, device.ID, e.now))
		if err != nil {
			return err
		}
		if err := s.insertSession(ctx, tx, e, session, device.ID); err != nil {
			return err
		}
		if err := succeed(ctx, tx, e.attempt); err != nil {
			return err
		}
		row, err := s.session(ctx, tx, session.ID, e.now)
		if err != nil {
			return err
		}
		out.Session = row.session()
		out.SessionCookie, out.DeviceCookie = session.Reveal(), device.Reveal()
		return nil
	})
	if err != nil {
		return access.SignedIn{}, err
	}
	return out, nil
}

func (s *Store) insertSession(ctx context.Context, tx pgx.Tx, e entry, session access.Token, device string) error {
	secret := session.Hash()
	address := ""
	if e.address.IsValid() {
		address = e.address.String()
	}
	_, err := tx.Exec(ctx, `
		insert into session (id, account, device, secret_hash, address, created_at, last_seen_at, expires_at)
		values (@id, @account, @device, @secret, @address, @now, @now, @expires)`,
		pgx.NamedArgs{
			"id": session.ID, "account": e.who.ID, "device": device, "secret": secret[:],
			"address": address, "now": e.now, "expires": e.now.Add(s.policy.Absolute),
		})
	return err
}

// useDevice gives the known device, brought up to date, or a new one.
func (s *Store) useDevice(ctx context.Context, tx pgx.Tx, e entry) (access.Token, error) {
	label, platform := access.DescribeBrowser(e.in.UserAgent)
	if e.device != nil {
		tag, err := tx.Exec(ctx, `
			update device
			set    last_seen_at = @now,
			       label = @label,
			       platform = @platform
			where  id = @id
			and    revoked_at is null`,
			pgx.NamedArgs{"id": e.device.ID, "now": e.now, "label": label, "platform": platform})
		if err != nil || tag.RowsAffected() == 1 {
			return *e.device, err
		}
	}
	device := access.NewToken(e.now, s.random)
	secret := device.Hash()
	_, err := tx.Exec(ctx, `
		insert into device (id, account, secret_hash, label, platform, created_at, last_seen_at)
		values (@id, @account, @secret, @label, @platform, @now, @now)`,
		pgx.NamedArgs{"id": device.ID, "account": e.who.ID, "secret": secret[:], "label": label, "platform": platform, "now": e.now})
	return device, err
}

// endForeign ends the session that the browser brings when it is of another
// account or device than the one that it will have. It runs by itself: within
// the transaction it would wait for rows of an account that is not locked.
func (s *Store) endForeign(ctx context.Context, e entry) ([]string, error) {
	token, ok := access.ParseToken(e.in.SessionCookie)
	if !ok {
		return nil, nil
	}
	var hash []byte
	var device string
	err := s.pool.QueryRow(ctx, `
		select secret_hash, device
		from   session
		where  id = $1
		and    revoked_at is null`, token.ID).Scan(&hash, &device)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil || !token.Matches(hash) || e.device != nil && e.device.ID == device {
		return nil, err
	}
	_, err = s.pool.Exec(ctx, `update session set revoked_at = $2 where id = $1 and revoked_at is null`, token.ID, e.now)
	if err != nil {
		return nil, err
	}
	return []string{token.ID}, nil
}
