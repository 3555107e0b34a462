package pghub

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// sent gives the delivery through LINE of the latest notification.
func (f *chatFixture) sent() string {
	f.t.Helper()
	f.routeAll()
	f.deliverAll()
	return one[string](f.fixture, `select d.id from delivery d join notification n on n.id = d.notification where d.channel = 'line' order by n.created_at desc, n.id desc limit 1`)
}

func (f *chatFixture) tap(from, delivery string) hub.Inbound {
	return f.in(hub.InPostback, from, hub.VerbSeen+":"+delivery)
}

// 已讀 in the chat: what was still to be sent is not, and every page looks
// again.
func TestTapSeen(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	f.fixture.link("amy", hub.WebPush)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	delivery := f.sent()
	rev := one[int64](f.fixture, `select rev from inbox where person = 'amy'`)
	f.clock.add(time.Minute)
	f.says(f.tap("U-amy", delivery), "已標為已讀")
	if diff := cmp.Diff([]string{"line cancelled (seen)", "webpush accepted"}, f.states()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if got := one[string](f.fixture, `select seen_via || to_char(seen_at at time zone 'Asia/Taipei', ' HH24:MI') from notification`); got != "line 10:01" {
		t.Errorf("seen %s", got)
	}
	if now := one[int64](f.fixture, `select rev from inbox where person = 'amy'`); now <= rev {
		t.Errorf("the inbox has not moved: pages do not look again")
	}
	// Once more: nothing is done twice.
	f.clock.add(time.Minute)
	f.says(f.tap("U-amy", delivery), "已標為已讀")
	if got := one[string](f.fixture, `select to_char(seen_at at time zone 'Asia/Taipei', 'HH24:MI') from notification`); got != "10:01" {
		t.Errorf("seen at %s after a second tap", got)
	}
}

// A message speaks for those that were given up for it (but not for a sign-in
// on a new device), so that 已讀 on it is about them too.
func TestTapSeenSpeaksForOthers(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t, house)
	f.document("doc2", "")
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	f.routeAll()
	f.clock.add(time.Minute)
	f.exec(`update inbox set seq = seq + 1 where person = 'amy'`)
	f.exec(`insert into notification (id, person, seq, kind, dedup, created_at) select 'new-device', person, seq, 'login.new_device', 'x', $1 from inbox where person = 'amy'`, morning)
	f.enqueue(f.event(approval.EventArrived, "doc2", "amy", highest))
	f.routeAll()
	f.deliverAll()
	delivery := one[string](f.fixture, `select d.id from delivery d join notification n on n.id = d.notification where n.document = 'doc2' and d.channel = 'line'`)
	if got := one[int](f.fixture, `select count(*) from delivery where superseded_by = $1`, delivery); got != 1 {
		t.Fatalf("it speaks for %d others, want 1", got)
	}
	f.says(f.tap("U-amy", delivery), "已標為已讀")
	if diff := cmp.Diff([]string{"login.new_device"}, query[string](f.fixture, `select kind from notification where person = 'amy' and seen_at is null`)); diff != "" {
		t.Errorf("not seen (-want +got):\n%s", diff)
	}
}

// Every check that stands between a tap and its effect.
func TestTapIsChecked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		tap  func(f *chatFixture, delivery string) hub.Inbound
		says string
	}{
		{"good", func(f *chatFixture, d string) hub.Inbound { return f.tap("U-amy", d) }, "已標為已讀"},
		{"a stranger's", func(f *chatFixture, d string) hub.Inbound { return f.tap("U-stranger", d) }, "綁定帳號"},
		{"a colleague's", func(f *chatFixture, d string) hub.Inbound { f.linked("ben", "U-ben"); return f.tap("U-ben", d) }, "這個按鈕已失效"},
		{"of another link of the same person", func(f *chatFixture, d string) hub.Inbound { f.linked("amy", "U-amy-2"); return f.tap("U-amy-2", d) }, "這個按鈕已失效"},
		{"from before the address was linked anew", func(f *chatFixture, d string) hub.Inbound {
			f.exec(`update channel_link set disabled_at = $1`, f.clock.Now())
			f.linked("amy", "U-amy")
			return f.tap("U-amy", d)
		}, "這個按鈕已失效"},
		{"when the address is somebody else's now", func(f *chatFixture, d string) hub.Inbound { f.linked("ben", "U-amy"); return f.tap("U-amy", d) }, "這個按鈕已失效"},
		{"through another channel", func(f *chatFixture, d string) hub.Inbound {
			_, err := f.AddLink(f.t.Context(), hub.Link{Person: "amy", Channel: hub.Messenger, Address: hub.Address{Value: "U-amy"}})
			if err != nil {
				f.t.Error(err)
			}
			in := f.tap("U-amy", d)
			in.Channel = hub.Messenger
			return in
		}, ""},
		{"of somebody suspended", func(f *chatFixture, d string) hub.Inbound {
			f.exec(`update account set disabled_at = $1`, f.clock.Now())
			return f.tap("U-amy", d)
		}, "綁定帳號"},
		{"of an unlinked one", func(f *chatFixture, d string) hub.Inbound {
			if err := f.RemoveLink(f.t.Context(), "amy", f.chatLink()); err != nil {
				f.t.Error(err)
			}
			return f.tap("U-amy", d)
		}, "綁定帳號"},
		{"no such delivery", func(f *chatFixture, d string) hub.Inbound { return f.tap("U-amy", f.newID()) }, "這個按鈕已失效"},
		{"no delivery", func(f *chatFixture, d string) hub.Inbound { return f.in(hub.InPostback, "U-amy", "seen:") }, "這個按鈕已失效"},
		{"a verb that there is not", func(f *chatFixture, d string) hub.Inbound { return f.in(hub.InPostback, "U-amy", "approve:"+d) }, "這個按鈕已失效"},
		{"rubbish", func(f *chatFixture, d string) hub.Inbound { return f.in(hub.InPostback, "U-amy", "';--") }, "這個按鈕已失效"},
		{"withdrawn", func(f *chatFixture, d string) hub.Inbound {
			f.exec(`update notification set cancelled_at = $1, cancel_reason = 'withdrawn'`, morning.Add(32*time.Minute))
			return f.tap("U-amy", d)
		}, "此件已於 10:32 處理完畢"},
		{"decided", func(f *chatFixture, d string) hub.Inbound { f.handle("ben", 32*time.Minute); return f.tap("U-amy", d) }, "此件已於 10:32 處理完畢"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newChatFixture(t)
			f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
			delivery := f.sent()
			f.clock.add(time.Hour)
			in := tt.tap(f, delivery)
			if tt.says == "" {
				f.says(in)
			} else {
				f.says(in, tt.says)
			}
			seen := one[int](f.fixture, `select count(*) from notification where seen_at is not null`)
			if want := map[bool]int{true: 1}[tt.name == "good"]; seen != want {
				t.Errorf("%d notifications are seen, want %d", seen, want)
			}
		})
	}
}

func (f *chatFixture) chatLink() string {
	return one[string](f.fixture, `select id from channel_link where person = 'amy' and channel = 'line' and disabled_at is null`)
}

// handle closes amy's step, by somebody.
func (f *chatFixture) handle(by string, after time.Duration) {
	f.t.Helper()
	f.exec(`update step set state = 'closed', closed_at = $1, acted_by = $2, acted_name = '科長', action = 'approve' where id = 'doc-amy'`, morning.Add(after), by)
}

// A stale tap is answered with the time, on another day with the day, and with
// a masked name only where the organisation wants that, and never for a
// classified document.
func TestStaleTap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		doc   string
		names bool
		later time.Duration
		want  string
	}{
		{"the same day", "doc", false, time.Hour, "此件已於 10:32 處理完畢"},
		{"another day", "doc", false, 24 * time.Hour, "此件已於 11月23日 10:32 處理完畢"},
		{"with a name", "doc", true, time.Hour, "此件已於 10:32 由王○○處理完畢"},
		{"classified", "cls", true, time.Hour, "此件已於 10:32 處理完畢"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newChatFixture(t, func(opt *Options) { opt.Policy.NamesInReplies = &tt.names })
			f.enqueue(f.event(approval.EventArrived, tt.doc, "amy", highest))
			delivery := f.sent()
			f.handle("ben", 32*time.Minute)
			f.exec(`update step set state = 'closed', closed_at = $1, acted_by = 'ben', action = 'approve' where id = 'cls-amy'`, morning.Add(32*time.Minute))
			f.clock.add(tt.later)
			f.says(f.tap("U-amy", delivery), tt.want)
		})
	}
}

// The same tap at two nodes, and the same event twice: one effect, one answer.
func TestTapAtTwoNodes(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	in := f.tap("U-amy", f.sent())
	nodes := []*Hub{f.another(), f.another(), f.another(), f.another()}
	var wg sync.WaitGroup
	for _, h := range nodes {
		wg.Go(func() {
			if err := h.Receive(t.Context(), []hub.Inbound{in}); err != nil {
				t.Error(err)
			}
			if _, err := h.attend(t.Context(), hub.LINE, senderOf(in)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.attendAll()
	if got := f.chat.titles(); fmt.Sprint(got) != "[U-amy: 已標為已讀]" {
		t.Errorf("answers are %q", got)
	}
}
