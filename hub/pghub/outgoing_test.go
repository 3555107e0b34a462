package pghub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// system is the agency's own, as a WebhookSender: it writes down what it gets.
type system struct {
	mu     sync.Mutex
	got    []hub.Event
	keys   [][]string // secrets of each
	answer func(n int, e hub.Event) (int, error)
	came   chan hub.Event
}

func (s *system) SendEvent(_ context.Context, p hub.Endpoint, e hub.Event) (int, error) {
	s.mu.Lock()
	s.got, s.keys = append(s.got, e), append(s.keys, p.Secrets)
	n, answer := len(s.got), s.answer
	s.mu.Unlock()
	status, err := 200, error(nil)
	if answer != nil {
		status, err = answer(n, e)
	}
	s.came <- e
	return status, err
}

func (s *system) answers(fn func(n int, e hub.Event) (int, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = fn
}

func (s *system) next(t *testing.T) hub.Event {
	t.Helper()
	select {
	case e := <-s.came:
		return e
	case <-time.After(patience):
		t.Fatal("nothing was sent")
		return hub.Event{}
	}
}

// told are the events, as "type data".
func (s *system) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, e := range s.got {
		list = append(list, string(e.Type)+" "+string(e.Data))
	}
	slices.Sort(list)
	return list
}

func newOutgoing(t *testing.T) (*fixture, *system) {
	t.Helper()
	s := &system{came: make(chan hub.Event, 1000)}
	f := newFixture(t, func(o *Options) { o.Webhooks = s })
	f.token("hr")
	return f, s
}

func (f *fixture) addEndpoint(events ...hub.EventType) string {
	f.t.Helper()
	id, err := f.AddEndpoint(f.t.Context(), hub.Endpoint{URL: "https://edms.example.gov.tw/hooks", Events: events, Secrets: []string{"first secret"}})
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

// dispatchAll gives out everything and looks once at each delivery, as the jobs
// would.
func (f *fixture) dispatchAll() {
	f.t.Helper()
	for {
		n, err := f.dispatch(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	f.deliverEvents()
}

func (f *fixture) deliverEvents() {
	f.t.Helper()
	for _, pair := range query[string](f, `select event || ' ' || endpoint from webhook_delivery d join webhook_event e on e.id = d.event order by e.created_at, e.id`) {
		event, endpoint, _ := strings.Cut(pair, " ")
		if _, err := f.deliverEvent(f.t.Context(), event, endpoint); err != nil {
			f.t.Fatal(err)
		}
	}
}

// webhookStates gives "type state attempts status error" of all deliveries.
func (f *fixture) webhookStates() []string {
	f.t.Helper()
	return query[string](f, `select concat_ws(' ', e.type, d.state, d.attempts, d.status, nullif(d.error, '')) from webhook_delivery d join webhook_event e on e.id = d.event order by 1`)
}

func TestEventsOfDocuments(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	f.addEndpoint(hub.EventTypes()...)
	f.exec(`update document set due = $1 where id = 'doc'`, morning)
	f.exec(`insert into step (id, document, position, duty, person, state, origin) values ('waits', 'doc', 10, 'review', 'amy', 'waiting', 'planned')`)
	f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at) values ('back', 'cls', 10, 'handle', 'ben', 'active', 'returned', $1)`, morning)
	f.exec(`update step set state = 'active', arrived_at = $1 where id = 'waits'`, morning)
	f.exec(`update step set state = 'closed', closed_at = $1, action = 'approve', acted_by = 'amy' where id = 'waits'`, morning)
	f.exec(`update document set state = 'decided', decided_at = $1 where id = 'doc'`, morning)
	f.exec(`update document set updated_at = $1 where id = 'doc'`, morning)
	f.dispatchAll()
	got := s.told()
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], `": "`, `":"`)
	}
	want := []string{
		`document.arrived {"due":"2026-11-23T02:00:00+00:00", "duty":"review", "step":"waits", "speed":"普通件", "account":"amy", "document":"doc"}`,
		`document.decided {"document":"doc"}`,
		`document.returned {"duty":"handle", "step":"back", "account":"ben", "document":"cls"}`, // classified: neither speed nor deadline
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, e := range got {
		for _, secret := range []string{secretSubject, secretNumber, secretName} {
			if strings.Contains(e, secret) {
				t.Errorf("%s holds %s", e, secret)
			}
		}
	}
}

func TestEventsOfNotices(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	f.addEndpoint(hub.EventTypes()...)
	f.link("amy", hub.LINE)
	f.link("dan", hub.LINE)
	p := f.publish(form("k", "amy", "ben", "cid", "dan"))
	id := func(i int) string { return p.To[i].Notification }
	f.enqueue(f.event(approval.EventArrived, "doc", "ben")) // of ours: nobody else's business
	if err := f.Acked(t.Context(), []hub.Ack{{Person: "ben", Seq: 2}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.SeenUpTo(t.Context(), "ben", 2, "web"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Done(t.Context(), "hr", p.Notice, []string{"cid"}); err != nil {
		t.Fatal(err)
	}
	f.line.fails(&hub.Rejected{Reason: "no"})
	f.routeAll()
	f.clock.add(20 * time.Minute)
	f.deliverAll()
	f.dispatchAll()
	pair := func(i int) string { return fmt.Sprintf(`"notice": %q, "notification": %q`, p.Notice, id(i)) }
	want := []string{
		"notification.delivered {" + pair(1) + "}",
		"notification.done {" + pair(2) + "}",
		`notification.failed {` + fmt.Sprintf(`"notice": %q, "channel": "line", "notification": %q`, p.Notice, id(0)) + `}`,
		`notification.failed {` + fmt.Sprintf(`"notice": %q, "channel": "line", "notification": %q`, p.Notice, id(3)) + `}`,
		"notification.seen {" + pair(1) + "}",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, s.told()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, e := range s.got {
		if !json.Valid(e.Data) || e.At.IsZero() || len(e.ID) < 20 {
			t.Errorf("event %+v", e)
		}
	}
}

// What nobody asks for is not written, and what rolls back has not happened.
func TestEventsNobodyAsksFor(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	f.exec(`update document set state = 'decided', decided_at = now() where id = 'cls'`)
	closed := f.addEndpoint(hub.EventTypes()...)
	if err := f.CloseEndpoint(t.Context(), closed, "closed"); err != nil {
		t.Fatal(err)
	}
	f.addEndpoint(hub.EventNoticeSeen)
	f.exec(`update document set state = 'circulating', decided_at = null where id = 'cls'`)
	f.exec(`update document set state = 'decided', decided_at = now() where id = 'cls'`)
	p := f.publish(form("k", "amy"))
	tx, err := f.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `update notification set seen_at = now()`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := one[int](f, `select count(*) from webhook_event`); got != 0 {
		t.Errorf("%d events, want none", got)
	}
	if err := f.SeenNotification(t.Context(), "amy", p.To[0].Notification, "web"); err != nil {
		t.Fatal(err)
	}
	f.dispatchAll()
	if got := s.told(); len(got) != 1 || !strings.HasPrefix(got[0], "notification.seen") {
		t.Errorf("sent %q", got)
	}
}

// happen makes one event that somebody asks for.
func (f *fixture) happen() {
	f.t.Helper()
	f.exec(`update document set state = 'circulating', decided_at = null where id = 'doc'`)
	f.exec(`update document set state = 'decided', decided_at = now() where id = 'doc'`)
}

// The schedule of Standard Webhooks, from the first failure to the last.
func TestRetriesOfEvents(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	f.addEndpoint(hub.EventDocumentDecided)
	s.answers(func(int, hub.Event) (int, error) { return 500, &hub.Retry{Reason: "500"} })
	f.happen()
	f.dispatchAll()
	for n := 1; n < hub.WebhookAttempts; n++ {
		wait, _ := hub.WebhookWait(n)
		f.clock.add(wait - time.Second)
		f.deliverEvents() // too early
		if got := len(s.got); got != n {
			t.Fatalf("a second before attempt %d: tried %d times", n+1, got)
		}
		f.clock.add(time.Second + wait/10)
		f.deliverEvents()
		if got := len(s.got); got != n+1 {
			t.Fatalf("attempt %d: tried %d times", n+1, got)
		}
		if s.got[n].ID != s.got[0].ID || string(s.got[n].Data) != string(s.got[0].Data) || !s.got[n].At.Equal(s.got[0].At) {
			t.Errorf("attempt %d sends %+v, the first sent %+v", n+1, s.got[n], s.got[0])
		}
	}
	f.clock.add(100 * 24 * time.Hour)
	f.deliverEvents()
	if got := f.webhookStates(); !slices.Equal(got, []string{"document.decided failed 10 500 500"}) || len(s.got) != hub.WebhookAttempts {
		t.Errorf("in the end %q after %d attempts", got, len(s.got))
	}
	// Each attempt that is to come has a job at its time.
	if got := one[int](f, `select count(*) from river_job where kind = 'webhook'`); got != hub.WebhookAttempts {
		t.Errorf("%d jobs, want %d", got, hub.WebhookAttempts)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	f.addEndpoint(hub.EventDocumentDecided)
	s.answers(func(n int, _ hub.Event) (int, error) {
		if n == 1 {
			return 429, &hub.Retry{After: time.Hour, Reason: "429"}
		}
		return 204, nil
	})
	f.happen()
	f.dispatchAll()
	f.clock.add(time.Hour - time.Second)
	f.deliverEvents()
	if len(s.got) != 1 {
		t.Errorf("tried %d times within the hour, want once", len(s.got))
	}
	f.clock.add(time.Second)
	f.deliverEvents()
	f.deliverEvents()
	if got := f.webhookStates(); !slices.Equal(got, []string{"document.decided delivered 2 204"}) || len(s.got) != 2 {
		t.Errorf("in the end %q after %d attempts", got, len(s.got))
	}
}

func TestGoneClosesTheEndpoint(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	id := f.addEndpoint(hub.EventDocumentDecided)
	other := f.addEndpoint(hub.EventDocumentDecided)
	f.happen()
	f.happen()
	s.answers(func(n int, _ hub.Event) (int, error) {
		if n == 1 {
			return 410, &hub.Permanent{Reason: "410: the endpoint is gone"}
		}
		return 200, nil
	})
	for {
		if n, err := f.dispatch(t.Context()); err != nil || n == 0 {
			break
		}
	}
	first := one[string](f, `select event from webhook_delivery where endpoint = $1 order by event limit 1`, id)
	if _, err := f.deliverEvent(t.Context(), first, id); err != nil {
		t.Fatal(err)
	}
	f.deliverEvents()
	got := query[string](f, `select concat_ws(' ', endpoint = $1, state, status, nullif(error, '')) from webhook_delivery order by 1`, id)
	want := []string{"f delivered 200", "f delivered 200", "t failed 0 the endpoint is closed", "t failed 410 410: the endpoint is gone"}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	f.happen()
	f.dispatchAll()
	if got := one[int](f, `select count(*) from webhook_delivery where endpoint = $1`, id); got != 2 {
		t.Errorf("%d deliveries to a closed endpoint, want no new one", got)
	}
	list, err := f.Endpoints(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != other || list[1].Reason != "410: the endpoint is gone" || list[1].Disabled.IsZero() || list[1].Failed != 2 || list[0].Delivered.IsZero() || list[0].Secrets != nil {
		t.Errorf("endpoints %+v, %v", list, err)
	}
}

func TestSecretsOfAnEndpoint(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	id := f.addEndpoint(hub.EventDocumentDecided)
	if got := one[bool](f, `select position('first secret' in encode(secret, 'escape')) > 0 from webhook_endpoint`); got {
		t.Error("the secret is stored in the clear")
	}
	send := func() []string {
		t.Helper()
		f.happen()
		f.dispatchAll()
		return s.keys[len(s.keys)-1]
	}
	if got := send(); !slices.Equal(got, []string{"first secret"}) {
		t.Errorf("signed with %q", got)
	}
	if err := f.RotateSecret(t.Context(), id, "second secret"); err != nil {
		t.Fatal(err)
	}
	if got := send(); !slices.Equal(got, []string{"second secret", "first secret"}) {
		t.Errorf("while they are exchanged signed with %q", got)
	}
	f.clock.add(secretsOverlap)
	if got := send(); !slices.Equal(got, []string{"second secret"}) {
		t.Errorf("a day later signed with %q", got)
	}
	if err := f.RotateSecret(t.Context(), "none", "x"); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("of none: got %v, want ErrNotFound", err)
	}
	if err := f.CloseEndpoint(t.Context(), id, "closed"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{f.CloseEndpoint(t.Context(), id, "again"), f.RotateSecret(t.Context(), id, "x")} {
		if !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("of a closed one: got %v, want ErrNotFound", err)
		}
	}
	if _, err := f.AddEndpoint(t.Context(), hub.Endpoint{URL: "http://edms.example.gov.tw", Events: hub.EventTypes(), Secrets: []string{"x"}}); err == nil {
		t.Error("plain http was taken")
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	id := f.addEndpoint(hub.EventDocumentDecided)
	s.answers(func(int, hub.Event) (int, error) { return 0, &hub.Permanent{Reason: "as if given up"} })
	for range 3 {
		f.happen()
		f.dispatchAll()
		f.exec(`update webhook_endpoint set disabled_at = null`)
		f.clock.add(time.Hour)
	}
	s.answers(nil)
	by := approval.Actor{Person: "dan", Session: "session", Address: "192.0.2.7"}
	n, err := f.ReplayFailed(t.Context(), by, id, morning.Add(time.Hour))
	if err != nil || n != 2 {
		t.Errorf("replayed %d, %v, want 2", n, err)
	}
	f.deliverEvents()
	first := one[string](f, `select event from webhook_delivery where state = 'failed'`)
	if err := f.ReplayEvent(t.Context(), by, id, first); err != nil {
		t.Fatal(err)
	}
	f.deliverEvents()
	if got := f.webhookStates(); !slices.Equal(got, []string{"document.decided delivered 1 200", "document.decided delivered 1 200", "document.decided delivered 1 200"}) {
		t.Errorf("in the end %q", got)
	}
	if err := f.ReplayEvent(t.Context(), by, id, first); err != nil { // what was delivered can be sent again
		t.Fatal(err)
	}
	f.deliverEvents()
	if got := len(s.got); got != 7 {
		t.Errorf("%d calls, want 7", got)
	}
	audit := query[string](f, `select concat_ws(' ', endpoint = $1, event = $2, since at time zone 'utc', count, person, session, address) from webhook_replay order by id`, id, first)
	want := []string{"t 2026-11-23 03:00:00 2 dan session 192.0.2.7", "t t 1 dan session 192.0.2.7", "t t 1 dan session 192.0.2.7"}
	if diff := cmp.Diff(want, audit); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if _, err := f.pool.Exec(t.Context(), `delete from webhook_replay`); err == nil {
		t.Error("the record can be deleted")
	}

	if err := f.ReplayEvent(t.Context(), by, id, "none"); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("of no event: got %v, want ErrNotFound", err)
	}
	if _, err := f.ReplayFailed(t.Context(), by, "none", morning); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("of no endpoint: got %v, want ErrNotFound", err)
	}
	if err := f.CloseEndpoint(t.Context(), id, "closed"); err != nil {
		t.Fatal(err)
	}
	if err := f.ReplayEvent(t.Context(), by, id, first); !errors.Is(err, hub.ErrEndpointClosed) {
		t.Errorf("of a closed endpoint: got %v, want ErrEndpointClosed", err)
	}
	list, err := f.WebhookDeliveries(t.Context(), id, "", 2)
	if err != nil || len(list) != 2 || list[0].State != hub.WebhookDelivered || list[0].Event.Type != hub.EventDocumentDecided {
		t.Errorf("latest %+v, %v", list, err)
	}
	if list, err := f.WebhookDeliveries(t.Context(), id, hub.WebhookFailed, 2); err != nil || len(list) != 0 {
		t.Errorf("failed %+v, %v", list, err)
	}
}

// A node that dies in the middle of a call: another takes over when its time is
// over, and not before.
func TestEventTakenOver(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	id := f.addEndpoint(hub.EventDocumentDecided)
	f.happen()
	if _, err := f.dispatch(t.Context()); err != nil {
		t.Fatal(err)
	}
	event := one[string](f, `select event from webhook_delivery`)
	f.exec(`update webhook_delivery set attempts = 1, next_at = $1`, f.clock.Now().Add(webhookTime)) // as it has claimed it
	if wait, err := f.deliverEvent(t.Context(), event, id); err != nil || wait != webhookTime || len(s.got) != 0 {
		t.Errorf("at once: wait %v, %v, %d calls", wait, err, len(s.got))
	}
	f.exec(`delete from river_job`)
	f.clock.add(3 * time.Minute)
	if err := f.sweepWebhooks(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := one[string](f, `select args ->> 'event' from river_job where kind = 'webhook'`); got != event {
		t.Errorf("the sweep added a job for %q", got)
	}
	// What the dead one says afterwards counts no more.
	late := hub.WebhookDelivery{Event: hub.Event{ID: event}, Endpoint: id, Attempts: 1}
	if _, err := f.deliverEvent(t.Context(), event, id); err != nil {
		t.Fatal(err)
	}
	if err := f.recordEvent(t.Context(), late, 410, &hub.Permanent{Reason: "410"}, true); err != nil {
		t.Fatal(err)
	}
	if got := f.webhookStates(); !slices.Equal(got, []string{"document.decided delivered 2 200"}) || one[int](f, `select count(*) from webhook_endpoint where disabled_at is not null`) != 0 {
		t.Errorf("in the end %q", got)
	}
}

func TestOldEventsGo(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	f.addEndpoint(hub.EventDocumentDecided)
	f.happen()
	f.dispatchAll()
	s.answers(func(int, hub.Event) (int, error) { return 500, &hub.Retry{Reason: "500"} })
	f.happen()
	f.dispatchAll()
	f.exec(`update webhook_event set created_at = $1`, f.clock.Now().Add(-eventsKept-time.Hour))
	if err := f.sweepWebhooks(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := f.webhookStates(); !slices.Equal(got, []string{"document.decided pending 1 500 500"}) || one[int](f, `select count(*) from webhook_event`) != 1 {
		t.Errorf("kept %q", got)
	}
}

// Two nodes, a hundred events: each is delivered once.
func TestEventsByTwoNodes(t *testing.T) {
	t.Parallel()
	f, s := newOutgoing(t)
	f.addEndpoint(hub.EventDocumentDecided)
	f.addEndpoint(hub.EventDocumentDecided)
	f.clock.set(time.Now())
	f.start(f.Hub)
	f.start(f.another())
	const events = 50
	for range events {
		f.happen()
	}
	seen := map[string]int{}
	for range 2 * events {
		seen[s.next(t).ID]++
	}
	for id, n := range seen {
		if n != 2 {
			t.Errorf("%s came %d times, want once to each endpoint", id, n)
		}
	}
	if len(seen) != events {
		t.Errorf("%d events, want %d", len(seen), events)
	}
}
