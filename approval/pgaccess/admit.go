package pgaccess

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// Admit makes a session for somebody who has proved who they are: one that lets
// in on a device that the account trusts, one that waits on any other (see
// [access.Confirming.Admit]). It gives [access.ErrCredentials] when what was
// proved has changed meanwhile or the account is closed, and
// [*access.RefusedError] while new devices are refused.
//
// A session that waits has a challenge, and its owner is told on every channel
// but the text. The text goes out at once where there is no other device to
// confirm on.
//
// The browser's device is used again when its cookie is one of this account,
// and its earlier session ends. Otherwise a new device is entered.
func (s *Store) Admit(ctx context.Context, p access.Proven, b access.Browser) (access.SignedIn, error) {
	out, err := s.enter(ctx, entry{Proven: p, browser: b, now: s.now()})
	if refused, ok := errors.AsType[*access.RefusedError](err); ok {
		s.log.InfoContext(ctx, "new device refused", "account", p.Account, "address", b.Address, "until", refused.Until)
		return access.SignedIn{}, refused
	}
	if err != nil {
		return access.SignedIn{}, s.refused(ctx, p.Account, b.Address, err)
	}
	s.log.InfoContext(ctx, "signed in", "account", p.Account, "session", out.Session.ID, "device", out.Session.Device, "address", b.Address, "standing", out.Session.Standing)
	return out, nil
}

// entry is what a session is made of.
type entry struct {
	access.Proven
	browser access.Browser
	now     time.Time
	rules   access.Policy

	token    access.Token // of the device
	device   *deviceRow   // the one of its cookie, or nil
	standing access.Standing

	person   approval.PersonID
	arrival  access.Arrival
	textsOff bool
	byText   bool // no device to confirm on
}

// deviceRow is a device as far as a sign-in asks.
type deviceRow struct {
	SecretHash   []byte
	TrustedAt    *time.Time
	ReadingUntil *time.Time
}

func (e *entry) readingUntil() *time.Time {
	if e.standing == access.Reading && e.device != nil {
		return e.device.ReadingUntil
	}
	return nil
}

// enter makes the session.
func (s *Store) enter(ctx context.Context, e entry) (out access.SignedIn, err error) {
	session := access.NewToken(e.now, s.random)
	var foreign []string
	if foreign, err = s.endForeign(ctx, e); err != nil {
		return access.SignedIn{}, err
	}
	var denyKey []byte
	if e.rules, err = s.rules(ctx); err != nil {
		return access.SignedIn{}, err
	}
	if e.rules.Confirming != access.ConfirmOff && s.texts {
		if denyKey, err = s.denyKey(ctx); err != nil {
			return access.SignedIn{}, err
		}
	}
	err = s.telling(ctx, func(tx pgx.Tx, t *telling) error {
		out = access.SignedIn{Ended: foreign}
		hash, closed, err := lockAccount(ctx, tx, e.Account)
		switch {
		case errors.Is(err, approval.ErrNotFound), err == nil && e.Hash != "" && hash != e.Hash:
			return access.ErrCredentials
		case err != nil:
			return err
		case closed:
			return access.ErrDisabled
		}
		if err := s.weigh(ctx, tx, &e); err != nil {
			return err
		}
		if err := s.useDevice(ctx, tx, &e); err != nil {
			return err
		}
		if e.standing == access.Full {
			retired, err := s.makeRoomLate(ctx, tx, t, e.Account, e.token.ID, e.now)
			if err != nil {
				return err
			}
			out.Ended = append(out.Ended, retired...)
		}
		out.Replaced, err = collect[string](tx.Query(ctx, `
			update session
			set    revoked_at = $2
			where  device = $1
			and    revoked_at is null
			returning id`, e.token.ID, e.now))
		if err != nil {
			return err
		}
		if err := s.insertSession(ctx, tx, &e, session); err != nil {
			return err
		}
		if err := succeed(ctx, tx, e.Attempt); err != nil {
			return err
		}
		if err := s.tellOf(ctx, tx, &e, session.ID, denyKey, t); err != nil {
			return err
		}
		row, err := s.session(ctx, tx, session.ID, e.now)
		if err != nil {
			return err
		}
		out.Session = row.session(e.now)
		out.SessionCookie, out.DeviceCookie = session.Reveal(), e.token.Reveal()
		return s.record(ctx, tx, signedIn(&e, out.Session))
	})
	if err != nil {
		return access.SignedIn{}, err
	}
	return out, nil
}

// weigh finds the device and says how far the session lets in. The account is
// locked.
func (s *Store) weigh(ctx context.Context, tx pgx.Tx, e *entry) error {
	var err error
	if e.device, err = s.ownDevice(ctx, tx, e); err != nil {
		return err
	}
	if e.device != nil {
		e.arrival.Trusted, e.arrival.ReadingUntil = e.device.TrustedAt != nil, zeroTime(e.device.ReadingUntil)
	}
	var refused *time.Time
	var trusted bool
	err = tx.QueryRow(ctx, `select a.person, a.device_since is null, a.refused_until, a.texts_off, `+hasTrusted+` from account a where a.id = @account`, pgx.NamedArgs{
		"account": e.Account, "now": e.now, "known": e.now.Add(-s.policy.Device),
	}).Scan(&e.person, &e.arrival.First, &refused, &e.textsOff, &trusted)
	if err != nil {
		return err
	}
	e.byText = !trusted
	switch _, err := s.number(ctx, tx, e.person); {
	case err == nil, errors.Is(err, errCooling):
		e.arrival.Number = true
	case !errors.Is(err, access.ErrNoNumber):
		return err
	}
	e.standing = e.rules.Confirming.Admit(e.arrival, e.now)
	if until := zeroTime(refused); !e.arrival.Trusted && e.now.Before(until) {
		return &access.RefusedError{Until: until}
	}
	return nil
}

// tellOf has the owner asked, or told, about a new device.
func (s *Store) tellOf(ctx context.Context, tx pgx.Tx, e *entry, session string, denyKey []byte, t *telling) error {
	if e.standing != access.Waiting {
		if !e.arrival.Trusted && !e.arrival.First {
			_, platform := access.DescribeBrowser(e.browser.UserAgent)
			t.newDevice(e.person, e.token.ID, access.ClassOf(platform), e.browser.Network, e.now)
		}
		return nil
	}
	r, err := s.begin(ctx, tx, e, session)
	if err != nil {
		return err
	}
	t.alert(r, approval.MatterWaiting, e.now)
	if !e.byText || !s.texts {
		return nil
	}
	if err := s.sendText(ctx, tx, r, e.browser.Address, denyKey, t, e.now); err != nil && !noText(err) {
		return err
	}
	return nil
}

// ownDevice gives the device of the browser's cookie when it is one of the
// account, else nil.
func (s *Store) ownDevice(ctx context.Context, tx pgx.Tx, e *entry) (*deviceRow, error) {
	token, ok := access.ParseToken(e.browser.DeviceCookie)
	if !ok {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		select secret_hash, trusted_at, reading_until
		from   device
		where  id = $1
		and    account = $2
		and    revoked_at is null
		and    last_seen_at > $3`, token.ID, e.Account, e.now.Add(-s.policy.Device))
	if err != nil {
		return nil, err
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[deviceRow])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case !token.Matches(row.SecretHash):
		return nil, nil
	}
	e.token = token
	return row, nil
}

// useDevice brings the device up to date, or enters a new one. One whose session
// does not wait is trusted from now on.
func (s *Store) useDevice(ctx context.Context, tx pgx.Tx, e *entry) error {
	label, platform := access.DescribeBrowser(e.browser.UserAgent)
	args := pgx.NamedArgs{"account": e.Account, "label": label, "platform": platform, "class": access.ClassOf(platform), "now": e.now}
	query := `
		update device
		set    last_seen_at = @now,
		       label = @label,
		       platform = @platform,
		       class = case when trusted_at is null then @class else class end,
		       phone = case when trusted_at is not null then phone when @class = 'mobile' then @id else '' end
		where  id = @id`
	if e.device == nil {
		e.token = access.NewToken(e.now, s.random)
		secret := e.token.Hash()
		args["secret"] = secret[:]
		query = `
		insert into device (id, account, secret_hash, label, platform, class, phone, created_at, last_seen_at)
		values (@id, @account, @secret, @label, @platform, @class, case when @class = 'mobile' then @id else '' end, @now, @now)`
	}
	args["id"] = e.token.ID
	if _, err := tx.Exec(ctx, query, args); err != nil || e.standing == access.Waiting {
		return err
	}
	return trust(ctx, tx, e.Account, e.token.ID, e.now)
}

// trust makes a device one that its owner has confirmed. The account is locked.
func trust(ctx context.Context, tx pgx.Tx, account, device string, now time.Time) error {
	_, err := tx.Exec(ctx, `update device set trusted_at = $2 where id = $1 and trusted_at is null`, device, now)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update account set device_since = $2 where id = $1 and device_since is null`, account, now)
	return err
}

// signedIn is the entry of a sign-in in the audit trail.
func signedIn(e *entry, in access.Session) access.Event {
	label, _ := access.DescribeBrowser(e.browser.UserAgent)
	detail := map[string]string{"browser": label, "standing": string(in.Standing)}
	if e.device == nil {
		detail["device"] = "new"
	}
	var methods []string
	for _, m := range e.Methods {
		methods = append(methods, string(m))
	}
	detail["methods"] = strings.Join(methods, " ")
	return access.Event{
		At: e.now, Kind: access.EventSignedIn, Actor: in.Person.ID, Person: in.Person.ID, Account: in.Account,
		Session: in.ID, Device: in.Device, Address: e.browser.Address, Detail: detail,
	}
}

func (s *Store) insertSession(ctx context.Context, tx pgx.Tx, e *entry, session access.Token) error {
	secret := session.Hash()
	life := s.policy.Absolute
	if e.standing == access.Waiting {
		life = s.policy.Waiting
	}
	address := ""
	if a, err := netip.ParseAddr(e.browser.Address); err == nil {
		address = a.String()
	}
	_, err := tx.Exec(ctx, `
		insert into session (id, account, device, secret_hash, address, created_at, last_seen_at, expires_at, standing, reading_until, proven_at, methods)
		values (@id, @account, @device, @secret, @address, @now, @now, @expires, @standing, @reading, @proven, @methods)`,
		pgx.NamedArgs{
			"id": session.ID, "account": e.Account, "device": e.token.ID, "secret": secret[:],
			"address": address, "now": e.now, "expires": e.now.Add(life),
			"standing": e.standing, "reading": e.readingUntil(), "proven": e.At, "methods": e.Methods,
		})
	return err
}

// endForeign ends the session that the browser brings when it is of another
// account or device than the one that it will have. It runs by itself: within
// the transaction it would wait for rows of an account that is not locked.
func (s *Store) endForeign(ctx context.Context, e entry) ([]string, error) {
	token, ok := access.ParseToken(e.browser.SessionCookie)
	if !ok {
		return nil, nil
	}
	var hash []byte
	var account, device string
	err := s.pool.QueryRow(ctx, `
		select secret_hash, account, device
		from   session
		where  id = $1
		and    revoked_at is null`, token.ID).Scan(&hash, &account, &device)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil || !token.Matches(hash) {
		return nil, err
	}
	if own, ok := access.ParseToken(e.browser.DeviceCookie); ok && own.ID == device && account == e.Account {
		return nil, nil
	}
	_, err = s.pool.Exec(ctx, `update session set revoked_at = $2 where id = $1 and revoked_at is null`, token.ID, e.now)
	if err != nil {
		return nil, err
	}
	return []string{token.ID}, nil
}
