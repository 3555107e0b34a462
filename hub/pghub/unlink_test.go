package pghub

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// However a link ends, what waits for it is given up at once, and the next leg
// is due at once.
func TestEndOfALinkGivesUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(f *fixture, link string)
	}{
		{"removed", func(f *fixture, link string) {
			if err := f.RemoveLink(f.t.Context(), "amy", link); err != nil {
				f.t.Error(err)
			}
		}},
		{"somebody else's now", func(f *fixture, _ string) {
			_, err := f.AddLink(f.t.Context(), hub.Link{Person: "ben", Channel: hub.LINE, Address: hub.Address{Value: "address of amy on line"}})
			if err != nil {
				f.t.Error(err)
			}
		}},
		{"another linked", func(f *fixture, _ string) {
			_, err := f.AddLink(f.t.Context(), hub.Link{Person: "amy", Channel: hub.LINE, Address: hub.Address{Value: "another"}})
			if err != nil {
				f.t.Error(err)
			}
		}},
		{"proved to be somebody else's", func(f *fixture, _ string) {
			if _, err := f.LinkProved(f.t.Context(), "ben", hub.LINE, "address of amy on line", f.proof("p")); err != nil {
				f.t.Error(err)
			}
		}},
		{"session over", func(f *fixture, link string) {
			f.session("s1", "amy")
			f.exec(`update channel_link set session = 's1' where id = $1`, link)
			if err := f.RemoveSessionLinks(f.t.Context(), "s1"); err != nil {
				f.t.Error(err)
			}
		}},
		{"blocked", func(f *fixture, link string) {
			f.clock.add(time.Minute)
			e := hub.Inbound{Channel: hub.LINE, ID: "e1", Kind: hub.InUnfollow, From: "address of amy on line", At: f.clock.Now()}
			if err := f.inTx(f.t.Context(), func(tx pgx.Tx) error {
				tn := &turn{Hub: f.Hub, tx: tx, now: f.clock.Now(), event: received{Inbound: e}}
				var err error
				if tn.sender, err = tn.correspondent(f.t.Context()); err != nil {
					return err
				}
				return tn.unfollow(f.t.Context())
			}); err != nil {
				f.t.Error(err)
			}
			sweepOnce(f) // as after a crash
		}},
		{"dead, says a callback", func(f *fixture, link string) {
			f.exec(`update channel_link set channel = 'sms' where id = $1`, link)
			f.exec(`update delivery set channel = 'sms' where link = $1`, link)
			before := f.delivery("amy", hub.SMS, hub.StateAccepted, 1, "SM1")
			if err := f.settle(f.t.Context(), hub.Inbound{Channel: hub.SMS, Kind: hub.InStatus, Delivery: before, Provider: []string{"SM1"}, Data: "undelivered", Outcome: hub.OutcomePermanent}); err != nil {
				f.t.Error(err)
			}
		}},
		{"passed over, and swept", func(f *fixture, link string) {
			f.exec(`update channel_link set disabled_at = $2, reason = 'removed' where id = $1`, link, f.clock.Now())
			sweepOnce(f)
		}},
		{"crashed before the next was brought forward", func(f *fixture, link string) {
			f.exec(`update channel_link set disabled_at = $2, reason = 'removed' where id = $1`, link, f.clock.Now())
			f.exec(`update delivery set state = 'cancelled', reason = 'link has ended', done_at = $2 where link = $1`, link, f.clock.Now())
			sweepOnce(f)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *Options) { o.Log = quietLog() })
			f.clock.set(at(23, 15, 0)) // no digest
			first := f.delivery("amy", hub.LINE, hub.StatePending, 0, "")
			f.exec(`update delivery set not_before = $2 where id = $1`, first, f.clock.Now().Add(15*time.Minute))
			link := one[string](f, `select link from delivery where id = $1`, first)
			next := f.beside(first, hub.Messenger, time.Hour)
			tt.end(f, link)
			if got := one[string](f, `select state || ' ' || reason from delivery where id = $1`, first); got != "cancelled link has ended" {
				t.Errorf("what waited is %q", got)
			}
			if one[bool](f, `select not_before > $2 from delivery where id = $1`, next, f.clock.Now()) {
				t.Error("the next leg was not brought forward")
			}
		})
	}
}

func sweepOnce(f *fixture) {
	f.t.Helper()
	if err := f.sweep(f.t.Context(), f.clock.Now()); err != nil {
		f.t.Fatal(err)
	}
}

// What a provider calls dead takes with it everything else that waits for it.
func TestDeadLinkGivesUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.push.fails(&hub.Permanent{Reason: "410"})
	now := f.delivery("amy", hub.WebPush, hub.StatePending, 0, "")
	later := f.delivery("amy", hub.WebPush, hub.StatePending, 0, "")
	f.exec(`update delivery set not_before = $2 where id = $1`, later, f.clock.Now().Add(time.Hour))
	next := f.beside(later, hub.Messenger, 2*time.Hour)
	f.deliverAll()
	want := []string{"failed", "cancelled"}
	if diff := cmp.Diff(want, []string{state(f, now), state(f, later)}); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if one[bool](f, `select not_before > $2 from delivery where id = $1`, next, f.clock.Now()) {
		t.Error("the next leg was not brought forward")
	}
}

func state(f *fixture, id string) string {
	f.t.Helper()
	return one[string](f, `select state from delivery where id = $1`, id)
}

// Whoever has a delivery locked is not waited for.
func TestGiveUpWaitsForNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.delivery("amy", hub.LINE, hub.StatePending, 0, "")
	link := one[string](f, `select link from delivery where id = $1`, first)
	tx, err := f.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), `select from delivery where id = $1 for update`, first); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveLink(t.Context(), approval.PersonID("amy"), link); err != nil {
		t.Fatal(err)
	}
	if got := state(f, first); got != "pending" {
		t.Errorf("what was locked is %s", got)
	}
	_ = tx.Rollback(t.Context())
	sweepOnce(f)
	if got := state(f, first); got != "cancelled" {
		t.Errorf("after the sweep it is %s", got)
	}
}
