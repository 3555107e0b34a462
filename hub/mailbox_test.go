package hub

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
)

func TestMailboxIsBounded(t *testing.T) {
	t.Parallel()
	m := NewMailbox()
	for i := range 10000 {
		m.Put(Change{Person: "amy", Rev: int64(10000 - i)}, Change{Person: "ben", Rev: int64(i)})
	}
	changes, lost := m.Take()
	slices.SortFunc(changes, func(a, b Change) int { return int(b.Rev - a.Rev) })
	if diff := cmp.Diff([]Change{{Person: "amy", Rev: 10000}, {Person: "ben", Rev: 9999}}, changes); diff != "" || lost {
		t.Errorf("lost %t; the highest of each (-want +got):\n%s", lost, diff)
	}
	if changes, lost := m.Take(); len(changes) > 0 || lost {
		t.Errorf("taken twice: %v %t", changes, lost)
	}
	for i := range maxEnded + 1 {
		m.Put(Change{Ended: fmt.Sprint("s", i)})
	}
	if changes, lost := m.Take(); len(changes) != maxEnded || !lost {
		t.Errorf("%d ended sessions, lost %t; want %d and that some are lost", len(changes), lost, maxEnded)
	}
}

// Whose session has ended is known before what that session is not to see.
func TestMailboxEndsFirst(t *testing.T) {
	t.Parallel()
	m := NewMailbox()
	m.Put(Change{Person: "amy", Rev: 1}, Change{Ended: "s"}, Change{Person: "ben", Rev: 1})
	changes, _ := m.Take()
	if len(changes) != 3 || changes[0].Ended != "s" {
		t.Errorf("%v, want the ended session first", changes)
	}
}

func TestMailboxWakes(t *testing.T) {
	t.Parallel()
	m := NewMailbox()
	m.Put()
	select {
	case <-m.Wake():
		t.Error("awake for nothing")
	default:
	}
	m.Lose()
	m.Put(Change{Person: "amy", Rev: 1})
	<-m.Wake()
	if changes, lost := m.Take(); len(changes) != 1 || !lost {
		t.Errorf("%v %t, want one change and that some are lost", changes, lost)
	}
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	var changes []Change
	for i := range 1000 {
		changes = append(changes, Change{Person: approval.PersonID(fmt.Sprintf("%026d", i)), Rev: int64(i) << 40}, Change{Ended: fmt.Sprintf("%026d", i)})
	}
	var got []Change
	payloads := EncodeChanges(changes, 7900)
	for _, p := range payloads {
		if len(p) > 7900 {
			t.Errorf("payload of %d bytes, want at most 7900", len(p))
		}
		got = append(got, DecodeChanges(p)...)
	}
	if diff := cmp.Diff(changes, got); diff != "" {
		t.Errorf("there and back (-want +got):\n%s", diff)
	}
	if len(payloads) > 11 {
		t.Errorf("%d payloads for 1000 people and sessions", len(payloads))
	}
	if got := EncodeChanges(nil, 7900); len(got) != 0 {
		t.Errorf("nothing is %q", got)
	}
}

func TestBrokenPayload(t *testing.T) {
	t.Parallel()
	want := []Change{{Person: "a", Rev: 1}, {Ended: "s"}, {Person: "d", Rev: 4}}
	if diff := cmp.Diff(want, DecodeChanges("a:1,:2,b,,!,c:x,!s,d:4,e:99999999999999999999")); diff != "" {
		t.Errorf("what can be read of it (-want +got):\n%s", diff)
	}
	if got := DecodeChanges(""); len(got) != 0 {
		t.Errorf("nothing is %v", got)
	}
}

// FuzzDecodeChanges: whatever a peer sends, it is read without harm, and what
// was read goes there and back.
func FuzzDecodeChanges(f *testing.F) {
	for _, s := range []string{"", "a:1", "!s,a:1", "a:1,:2,b,c:x", "!,!!,:,a:-1,a:9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		changes := DecodeChanges(payload)
		var again []Change
		for _, p := range EncodeChanges(changes, 100) {
			again = append(again, DecodeChanges(p)...)
		}
		if diff := cmp.Diff(changes, again, cmp.Transformer("nil", func(c []Change) []Change { return append([]Change{}, c...) })); diff != "" {
			t.Errorf("there and back (-want +got):\n%s", diff)
		}
	})
}

// What was added one after the other is handed on as one, in whatever order it
// was put in; what does not follow is left to whoever reads the inbox.
func TestMailboxJoinsWhatFollows(t *testing.T) {
	t.Parallel()
	added := func(rev int64, seqs ...int64) Change {
		c := Change{Person: "amy", Rev: rev, Added: &Added{Epoch: "e", From: rev - 1}}
		for _, s := range seqs {
			c.Added.Notifications = append(c.Added.Notifications, Notification{Seq: s})
		}
		return c
	}
	another := added(4, 5)
	another.Added.Epoch = "f"
	many := added(4)
	many.Added.Notifications = make([]Notification, maxAdded)
	for name, tt := range map[string]struct {
		put  []Change
		rev  int64
		from int64 // -1: nothing is known
		seqs []int64
	}{
		"in order":         {[]Change{added(3, 3, 4), added(4, 5), added(5, 6)}, 5, 2, []int64{3, 4, 5, 6}},
		"the other way":    {[]Change{added(4, 5), added(3, 3, 4)}, 4, 2, []int64{3, 4, 5}},
		"with a gap":       {[]Change{added(3, 3), added(5, 6)}, 5, 4, []int64{6}},
		"old after new":    {[]Change{added(5, 6), added(3, 3)}, 5, 4, []int64{6}},
		"twice":            {[]Change{added(3, 3), added(3, 3)}, 3, 2, []int64{3}},
		"counts after it":  {[]Change{added(3, 3), {Person: "amy", Rev: 4}}, 4, -1, nil},
		"counts before it": {[]Change{{Person: "amy", Rev: 2}, added(3, 3)}, 3, 2, []int64{3}},
		"another epoch":    {[]Change{added(3, 3), another}, 4, 3, []int64{5}},
		"too many":         {[]Change{added(3, 3), many}, 4, 3, make([]int64, maxAdded)},
	} {
		m := NewMailbox()
		m.Put(tt.put...)
		changes, _ := m.Take()
		got := changes[0]
		if got.Rev != tt.rev || (got.Added == nil) != (tt.from < 0) || len(changes) != 1 {
			t.Errorf("%s: %+v, want revision %d", name, changes, tt.rev)
			continue
		}
		if got.Added == nil {
			continue
		}
		var seqs []int64
		for _, n := range got.Added.Notifications {
			seqs = append(seqs, n.Seq)
		}
		if diff := cmp.Diff(tt.seqs, seqs); diff != "" || got.Added.From != tt.from {
			t.Errorf("%s: from %d, want %d; (-want +got):\n%s", name, got.Added.From, tt.from, diff)
		}
	}
}
