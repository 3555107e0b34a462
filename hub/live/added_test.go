package live

import (
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// tell is a transaction of this node that adds n notifications and leaves the
// counts as they were; the change says what they are.
func (i *inbox) tell(p approval.PersonID, n int) hub.Change {
	i.mu.Lock()
	defer i.mu.Unlock()
	b := i.of(p)
	c := hub.Change{Person: p, Rev: b.rev + 1, Added: &hub.Added{Epoch: b.epoch, From: b.rev}}
	for range n {
		b.list = append(b.list, hub.Notification{ID: "n", Person: p, Seq: int64(len(b.list) + 1), Kind: hub.KindAnnouncement})
	}
	b.rev++
	c.Added.Notifications = b.list[len(b.list)-n:]
	return c
}

// What was committed on this node is passed on without reading the inbox.
func TestAddedIsNotRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.SweepEvery = time.Hour })
	a, b := f.hello("amy", nil), f.hello("amy", nil)
	asked := f.inbox.asked.Load()
	f.bus.Publish(f.inbox.tell("amy", 1))
	a.want("event 1")
	b.want("event 1")
	f.bus.Publish(f.inbox.tell("amy", 2))
	a.want("event 2", "event 3")
	b.want("event 2", "event 3")
	if got := f.inbox.asked.Load() - asked; got != 0 {
		t.Errorf("the inbox was read %d times", got)
	}
	f.add("amy") // counts have changed: that has to be read
	a.want("event 4", "counts 1")
	f.bus.Publish(f.inbox.tell("amy", 1))
	a.want("event 5")
	if got := f.inbox.asked.Load() - asked; got != 1 {
		t.Errorf("the inbox was read %d times, want once", got)
	}
	// A page that comes later begins where it is.
	c := f.hello("amy", &position{"e1", 4})
	c.want("event 5")
	f.bus.Publish(f.inbox.tell("amy", 1))
	for _, page := range []*client{a, c} {
		page.want("event 6")
	}
}

// Changes come in any order, or not at all: each event once and in order.
func TestAddedInAnyOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.SweepEvery = time.Hour })
	c := f.hello("amy", nil)
	first, second, third := f.inbox.tell("amy", 1), f.inbox.tell("amy", 1), f.inbox.tell("amy", 1)
	f.bus.Publish(third)
	f.bus.Publish(second, first)
	f.bus.Publish(first)
	c.want("event 1", "event 2", "event 3")
	_ = f.inbox.tell("amy", 1) // is lost
	f.bus.Publish(f.inbox.tell("amy", 1))
	c.want("event 4", "event 5")
	late := f.inbox.tell("amy", 1)
	f.bus.Publish(f.inbox.add("amy"))
	f.bus.Publish(late)
	c.want("event 6", "event 7", "counts 1")
	old := f.inbox.tell("amy", 1)
	f.bus.Publish(f.inbox.restart("amy", "e2"))
	c.want("resync e2 0", "counts 0")
	f.bus.Publish(old) // of another life
	f.bus.Publish(f.inbox.tell("amy", 1))
	c.want("event 1")
}
