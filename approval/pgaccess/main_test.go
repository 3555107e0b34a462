package pgaccess_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/access/password"
	"qianhe/approval/pgaccess"
	"qianhe/migrations/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	right  = "river gate 7 opens early"
	wrong  = "river gate 8 opens early"
	office = "203.0.113.7"

	iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
	pc     = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"
)

// clock is the time of a test.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// hasher hashes at a cost for tests and counts.
type hasher struct {
	*password.Hasher
	verified atomic.Int64
	hashed   atomic.Int64
}

func newHasher(memory uint32) *hasher {
	return &hasher{Hasher: password.New(password.Options{Params: password.Params{Memory: memory, Time: 1, Threads: 1}})}
}

func (h *hasher) Hash(ctx context.Context, plain string) (string, error) {
	h.hashed.Add(1)
	return h.Hasher.Hash(ctx, plain)
}

func (h *hasher) Verify(ctx context.Context, hash, plain string) error {
	h.verified.Add(1)
	return h.Hasher.Verify(ctx, hash, plain)
}

// bundle is what a test works with: an agency with three people, of whom lin and
// wang have accounts.
type bundle struct {
	*pgaccess.Store
	pool   *pgxpool.Pool
	clock  *clock
	hasher *hasher
	opt    pgaccess.Options
}

func setup(t *testing.T, change ...func(*pgaccess.Options)) *bundle {
	t.Helper()
	b := &bundle{
		pool:   pgtest.New(t),
		clock:  &clock{t: time.Date(2026, 11, 23, 9, 0, 0, 0, approval.Zone)},
		hasher: newHasher(64),
	}
	b.opt = pgaccess.Options{
		Now:       b.clock.now,
		Sealer:    access.NewSealer([32]byte{1}),
		Passwords: b.hasher,
		Log:       slog.New(slog.NewTextHandler(t.Output(), nil)),
		Policy:    access.Policy{Confirming: access.ConfirmOff}, // unless it is about new devices
	}
	for _, f := range change {
		f(&b.opt)
	}
	b.Store = pgaccess.New(b.pool, b.opt)
	b.exec(t, `
		insert into unit (id, parent, name) values ('u0', null, '青川市政府'), ('u1', 'u0', '水利科')`)
	b.exec(t, `
		insert into person (id, name, title, unit, roles, created_at)
		values ('p1', '林美惠', '技士', 'u1', '{handler}', now()),
		       ('p2', '王大明', '科長', 'u1', '{official,registry}', now()),
		       ('p3', '陳志強', '秘書', 'u0', '{}', now())`)
	for login, person := range map[string]approval.PersonID{"lin": "p1", "wang": "p2"} {
		if err := b.CreateAccount(t.Context(), access.NewAccount{Login: login, Password: right, Person: person}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// another is a second node on the same database.
func (b *bundle) another(change ...func(*pgaccess.Options)) *pgaccess.Store {
	opt := b.opt
	for _, f := range change {
		f(&opt)
	}
	return pgaccess.New(b.pool, opt)
}

func (b *bundle) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func (b *bundle) count(t *testing.T, query string, args ...any) int {
	t.Helper()
	var n int
	if err := b.pool.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// signIn lets somebody in with the right password.
func (b *bundle) signIn(t *testing.T, login string, change ...func(*access.SignIn)) access.SignedIn {
	t.Helper()
	in := access.SignIn{Login: login, Password: right, Address: office, UserAgent: iphone}
	for _, f := range change {
		f(&in)
	}
	out, err := b.SignIn(t.Context(), in)
	if err != nil {
		t.Fatalf("sign in as %s: %v", login, err)
	}
	return out
}

// with brings the cookies of an earlier sign-in.
func with(earlier access.SignedIn) func(*access.SignIn) {
	return func(in *access.SignIn) {
		in.DeviceCookie, in.SessionCookie = earlier.DeviceCookie, earlier.SessionCookie
	}
}

// try is a sign-in of which only the error matters.
func (b *bundle) try(t *testing.T, login, password, address string, change ...func(*access.SignIn)) error {
	t.Helper()
	in := access.SignIn{Login: login, Password: password, Address: address}
	for _, f := range change {
		f(&in)
	}
	_, err := b.SignIn(t.Context(), in)
	return err
}

func (b *bundle) wantSession(t *testing.T, cookie, name string) access.Session {
	t.Helper()
	s, err := b.Resume(t.Context(), cookie)
	if err != nil {
		t.Errorf("%s: %v, want a session", name, err)
	}
	return s
}

func (b *bundle) wantNoSession(t *testing.T, cookie, name string) {
	t.Helper()
	s, err := b.Resume(t.Context(), cookie)
	if !errors.Is(err, access.ErrNoSession) || !cmp.Equal(s, access.Session{}) {
		t.Errorf("%s: got %+v, %v, want ErrNoSession", name, s, err)
	}
}

func wantError(t *testing.T, got, want error, name string) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

// wantLimited gives how long to wait.
func wantLimited(t *testing.T, err error, name string) time.Duration {
	t.Helper()
	limited, ok := errors.AsType[*access.LimitedError](err)
	if !ok {
		t.Errorf("%s: got %v, want a LimitedError", name, err)
		return 0
	}
	return limited.RetryAfter
}

func wantInvalid(t *testing.T, err error, field, reason, name string) {
	t.Helper()
	invalid, ok := errors.AsType[*approval.InvalidError](err)
	if !ok || invalid.Field != field || invalid.Reason != reason {
		t.Errorf("%s: got %v, want %s: %s", name, err, field, reason)
	}
}

func wantIDs(t *testing.T, got []string, name string, want ...string) {
	t.Helper()
	set := func(ids []string) map[string]bool {
		m := map[string]bool{}
		for _, id := range ids {
			m[id] = true
		}
		return m
	}
	if diff := cmp.Diff(set(want), set(got)); diff != "" || len(got) != len(want) {
		t.Errorf("%s: sessions (-want +got):\n%s", name, diff)
	}
}

// together runs f so many times at once and gives the errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}
