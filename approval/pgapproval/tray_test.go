package pgapproval_test

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

// urgency orders cards as a tray is to be, in the words of the rules.
func urgency(now time.Time) func(a, b approval.Card) int {
	number := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	return func(a, b approval.Card) int {
		return cmp.Or(
			-cmp.Compare(number(a.Deadline.Overdue(now)), number(b.Deadline.Overdue(now))),
			cmp.Compare(a.Speed.Rank(), b.Speed.Rank()),
			cmp.Compare(number(a.Deadline.IsZero()), number(b.Deadline.IsZero())),
			a.Deadline.Due.Compare(b.Deadline.Due),
			a.ArrivedAt.Compare(b.ArrivedAt),
			cmp.Compare(a.Step, b.Step),
		)
	}
}

// turn reads a whole tray, page after page.
func (b *bundle) turn(t testing.TB, p approval.PersonID, now time.Time, f approval.TrayFilter, limit int) []approval.Card {
	t.Helper()
	var cards []approval.Card
	cursor := ""
	for n := 0; ; n++ {
		// Time goes on between pages, over midnight too.
		tray, err := b.store.Tray(t.Context(), p, now.Add(time.Duration(n)*time.Hour), f, cursor, limit)
		must(t, err)
		if len(tray.Cards) > limit || tray.Next != "" && len(tray.Cards) < limit {
			t.Fatalf("page %d has %d cards of %d", n, len(tray.Cards), limit)
		}
		cards = append(cards, tray.Cards...)
		if cursor = tray.Next; cursor == "" {
			return cards
		}
	}
}

// Two thousand pending pages: in order, without a gap, without a repetition.
func TestTrayInPages(t *testing.T) {
	t.Parallel()
	const n = 2000
	b := setup(t)
	b.seedPending(t, b.o.Director.ID, n)
	b.seedOthers(t)
	now := approvaltest.Now()
	all := b.turn(t, b.o.Director.ID, now, approval.TrayAll, 37)
	if len(all) != n {
		t.Errorf("%d cards, want %d", len(all), n)
	}
	if !slices.IsSortedFunc(all, urgency(now)) {
		t.Error("the most urgent are not first")
	}
	steps := map[approval.StepID]bool{}
	for _, c := range all {
		steps[c.Step] = true
	}
	if len(steps) != n {
		t.Errorf("%d different steps, want %d", len(steps), n)
	}

	today := approval.Midnight(now)
	counts := approval.TrayCounts{All: n}
	keep := map[approval.TrayFilter]func(approval.Card) bool{
		approval.TrayHighest:  func(c approval.Card) bool { return c.Speed == approval.SpeedHighest },
		approval.TrayOverdue:  func(c approval.Card) bool { return c.Deadline.Overdue(now) },
		approval.TrayDecide:   func(c approval.Card) bool { return c.Duty == approval.DutyDecide },
		approval.TrayConsult:  func(c approval.Card) bool { return c.Duty == approval.DutyConsult },
		approval.TrayReturned: func(c approval.Card) bool { return c.Origin == approval.OriginReturned },
	}
	into := map[approval.TrayFilter]*int{
		approval.TrayHighest: &counts.Highest, approval.TrayOverdue: &counts.Overdue, approval.TrayDecide: &counts.Decide,
		approval.TrayConsult: &counts.Consult, approval.TrayReturned: &counts.Returned,
	}
	for f, keep := range keep {
		want := slices.DeleteFunc(slices.Clone(all), func(c approval.Card) bool { return !keep(c) })
		*into[f] = len(want)
		if len(want) == 0 || len(want) == n {
			t.Errorf("the sample has %d of %s: nothing is tested", len(want), f)
		}
		if diff := gocmp.Diff(want, b.turn(t, b.o.Director.ID, now, f, 41)); diff != "" {
			t.Errorf("tray of %s (-want +got):\n%s", f, diff)
		}
	}
	for _, c := range all {
		if !c.Deadline.Overdue(now) && c.Deadline.Day().Equal(today) {
			counts.DueToday++
		}
	}
	tray, err := b.store.Tray(t.Context(), b.o.Director.ID, now, approval.TrayAll, "", 20)
	must(t, err)
	if diff := gocmp.Diff(counts, tray.Counts); diff != "" {
		t.Errorf("counts of the tray (-want +got):\n%s", diff)
	}
	got, err := b.store.TrayCounts(t.Context(), b.o.Director.ID, now)
	must(t, err)
	if diff := gocmp.Diff(counts, got); diff != "" || counts.DueToday == 0 {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	many, err := b.store.TrayCountsOf(t.Context(), []approval.PersonID{"nobody", b.o.Director.ID, b.o.Handler.ID}, now)
	must(t, err)
	of := map[approval.PersonID]approval.TrayCounts{b.o.Director.ID: counts}
	if other, err := b.store.TrayCounts(t.Context(), b.o.Handler.ID, now); err != nil {
		t.Fatal(err)
	} else if other.All > 0 {
		of[b.o.Handler.ID] = other
	}
	if diff := gocmp.Diff(of, many); diff != "" {
		t.Errorf("counts of many (-want +got):\n%s", diff)
	}
	b.checkPlaces(t, b.o.Director.ID, now, all)
}

// seedOthers puts documents into other hands, which no tray must show.
func (b *bundle) seedOthers(t testing.TB) {
	t.Helper()
	for i := range 3 {
		d := b.create(t, b.o.Draft(fmt.Sprint("other", i)))
		if i > 0 {
			b.forward(t, d.ID, b.o.Chief.ID)
		}
	}
}

// What a card says, on a document that went to and fro.
func TestCard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.o.Draft("1")
	d := b.create(t, in)
	card := func(p approval.Person) approval.Card {
		t.Helper()
		tray, err := b.store.Tray(t.Context(), p.ID, minutes(60), "", "", 10)
		must(t, err)
		if len(tray.Cards) != 1 {
			t.Fatalf("%d cards for %s", len(tray.Cards), p.Title)
		}
		return tray.Cards[0]
	}
	want := approval.Card{
		Document: d.ID, Step: d.Route.Steps[0].ID, Number: "1", Type: approval.TypeLetter, Category: "函", Reference: d.Reference, Issuer: "青川市政府",
		Subject: d.Subject, Speed: approval.SpeedNormal, Duty: approval.DutyHandle, Origin: approval.OriginPlanned,
		ArrivedAt: approvaltest.Now(), Deadline: in.Deadline, Attached: 2,
	}
	if diff := gocmp.Diff(want, card(b.o.Handler)); diff != "" {
		t.Errorf("card of an imported document (-want +got):\n%s", diff)
	}
	b.forward(t, d.ID, b.o.Auditor.ID)
	if got := card(b.o.Auditor); got.FromName != "科長 陳柏宇" || got.Duty != approval.DutyConsult {
		t.Errorf("card = %+v", got)
	}
	must(t, b.store.Update(t.Context(), d.ID, func(d *approval.Document) ([]approval.Event, error) {
		return d.Return(b.o.Act(d, b.o.Auditor.ID, d.Active(b.o.Auditor.ID).ID, 9, "請補充。", b.newID), approval.ReturnToHandler)
	}))
	if got := card(b.o.Handler); got.FromName != "主任 黃淑芬" || got.Origin != approval.OriginReturned {
		t.Errorf("card of a returned document = %+v", got)
	}
	counts, err := b.store.TrayCounts(t.Context(), b.o.Handler.ID, minutes(60))
	must(t, err)
	if counts != (approval.TrayCounts{All: 1, Returned: 1}) {
		t.Errorf("counts = %+v", counts)
	}
	// Whoever is asked again got it from the one before, and not by a return.
	b.forward(t, d.ID, b.o.Chief.ID)
	if got := card(b.o.Chief); got.FromName != "科員 林佳穎" || got.Origin != approval.OriginPlanned {
		t.Errorf("card of one who is asked again = %+v", got)
	}
	waiting, err := b.store.Waiting(t.Context())
	must(t, err)
	if diff := gocmp.Diff([]approval.PersonID{b.o.Chief.ID}, waiting); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
}

func TestTrayDay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, b.o.Draft("1")) // due at the end of 30 November
	tests := []struct {
		now            time.Time
		today, overdue int
	}{
		{time.Date(2026, time.November, 29, 23, 59, 59, 0, approval.Zone), 0, 0},
		{time.Date(2026, time.November, 30, 0, 0, 0, 0, approval.Zone), 1, 0},
		{time.Date(2026, time.November, 30, 15, 59, 59, 999_999_000, time.UTC), 1, 0},
		{time.Date(2026, time.November, 30, 16, 0, 0, 0, time.UTC), 0, 1},
	}
	for _, tt := range tests {
		got, err := b.store.TrayCounts(t.Context(), b.o.Handler.ID, tt.now)
		must(t, err)
		if want := (approval.TrayCounts{All: 1, DueToday: tt.today, Overdue: tt.overdue}); got != want {
			t.Errorf("counts at %s = %+v, want %+v", tt.now, got, want)
		}
	}
}

func TestTrayRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seedPending(t, b.o.Director.ID, 50)
	now := approvaltest.Now()
	tray, err := b.store.Tray(t.Context(), b.o.Director.ID, now, "", "", 10)
	must(t, err)
	cursor := tray.Next
	refused := &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"}
	try := func(p approval.Person, now time.Time, f approval.TrayFilter, cursor string) error {
		_, err := b.store.Tray(t.Context(), p.ID, now, f, cursor, 10)
		return err
	}
	must(t, try(b.o.Director, now.Add(48*time.Hour), "", cursor))
	must(t, try(b.o.Director, now.Add(-time.Minute), "", cursor)) // the clock of another node
	wantError(t, "a filter that is none", try(b.o.Director, now, "secret", ""), &approval.InvalidError{Field: "filter", Reason: "filter.unknown"})
	wantError(t, "another's cursor", try(b.o.Chief, now, "", cursor), refused)
	wantError(t, "another tray's cursor", try(b.o.Director, now, approval.TrayDecide, cursor), refused)
	wantError(t, "a cursor from the future", try(b.o.Director, now.Add(-time.Hour), "", cursor), refused)
	for _, c := range []string{"x", "!", cursor + "A", cursor + "=", cursor[:len(cursor)-1], cursor[1:], cursor + cursor, "\x00", base64.RawURLEncoding.EncodeToString(make([]byte, 4096))} {
		wantError(t, "cursor "+c, try(b.o.Director, now, "", c), refused)
	}
	// One bit anywhere.
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	must(t, err)
	for i := range raw {
		bad := slices.Clone(raw)
		bad[i] ^= 1 << rand.New(rand.NewPCG(1, uint64(i))).IntN(8)
		wantError(t, fmt.Sprintf("byte %d", i), try(b.o.Director, now, "", base64.RawURLEncoding.EncodeToString(bad)), refused)
	}
	for limit, want := range map[int]int{-1: 1, 0: 1, 1000: 50} {
		tray, err := b.store.Tray(t.Context(), b.o.Director.ID, now, "", "", limit)
		must(t, err)
		if len(tray.Cards) != want {
			t.Errorf("a limit of %d gives %d cards, want %d", limit, len(tray.Cards), want)
		}
	}
}
