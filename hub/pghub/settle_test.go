package pghub

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// delivery writes one of a notification to person, as it stands after attempts
// calls.
func (f *fixture) delivery(person string, c hub.ChannelName, state hub.State, attempts int, provider string) string {
	f.t.Helper()
	link := one[string](f, `select coalesce(min(id), '') from channel_link where person = $1 and channel = $2`, person, c)
	if link == "" {
		link = f.link(person, c)
	}
	id := f.newID()
	doc := "about " + id
	f.document(doc, "")
	f.enqueue(f.event(approval.EventArrived, doc, person))
	n := one[string](f, `select id from notification where document = $1`, doc)
	f.exec(`update notification set routed_at = created_at where id = $1`, n)
	f.exec(`insert into delivery (id, notification, channel, link, state, not_before, attempts, provider_id, created_at, expires_at, done_at, ref, first_at, began_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $6, $9, $10, $11, $12, $12)`,
		id, n, c, link, state, f.clock.Now(), attempts, provider, f.clock.Now().Add(10*time.Hour),
		orNullTime(map[bool]time.Time{true: f.clock.Now()}[state == hub.StateAccepted || state == hub.StateFailed || state == hub.StateCancelled]),
		hub.RefOf(id), orNullTime(map[bool]time.Time{true: f.clock.Now()}[attempts > 0]))
	for i := range attempts {
		f.exec(`insert into attempt (delivery, number, started_at) values ($1, $2, $3)`, id, i+1, f.clock.Now())
	}
	return id
}

// stands gives where a delivery stands: state, provider's name, what was
// reported, whether it is done, whether a device has it.
func (f *fixture) stands(id string) string {
	f.t.Helper()
	return one[string](f, `select concat_ws(' ', state, coalesce(nullif(provider_id, ''), '-'), coalesce(nullif(reported, ''), '-'), done_at is not null, delivered_at is not null) from delivery where id = $1`, id)
}

func TestSettle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		state    hub.State
		attempts int
		provider string
		says     []string // "provider word", in the order in which they come
		want     string
	}{
		{"in order", hub.StateAccepted, 1, "SM1", []string{"SM1 queued", "SM1 sent", "SM1 delivered"}, "accepted SM1 delivered t t"},
		{"out of order", hub.StateAccepted, 1, "SM1", []string{"SM1 delivered", "SM1 queued", "SM1 sent"}, "accepted SM1 delivered t t"},
		{"the end is the end", hub.StateAccepted, 1, "SM1", []string{"SM1 undelivered", "SM1 delivered", "SM1 sent"}, "failed SM1 undelivered t f"},
		{"fails after it was taken", hub.StateAccepted, 1, "SM1", []string{"SM1 sent", "SM1 failed"}, "failed SM1 failed t f"},
		{"repeated", hub.StateAccepted, 1, "SM1", []string{"SM1 failed", "SM1 failed"}, "failed SM1 failed t f"},
		{"read is more than delivered", hub.StateAccepted, 1, "SM1", []string{"SM1 read", "SM1 delivered"}, "accepted SM1 read t t"},
		{"a word nobody knows", hub.StateAccepted, 1, "SM1", []string{"SM1 receiving", "SM1 "}, "accepted SM1 - t f"},
		{"in capitals", hub.StateAccepted, 1, "SM1", []string{"SM1 DELIVERED"}, "accepted SM1 delivered t t"},

		{"in doubt, and it was taken", hub.StateUnknown, 1, "", []string{"SM1 sent"}, "accepted SM1 sent t f"},
		{"in doubt, and it arrived", hub.StateUnknown, 1, "", []string{"SM1 delivered"}, "accepted SM1 delivered t t"},
		{"in doubt, and it failed", hub.StateUnknown, 1, "", []string{"SM1 undelivered"}, "failed SM1 undelivered t f"},
		{"before the call has returned", hub.StateSending, 1, "", []string{"SM1 queued"}, "accepted SM1 queued t f"},

		{"sent twice, the first arrived", hub.StateAccepted, 2, "SM2", []string{"SM1 delivered"}, "accepted SM2 delivered t t"},
		{"sent twice, the first failed", hub.StateAccepted, 2, "SM2", []string{"SM1 failed", "SM2 delivered"}, "accepted SM2 delivered t t"},
		{"the second failed, the first has arrived", hub.StateAccepted, 2, "SM2", []string{"SM2 failed", "SM1 delivered"}, "accepted SM1 delivered t t"},

		{"never sent", hub.StatePending, 0, "", []string{"SM1 delivered"}, "pending - - f f"},
		{"cancelled", hub.StateCancelled, 1, "", []string{"SM1 failed"}, "cancelled - - t f"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *Options) { o.Log = quietLog() })
			id := f.delivery("amy", hub.SMS, tt.state, tt.attempts, tt.provider)
			for _, s := range tt.says {
				var provider, word string
				_, _ = fmt.Sscan(s, &provider, &word)
				in := hub.Inbound{Channel: hub.SMS, Kind: hub.InStatus, Delivery: id, Provider: []string{provider}, Data: word}
				if err := f.settle(t.Context(), in); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.stands(id); got != tt.want {
				t.Errorf("delivery is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSettleFinds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine := f.delivery("amy", hub.Messenger, hub.StateAccepted, 1, "mid.1")
	f.clock.add(time.Minute)
	later := f.delivery("amy", hub.Messenger, hub.StateAccepted, 1, "mid.2")
	others := f.delivery("ben", hub.Messenger, hub.StateAccepted, 1, "mid.3")
	doubt := f.delivery("amy", hub.Messenger, hub.StateUnknown, 1, "")
	line := f.delivery("amy", hub.LINE, hub.StateAccepted, 1, "mid.1")
	address := "address of amy on messenger"
	settle := func(in hub.Inbound) {
		t.Helper()
		in.Channel = hub.Messenger
		if err := f.settle(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, id := range []string{mine, later, others, doubt, line} {
			got = append(got, f.stands(id))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	settle(hub.Inbound{Kind: hub.InDelivered, From: address, Until: morning.Add(30 * time.Second)})
	check("what was sent up to the watermark is there",
		"accepted mid.1 delivered t t", "accepted mid.2 - t f", "accepted mid.3 - t f", "unknown - - f f", "accepted mid.1 - t f")
	settle(hub.Inbound{Kind: hub.InDelivered, Provider: []string{"mid.3", "mid.9"}})
	check("by the provider's names",
		"accepted mid.1 delivered t t", "accepted mid.2 - t f", "accepted mid.3 delivered t t", "unknown - - f f", "accepted mid.1 - t f")
	settle(hub.Inbound{Kind: hub.InRead, From: address, Until: morning.Add(time.Hour)})
	check("read, and no word of what nobody knows was sent",
		"accepted mid.1 read t t", "accepted mid.2 read t t", "accepted mid.3 delivered t t", "unknown - - f f", "accepted mid.1 - t f")
	settle(hub.Inbound{Kind: hub.InRead, From: "a stranger", Until: morning.Add(time.Hour)})
	settle(hub.Inbound{Kind: hub.InStatus, Delivery: line, Data: "delivered"}) // of another channel
	settle(hub.Inbound{Kind: hub.InMessage, From: address, Data: "delivered"})
	check("nothing to do with us",
		"accepted mid.1 read t t", "accepted mid.2 read t t", "accepted mid.3 delivered t t", "unknown - - f f", "accepted mid.1 - t f")
	if got := one[int](f, `select count(*) from notification where delivered_at is not null and seen_at is null`); got != 3 {
		t.Errorf("%d notifications are delivered and not seen, want 3", got)
	}
}

// What a chat calls read is no document opened: later channels still come.
func TestReadInAChatCancelsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.delivery("amy", hub.Messenger, hub.StateAccepted, 1, "mid.1")
	next := f.beside(id, hub.LINE, time.Hour)
	if err := f.settle(t.Context(), hub.Inbound{Channel: hub.Messenger, Kind: hub.InRead, Provider: []string{"mid.1"}}); err != nil {
		t.Fatal(err)
	}
	if got := f.stands(next); got != "pending - - f f" {
		t.Errorf("the next leg is %q", got)
	}
}

// beside plans another leg of the notification of a delivery.
func (f *fixture) beside(delivery string, c hub.ChannelName, after time.Duration) string {
	f.t.Helper()
	id, link := f.newID(), f.link("amy", c)
	f.exec(`insert into delivery (id, notification, channel, link, state, not_before, created_at, expires_at)
		select $1, notification, $3, $4, 'pending', $5, $6, $7 from delivery where id = $2`,
		id, delivery, c, link, f.clock.Now().Add(after), f.clock.Now(), f.clock.Now().Add(10*time.Hour))
	return id
}

func TestSettleFailure(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		outcome hub.Outcome
		alone   bool
		want    string // delivery, whether the link is in use, whether the channel is, whether the next leg is due
	}{
		{"rejected", hub.OutcomeRejected, false, "failed undelivered 30007; link t; channel t; next t"},
		{"permanent", hub.OutcomePermanent, false, "failed undelivered 30007; link f; channel t; next t"},
		{"channel down", hub.OutcomeChannelDown, false, "failed undelivered 30007; link t; channel f; next t"},
		{"not now, and there is another way", hub.OutcomeRetry, false, "failed undelivered 30007; link t; channel t; next t"},
		{"not now, and there is none", hub.OutcomeRetry, true, "pending undelivered 30007; link t; channel t; next f"},
		{"nobody says", "", false, "failed undelivered 30007; link t; channel t; next t"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *Options) { o.Log = quietLog() })
			id := f.delivery("amy", hub.SMS, hub.StateAccepted, 1, "SM1")
			if !tt.alone {
				f.beside(id, hub.LINE, time.Hour)
			}
			f.clock.add(time.Second)
			for range 2 {
				in := hub.Inbound{Channel: hub.SMS, Kind: hub.InStatus, Delivery: id, Provider: []string{"SM1"}, Data: "undelivered", Code: "30007", Outcome: tt.outcome}
				if err := f.settle(t.Context(), in); err != nil {
					t.Fatal(err)
				}
			}
			got := one[string](f, `
				select concat(d.state, ' ', d.reason, '; link ', l.disabled_at is null,
					'; channel ', not exists (select from channel_state where channel = 'sms' and down_until > $2),
					'; next ', exists (select from delivery o where o.channel = 'line' and o.not_before <= $2))
				from delivery d join channel_link l on l.id = d.link where d.id = $1`, id, f.clock.Now())
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A callback overtakes the answer of the very call that it is about.
func TestSettleBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct{ word, want string }{
		{"sent", "accepted SM1 sent t f"},
		{"failed", "failed SM1 failed t f"},
	}
	for _, tt := range tests {
		t.Run(tt.word, func(t *testing.T) {
			t.Parallel()
			sms := newChannel(hub.SMS)
			f := newFixture(t, func(o *Options) { o.Channels = []hub.Channel{sms}; o.Log = quietLog() })
			id := f.delivery("amy", hub.SMS, hub.StatePending, 0, "")
			sms.answers(func(ctx context.Context, m hub.Message) (hub.Receipt, error) {
				err := f.settle(ctx, hub.Inbound{Channel: hub.SMS, Kind: hub.InStatus, Delivery: m.Delivery, Provider: []string{"SM1"}, Data: tt.word})
				if err != nil {
					t.Error(err)
				}
				return hub.Receipt{ProviderID: "SM1"}, nil
			})
			f.deliverAll()
			if got := f.stands(id); got != tt.want {
				t.Errorf("delivery is %q, want %q", got, tt.want)
			}
			if got := one[string](f, `select outcome from attempt where delivery = $1`, id); got != "accepted" {
				t.Errorf("attempt is %q, want accepted", got)
			}
		})
	}
}
