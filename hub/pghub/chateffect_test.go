package pghub

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// What is written in a chat, and what is said to it.
func TestCommands(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	tests := []struct {
		from, text, want string
	}{
		{"U-amy", "查詢", "待處理公文 5 件"},
		{"U-amy", " ｑｕｅｒｙ！", "待處理公文 5 件"},
		{"U-amy", "件數", "待處理公文 5 件"},
		{"U-amy", "解除綁定", "要解除綁定嗎？"},
		{"U-amy", "您好", "可以這樣用"},
		{"U-amy", "綁定", "可以這樣用"},
		{"U-amy", "", ""}, // a sticker
		{"U-nobody", "查詢", "綁定帳號"},
		{"U-nobody", "amy", "Link your account"},
		{"U-nobody", "", ""},
	}
	for _, tt := range tests {
		f.clock.add(time.Hour) // limits are another test's
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		f.says(f.in(hub.InMessage, tt.from, tt.text), want...)
	}
}

// The counts are those of the moment and of the person, with a link to what is
// to be done first, and nothing that a third party should not read.
func TestQuery(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	f.receive(f.in(hub.InMessage, "U-amy", "查詢"))
	got := f.chat.said[0]
	if got.to.Reply == "" || got.m.URL != "https://sign.example.gov.tw/next" || got.m.Counts.Pending != 5 || got.m.Agency != "青川市政府" || got.m.Acts != nil {
		t.Errorf("answer is %+v", got)
	}
	for _, secret := range []string{secretSubject, secretNumber, secretName} {
		if strings.Contains(shown(got.m), secret) {
			t.Errorf("answer says %q", secret)
		}
	}
	f.exec(`update account set locale = 'en' where person = 'amy'`)
	f.chat.titles()
	f.says(f.in(hub.InMessage, "U-amy", "查詢"), "5 documents pending")
	// Whoever is suspended is nobody, and is told what everybody is told.
	f.exec(`update account set disabled_at = $1 where person = 'amy'`, morning)
	f.says(f.in(hub.InMessage, "U-amy", "查詢"), "綁定帳號")
}

// Where a link token can be had the answer leads to the page that takes it,
// else to our own pages.
func TestHowToLink(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t, func(opt *Options) { opt.Log = quietLog() })
	f.receive(f.in(hub.InFollow, "U-new", ""))
	if got := f.chat.said[0].m; got.URL != "https://sign.example.gov.tw/link/line?linkToken=token-of-U-new" || !strings.Contains(got.Text, "解除綁定") {
		t.Errorf("answer is %+v", got)
	}
	f.chat.titles()
	f.chat.linkFail = errors.New("LINE is away")
	f.receive(f.in(hub.InMessage, "U-new", "綁定"))
	if got := f.chat.said[0].m; got.URL != "https://sign.example.gov.tw/me/notifications" || !strings.Contains(got.Text, "登入") {
		t.Errorf("answer is %+v", got)
	}
}

// Two programs that answer each other come to an end, and who asks seldom is
// always answered.
func TestAnswersAreLimited(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	talk := func(n int, every time.Duration, from, text string) int {
		for range n {
			f.receive(f.in(hub.InMessage, from, text))
			f.clock.add(every)
		}
		return len(f.chat.titles())
	}
	if got := talk(60, time.Second, "U-amy", "您好"); got != 2 {
		t.Errorf("chatter is answered %d times, want 2", got)
	}
	if got := talk(60, time.Second, "U-stranger", "您好"); got != 3 {
		t.Errorf("a stranger's chatter is answered %d times, want 3", got)
	}
	if got := talk(60, time.Second, "U-amy", "查詢"); got != 12 {
		t.Errorf("questions are answered %d times in ten minutes, want 12", got)
	}
	f.clock.add(time.Hour)
	if got := talk(60, 50*time.Second, "U-amy", "查詢"); got != answersAnHour {
		t.Errorf("questions are answered %d times in an hour, want %d", got, answersAnHour)
	}
	f.clock.add(time.Hour)
	if got := talk(5, 5*time.Minute, "U-amy", "查詢"); got != 5 {
		t.Errorf("who asks seldom is answered %d times, want 5", got)
	}
}

// Whatever a linked person does in the chat says that the address is good.
func TestHeardFrom(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	heard := func() string {
		return one[string](f.fixture, `select coalesce(to_char(last_inbound_at at time zone 'Asia/Taipei', 'HH24:MI'), 'never') || ' ' || to_char(confirmed_at at time zone 'Asia/Taipei', 'HH24:MI') from channel_link where id = $1`, f.link)
	}
	if got := heard(); got != "never 10:00" {
		t.Errorf("heard at %s", got)
	}
	f.clock.add(5 * time.Minute)
	for i, kind := range []hub.InboundKind{hub.InMessage, hub.InPostback, hub.InTouch, hub.InFollow} {
		f.clock.add(time.Minute)
		f.receive(f.in(kind, "U-amy", ""))
		want := fmt.Sprintf("10:%02d 10:%02d", 6+i, 6+i)
		if got := heard(); got != want {
			t.Errorf("after %s: heard at %s, want %s", kind, got, want)
		}
	}
	f.clock.add(time.Minute)
	late := f.in(hub.InMessage, "U-amy", "")
	late.At = morning // came late, happened before
	f.receive(late, f.in(hub.InDelivered, "U-amy", ""), f.in(hub.InRead, "U-amy", ""))
	if got := heard(); got != "10:09 10:09" {
		t.Errorf("in the end: heard at %s", got)
	}
}

// A block ends the link and is told elsewhere; the end of the block brings the
// link back if nothing else has happened meanwhile.
func TestBlocked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		then  func(f *chatFixture)
		want  []string // links
		says  string
		notes int // notices of amy's, the one of the block included
	}{
		{"unblocked", func(*chatFixture) {}, []string{"amy in force"}, "已綁定", 2},
		{"removed on the web before", nil, []string{"amy removed"}, "綁定帳號", 1},
		{"has linked another meanwhile", func(f *chatFixture) { f.linked("amy", "U-other") }, []string{"amy blocked", "amy in force"}, "綁定帳號", 1},
		{"is somebody else's meanwhile", func(f *chatFixture) { f.linked("ben", "U-amy") }, []string{"amy blocked", "ben in force"}, "可以這樣用", 1},
		{"was somebody else's meanwhile", func(f *chatFixture) {
			id := f.linked("ben", "U-amy")
			if err := f.RemoveLink(f.t.Context(), "ben", id); err != nil {
				f.t.Error(err)
			}
		}, []string{"amy blocked", "ben removed"}, "綁定帳號", 1},
		{"suspended meanwhile", func(f *chatFixture) {
			f.exec(`update account set disabled_at = $1 where person = 'amy'`, f.clock.Now())
		}, []string{"amy blocked"}, "綁定帳號", 1},
		{"long ago", func(f *chatFixture) { f.clock.add(comesBack) }, []string{"amy blocked"}, "綁定帳號", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newChatFixture(t)
			f.clock.add(time.Minute)
			if tt.then == nil {
				if err := f.RemoveLink(t.Context(), "amy", f.link); err != nil {
					t.Fatal(err)
				}
			}
			f.says(f.in(hub.InUnfollow, "U-amy", ""))
			f.clock.add(time.Minute)
			if tt.then != nil {
				tt.then(f)
			}
			f.clock.add(time.Minute)
			f.says(f.in(hub.InFollow, "U-amy", ""), tt.says)
			if diff := cmp.Diff(tt.want, f.linksOf(hub.LINE)); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
			if got := one[int](f.fixture, `select count(*) from notification where person = 'amy' and kind like 'channel.%'`); got != tt.notes {
				t.Errorf("%d notices, want %d: %q", got, tt.notes, f.notices())
			}
		})
	}
}

// A late word of a block that was lifted since changes nothing.
func TestLateUnfollow(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	f.clock.add(time.Minute)
	block := f.in(hub.InUnfollow, "U-amy", "")
	f.clock.add(time.Minute)
	f.receive(f.in(hub.InMessage, "U-amy", "查詢"))
	f.receive(block)
	if diff := cmp.Diff([]string{"amy in force"}, f.linksOf(hub.LINE)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

// A notice of a link is told through every channel but that link.
func TestNoticeGoesElsewhere(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	f.fixture.link("amy", hub.WebPush)
	f.clock.add(time.Minute)
	f.receive(f.in(hub.InUnfollow, "U-amy", ""))
	f.clock.add(time.Minute)
	f.receive(f.in(hub.InFollow, "U-amy", ""))
	f.routeAll()
	want := []string{"channel.linked webpush", "channel.unlinked webpush"}
	if diff := cmp.Diff(want, query[string](f.fixture, `select distinct n.kind || ' ' || d.channel from delivery d join notification n on n.id = d.notification order by 1`)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// An address that ended by itself is told of once, and only lately ended ones.
func TestEndedByThemselves(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	f.linked("ben", "U-ben")
	f.linked("cid", "U-cid")
	f.linked("cid", "U-cid-2")
	f.exec(`update channel_link set disabled_at = $1, reason = '400 Failed to send messages' where person = 'ben'`, morning)
	for range 2 {
		if err := f.sweepEnded(t.Context(), f.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"ben channel.unlinked line"}, f.notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if err := f.RemoveLink(t.Context(), "amy", f.link); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Minute)
	if err := f.sweepEnded(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"amy channel.unlinked line", "ben channel.unlinked line"}, f.notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

// 解除綁定: asked for, confirmed, and good for the link that it was shown for.
func TestUnlinkInTheChat(t *testing.T) {
	t.Parallel()
	f := newChatFixture(t)
	f.receive(f.in(hub.InMessage, "U-amy", "解除綁定"))
	m := f.chat.said[0].m
	if len(m.Acts) != 1 || m.Postback(m.Acts[0]) != "unlink:"+f.link {
		t.Fatalf("answer is %+v", m)
	}
	f.chat.titles()
	other := f.linked("ben", "U-ben")
	f.says(f.in(hub.InPostback, "U-amy", "unlink:"+other), "這個按鈕已失效")
	f.says(f.in(hub.InPostback, "U-amy", m.Postback(m.Acts[0])), "已解除綁定")
	f.says(f.in(hub.InPostback, "U-amy", m.Postback(m.Acts[0])), "綁定帳號")
	if diff := cmp.Diff([]string{"amy unlinked in the chat", "ben in force"}, f.linksOf(hub.LINE)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"amy channel.unlinked line"}, f.notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if err := f.RemoveLink(t.Context(), "amy", f.link); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("removing it once more: %v", err)
	}
}
