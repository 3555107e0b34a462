package pghub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"qianhe/approval"
	"qianhe/hub"
)

// told remembers what a hub says to its bus.
type told struct {
	mu      sync.Mutex
	changes []hub.Change
}

func (b *told) Publish(changes ...hub.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes = append(b.changes, changes...)
}

func (*told) Subscribe(ctx context.Context, _ func([]hub.Change)) error { <-ctx.Done(); return nil }

// What a change says was added is what was committed, under those numbers, and
// nothing else happened from its one revision to the other. Announcements,
// forms and documents come in between each other.
func TestAddedIsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	b := &told{}
	f := newFixture(t, func(o *Options) { o.Bus = b })
	f.token("hr")
	people := []string{"amy", "ben", "cid", "dan"}
	var all sync.WaitGroup
	for w := range 6 {
		random := rand.New(rand.NewPCG(7, uint64(w)))
		all.Go(func() {
			for i := range 30 {
				n := form(fmt.Sprint(w, "-", i), people[random.IntN(4)], people[random.IntN(4)], "nobody")
				if n.To[0] == n.To[1] {
					n.To = n.To[1:]
				}
				if n.Kind = hub.KindAnnouncement; random.IntN(5) == 0 {
					n.Kind = hub.KindForm
				}
				for range 1 + random.IntN(2) { // some are repeated
					if _, err := f.Publish(t.Context(), n); err != nil {
						t.Error(err)
					}
				}
				if i%10 == 0 {
					if err := f.enqueueWith(f.Hub, f.event(approval.EventLeft, "doc", people[w%4])); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	type place struct {
		person approval.PersonID
		seq    int64
	}
	committed := map[place]string{}
	for _, line := range query[string](f, `select concat_ws(' ', person, seq, id, kind) from notification`) {
		var p place
		var id, kind string
		if _, err := fmt.Sscan(line, &p.person, &p.seq, &id, &kind); err != nil {
			t.Fatal(err)
		}
		committed[p] = id + " " + kind
	}
	revs, without, notifications := map[place]bool{}, 0, 0
	for _, c := range b.changes {
		if at := (place{c.Person, c.Rev}); revs[at] {
			t.Errorf("%s is told of twice at revision %d", c.Person, c.Rev)
		} else {
			revs[at] = true
		}
		if c.Added == nil {
			without++
			continue
		}
		if c.Added.From != c.Rev-1 || c.Added.Epoch != one[string](f, `select epoch from inbox where person = $1`, c.Person) || len(c.Added.Notifications) == 0 {
			t.Errorf("%s at %d: added %+v", c.Person, c.Rev, c.Added)
		}
		for _, n := range c.Added.Notifications {
			notifications++
			if got := committed[place{c.Person, n.Seq}]; got != n.ID+" "+string(hub.KindAnnouncement) || n.Person != c.Person {
				t.Errorf("%s at %d has got %+v, and %q was committed", c.Person, c.Rev, n, got)
			}
		}
	}
	if without == 0 || notifications == 0 {
		t.Errorf("%d changes without what was added, %d notifications with: the test tests nothing", without, notifications)
	}
}
