package pghub

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// session makes one of person that ends in an hour.
func (f *fixture) session(id, person string) {
	f.t.Helper()
	f.exec(`insert into device (id, account, secret_hash, label, created_at, last_seen_at) values ($1::text, $2, sha256(convert_to($1::text, 'UTF8')), 'phone', $3, $3)`, id, person, morning)
	f.exec(`insert into session (id, account, device, secret_hash, created_at, last_seen_at, proven_at, expires_at) values ($1::text, $2, $1::text, sha256(convert_to($1::text, 'UTF8')), $3, $3, $3, $4)`,
		id, person, morning, morning.Add(time.Hour))
}

func TestLinks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.session("s1", "amy")
	l := hub.Link{
		Person: "amy", Channel: hub.WebPush, Session: "s1", Label: "iPhone · Safari",
		Address: hub.Address{Value: "https://push.example.org/abc", Keys: map[string]string{"auth": "a", "p256dh": "p"}},
	}
	id, err := f.AddLink(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Links(t.Context(), "amy")
	if err != nil {
		t.Fatal(err)
	}
	want := l
	want.ID, want.Address.Link, want.CreatedAt, want.Confirmed = id, id, morning, morning
	if diff := cmp.Diff([]hub.Link{want}, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	stored := one[string](f, `select concat_ws(' ', encode(address, 'escape'), encode(keys, 'escape'), label, reason) from channel_link`)
	if strings.Contains(stored, "push.example.org") || strings.Contains(stored, "p256dh") {
		t.Errorf("the database holds an address or its keys in the clear: %s", stored)
	}

	// The same address again is the same link with new keys.
	f.clock.add(time.Minute)
	l.Address.Keys = map[string]string{"auth": "b"}
	if again, err := f.AddLink(t.Context(), l); err != nil || again != id {
		t.Errorf("the same address gives link %q, %v; want %q", again, err, id)
	}
	byAddress, err := f.LinkByAddress(t.Context(), hub.WebPush, l.Address.Value)
	if err != nil || byAddress.ID != id || byAddress.Address.Keys["auth"] != "b" || !byAddress.Confirmed.Equal(f.clock.Now()) {
		t.Errorf("by address: %+v, %v", byAddress, err)
	}
	if _, err := f.LinkByAddress(t.Context(), hub.LINE, l.Address.Value); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("an address of another channel gives %v, want ErrNotFound", err)
	}

	// Somebody else's now.
	moved, err := f.AddLink(t.Context(), hub.Link{Person: "ben", Channel: hub.WebPush, Address: l.Address})
	if err != nil || moved == id {
		t.Fatalf("moving gives %q, %v", moved, err)
	}
	if list, err := f.Links(t.Context(), "amy"); err != nil || len(list) != 0 {
		t.Errorf("amy still has %v, %v", list, err)
	}
	if err := f.RemoveLink(t.Context(), "amy", moved); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("removing somebody else's link gives %v, want ErrNotFound", err)
	}
	if err := f.RemoveLink(t.Context(), "ben", moved); err != nil {
		t.Error(err)
	}
	if err := f.RemoveLink(t.Context(), "ben", moved); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("removing twice gives %v, want ErrNotFound", err)
	}
}

func TestLinkOfNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.AddLink(t.Context(), hub.Link{Person: "nobody", Channel: hub.LINE, Address: hub.Address{Value: "U1"}})
	if !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("a link of nobody gives %v, want ErrNotFound", err)
	}
	var invalid *approval.InvalidError
	if _, err := f.AddLink(t.Context(), hub.Link{Person: "amy", Channel: hub.LINE}); !errors.As(err, &invalid) {
		t.Errorf("a link without an address gives %v, want an InvalidError", err)
	}
}

// Whatever happens at the same time, an address is one person's in the end.
func TestConcurrentLinksOfOneAddress(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var wg sync.WaitGroup
	for _, p := range []approval.PersonID{"amy", "ben", "cid", "dan", "amy", "ben", "cid", "dan"} {
		wg.Go(func() {
			if _, err := f.AddLink(t.Context(), hub.Link{Person: p, Channel: hub.LINE, Address: hub.Address{Value: "U1"}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := one[int](f, `select count(*) from channel_link where disabled_at is null`); got != 1 {
		t.Errorf("%d links in use, want 1", got)
	}
}

// A link ends with the session that made it, whether somebody says so or not.
func TestSessionEndsLinks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(f *fixture)
	}{
		{"told", func(f *fixture) {
			if err := f.RemoveSessionLinks(f.t.Context(), "s1"); err != nil {
				f.t.Error(err)
			}
		}},
		{"told in the transaction", func(f *fixture) {
			err := pgx.BeginFunc(f.t.Context(), f.pool, func(tx pgx.Tx) error {
				after, err := f.EndSessionsTx(f.t.Context(), tx, []string{"s1"})
				if err == nil {
					after()
				}
				return err
			})
			if err != nil {
				f.t.Error(err)
			}
		}},
		{"revoked", func(f *fixture) { f.exec(`update session set revoked_at = $1`, morning) }},
		{"expired", func(f *fixture) { f.clock.add(time.Hour) }},
		{"account closed", func(f *fixture) { f.exec(`update account set disabled_at = $1`, morning) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.session("s1", "amy")
			_, err := f.AddLink(t.Context(), hub.Link{Person: "amy", Channel: hub.WebPush, Session: "s1", Address: hub.Address{Value: "x"}})
			if err != nil {
				t.Fatal(err)
			}
			f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
			f.routeAll()
			tt.end(f)
			f.deliverAll()
			f.push.none(t)
			if diff := cmp.Diff([]string{"webpush cancelled (link has ended)"}, f.states()); diff != "" {
				t.Errorf("deliveries (-want +got):\n%s", diff)
			}
			if list, err := f.Links(t.Context(), "amy"); err != nil || len(list) != 0 {
				t.Errorf("links are %v, %v; want none", list, err)
			}
			f.enqueue(f.event(approval.EventReturned, "doc", "amy"))
			f.routeAll()
			if got := f.states(); len(got) != 1 {
				t.Errorf("planned again: %v", got)
			}
		})
	}
}
