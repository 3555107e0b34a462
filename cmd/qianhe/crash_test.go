//go:build unix

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/approvaltest"
	"qianhe/approval/pgapproval"
	"qianhe/approval/workday"
	"qianhe/channels/line"
	"qianhe/channels/sandbox"
	"qianhe/hub"
	"qianhe/hub/pghub"
	"qianhe/migrations/localpg/pgtest"
)

// The child of TestKilledAtEveryStatement is this program again, told by these.
const (
	crashDSN  = "QIANHE_TEST_CRASH_DSN"
	crashAt   = "QIANHE_TEST_CRASH_AT"
	crashDoc  = "QIANHE_TEST_CRASH_DOCUMENT"
	crashLine = "QIANHE_TEST_CRASH_LINE"
)

// killer ends the process, as kill -9 does, at the k-th moment of the path: a
// moment is just before a statement is sent and just after it was answered.
type killer struct{ at, seen int }

func (k *killer) moment() {
	k.seen++
	if k.seen == k.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}

func (k *killer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	k.moment()
	return ctx
}
func (k *killer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) { k.moment() }
func (k *killer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	k.moment()
	return ctx
}
func (k *killer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) { k.moment() }
func (k *killer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     { k.moment() }

// crashHub is a hub on one connection pool with LINE as its only channel.
func crashHub(ctx context.Context, dsn, lineURL string, k *killer) (*pgxpool.Pool, *pghub.Hub, error) {
	c, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, nil, err
	}
	if k != nil {
		c.ConnConfig.Tracer = k
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	l, err := line.New(line.Config{Token: sandbox.DefaultLINE().Token, BaseURL: lineURL})
	if err != nil {
		return nil, nil, err
	}
	// Each decision is to be told by itself: of what waits at the same time the
	// latest would speak for the others.
	each := hub.House(hub.KindArrived, hub.DefaultUnseen)
	each.Group = ""
	h, err := pghub.New(pool, pghub.Options{
		Policy:   hub.Policy{Rules: map[hub.Kind]hub.Rule{hub.KindArrived: each}},
		Channels: []hub.Channel{l},
		Trays:    pgapproval.NewReader(pool),
		Sealer:   access.NewSealer([32]byte{1}),
		BaseURL:  "http://localhost:8080",
		Workdays: workday.Official(),
		Agency:   "青川市政府",
	})
	return pool, h, err
}

// crashChild decides as the first signer, and dies on the way.
func crashChild() int {
	at, _ := strconv.Atoi(os.Getenv(crashAt))
	k := &killer{at: at}
	ctx := context.Background()
	pool, h, err := crashHub(ctx, os.Getenv(crashDSN), os.Getenv(crashLine), k)
	if err != nil {
		fmt.Println(err)
		return 2
	}
	id := approval.DocumentID(os.Getenv(crashDoc))
	err = pgapproval.New(pool, h).UpdateOnce(ctx, id, sha256.Sum256([]byte(id)), time.Now(), approveAsFirst)
	if err != nil {
		fmt.Println(err)
		return 2
	}
	return 0
}

func approveAsFirst(d *approval.Document) ([]approval.Event, error) {
	s := d.Route.Steps[0]
	return d.Approve(approval.Act{By: approval.Actor{Person: s.Person, Name: "王敏華", Title: "科長"}, At: time.Now(), Step: s.ID, Version: d.Version, NewID: newID(time.Now())})
}

// TestKilledAtEveryStatement: a decision whose process is killed at any moment
// of its path is either not made and tells nobody, or made and, after a
// restart, tells the next one exactly once.
func TestKilledAtEveryStatement(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	dsn := poolDSN(pool)
	box := httptest.NewUnstartedServer(nil)
	phones, err := sandbox.New(sandbox.Options{URL: "http://" + box.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer phones.Close()
	box.Config.Handler = phones.Handler()
	box.Start()
	defer box.Close()

	hubPool, h, err := crashHub(t.Context(), dsn, box.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer hubPool.Close()
	store := pgapproval.New(pool, silent{})
	ids := approvaltest.IDs(1)
	office := approvaltest.NewOffice(ids)
	enterOffice(t, store, office)
	next := lineUser("next")
	phones.Befriend(next)
	if _, err := h.AddLink(t.Context(), hub.Link{Person: office.Director.ID, Channel: hub.LINE, Address: hub.Address{Value: next}, CreatedAt: time.Now(), Confirmed: time.Now()}); err != nil {
		t.Fatal(err)
	}

	decided := 0
	for k := 1; ; k++ {
		doc := enterUrgent(t, store, office, ids, k)
		killed := runCrashChild(t, dsn, box.URL, doc, k)
		var closed, notified int
		row := pool.QueryRow(t.Context(), `select (select count(*) from step where document = $1 and state = 'closed'),
			(select count(*) from notification where document = $1 and person = $2)`, doc, office.Director.ID)
		if err := row.Scan(&closed, &notified); err != nil {
			t.Fatal(err)
		}
		if closed != notified {
			t.Fatalf("killed at moment %d: %d steps closed, %d notifications: want as many", k, closed, notified)
		}
		decided += closed
		if !killed {
			if closed != 1 {
				t.Fatalf("child that was not killed closed %d steps, want 1", closed)
			}
			break
		}
		if k > 400 {
			t.Fatal("the path does not end")
		}
	}

	// The restart: a node that finds what the dead ones left.
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := phones.Wait(ctx, next, decided)
	if err != nil {
		t.Fatalf("after the restart LINE has %d messages, want %d: %v", len(got), decided, err)
	}
	stop, cancelStop := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancelStop()
	if err := h.Stop(stop); err != nil {
		t.Error(err)
	}
	if n := len(phones.Messages(next)); n != decided {
		t.Errorf("LINE has %d messages for %d decisions", n, decided)
	}
	if decided < 2 {
		t.Errorf("only %d decisions survived a kill; the moments after the commit were not reached", decided)
	}
}

func enterOffice(t *testing.T, store *pgapproval.Store, office approvaltest.Office) {
	t.Helper()
	for _, u := range office.Units() {
		if err := store.CreateUnit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range office.People() {
		if err := store.CreatePerson(t.Context(), p, approvaltest.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

// enterUrgent stores a 最速件 that goes from the chief to the director.
func enterUrgent(t *testing.T, store *pgapproval.Store, office approvaltest.Office, ids func() string, n int) approval.DocumentID {
	t.Helper()
	draft := office.Draft(fmt.Sprintf("115%07d", n))
	draft.Body.Speed = approval.SpeedHighest
	draft.Route = []approval.Planned{{Person: office.Chief.ID, Duty: approval.DutyReview}, {Person: office.Director.ID, Duty: approval.DutyDecide}}
	d, events := approvaltest.Start(draft, ids)
	err := store.Create(t.Context(), pgapproval.NewDocument{Document: d, Events: events, Body: draft.Body, Source: sha256.Sum256([]byte(d.ID)), At: approvaltest.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return d.ID
}

// runCrashChild reports whether the child was killed by itself.
func runCrashChild(t *testing.T, dsn, lineURL string, doc approval.DocumentID, k int) bool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), crashDSN+"="+dsn, crashAt+"="+strconv.Itoa(k), crashDoc+"="+string(doc), crashLine+"="+lineURL)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
		return true
	}
	t.Fatalf("child at moment %d: %v\n%s", k, err, out.String())
	return false
}

func poolDSN(pool *pgxpool.Pool) string {
	c := pool.Config().ConnConfig
	q := url.Values{"host": {c.Host}, "port": {strconv.Itoa(int(c.Port))}}
	return (&url.URL{Scheme: "postgres", User: url.User(c.User), Path: "/" + c.Database, RawQuery: q.Encode()}).String()
}
