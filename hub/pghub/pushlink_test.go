package pghub

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

func push(person approval.PersonID, endpoint string) hub.Link {
	return hub.Link{Person: person, Channel: hub.WebPush, Address: hub.Address{Value: "https://push.example.org/" + endpoint}}
}

// TestDeadSubscription: what its service called dead is not linked again, by
// nobody; what ended for another reason is.
func TestDeadSubscription(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for reason, want := range map[string]error{
		hub.DeadSubscription + ": push.example.org: 410 Gone": hub.ErrDeadSubscription,
		"removed":       nil,
		"session ended": nil,
	} {
		id, err := f.AddLink(t.Context(), push("amy", reason))
		if err != nil {
			t.Fatal(err)
		}
		f.exec(`update channel_link set disabled_at = $2, reason = $3 where id = $1`, id, morning, reason)
		for _, person := range []approval.PersonID{"amy", "ben"} {
			if _, err := f.AddLink(t.Context(), push(person, reason)); !errors.Is(err, want) {
				t.Errorf("ended by %q, again by %s: got %v, want %v", reason, person, err, want)
			}
		}
	}
	// Another channel's addresses are another matter.
	line := hub.Link{Person: "amy", Channel: hub.LINE, Address: hub.Address{Value: "U1"}}
	id, err := f.AddLink(t.Context(), line)
	if err != nil {
		t.Fatal(err)
	}
	f.exec(`update channel_link set disabled_at = $2, reason = $3 where id = $1`, id, morning, hub.DeadSubscription)
	if _, err := f.AddLink(t.Context(), line); err != nil {
		t.Errorf("LINE: %v", err)
	}
}

// TestManyBrowsers: the ten that were last seen are told, also when they come
// all at once.
func TestManyBrowsers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var first string
	for i := range 12 {
		id, err := f.AddLink(t.Context(), push("amy", fmt.Sprint("browser", i)))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = id
		}
		f.clock.add(time.Minute)
		// The first is seen again and again.
		if again, err := f.AddLink(t.Context(), push("amy", "browser0")); err != nil || again != first {
			t.Fatalf("seen again: %s, %v", again, err)
		}
		f.clock.add(time.Minute)
	}
	list, err := f.Links(t.Context(), "amy")
	if err != nil || len(list) != 10 || list[0].ID != first || list[1].Address.Value != "https://push.example.org/browser3" {
		t.Errorf("%d links, %v", len(list), err)
	}
	if got := one[int](f, `select count(*) from channel_link where reason = 'newer ones took its place'`); got != 2 {
		t.Errorf("%d links made room, want 2", got)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := f.AddLink(t.Context(), push("amy", fmt.Sprint("at once", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := f.Links(t.Context(), "amy"); err != nil || len(list) != 10 {
		t.Errorf("after eight at once: %d links, %v", len(list), err)
	}
}
