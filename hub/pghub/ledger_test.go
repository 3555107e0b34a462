package pghub

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"qianhe/approval"
	"qianhe/hub"
)

// records makes a ledger: of amy and ben, some of it months old, some of it
// under way. It gives the ids of the notifications, latest first.
func (f *fixture) records() []string {
	f.t.Helper()
	f.exec(`update document set state = 'decided', decided_at = received_at`)
	var ids []string
	start := f.clock.Now()
	for i, back := range []int{100, 60, 30, 29, 16, 15, 3, 1, 0} {
		f.clock.set(start.AddDate(0, 0, -back))
		person, channel, state := "amy", hub.LINE, hub.StateAccepted
		if i%2 == 1 {
			person = "ben"
		}
		if i%3 == 1 {
			channel, state = hub.SMS, hub.StateFailed
		}
		id := f.delivery(person, channel, state, 1, fmt.Sprint("provider", i))
		f.exec(`update delivery set reason = 'because', cost = 2 where id = $1`, id)
		f.exec(`update attempt set outcome = 'accepted', finished_at = started_at, detail = 'fine' where delivery = $1`, id)
		ids = append(ids, one[string](f, `select notification from delivery where id = $1`, id))
	}
	f.exec(`update channel_link set label = '+886912345678' where channel = 'sms'`)
	f.exec(`update channel_link set label = 'A LINE name' where channel = 'line'`)
	f.exec(`update document set state = 'decided', decided_at = received_at`)
	f.clock.set(start)
	slices.Reverse(ids)
	return ids
}

// all reads the ledger by pages of two.
func (f *fixture) all(filter hub.LedgerFilter, reader approval.PersonID) []hub.LedgerEntry {
	f.t.Helper()
	var list []hub.LedgerEntry
	cursor := ""
	for range 50 {
		page, err := f.Ledger(f.t.Context(), filter, cursor, 2, reader)
		if err != nil {
			f.t.Fatal(err)
		}
		list = append(list, page.Entries...)
		if cursor = page.Next; cursor == "" {
			return list
		}
	}
	f.t.Fatal("the ledger has no end")
	return nil
}

func idsOf(list []hub.LedgerEntry) (ids []string) {
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return ids
}

// alike compares entries; times are moments.
var alike = cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })}

// Moving changes nothing for whoever reads.
func TestArchiveIsInvisible(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ids := f.records()
	before := f.all(hub.LedgerFilter{}, "amy")
	if diff := cmp.Diff(ids, idsOf(before)); diff != "" {
		t.Fatalf("ledger, latest first (-want +got):\n%s", diff)
	}
	for _, h := range []*Hub{f.Hub, f.another(), f.Hub} {
		if err := h.archive(t.Context(), f.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, f.all(hub.LedgerFilter{}, "amy"), alike); diff != "" {
			t.Fatalf("ledger after moving (-before +after):\n%s", diff)
		}
	}
	if hot, old := one[int](f, `select count(*) from notification`), one[int](f, `select count(*) from ledger`); hot != 3 || old != 6 {
		t.Errorf("%d are in the working tables and %d in the archive, want 3 and 6", hot, old)
	}
	if got := one[int](f, `select count(*) from attempt`); got != 3 {
		t.Errorf("%d attempts are left, want 3", got)
	}
	// One's own is not masked, and everything is there.
	own := before[0]
	want := hub.LedgerDelivery{
		Channel: hub.LINE, Label: "A LINE name", State: hub.StateAccepted, Reason: "because", ProviderID: "provider8", Cost: 2,
		Attempts: []hub.LedgerAttempt{{Number: 1, Outcome: hub.OutcomeAccepted, Detail: "fine"}},
	}
	if diff := cmp.Diff(want, own.Deliveries[0], cmpopts.IgnoreFields(hub.LedgerDelivery{}, "ID", "Ref"), cmpopts.IgnoreTypes(time.Time{})); diff != "" || own.Name != secretName+"amy" {
		t.Errorf("entry of %s (-want +got):\n%s", own.Name, diff)
	}
}

func TestLedgerFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ids := f.records()
	if err := f.archive(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	provider := func(n int) string { return fmt.Sprint("provider", 8-n) }
	deliveries := func(n int) hub.LedgerDelivery {
		e, err := f.LedgerEntry(t.Context(), ids[n], "amy")
		if err != nil {
			t.Fatal(err)
		}
		return e.Deliveries[0]
	}
	tests := []struct {
		name   string
		filter hub.LedgerFilter
		want   []int // places in ids
	}{
		{"everything", hub.LedgerFilter{}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{"a person", hub.LedgerFilter{Person: "ben"}, []int{1, 3, 5, 7}},
		{"a kind", hub.LedgerFilter{Kind: hub.KindArrived}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{"a kind of which there is nothing", hub.LedgerFilter{Kind: hub.KindDigest}, nil},
		{"a channel", hub.LedgerFilter{Channel: hub.SMS}, []int{1, 4, 7}},
		{"a state", hub.LedgerFilter{State: hub.StateFailed}, []int{1, 4, 7}},
		{"both of one delivery", hub.LedgerFilter{Channel: hub.SMS, State: hub.StateAccepted}, nil},
		{"days", hub.LedgerFilter{From: morning.AddDate(0, 0, -30), To: morning.AddDate(0, 0, -15)}, []int{4, 5, 6}},
		{"from", hub.LedgerFilter{From: morning.AddDate(0, 0, -3)}, []int{0, 1, 2}},
		{"an account", hub.LedgerFilter{Find: " Ben "}, []int{1, 3, 5, 7}},
		{"an account and a channel", hub.LedgerFilter{Find: "ben", Channel: hub.SMS}, []int{1, 7}},
		{"a provider's name, of late", hub.LedgerFilter{Find: provider(1)}, []int{1}},
		{"a provider's name, long ago", hub.LedgerFilter{Find: provider(7)}, []int{7}},
		{"a delivery, of late", hub.LedgerFilter{Find: deliveries(0).ID}, []int{0}},
		{"a delivery, long ago", hub.LedgerFilter{Find: deliveries(8).ID}, []int{8}},
		{"a notification", hub.LedgerFilter{Find: ids[8]}, []int{8}},
		{"a part of a name", hub.LedgerFilter{Find: "provide"}, nil},
		{"nonsense", hub.LedgerFilter{Find: "\x00%' or true --"}, nil},
	}
	for _, tt := range tests {
		var want []string
		for _, n := range tt.want {
			want = append(want, ids[n])
		}
		if diff := cmp.Diff(want, idsOf(f.all(tt.filter, "dan"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		var exported []string
		err := f.ExportLedger(t.Context(), tt.filter, "dan", func(e hub.LedgerEntry) error {
			exported = append(exported, e.ID)
			return nil
		})
		if diff := cmp.Diff(want, exported); diff != "" || err != nil {
			t.Errorf("%s, exported: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
	// A reference may belong to several; lower case is fine.
	for _, n := range []int{0, 8} {
		ref := deliveries(n).Ref
		got := idsOf(f.all(hub.LedgerFilter{Find: " " + ref}, "dan"))
		if !slices.Contains(got, ids[n]) {
			t.Errorf("reference %s finds %v, want %s", ref, got, ids[n])
		}
	}
	full := errors.New("disk is full")
	if err := f.ExportLedger(t.Context(), hub.LedgerFilter{}, "dan", func(hub.LedgerEntry) error { return full }); !errors.Is(err, full) {
		t.Errorf("export ends with %v, want the error of its reader", err)
	}
}

func TestLedgerMasks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.records()
	if err := f.archive(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	for _, e := range f.all(hub.LedgerFilter{}, "ben") {
		want := map[hub.ChannelName][2]string{hub.LINE: {"A LINE name", "provider"}, hub.SMS: {"+886912345678", "provider"}}
		if e.Person != "ben" {
			want = map[hub.ChannelName][2]string{hub.LINE: {"•••ame", "•••"}, hub.SMS: {"•••678", "•••"}}
		}
		for _, d := range e.Deliveries {
			got := [2]string{d.Label, string([]rune(d.ProviderID)[:min(len([]rune(d.ProviderID)), 8)])}
			if e.Person != "ben" {
				got[1] = string([]rune(d.ProviderID)[:3])
			}
			if got != want[d.Channel] {
				t.Errorf("%s of %s reads %q, want %q", d.Channel, e.Person, got, want[d.Channel])
			}
		}
	}
}

func TestLedgerRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, cursor := range []string{"x", "!", "MTIz", "LTEgYQ", "OTk5OTk5OTk5OTk5OTk5OTk5IGE"} {
		_, err := f.Ledger(t.Context(), hub.LedgerFilter{}, cursor, 2, "amy")
		var invalid *approval.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "cursor" {
			t.Errorf("cursor %q: %v, want it refused", cursor, err)
		}
	}
	if _, err := f.LedgerEntry(t.Context(), "nothing", "amy"); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("an entry that there is not: %v", err)
	}
}

// What may still matter stays where work is done.
func TestArchiveLeaves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	start := f.clock.Now()
	f.clock.set(start.AddDate(0, 0, -100))
	open := f.delivery("amy", hub.LINE, hub.StatePending, 0, "")
	circulating := f.delivery("amy", hub.LINE, hub.StateAccepted, 1, "p")
	form := f.delivery("amy", hub.LINE, hub.StateAccepted, 1, "p")
	handled := f.delivery("amy", hub.LINE, hub.StateAccepted, 1, "p")
	unplanned := f.delivery("amy", hub.LINE, hub.StateAccepted, 1, "p")
	f.clock.set(start)
	set := func(delivery, what string) {
		f.exec(`update notification set `+what+` where id = (select notification from delivery where id = $1)`, delivery)
	}
	f.exec(`update document set state = 'decided', decided_at = received_at where id <> (select document from notification n join delivery d on d.notification = n.id where d.id = $1)`, circulating)
	set(form, `kind = 'form.pending', document = null`)
	set(handled, `kind = 'form.pending', document = null, cancelled_at = now()`)
	set(unplanned, `routed_at = null`)
	if err := f.archive(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	want := []string{open, circulating, form, unplanned}
	slices.Sort(want)
	if diff := cmp.Diff(want, query[string](f, `select id from delivery order by id`)); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
	if got := one[string](f, `select deliveries->0->>'id' from ledger`); got != handled {
		t.Errorf("moved %s, want the form that was handled", got)
	}
}

// Kinds are kept for different times, and days are dropped as a whole.
func TestRetention(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(`update document set state = 'decided', decided_at = received_at`)
	policy := hub.Policy{Keep: 90, Rules: map[hub.Kind]hub.Rule{}}
	for kind, days := range map[hub.Kind]int{hub.KindDecided: 40, hub.KindAnnouncement: 5} {
		r := f.DefaultPolicy().Rule(kind)
		r.Keep = days
		policy.Rules[kind] = r
	}
	if err := f.SetPolicy(t.Context(), "amy", policy, hub.AnyVersion); err != nil {
		t.Fatal(err)
	}
	start := f.clock.Now()
	for _, back := range []int{3, 10, 30, 60, 95} {
		f.clock.set(start.AddDate(0, 0, -back))
		for _, kind := range []hub.Kind{hub.KindArrived, hub.KindDecided, hub.KindAnnouncement} {
			id := f.delivery("amy", hub.LINE, hub.StateAccepted, 1, "p")
			f.exec(`update notification set kind = $2 where id = (select notification from delivery where id = $1)`, id, kind)
		}
	}
	f.exec(`update document set state = 'decided', decided_at = received_at`)
	f.clock.set(start)
	archive := func(ahead int, want ...string) {
		t.Helper()
		f.clock.set(start.AddDate(0, 0, ahead))
		if err := f.archive(t.Context(), f.clock.Now()); err != nil {
			t.Fatal(err)
		}
		got := query[string](f, `
			select place || ' ' || kind || ' ' || round(extract(epoch from $1 - at) / 86400)
			from (select 'hot' as place, kind, created_at as at from notification union all select 'old', kind, created_at from ledger) x
			order by at desc, kind desc`, start)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%d days later (-want +got):\n%s", ahead, diff)
		}
	}
	archive(0,
		"hot document.decided 3", "hot document.arrived 3", "hot announcement 3",
		"hot document.decided 10", "hot document.arrived 10",
		"old document.decided 30", "old document.arrived 30",
		"old document.arrived 60")
	archive(20,
		"old document.decided 3", "old document.arrived 3",
		"old document.decided 10", "old document.arrived 10",
		"old document.arrived 30",
		"old document.arrived 60")
	archive(40, "old document.arrived 3", "old document.arrived 10", "old document.arrived 30")
	archive(200)
	days, err := f.days(t.Context())
	if err != nil || len(days) != len(ahead(f.clock.Now())) {
		t.Errorf("partitions of %v are left, %v; want those of the days to come", days, err)
	}
}

// Several nodes move at the same time, and one of them is cut short.
func TestArchiveRace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	start := f.clock.Now()
	f.clock.set(start.AddDate(0, 0, -20))
	f.many(300, hub.LINE, hub.PriorityNormal)
	f.exec(`update delivery set state = 'accepted', done_at = created_at`)
	f.exec(`update document set state = 'decided', decided_at = received_at`)
	f.clock.set(start)
	r := retentionOf(f.DefaultPolicy(), start)
	if err := f.makeDays(t.Context(), []time.Time{approval.Midnight(start.AddDate(0, 0, -20))}); err != nil {
		t.Fatal(err)
	}
	var nodes sync.WaitGroup
	for range 4 {
		h := f.another()
		nodes.Go(func() {
			if err := h.moveAll(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	if err := f.moveAll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if hot, old := one[int](f, `select count(*) from notification`), one[int](f, `select count(distinct id) from ledger`); hot != 0 || old != 300 {
		t.Errorf("%d are left and %d were moved, want 0 and 300", hot, old)
	}
}

// A page that was away for so long that what it missed is in the ledger reads
// the in-tray anew.
func TestNewsKnowsWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.records()
	if err := f.archive(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	at := f.news("amy", "", 0)
	epoch, head := at.Epoch, at.Seq
	if n := f.news("amy", epoch, 0); !n.Gap || len(n.Missed) > 0 {
		t.Errorf("since the beginning: %d, gap %t; want a gap", len(n.Missed), n.Gap)
	}
	if n := f.news("amy", epoch, head-2); n.Gap || len(n.Missed) != 2 {
		t.Errorf("since lately: %d, gap %t; want 2", len(n.Missed), n.Gap)
	}
}
