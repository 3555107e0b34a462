package pghub

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/hub"
)

func TestReceiveIsDurableAndKnowsRepetitions(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	in := f.in(hub.InMessage, "U-amy", "查詢 秘密")
	if err := f.Receive(t.Context(), []hub.Inbound{in, in, f.in(hub.InMessage, "U-ben", "b")}); err != nil {
		t.Fatal(err)
	}
	if err := f.Receive(t.Context(), []hub.Inbound{in}); err != nil { // sent again by the provider
		t.Fatal(err)
	}
	if err := f.Receive(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := one[int](f.fixture, `select count(*) from inbound`); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
	if got := one[int](f.fixture, `select count(*) from river_job where kind = 'inbound'`); got != 2 {
		t.Errorf("%d jobs, want one for each sender", got)
	}
	stored := strings.Join(query[string](f.fixture, `select concat_ws(' ', channel, id, kind, encode(sender, 'escape'), encode(payload, 'escape'), error) from inbound`), "\n") +
		strings.Join(query[string](f.fixture, `select args::text from river_job`), "\n")
	for _, secret := range []string{"U-amy", "查詢", "秘密", in.Reply} {
		if strings.Contains(stored, secret) {
			t.Errorf("the database holds %q in the clear: %s", secret, stored)
		}
	}
	f.attendAll()
	if got := one[int](f.fixture, `select count(*) from inbound where done_at is not null and length(payload) = 0`); got != 2 {
		t.Errorf("%d events are done and forgotten, want 2", got)
	}
	f.chat.titles()
	f.receive(in) // long after
	if got := f.chat.titles(); len(got) != 0 {
		t.Errorf("a repetition was answered: %q", got)
	}
}

// Whatever a provider sends can be stored, or it would be sent for ever.
func TestReceiveTakesAnything(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	odd := []hub.Inbound{
		{Kind: hub.InMessage, ID: "\x00", From: "\x00\xff", Data: "\x00"},
		{Kind: hub.InMessage, ID: strings.Repeat("x", 10000), From: "a"},
		{Kind: hub.InMessage, ID: "two words", From: "a"},
		{Kind: hub.InMessage, From: "a", Data: "no id"},
		{Kind: hub.InMessage, From: "a", Data: "no id either"},
		{Kind: hub.InDelivered, ID: "no sender", Provider: []string{"m1"}},
		{Kind: hub.InStatus, ID: "nothing"},
		{Kind: hub.InStatus, ID: "no text", Data: "delivered", Provider: []string{"\x00\xff"}, Delivery: "\x00", Code: "\x00"},
		{Kind: hub.InMessage, ID: "to come", From: "a", At: time.UnixMilli(1 << 60), Until: time.UnixMilli(1 << 60)},
		{Kind: "telepathy", ID: "of a kind to come", From: "a"},
	}
	for i := range odd {
		odd[i].Channel = hub.LINE
	}
	f.receive(odd...)
	f.receive(odd...)
	if got := query[string](f.fixture, `select kind || ' ' || error from inbound where done_at is null`); len(got) != 0 {
		t.Errorf("not done: %q", got)
	}
	if got := one[int](f.fixture, `select count(*) from inbound`); got != len(odd) {
		t.Errorf("%d events, want %d", got, len(odd))
	}
	if got := one[int](f.fixture, `select count(*) from inbound where at > $1 or at < $2`, morning.Add(time.Hour), morning.Add(-30*24*time.Hour)); got != 0 {
		t.Errorf("%d events are at impossible times", got)
	}
}

// A callback that somebody has caught is still signed when its id has been
// forgotten here: by then it is too old.
func TestRecordedEventIsRefused(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	gone := f.in(hub.InUnfollow, "U-amy", "")
	f.receive(gone)
	f.clock.add(time.Minute)
	f.receive(f.in(hub.InFollow, "U-amy", ""))
	back := []string{"amy in force"}
	if diff := cmp.Diff(back, f.linksOf(hub.LINE)); diff != "" {
		t.Fatalf("links (-want +got):\n%s", diff)
	}
	for end := f.clock.Now().Add(inboundKept + 24*time.Hour); f.clock.Now().Before(end); f.clock.add(replayedAfter / 16) {
		if err := f.sweepInbound(t.Context(), f.clock.Now()); err != nil {
			t.Fatal(err)
		}
		f.receive(gone)
		if diff := cmp.Diff(back, f.linksOf(hub.LINE)); diff != "" {
			t.Fatalf("%s later, links (-want +got):\n%s", f.clock.Now().Sub(morning), diff)
		}
	}
	if got := one[int](f.fixture, `select count(*) from inbound`); got != 0 {
		t.Errorf("%d events, want all forgotten", got)
	}
	f.receive(hub.Inbound{Channel: hub.LINE, Kind: hub.InUnfollow, ID: "long ago", From: "U-amy", At: time.Unix(-1<<50, 0)})
	if diff := cmp.Diff(back, f.linksOf(hub.LINE)); diff != "" {
		t.Errorf("one from long ago, links (-want +got):\n%s", diff)
	}
}

// FuzzReceive: no event is too odd to be stored, known again, and dealt with.
func FuzzReceive(f *testing.F) {
	f.Add(uint8(2), "id", "U1", "查詢", "reply", "p1", "", "", int64(1795393800123))
	f.Add(uint8(0), "", "", "", "", "", "", "", int64(0))
	f.Add(uint8(1), "\x00", "\xff\xfe", "\x00", "\x00", "\x00", "\x00", "\x00", int64(-1<<62))
	f.Add(uint8(3), "x", "U-amy", "seen:01arz3ndektsv4rrffq69g5fav", "r", "", "", "", int64(1<<62))
	fx := newChatFixture(f)
	kinds := []hub.InboundKind{hub.InUnfollow, hub.InFollow, hub.InMessage, hub.InPostback, hub.InReferral, hub.InLinked, hub.InLinkFailed, hub.InTouch, hub.InDelivered, hub.InRead, hub.InStatus}
	f.Fuzz(func(t *testing.T, kind uint8, id, from, data, reply, provider, delivery, code string, at int64) {
		in := hub.Inbound{
			Channel: hub.LINE, ID: id, Kind: kinds[int(kind)%len(kinds)], From: from, Data: data, Reply: reply, Provider: []string{provider},
			Delivery: delivery, Code: code, At: time.UnixMilli(at), Until: time.UnixMilli(-at),
		}
		if err := fx.Receive(t.Context(), []hub.Inbound{in}); err != nil {
			t.Fatal(err)
		}
		if _, err := fx.attend(t.Context(), hub.LINE, senderOf(in)); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := fx.pool.QueryRow(t.Context(), `select count(*) from inbound where done_at is null`).Scan(&left); err != nil || left != 0 {
			t.Fatalf("%d events are left, %v", left, err)
		}
	})
}

// Events of a sender have their effect in the order in which they happened,
// however they came.
func TestOrderOfASendersEvents(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	first, second, third := f.in(hub.InUnfollow, "U-amy", ""), f.in(hub.InFollow, "U-amy", ""), f.in(hub.InUnfollow, "U-amy", "")
	first.At, second.At, third.At = morning.Add(1*time.Minute), morning.Add(2*time.Minute), morning.Add(3*time.Minute)
	f.clock.set(morning.Add(4 * time.Minute))
	f.receive(third, first, second)
	if diff := cmp.Diff([]string{"amy channel.unlinked line", "amy channel.linked line", "amy channel.unlinked line"}, f.notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"amy blocked"}, f.linksOf(hub.LINE)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

// Many nodes at the same events: each has its effect once and is answered once.
func TestManyNodesAtOneSender(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	nodes := []*Hub{f.another(), f.another(), f.another()}
	var events []hub.Inbound
	for range 9 {
		events = append(events, f.in(hub.InMessage, "U-amy", "查詢"))
	}
	if err := f.Receive(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var wg sync.WaitGroup
		for _, h := range nodes {
			wg.Go(func() {
				if _, err := h.attend(t.Context(), hub.LINE, senderOf(events[0])); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if got := f.chat.titles(); len(got) != 9 {
		t.Errorf("answered %d times, want 9: %q", len(got), got)
	}
	if got := one[int](f.fixture, `select count(*) from inbound where done_at is not null and tries = 1`); got != 9 {
		t.Errorf("%d events were done at the first try, want 9", got)
	}
}

// An event that fails is tried again, those of the same sender wait for it, and
// in the end it is parked and they go on.
func TestPoison(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t, func(opt *Options) { opt.Log = quietLog() })
	poison := f.in(hub.InFollow, "U-ben", "")
	f.exec(`create function fail() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`)
	f.exec(`create trigger poison before update of done_at on inbound for each row when (new.kind = 'follow' and new.done_at is not null) execute function fail()`)
	later := f.in(hub.InMessage, "U-ben", "查詢")
	if err := f.Receive(t.Context(), []hub.Inbound{poison, later}); err != nil {
		t.Fatal(err)
	}
	var waits []time.Duration
	for range inboundTries + 1 {
		wait, err := f.attend(t.Context(), hub.LINE, senderOf(poison))
		if err != nil {
			t.Fatal(err)
		}
		if wait == 0 {
			break
		}
		waits = append(waits, wait)
		if got := f.chat.titles(); len(got) != 0 {
			t.Fatalf("answered before its turn: %q", got)
		}
	}
	if len(waits) != inboundTries-1 || waits[0] != 2*time.Second || waits[6] != 128*time.Second {
		t.Errorf("waits are %v", waits)
	}
	if got := f.chat.titles(); len(got) != 1 {
		t.Errorf("the event after it was answered with %q", got)
	}
	health, err := f.InboundHealth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []hub.InboundHealth{
		{Channel: hub.LINE, Last: morning, Parked: 1, LastError: health[0].LastError, ParkedAt: morning},
		{Channel: hub.Messenger},
	}
	for i := range health {
		health[i].Last, health[i].ParkedAt = health[i].Last.In(morning.Location()), health[i].ParkedAt.In(morning.Location())
	}
	want[1].Last, want[1].ParkedAt = health[1].Last, health[1].ParkedAt
	if diff := cmp.Diff(want, health); diff != "" || health[0].LastError == "" || !health[1].Last.IsZero() {
		t.Errorf("health (-want +got):\n%s", diff)
	}
	shown, err := f.Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range shown {
		if c.Channel == hub.LINE && (c.Parked != 1 || c.ParkedError == "" || !c.Heard.Equal(morning)) {
			t.Errorf("the administrator is shown %+v", c)
		}
	}
	// It still stands there, for somebody to look at, and longer than others.
	f.clock.add(inboundKept + time.Hour)
	if err := f.sweepInbound(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := query[string](f.fixture, `select kind from inbound`); fmt.Sprint(got) != "[follow]" {
		t.Errorf("after a week there is %q, want the parked one", got)
	}
	f.clock.add(parkedKept)
	if err := f.sweepInbound(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := one[int](f.fixture, `select count(*) from inbound`); got != 0 {
		t.Errorf("%d events are kept for ever", got)
	}
}

// A node dies in the middle: another one takes over when the lease is over, and
// an event that kills whoever touches it is parked.
func TestNodeDies(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t, func(opt *Options) { opt.Log = quietLog() })
	in := f.in(hub.InMessage, "U-amy", "查詢")
	if err := f.Receive(t.Context(), []hub.Inbound{in}); err != nil {
		t.Fatal(err)
	}
	for n := range inboundTries {
		if _, wait, err := f.claimInbound(t.Context(), hub.LINE, senderOf(in)); err != nil || wait > 0 {
			t.Fatalf("claim %d: wait %s, %v", n, wait, err)
		}
		wait, err := f.attend(t.Context(), hub.LINE, senderOf(in))
		if err != nil || wait != inboundLease {
			t.Fatalf("while somebody may be at it: wait %s, %v; want %s", wait, err, inboundLease)
		}
		f.clock.add(inboundLease)
	}
	f.clock.add(unattendedAfter)
	if err := f.sweepInbound(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := one[int](f.fixture, `select count(*) from river_job where kind = 'inbound'`); got != 2 {
		t.Errorf("%d jobs after the sweep, want 2", got)
	}
	f.attendAll()
	if got := query[string](f.fixture, `select error from inbound where parked_at is not null`); len(got) != 1 {
		t.Errorf("parked: %q", got)
	}
}

// What was sealed under another secret is parked, and keeps nobody waiting.
func TestUnreadableEvent(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t, func(opt *Options) { opt.Log = quietLog() })
	bad, good := f.in(hub.InMessage, "U-amy", "查詢"), f.in(hub.InMessage, "U-amy", "查詢")
	if err := f.Receive(t.Context(), []hub.Inbound{bad, good}); err != nil {
		t.Fatal(err)
	}
	f.exec(`update inbound set payload = 'x' where id = $1`, bad.ID)
	f.attendAll()
	if got := f.chat.titles(); len(got) != 1 {
		t.Errorf("answered %q, want the good one", got)
	}
	if got := query[string](f.fixture, `select id || ' ' || error from inbound where parked_at is not null`); fmt.Sprint(got) != "["+bad.ID+" event cannot be opened]" {
		t.Errorf("parked: %q", got)
	}
}

// A provider that cannot be answered, or an answer that makes us panic, spoils
// nothing: the event had its effect.
func TestAnswerFails(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t, func(opt *Options) { opt.Log = quietLog() })
	f.chat.failing = errors.New("not now")
	f.trays.err = errors.New("no counts")
	f.receive(f.in(hub.InMessage, "U-amy", "查詢"), f.in(hub.InMessage, "U-amy", "x"))
	if got := one[int](f.fixture, `select count(*) from inbound where done_at is not null and tries = 1`); got != 2 {
		t.Errorf("%d events are done, want 2", got)
	}
	f.receive(f.in(hub.InMessage, "U-amy", "查詢"))
	f.chat.titles()
}

// What was received is dealt with by the workers, soon.
func TestInboundJob(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	f.start(f.Hub)
	if err := f.Receive(t.Context(), []hub.Inbound{f.in(hub.InMessage, "U-amy", "查詢")}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-f.chat.replied:
	case <-time.After(patience):
		t.Error("no answer")
	}
}

// An answer that would come too late is not given: the reply token is spent.
func TestTooLateToAnswer(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	if err := f.Receive(t.Context(), []hub.Inbound{f.in(hub.InMessage, "U-amy", "查詢")}); err != nil {
		t.Fatal(err)
	}
	f.clock.add(replyWithin + time.Second)
	f.attendAll()
	if got := f.chat.titles(); len(got) != 0 {
		t.Errorf("answered %q", got)
	}
}
