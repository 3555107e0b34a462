package pghub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func TestAtOnceAndLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Policy = hub.Policy{Unseen: 20 * time.Minute} })
	f.link("amy", hub.WebPush)
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	f.routeAll()
	f.routeAll() // planning twice plans once
	if diff := cmp.Diff(map[hub.ChannelName]time.Duration{hub.LINE: 20 * time.Minute}, f.deliverAll()); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	m := f.push.next(t)
	f.line.none(t)
	want := hub.Compose(hub.Notification{Person: "amy", Kind: hub.KindArrived, Document: "doc", At: morning},
		hub.Counts{Pending: 5, Highest: 1, Overdue: 1}, hub.Setting{Agency: "青川市政府", BaseURL: "https://sign.example.gov.tw", Now: morning})
	want.Delivery = one[string](f, `select id from delivery where channel = 'webpush'`)
	want.Ref, want.TTL = hub.RefOf(want.Delivery), hub.KindArrived.TTL()
	want.To = hub.Address{Link: one[string](f, `select id from channel_link where channel = 'webpush'`), Value: "address of amy on webpush", Keys: map[string]string{"auth": "k"}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	f.clock.add(20 * time.Minute)
	f.trays.set("amy", approval.TrayCounts{All: 7})
	f.deliverAll()
	if m := f.line.next(t); m.Counts.Pending != 7 {
		t.Errorf("LINE was sent the counts of the beginning: %+v", m.Counts)
	}
	f.deliverAll()
	f.push.none(t)
	f.line.none(t)
	got := query[string](f, `select concat_ws(' ', d.channel, d.state, d.attempts, d.provider_id = 'taken ' || d.id, t.number, t.outcome, t.finished_at is not null)
		from delivery d join attempt t on t.delivery = d.id order by 1`)
	if diff := cmp.Diff([]string{"line accepted 1 t 1 accepted t", "webpush accepted 1 t 1 accepted t"}, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestMostUrgentGoesEverywhereAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.WebPush)
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.routeAll()
	f.deliverAll()
	f.push.next(t)
	if m := f.line.next(t); !m.Urgent {
		t.Errorf("LINE was sent %q, not urgent", m.Title)
	}
}

func TestSeenBeforeItsTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.WebPush)
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	f.routeAll()
	f.deliverAll()
	if err := f.SeenUpTo(t.Context(), "amy", 1, hub.Live); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Hour)
	f.deliverAll()
	f.line.none(t)
	if diff := cmp.Diff([]string{"line cancelled (seen)", "webpush accepted"}, f.states()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

func TestSeenBeforeItIsPlanned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.WebPush)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	if err := f.SeenDocument(t.Context(), "amy", "doc", "web"); err != nil {
		t.Fatal(err)
	}
	f.routeAll()
	if got := f.states(); len(got) != 0 {
		t.Errorf("planned %v, want nothing", got)
	}
	if got := one[int](f, `select count(*) from notification where routed_at is null`); got != 0 {
		t.Error("the notification stays unplanned")
	}
}

// Even where nobody has cancelled it, what lost its point is not sent.
func TestLookBeforeSending(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(f *fixture)
		want string
	}{
		{"step closed", func(f *fixture) {
			f.exec(`update step set state = 'closed', closed_at = $1, acted_by = 'amy', action = 'approve' where id = 'doc-amy'`, morning)
		}, "webpush cancelled (no longer in this person's hands)"},
		{"cancelled", func(f *fixture) { f.exec(`update notification set cancelled_at = $1`, morning) }, "webpush cancelled (no longer in this person's hands)"},
		{"seen", func(f *fixture) { f.exec(`update notification set seen_at = $1`, morning) }, "webpush cancelled (seen)"},
		{"link removed", func(f *fixture) { f.exec(`update channel_link set disabled_at = $1`, morning) }, "webpush cancelled (link has ended)"},
		{"too late", func(f *fixture) { f.clock.add(21 * time.Hour) }, "webpush failed (too late)"},
		{"sealed under another key", func(f *fixture) { f.exec(`update channel_link set address = 'x'`) }, "webpush failed (address cannot be opened)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *Options) { o.Log = nil })
			f.link("amy", hub.WebPush)
			f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
			f.routeAll()
			tt.do(f)
			f.deliverAll()
			f.push.none(t)
			if diff := cmp.Diff([]string{tt.want}, f.states()); diff != "" {
				t.Errorf("delivery (-want +got):\n%s", diff)
			}
			if got := one[int](f, `select count(*) from attempt`); got != 0 {
				t.Errorf("%d attempts, want none", got)
			}
		})
	}
}

// The row stands before the call goes out, and other processes can read it.
func TestAttemptIsWrittenBeforeTheCall(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.routeAll()
	var during string
	f.line.answers(func(ctx context.Context, m hub.Message) (hub.Receipt, error) {
		during = one[string](f, `select concat_ws(' ', d.state, d.attempts, t.number, t.outcome, t.finished_at is null) from delivery d join attempt t on t.delivery = d.id where d.id = $1`, m.Delivery)
		return hub.Receipt{}, nil
	})
	f.deliverAll()
	if want := "sending 1 1 started t"; during != want {
		t.Errorf("during the call the rows say %q, want %q", during, want)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string // state, reason, attempt's outcome, whether the link is in use
		wait time.Duration
	}{
		{"accepted", nil, "accepted  accepted t", 0},
		{"retry", &hub.Retry{Reason: "503"}, "pending 503 retry t", 2 * time.Second},
		{"retry after", &hub.Retry{After: 5 * time.Minute, Reason: "429"}, "pending 429 retry t", 5*time.Minute + 30*time.Second},
		{"retry after it makes sense", &hub.Retry{After: 24 * time.Hour, Reason: "429"}, "failed 429 retry t", 0},
		{"permanent", &hub.Permanent{Reason: "410"}, "failed 410 permanent f", 0},
		{"rejected", &hub.Rejected{Reason: "413"}, "failed 413 rejected t", 0},
		{"unknown, safe", &hub.Unknown{Reason: "cut", Safe: true}, "unknown cut unknown t", 2 * time.Second},
		{"unknown", &hub.Unknown{Reason: "cut"}, "unknown cut unknown t", 0},
		{"of no type", errors.New("boom"), "unknown no connection unknown t", 2 * time.Second},
		{"down", &hub.ChannelDown{Until: morning.Add(time.Hour), Reason: "quota"}, "pending quota channel_down t", time.Hour + 10*time.Second},
		{"down for nobody knows how long", &hub.ChannelDown{Reason: "401"}, "pending 401 channel_down t", 15*time.Minute + 10*time.Second},
		{"down for too long", &hub.ChannelDown{Until: morning.Add(30 * 24 * time.Hour), Reason: "quota"}, "failed quota channel_down t", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.Hub.log = quietLog()
			f.link("amy", hub.LINE)
			f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
			f.routeAll()
			f.line.fails(tt.err)
			wait := f.deliverAll()[hub.LINE]
			if wait > tt.wait || wait < tt.wait/2 {
				t.Errorf("comes again after %s, want %s at most", wait, tt.wait)
			}
			got := one[string](f, `select concat_ws(' ', d.state, d.reason, t.outcome, l.disabled_at is null)
				from delivery d join attempt t on t.delivery = d.id join channel_link l on l.id = d.link`)
			if got != tt.want {
				t.Errorf("record is %q, want %q", got, tt.want)
			}
			final := tt.wait == 0
			if got := one[bool](f, `select done_at is not null from delivery`); got != final {
				t.Errorf("done is %t, want %t", got, final)
			}
			f.line.next(t)
			f.line.fails(nil)
			f.clock.add(2 * time.Hour)
			f.deliverAll()
			if final {
				f.line.none(t)
				return
			}
			first := one[string](f, `select id from delivery`)
			if m := f.line.next(t); m.Delivery != first {
				t.Errorf("sent again under the key %q, want %q", m.Delivery, first)
			}
			if got := one[string](f, `select state || ' ' || attempts from delivery`); got != "accepted 2" {
				t.Errorf("after the second attempt: %s, want accepted 2", got)
			}
		})
	}
}

func TestAttemptsEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Retries.Attempts = 3; o.Log = quietLog() })
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.routeAll()
	f.line.fails(&hub.Retry{Reason: "503"})
	for range 6 {
		f.deliverAll()
		f.clock.add(10 * time.Minute)
	}
	if n := len(f.line.sent); n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}
	if diff := cmp.Diff([]string{"line failed (503)"}, f.states()); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
}

// A process is killed during the call. Nobody knows whether it went out: the
// next one waits until the first cannot be at it any more, and then repeats it
// under the same key, or where there is no key leaves it.
func TestRestartDuringACall(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.routeAll()
	id := one[string](f, `select id from delivery`)
	// All that comes before the call, and then nothing.
	c, err := f.claim(t.Context(), hub.LINE, room{urgent: 1, normal: 1})
	if err != nil || len(c.send) != 1 {
		t.Fatalf("claim: %+v, %v", c, err)
	}

	other := f.another()
	again := f.deliverWith(other)[hub.LINE]
	if again <= 0 || again > other.lease() {
		t.Fatalf("while the first may be at it, the second waits %s; want up to %s", again, other.lease())
	}
	f.clock.add(again)
	again = f.deliverWith(other)[hub.LINE]
	if again <= 0 {
		t.Fatalf("second waits %s", again)
	}
	if got := one[string](f, `select concat_ws(' ', d.state, t.outcome, t.finished_at is null) from delivery d join attempt t on t.delivery = d.id`); got != "unknown unknown t" {
		t.Errorf("after the lease: %q, want unknown unknown t", got)
	}
	f.clock.add(again)
	f.deliverWith(other)
	if m := f.line.next(t); m.Delivery != id {
		t.Errorf("repeated under %q, want %q", m.Delivery, id)
	}
	if diff := cmp.Diff([]string{"line accepted"}, f.states()); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}

	// The first one was not dead after all, and finishes now.
	late := result{d: c.send[0], returned: f.clock.Now(), verdict: hub.Verdict{Outcome: hub.OutcomeRetry, Reason: "late"}}
	if _, err := f.finish(t.Context(), hub.LINE, []result{late}, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"line accepted"}, f.states()); diff != "" {
		t.Errorf("after the first one's finish (-want +got):\n%s", diff)
	}
}

func TestPanickingChannel(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.routeAll()
	f.line.answers(func(context.Context, hub.Message) (hub.Receipt, error) { panic("oh") })
	if wait := f.deliverAll()[hub.LINE]; wait <= 0 {
		t.Errorf("comes again after %s", wait)
	}
	if diff := cmp.Diff([]string{"line unknown (the channel failed inside)"}, f.states()); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
}

func TestHangingChannelIsCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.SendTimeout = time.Millisecond; o.Log = quietLog() })
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.routeAll()
	f.line.answers(func(ctx context.Context, _ hub.Message) (hub.Receipt, error) {
		<-ctx.Done()
		return hub.Receipt{}, &hub.Unknown{Reason: "no answer in time", Safe: true}
	})
	f.deliverAll()
	if diff := cmp.Diff([]string{"line unknown (no answer in time)"}, f.states()); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
}

// Many processes look at the same time: one call.
func TestConcurrentPumpsSendOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.routeAll()
	var wg sync.WaitGroup
	for range 8 {
		p := f.another().pumps[hub.LINE]
		wg.Go(func() { p.drain(t.Context()) })
	}
	wg.Wait()
	f.line.next(t)
	f.line.none(t)
}

// A link that was made anew while the provider called the old one dead stays.
func TestPermanentAboutAnOldLink(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.link("amy", hub.WebPush)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	f.routeAll()
	f.push.answers(func(context.Context, hub.Message) (hub.Receipt, error) {
		f.clock.add(time.Second)
		f.link("amy", hub.WebPush)
		return hub.Receipt{}, &hub.Permanent{Reason: "410"}
	})
	f.deliverAll()
	if got := one[int](f, `select count(*) from channel_link where disabled_at is null`); got != 1 {
		t.Errorf("%d links in use, want 1", got)
	}
}

func TestClassifiedNeverLeaves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, p := range []string{"amy", "dan"} {
		f.link(p, hub.WebPush)
		f.link(p, hub.LINE)
	}
	f.exec(`update account set locale = 'en' where id = 'dan'`)
	f.enqueue(
		f.event(approval.EventArrived, "cls", "amy", highest), f.event(approval.EventReturned, "cls", "amy", highest), f.event(approval.EventDecided, "cls", "dan", highest),
		f.event(approval.EventArrived, "doc", "amy", highest), f.event(approval.EventDecided, "doc", "dan", highest),
	)
	f.routeAll()
	f.deliverAll()
	close(f.push.sent)
	close(f.line.sent)
	var titles []string
	for _, c := range []*channel{f.push, f.line} {
		for m := range c.sent {
			text := shown(m)
			for _, secret := range []string{secretSubject, secretNumber, secretName} {
				if strings.Contains(text, secret) {
					t.Errorf("%s was sent %s", c.name, text)
				}
			}
			if strings.Contains(text, "cls") {
				t.Errorf("%s was sent a link to a classified document: %s", c.name, text)
			}
			titles = append(titles, m.Title)
		}
	}
	slices.Sort(titles)
	want := []string{
		"1 classified document", "1 classified document", "A document of yours was decided", "A document of yours was decided",
		"新到最速件公文 1 件，待處理共 5 件", "新到最速件公文 1 件，待處理共 5 件",
		"機密件公文 1 件", "機密件公文 1 件", "機密件公文 1 件", "機密件公文 1 件",
	}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Errorf("titles (-want +got):\n%s", diff)
	}
}

func TestCountsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.WebPush)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	f.routeAll()
	f.trays.err = errors.New("no counts")
	f.deliverAll()
	f.push.none(t)
	if got := one[string](f, `select concat_ws(' ', state, attempts, (select count(*) from attempt)) from delivery`); got != "pending 0 0" {
		t.Errorf("without counts the delivery is %q, want it untouched", got)
	}
	f.trays.err = nil
	f.clock.add(time.Second)
	f.deliverAll()
	f.push.next(t)
}
