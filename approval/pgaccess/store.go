package pgaccess

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/access/passkey"
	"qianhe/approval/access/password"
)

// touchEvery is how exact the time of last use is.
const touchEvery = time.Minute

// askers is how many may be waiting for providers at once.
const askers = 64

// Passwords hashes; [password.Hasher] does.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	Verify(ctx context.Context, hash, password string) error
	NeedsRehash(hash string) bool
}

// Options of a [Store]. The zero value of a field means what a server takes;
// only [Store.Secret] cannot do without Sealer.
type Options struct {
	Now       func() time.Time
	Random    io.Reader // used by many goroutines at once
	Sealer    *access.Sealer
	Policy    access.Policy
	Passwords Passwords
	Choice    password.Policy // of new passwords
	// Places is how many may be trying a password at once, those who wait for
	// their turn to be hashed among them; 0 means 16, which on a small machine
	// is a wait of less than half a second.
	Places int
	// Sources are the providers that people may sign in by, beside the password
	// that is kept here.
	Sources []access.Source
	// NoPassword: nobody signs in by a password that is kept here.
	NoPassword bool
	// Passkeys is nil where none can be: the address has a number for a name.
	Passkeys *passkey.Keys
	Log      *slog.Logger
	// Alerts tells people what happens to their accounts; nil tells nobody.
	Alerts Alerter
	// Texts: the alerts can be brought as texts (簡訊), so that a number on record
	// is of use.
	Texts bool
}

// Store is accounts, devices, sessions, API tokens and shared keys.
type Store struct {
	pool      *pgxpool.Pool
	clock     func() time.Time
	random    io.Reader
	sealer    *access.Sealer
	policy    access.Policy
	given     access.Policy // before defaults
	passwords Passwords
	choice    password.Policy
	hashing   *access.Turnstile
	asking    *access.Turnstile // of providers
	sources   []access.Source
	passkeys  *passkey.Keys
	noLocal   bool
	log       *slog.Logger
	settings  settingsCache
	alerts    Alerter
	texts     bool
}

// New makes a store on a database that has the schema of package migrations.
func New(pool *pgxpool.Pool, opt Options) *Store {
	s := &Store{
		pool:      pool,
		clock:     opt.Now,
		random:    opt.Random,
		sealer:    opt.Sealer,
		policy:    opt.Policy.WithDefaults(),
		given:     opt.Policy,
		passwords: opt.Passwords,
		choice:    opt.Choice,
		hashing:   access.NewTurnstile(cmp.Or(opt.Places, 16)),
		asking:    access.NewTurnstile(askers),
		sources:   opt.Sources,
		passkeys:  opt.Passkeys,
		noLocal:   opt.NoPassword,
		log:       opt.Log,
		alerts:    opt.Alerts,
		texts:     opt.Texts,
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	if s.passwords == nil {
		s.passwords = password.New(password.Options{})
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// now is the time to the microsecond, as PostgreSQL keeps it.
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// lockAccount keeps others from changing this account and its sessions until
// the transaction has ended. It gives the hash of the password and whether the
// account is closed, approval.ErrNotFound when there is none.
func lockAccount(ctx context.Context, tx pgx.Tx, account string) (hash string, closed bool, err error) {
	err = tx.QueryRow(ctx, `
		select a.password_hash,
		       a.disabled_at is not null or p.left_at is not null
		from   account a
		join   person p on p.id = a.person
		where  a.id = $1
		for    no key update of a`, account).Scan(&hash, &closed)
	return hash, closed, notFound(err)
}

// notFound turns the absence of a row into the domain's word for it.
func notFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return approval.ErrNotFound
	}
	return err
}

// zeroTime gives the zero time for null.
func zeroTime(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
