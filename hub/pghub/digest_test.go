package pghub

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func at(day, hour, minute int) time.Time {
	return time.Date(2026, 11, day, hour, minute, 0, 0, approval.Zone)
}

func TestDigestDue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		line string
		now  time.Time
		want bool
	}{
		{"just before", "", at(23, 8, 29), false},
		{"at its time", "", at(23, 8, 30), true},
		{"after a restart", "", at(23, 10, 0), true},
		{"in the afternoon it is no news", "", at(23, 12, 30), false},
		{"Sunday", "", at(22, 8, 30), false},
		{"the clock of the machine is another", "", at(23, 8, 30).UTC(), true},
		{"midnight in UTC is not the day's end", "", at(24, 8, 30).UTC(), true},
		{"another time", "0 7 * * *", at(23, 7, 0), true},
		{"with a zone of its own", "CRON_TZ=UTC 0 0 * * *", at(23, 8, 0), true},
		{"not on this day", "30 8 * * 2", at(23, 8, 30), false},
		{"first time of several", "30 8,13 * * *", at(23, 8, 30), true},
		{"second time of several", "30 8,13 * * *", at(23, 13, 30), true},
		{"between two, too late for the first", "30 8,13 * * *", at(23, 13, 0), false},
		{"before the first minute", "0 0 * * *", at(23, 0, 0), true},
	}
	f := newFixture(t)
	for _, tt := range tests {
		var err error
		if f.digestAt, err = parseDigest(tt.line); err != nil {
			t.Fatal(err)
		}
		if got := !f.digestDue(f.base, tt.now).IsZero(); got != tt.want {
			t.Errorf("%s: due at %s is %t, want %t", tt.name, tt.now, got, tt.want)
		}
	}
	if _, err := parseDigest("at breakfast"); err == nil {
		t.Error("a schedule that is none was taken")
	}
}

// However many processes sweep, each person is told once a day.
func TestDigestOncePerPersonAndDay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.trays.set("dan", approval.TrayCounts{})
	f.clock.set(at(23, 8, 31))
	hubs := []*Hub{f.Hub, f.another(), f.another()}
	var told atomic.Int64
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			n, err := hubs[i%len(hubs)].Digest(t.Context(), f.clock.Now())
			if err != nil {
				t.Error(err)
			}
			told.Add(int64(n))
		})
	}
	wg.Wait()
	if got := told.Load(); got != 3 {
		t.Errorf("%d were told, want 3", got)
	}
	want := []string{"amy 1 digest:2026-11-23T08:30", "ben 1 digest:2026-11-23T08:30", "cid 1 digest:2026-11-23T08:30"}
	if diff := cmp.Diff(want, query[string](f, `select concat_ws(' ', person, seq, dedup) from notification order by 1`)); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	if n, err := f.Digest(t.Context(), at(24, 8, 30)); err != nil || n != 3 {
		t.Errorf("the next day %d were told, %v; want 3", n, err)
	}
}

func TestDigestNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	sunday := at(22, 23, 0)
	if n, err := f.Digest(t.Context(), sunday); err != nil || n != 0 {
		t.Errorf("on a Sunday %d were told, %v", n, err)
	}
	if n, err := f.DigestNow(t.Context(), sunday); err != nil || n != 4 {
		t.Errorf("by hand %d were told, %v; want 4", n, err)
	}
	rev := one[int](f, `select sum(rev) from inbox`)
	if n, err := f.DigestNow(t.Context(), sunday); err != nil || n != 0 {
		t.Errorf("by hand again %d were told, %v; want none", n, err)
	}
	if got := one[int](f, `select sum(rev) from inbox`); got != rev {
		t.Errorf("telling nobody has moved inboxes from %d to %d", rev, got)
	}
	// It is Monday in Taipei and still Sunday in Greenwich.
	if n, err := f.DigestNow(t.Context(), at(23, 7, 0).UTC()); err != nil || n != 4 {
		t.Errorf("early on Monday %d were told, %v; want 4", n, err)
	}
	// What was told by hand before its time does not take the place of it.
	if n, err := f.Digest(t.Context(), at(23, 9, 0).UTC()); err != nil || n != 4 {
		t.Errorf("at its time %d were told, %v; want 4", n, err)
	}
	if n, err := f.DigestNow(t.Context(), at(23, 10, 0).UTC()); err != nil || n != 0 {
		t.Errorf("later on Monday %d were told, %v; want none", n, err)
	}
}

// An organisation has digests at several times, and everybody takes those they
// want. Who has nothing pending gets none; a form in another system is something.
func TestDigestAtSeveralTimes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	for p, c := range map[approval.PersonID]hub.Preferences{"amy": {Digest: []int{13*60 + 30}}, "ben": {Muted: []hub.Kind{hub.KindDigest}}} {
		if err := f.SetPreferences(t.Context(), p, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SetPolicy(t.Context(), "dan", hub.Policy{Digests: []int{8*60 + 30, 13*60 + 30}}, hub.AnyVersion); err != nil {
		t.Fatal(err)
	}
	f.trays.set("dan", approval.TrayCounts{})
	f.exec(`insert into notification (id, person, seq, kind, dedup, created_at, routed_at) values ('f', 'dan', 1, 'form.pending', 'form', $1, $1)`, morning)
	f.exec(`insert into inbox (person, epoch, seq) values ('dan', 'e', 1)`)
	for _, now := range []time.Time{at(23, 8, 29), at(23, 8, 30), at(23, 9, 0), at(23, 13, 31), at(23, 14, 0), at(23, 17, 30), at(24, 14, 0)} {
		f.clock.set(now)
		if _, err := f.Digest(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"amy digest:2026-11-23T13:30", "amy digest:2026-11-24T13:30",
		"cid digest:2026-11-23T08:30", "cid digest:2026-11-23T13:30", "cid digest:2026-11-24T13:30",
		"dan digest:2026-11-23T08:30", "dan digest:2026-11-23T13:30", "dan digest:2026-11-24T13:30",
	}
	if diff := cmp.Diff(want, query[string](f, `select person || ' ' || dedup from notification where kind = 'pending.digest' order by 1`)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestDigestMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.LINE)
	f.link("ben", hub.LINE)
	if _, err := f.Digest(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.routeAll()
	f.trays.set("ben", approval.TrayCounts{}) // done before it went out
	f.deliverAll()
	m := f.line.next(t)
	f.line.none(t)
	if m.Text != "待處理公文 5 件 · 最速件 1 件 · 逾期 1 件" || m.Button != "立即處理" || m.URL != "https://sign.example.gov.tw/next" {
		t.Errorf("digest is %s", shown(m))
	}
	if diff := cmp.Diff([]string{"line accepted", "line cancelled (nothing is pending any more)"}, f.states()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}
