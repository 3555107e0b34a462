package pghub

import (
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// What is delivered cancels nothing, what is seen cancels the rest: over a real
// socket, with the service worker's word and with the chat's, until after the
// time at which LINE is to be told.
func TestDeliveredCancelsNothingSeenTheRest(t *testing.T) {
	t.Parallel()
	// An empty office: the tab has it, and so has the phone in a pocket.
	idle := func(f *chatFixture, page *livePage, push string) {
		page.send(map[string]any{"type": "ack", "seq": 1})
		waitUntil(f.t, func() bool {
			return one[int](f.fixture, `select count(*) from notification where delivered_at is not null`) == 1
		})
		if err := f.Delivered(f.t.Context(), push, "amy"); err != nil {
			f.t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		do   func(f *chatFixture, page *livePage, push string)
		via  string // "": not seen, and LINE is told
	}{
		{"idle desktop tab, push event in a pocket", func(*chatFixture, *livePage, string) {}, ""},
		{"seen frame", func(_ *chatFixture, page *livePage, _ string) {
			page.send(map[string]any{"type": "seen", "seq": 1})
		}, "live"},
		{"tap on the notification", func(f *chatFixture, _ *livePage, push string) {
			if err := f.SeenDelivery(f.t.Context(), push, "amy", hub.WebPush); err != nil {
				f.t.Error(err)
			}
		}, "webpush"},
		{"page opened", func(f *chatFixture, _ *livePage, _ string) {
			if err := f.SeenDocument(f.t.Context(), "amy", "doc", "web"); err != nil {
				f.t.Error(err)
			}
		}, "web"},
		{"已讀 in the chat", func(f *chatFixture, _ *livePage, _ string) {
			line := one[string](f.fixture, `select id from delivery where channel = 'line'`)
			if err := f.Receive(f.t.Context(), []hub.Inbound{f.tap("U-amy", line)}); err != nil {
				f.t.Error(err)
			}
		}, "line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newChatFixture(t)
			f.clock.set(at(23, 15, 0))
			f.fixture.link("amy", hub.WebPush)
			f.start(f.Hub)
			page := openPage(t, f.pages(f.Hub), nil)
			page.next("welcome")
			f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
			if fr := page.next("event"); fr.Seq != 1 {
				t.Fatalf("event is %+v", fr)
			}
			push := f.push.next(t).Delivery
			states := func() string { return strings.Join(f.states(), ", ") }
			wait := func(want string) {
				t.Helper()
				waitUntil(t, func() bool { return states() == want })
			}
			wait("line pending, webpush accepted")
			idle(f, page, push)
			if got := states(); got != "line pending, webpush accepted" {
				t.Fatalf("after it was delivered: %s", got)
			}
			tt.do(f, page, push)
			waitUntil(t, func() bool { return one[string](f.fixture, `select seen_via from notification`) == tt.via })
			f.clock.add(hub.DefaultUnseen - time.Minute)
			f.deliverAll()
			f.line.none(t)
			f.clock.add(2 * time.Minute)
			f.deliverAll()
			if tt.via == "" {
				wait("line accepted, webpush accepted")
				f.line.next(t)
				return
			}
			wait("line cancelled (seen), webpush accepted")
			f.line.none(t)
		})
	}
}
