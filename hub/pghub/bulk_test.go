package pghub

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// Two nodes tell the same many people, while decisions reach some of them:
// everybody is told once, and no inbox has a gap.
func TestBulkRace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const people = 1200
	f.addCrowd(people, hub.WebPush)
	f.exec(`update channel_link set disabled_at = created_at where person in ('x0', 'x1')`)
	f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at)
		select 's' || i, 'doc', 100 + i, 'review', 'x' || i, 'active', 'planned', now() from generate_series(0, 49) i`)
	var names []approval.PersonID
	for i := range people {
		names = append(names, approval.PersonID(fmt.Sprint("x", i)))
	}
	it := item{kind: hub.KindDigest, dedup: "digest:today", at: f.clock.Now()}
	var told [2]int
	var work sync.WaitGroup
	for i, h := range []*Hub{f.Hub, f.another()} {
		work.Go(func() {
			var err error
			if told[i], err = h.tellBulk(t.Context(), names, it); err != nil {
				t.Error(err)
			}
		})
	}
	work.Go(func() {
		for i := range 50 {
			e := f.event(approval.EventArrived, "doc", "amy")
			e.Step, e.Person = approval.StepID(fmt.Sprint("s", i)), names[i]
			if err := f.enqueueWith(f.Hub, e); err != nil {
				t.Error(err)
			}
		}
	})
	work.Wait()
	if told[0]+told[1] != people {
		t.Errorf("%d + %d were told, want %d", told[0], told[1], people)
	}
	if got := one[int](f, `select count(*) from notification where kind = 'pending.digest'`); got != people {
		t.Errorf("%d digests, want %d", got, people)
	}
	if got := one[int](f, `select count(*) from inbox i where i.seq <> (select count(*) from notification n where n.person = i.person)
		or i.seq <> (select max(seq) from notification n where n.person = i.person)`); got != 0 {
		t.Errorf("%d inboxes have a gap", got)
	}
	if got := query[string](f, `select person from notification where kind = 'pending.digest' and routed_at is not null order by 1`); len(got) != 2 {
		t.Errorf("planned already: %v, want those whom no channel reaches", got)
	}
}

// What is told to many stands in a queue of its own.
func TestLanes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.WebPush)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	if _, err := f.DigestNow(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	got := query[string](f, `select queue || ' ' || priority from river_job where kind = 'route' order by id`)
	if diff := cmp.Diff([]string{"route 1", "route_bulk 3"}, got); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	tests := []struct {
		kind  hub.Kind
		speed approval.Speed
		want  lane
	}{
		{hub.KindArrived, approval.SpeedNormal, laneNow},
		{hub.KindNewDevice, "", laneNow},
		{hub.KindForm, approval.SpeedNormal, laneSoon},
		{hub.KindForm, approval.SpeedHighest, laneNow},
		{hub.KindAnnouncement, approval.SpeedHighest, laneBulk},
		{hub.KindDigest, "", laneBulk},
	}
	for _, tt := range tests {
		if got := laneOf(tt.kind, tt.speed); got != tt.want {
			t.Errorf("%s %s is planned in lane %d, want %d", tt.kind, tt.speed, got, tt.want)
		}
	}
}
