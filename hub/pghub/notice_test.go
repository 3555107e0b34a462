package pghub

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func TestPosted(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	n := form("k", "amy", "ben")
	n.Due = morning.Add(14 * time.Hour)
	p := f.publish(n)
	got, err := f.Posted(t.Context(), "amy", p.To[0].Notification)
	if err != nil {
		t.Fatal(err)
	}
	want := hub.Posted{
		Notification: hub.Notification{
			ID: p.To[0].Notification, Person: "amy", Seq: 1, Kind: hub.KindForm, Speed: approval.SpeedNormal, Due: n.Due, At: morning,
		},
		Title: n.Title, From: "hr", URL: n.URL,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	for who, id := range map[approval.PersonID]string{
		"ben":  p.To[0].Notification,
		"amy":  one[string](f, `select id from notification where document = 'doc'`),
		"cid":  "",
		"dan":  p.Notice,
		"amy ": p.To[0].Notification,
	} {
		if _, err := f.Posted(t.Context(), who, id); !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("%s asks for %s: got %v, want ErrNotFound", who, id, err)
		}
		if err := f.CloseNotice(t.Context(), who, id); !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("%s closes %s: got %v, want ErrNotFound", who, id, err)
		}
	}
}

func TestSeenNotification(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	f.link("amy", hub.LINE)
	a, b := f.publish(form("a", "amy", "ben")), f.publish(form("b", "amy"))
	f.routeAll()
	for _, who := range []approval.PersonID{"ben", "amy", "amy"} {
		if err := f.SeenNotification(t.Context(), who, a.To[0].Notification, "web"); err != nil {
			t.Fatal(err)
		}
		f.clock.add(time.Second)
	}
	got := query[string](f, `select concat_ws(' ', t.key, n.person, n.seen_via, n.seen_at = $1, d.state, d.reason) from notification n join notice t on t.id = n.notice
		left join delivery d on d.notification = n.id order by 1`, morning.Add(time.Second))
	if diff := cmp.Diff([]string{"a amy web t cancelled seen", "a ben ", "b amy  pending "}, got); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	if h, err := f.Head(t.Context(), "amy"); err != nil || h.Counts.Forms != 2 {
		t.Errorf("a form that was seen still waits: %+v, %v", h.Counts, err)
	}
	_ = b
}

func TestDone(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	f.link("amy", hub.LINE)
	f.link("ben", hub.LINE)
	p := f.publish(form("a", "amy", "ben", "cid", "nobody"))
	f.publish(form("b", "amy"))
	f.routeAll()
	counts := func(who approval.PersonID) int {
		t.Helper()
		h, err := f.Head(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		c, err := f.counts(t.Context(), who)
		if err != nil || c.Forms != h.Counts.Forms {
			t.Errorf("counts say %d forms and the head %d, %v", c.Forms, h.Counts.Forms, err)
		}
		return h.Counts.Forms
	}
	if counts("amy") != 2 || counts("cid") != 1 || counts("dan") != 0 {
		t.Errorf("forms of amy %d, of cid %d, of dan %d", counts("amy"), counts("cid"), counts("dan"))
	}
	if err := f.SeenNotification(t.Context(), "cid", p.To[2].Notification, "web"); err != nil {
		t.Fatal(err)
	}
	revs := query[int64](f, `select rev from inbox order by person`)

	if _, err := f.Done(t.Context(), "assets", p.Notice, nil); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("another token's: got %v, want ErrNotFound", err)
	}
	if _, err := f.Done(t.Context(), "hr", "none", nil); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("none: got %v, want ErrNotFound", err)
	}
	if open, err := f.Done(t.Context(), "hr", p.Notice, []string{"ben", "nobody"}); err != nil || open != 2 {
		t.Errorf("done for ben: %d open, %v, want 2", open, err)
	}
	if counts("amy") != 2 || counts("ben") != 0 {
		t.Errorf("forms of amy %d, of ben %d", counts("amy"), counts("ben"))
	}
	f.clock.add(time.Minute)
	for range 2 {
		if open, err := f.Done(t.Context(), "hr", p.Notice, nil); err != nil || open != 0 {
			t.Errorf("done for all: %d open, %v, want 0", open, err)
		}
		f.clock.add(time.Minute)
	}
	if counts("amy") != 1 || counts("cid") != 0 {
		t.Errorf("forms of amy %d, of cid %d", counts("amy"), counts("cid"))
	}
	got := query[string](f, `select concat_ws(' ', t.key, n.person, n.cancel_reason, d.state) from notification n join notice t on t.id = n.notice
		left join delivery d on d.notification = n.id order by 1`)
	const reason = "handled or withdrawn by its sender"
	if diff := cmp.Diff([]string{"a amy " + reason + " cancelled", "a ben " + reason + " cancelled", "a cid " + reason, "b amy  pending"}, got); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
	moved := query[int64](f, `select rev from inbox order by person`)
	for i := range revs[:3] {
		if moved[i] != revs[i]+1 {
			t.Errorf("inboxes moved from %v to %v, want each once", revs, moved)
			break
		}
	}
	if got := one[bool](f, `select done_at = $2 from notice where id = $1`, p.Notice, morning.Add(time.Minute)); !got {
		t.Error("the notice is not done, or not since then")
	}
}

func TestCloseNotice(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	p := f.publish(form("a", "amy", "ben"))
	for range 2 {
		if err := f.CloseNotice(t.Context(), "amy", p.To[0].Notification); err != nil {
			t.Fatal(err)
		}
	}
	got := query[string](f, `select concat_ws(' ', person, cancel_reason) from notification order by 1`)
	if !slices.Equal(got, []string{"amy handled, says its recipient", "ben "}) {
		t.Errorf("closed %q", got)
	}
	if r, err := f.NoticeReport(t.Context(), "hr", p.Notice); err != nil || !r.Done.IsZero() {
		t.Errorf("report %+v, %v", r, err)
	}
	if err := f.CloseNotice(t.Context(), "ben", p.To[1].Notification); err != nil {
		t.Fatal(err)
	}
	if r, err := f.NoticeReport(t.Context(), "hr", p.Notice); err != nil || r.Done.IsZero() {
		t.Errorf("report %+v, %v", r, err)
	}
}

func TestBoard(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	say := func(kind hub.Kind, key string, due time.Time) hub.Publication {
		n := form(key, "amy", "ben")
		n.Kind, n.Title, n.Due = kind, key, due
		return f.publish(n)
	}
	say(hub.KindAnnouncement, "very old", time.Time{})
	say(hub.KindForm, "old form", time.Time{})
	f.clock.add(announced)
	say(hub.KindForm, "next week", morning.Add(9*24*time.Hour))
	say(hub.KindForm, "tomorrow", morning.Add(24*time.Hour))
	gone := say(hub.KindForm, "done", morning)
	say(hub.KindAnnouncement, "first", time.Time{})
	say(hub.KindAnnouncement, "second", time.Time{})
	withdrawn := say(hub.KindAnnouncement, "withdrawn", time.Time{})
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	for _, p := range []hub.Publication{gone, withdrawn} {
		if _, err := f.Done(t.Context(), "hr", p.Notice, []string{"amy"}); err != nil {
			t.Fatal(err)
		}
	}
	titles := func(list []hub.Posted) []string {
		out := []string{}
		for _, p := range list {
			out = append(out, p.Title)
		}
		return out
	}
	forms, announcements, err := f.Board(t.Context(), "amy", 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"tomorrow", "next week", "old form"}, titles(forms)); diff != "" {
		t.Errorf("forms (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"second", "first"}, titles(announcements)); diff != "" {
		t.Errorf("announcements (-want +got):\n%s", diff)
	}
	if forms, announcements, err = f.Board(t.Context(), "ben", 1); err != nil || len(forms) != 1 || forms[0].Title != "done" || len(announcements) != 1 || announcements[0].Title != "withdrawn" {
		t.Errorf("the first of ben's: %v, %v, %v", titles(forms), titles(announcements), err)
	}
	if forms, announcements, err = f.Board(t.Context(), "cid", 1); err != nil || len(forms)+len(announcements) > 0 {
		t.Errorf("cid has %v, %v, %v", titles(forms), titles(announcements), err)
	}
}

func TestNoticeReport(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	f.link("amy", hub.LINE)
	f.link("amy", hub.WebPush)
	p := f.publish(form("k", "ben", "amy", "nobody"))
	f.routeAll()
	f.deliverAll()
	push := one[string](f, `select id from delivery where channel = 'webpush'`)
	if err := f.Delivered(t.Context(), push, "amy"); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Minute)
	if err := f.SeenNotification(t.Context(), "amy", p.To[1].Notification, "web"); err != nil {
		t.Fatal(err)
	}
	got, err := f.NoticeReport(t.Context(), "hr", p.Notice)
	if err != nil {
		t.Fatal(err)
	}
	want := hub.NoticeReport{ID: p.Notice, Key: "k", Kind: hub.KindForm, Created: morning, To: []hub.NoticeRecipient{
		{Account: "amy", Notification: p.To[1].Notification, Written: morning, Delivered: morning, Seen: morning.Add(time.Minute), Channels: []hub.NoticeChannel{
			{Channel: hub.LINE, State: hub.StateCancelled}, {Channel: hub.WebPush, State: hub.StateAccepted, Delivered: morning},
		}},
		{Account: "ben", Notification: p.To[0].Notification, Written: morning},
		{Account: "nobody", Refused: hub.RefusedUnknown},
	}}
	for i := range got.To {
		slices.SortFunc(got.To[i].Channels, func(a, b hub.NoticeChannel) int { return int(a.Channel[0]) - int(b.Channel[0]) })
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	for _, who := range [][2]string{{"assets", p.Notice}, {"hr", "none"}, {"hr", p.To[0].Notification}} {
		if _, err := f.NoticeReport(t.Context(), who[0], who[1]); !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("%s asks for %s: got %v, want ErrNotFound", who[0], who[1], err)
		}
	}
}

// What has moved into the ledger is still answered for; what was kept long
// enough is forgotten, its key too. A form that waits is not forgotten.
func TestNoticesGrowOld(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	f.link("amy", hub.LINE)
	first := f.publish(form("k", "amy", "ben", "nobody"))
	waits := f.publish(form("waits", "cid"))
	f.routeAll()
	f.clock.add(20 * time.Minute)
	f.deliverAll()
	if _, err := f.Done(t.Context(), "hr", first.Notice, nil); err != nil {
		t.Fatal(err)
	}
	before, err := f.NoticeReport(t.Context(), "hr", first.Notice)
	if err != nil {
		t.Fatal(err)
	}
	f.clock.add(15 * 24 * time.Hour)
	if err := f.archive(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := one[int](f, `select count(*) from notification where notice = $1`, first.Notice); got != 0 {
		t.Fatalf("%d notifications have not moved", got)
	}
	after, err := f.NoticeReport(t.Context(), "hr", first.Notice)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*hub.NoticeReport{&before, &after} {
		slices.SortFunc(r.To, func(a, b hub.NoticeRecipient) int { return strings.Compare(a.Account, b.Account) })
	}
	if diff := cmp.Diff(before, after, cmp.Comparer(time.Time.Equal)); diff != "" || len(before.To[0].Channels) != 1 {
		t.Errorf("report before and after it moved (-before +after):\n%s", diff)
	}
	again := f.publish(form("k", "amy", "ben", "nobody"))
	if !again.Duplicate || again.Notice != first.Notice || again.To[0].Notification != first.To[0].Notification || again.To[2].Refused != hub.RefusedUnknown {
		t.Errorf("the same again: %+v, first %+v", again, first)
	}
	f.clock.add(3 * 366 * 24 * time.Hour)
	if err := f.archive(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := query[string](f, `select id from notice`); !slices.Equal(got, []string{waits.Notice}) {
		t.Errorf("kept are %q, want what still waits", got)
	}
	if p := f.publish(form("k", "amy")); p.Duplicate {
		t.Errorf("the key was not forgotten: %+v", p)
	}
}
