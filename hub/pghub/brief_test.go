package pghub

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// What has changed since a delivery was planned is looked at before it is sent:
// a retry, an outage or the person's own choice.
func TestLookAtRulesBeforeSending(t *testing.T) {
	t.Parallel()
	prefer := func(p hub.Preferences) func(*fixture) {
		return func(f *fixture) {
			if err := f.SetPreferences(f.t.Context(), "amy", p); err != nil {
				f.t.Fatal(err)
			}
		}
	}
	night := func(f *fixture) { f.clock.set(at(23, 22, 0)) }
	tests := []struct {
		name string
		set  []func(*approval.Event)
		do   func(f *fixture)
		want string
		at   time.Time // until when it waits
	}{
		{"nothing", nil, func(*fixture) {}, "webpush accepted", time.Time{}},
		{"channel turned off", nil, prefer(hub.Preferences{Off: []hub.ChannelName{hub.WebPush}}), "webpush cancelled (turned off by this person)", time.Time{}},
		{"another channel turned off", nil, prefer(hub.Preferences{Off: []hub.ChannelName{hub.LINE}}), "webpush accepted", time.Time{}},
		{"kind muted", nil, prefer(hub.Preferences{Muted: []hub.Kind{hub.KindArrived}}), "webpush cancelled (turned off by this person)", time.Time{}},
		{"into the night", nil, night, "webpush pending", at(24, 7, 30)},
		{"最速件, into the night", []func(*approval.Event){highest}, night, "webpush accepted", time.Time{}},
		{"into quiet hours of one's own", nil, prefer(hub.Preferences{Quiet: &hub.Quiet{From: 9 * 60, To: 16 * 60}}), "webpush pending", at(23, 16, 0)},
		{"without quiet hours of one's own, into the night", nil, func(f *fixture) {
			night(f)
			prefer(hub.Preferences{Quiet: &hub.Quiet{}})(f)
		}, "webpush accepted", time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, house)
			f.clock.set(at(23, 14, 0))
			f.link("amy", hub.WebPush)
			f.enqueue(f.event(approval.EventArrived, "doc", "amy", tt.set...))
			f.routeAll()
			tt.do(f)
			f.deliverAll()
			if diff := cmp.Diff([]string{tt.want}, f.states()); diff != "" {
				t.Fatalf("deliveries (-want +got):\n%s", diff)
			}
			if strings.HasSuffix(tt.want, "accepted") {
				f.push.next(t)
			}
			f.push.none(t)
			if tt.at.IsZero() {
				return
			}
			if got := one[time.Time](f, `select not_before from delivery`); !got.Equal(tt.at) {
				t.Errorf("waits until %v, want %v", got, tt.at)
			}
			if got := one[int](f, `select attempts from delivery`); got != 0 {
				t.Errorf("%d attempts are on record, want none", got)
			}
			f.clock.set(tt.at)
			f.deliverAll()
			f.push.next(t)
		})
	}
}

// Which document it is leaves the house only where the organisation opted in,
// the subject masked, and never of a classified one.
func TestTierDetail(t *testing.T) {
	t.Parallel()
	tiered := func(tier hub.Tier) hub.Policy {
		p := awake(hub.DefaultUnseen)
		p.Tier = tier
		for k, r := range p.Rules {
			r.Tier = ""
			p.Rules[k] = r
		}
		return p
	}
	tests := []struct {
		tier            hub.Tier
		number, subject bool // of the document that is not classified
	}{
		{hub.TierCounts, false, false},
		{hub.TierNumber, true, false},
		{hub.TierSubject, true, true},
	}
	for _, tt := range tests {
		t.Run(string(tt.tier), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *Options) { o.Policy = tiered(tt.tier) })
			f.link("amy", hub.WebPush)
			f.document("late", "") // graded after it was sent out
			f.enqueue(f.event(approval.EventArrived, "doc", "amy"), f.event(approval.EventArrived, "cls", "amy"), f.event(approval.EventArrived, "late", "amy"))
			f.exec(`update document set grade = '密' where id = 'late'`)
			f.routeAll()
			f.deliverAll()
			for range 3 {
				m := f.push.next(t)
				text := shown(m)
				open := strings.HasSuffix(m.URL, "/d/doc")
				if got := strings.Contains(text, secretNumber); got != (open && tt.number) {
					t.Errorf("a 文號 is told: %t\n%s", got, text)
				}
				if got := strings.Contains(text, "關○王"); got != (open && tt.subject) {
					t.Errorf("a 主旨 is told: %t\n%s", got, text)
				}
				if strings.Contains(text, secretName) || strings.Contains(text, secretSubject) {
					t.Errorf("a name, or all of a 主旨, is told: %s", text)
				}
			}
			f.push.none(t)
		})
	}
}
