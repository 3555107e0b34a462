package hub_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/workday"
	"qianhe/hub"
)

// at is a time of November 2026; the 20th is a Friday.
func at(day, hour, minute int) time.Time {
	return time.Date(2026, time.November, day, hour, minute, 0, 0, approval.Zone)
}

// reach is one link on every channel, and two browsers. Messenger was heard
// from when begin was.
func reach(begin time.Time) []hub.Link {
	return []hub.Link{
		{ID: "l", Channel: hub.LINE}, {ID: "p1", Channel: hub.WebPush}, {ID: "p2", Channel: hub.WebPush},
		{ID: "m", Channel: hub.Messenger, Address: hub.Address{Heard: begin}}, {ID: "s", Channel: hub.SMS}, {ID: "x", Channel: "carrier pigeon"},
	}
}

// legs writes a plan as "link+minutes" since from, in order.
func legs(plan []hub.Leg, from time.Time) string {
	text := ""
	for _, l := range plan {
		if text != "" {
			text += " "
		}
		text += l.Link
		if d := l.At.Sub(from); d != 0 {
			text += fmt.Sprintf("+%d", d/time.Minute)
		}
	}
	return text
}

// TestPlanTable is the house's table as it works in the middle of a working
// day: every kind, each speed.
func TestPlanTable(t *testing.T) {
	t.Parallel()
	const chats, atOnce, all = "p1 p2 l+15 m+15", "p1 p2 l m", "s p1 p2 l m"
	want := map[hub.Kind][2]string{ // 普通件, 最速件
		hub.KindArrived:       {chats, "p1 p2 l m s+30"},
		hub.KindReturned:      {chats, "p1 p2 l m s+30"},
		hub.KindExtension:     {chats, "p1 p2 l m s+30"},
		hub.KindForm:          {chats, "p1 p2 l m s+30"},
		hub.KindRecalled:      {"p1 p2", "p1 p2"},
		hub.KindDecided:       {chats, atOnce},
		hub.KindDigest:        {atOnce, atOnce},
		hub.KindOverdueSoon:   {chats, chats},
		hub.KindOverdue:       {chats, chats},
		hub.KindEscalation:    {atOnce, atOnce},
		hub.KindSignature:     {atOnce, atOnce},
		hub.KindSignatureDebt: {chats, chats},
		hub.KindNewDevice:     {all, all},
		hub.KindReplaced:      {"p1 p2 l m s+30", "p1 p2 l m s+30"},
		hub.KindAccount:       {atOnce, atOnce},
		hub.KindLinked:        {atOnce, atOnce},
		hub.KindUnlinked:      {atOnce, atOnce},
		hub.KindAnnouncement:  {chats, chats},
		hub.KindTest:          {all, all},
		hub.KindRefresh:       {"p1+1 p2+1", "p1+1 p2+1"},
		"gossip":              {"", ""},
	}
	noon := at(23, 12, 0)
	for _, k := range append(hub.Kinds(), hub.KindRefresh, "gossip") {
		for i, speed := range []approval.Speed{approval.SpeedNormal, approval.SpeedHighest} {
			n := hub.Notification{Kind: k, Speed: speed, At: noon}
			if got := legs(hub.Policy{}.Plan(n, hub.Recipient{}, reach(noon), workday.Official().Workday), noon); got != want[k][i] {
				t.Errorf("%s %s: plan %q, want %q", k, speed, got, want[k][i])
			}
		}
		n := hub.Notification{Kind: k, Speed: approval.SpeedUrgent, At: noon}
		if got := legs(hub.Policy{}.Plan(n, hub.Recipient{}, reach(noon), nil), noon); got != want[k][0] {
			t.Errorf("%s 速件: plan %q, want %q", k, got, want[k][0])
		}
		if got := (hub.Policy{}).Plan(n, hub.Recipient{}, nil, nil); len(got) != 0 {
			t.Errorf("%s: plan without links is %v, want none", k, got)
		}
	}
}

func TestPlanPriorities(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind  hub.Kind
		speed approval.Speed
		want  hub.Priority
	}{
		{hub.KindArrived, approval.SpeedNormal, hub.PriorityNormal},
		{hub.KindArrived, approval.SpeedUrgent, hub.PriorityNormal},
		{hub.KindArrived, approval.SpeedHighest, hub.PriorityUrgent},
		{hub.KindDigest, "", hub.PriorityLow},
		{hub.KindOverdue, approval.SpeedHighest, hub.PriorityLow},
		{hub.KindAnnouncement, approval.SpeedHighest, hub.PriorityLow},
		{hub.KindNewDevice, "", hub.PriorityUrgent},
		{hub.KindSignature, "", hub.PriorityUrgent},
		{hub.KindSignatureDebt, "", hub.PriorityLow},
		{hub.KindDecided, "", hub.PriorityNormal},
	}
	for _, tt := range tests {
		for _, leg := range (hub.Policy{}).Plan(hub.Notification{Kind: tt.kind, Speed: tt.speed, At: at(23, 12, 0)}, hub.Recipient{}, reach(at(23, 12, 0)), nil) {
			if leg.Priority != tt.want {
				t.Errorf("%s %s through %s: priority %d, want %d", tt.kind, tt.speed, leg.Channel, leg.Priority, tt.want)
			}
		}
	}
}

// TestPlanChoices is what organisation and person make of an arrival.
func TestPlanChoices(t *testing.T) {
	t.Parallel()
	highest := func(n *hub.Notification) { n.Speed = approval.SpeedHighest }
	kind := func(k hub.Kind) func(*hub.Notification) { return func(n *hub.Notification) { n.Kind = k } }
	ownRule := func(steps ...hub.Step) hub.Policy {
		return hub.Policy{Rules: map[hub.Kind]hub.Rule{hub.KindArrived: {Steps: steps, Urgency: hub.UrgencyNormal, TTL: time.Hour, Quiet: hub.QuietHold}}}
	}
	tests := []struct {
		name   string
		policy hub.Policy
		choice hub.Preferences
		set    func(*hub.Notification)
		want   string
	}{
		{"as it is", hub.Policy{}, hub.Preferences{}, nil, "p1 p2 l+15 m+15"},
		{"another wait", hub.Policy{Unseen: time.Hour}, hub.Preferences{}, nil, "p1 p2 l+60 m+60"},
		{"LINE first", hub.Policy{}, hub.Preferences{First: hub.LINE}, nil, "p1 p2 l m+15"},
		{"Messenger first", hub.Policy{}, hub.Preferences{First: hub.Messenger}, nil, "p1 p2 m l+15"},
		{"SMS first does not make everything an SMS", hub.Policy{}, hub.Preferences{First: hub.SMS}, nil, "p1 p2 l+15 m+15"},
		{"SMS first, 最速件", hub.Policy{}, hub.Preferences{First: hub.SMS}, highest, "p1 p2 l m s"},
		{"no LINE", hub.Policy{}, hub.Preferences{Off: []hub.ChannelName{hub.LINE}}, nil, "p1 p2 m+15"},
		{"no LINE, 最速件", hub.Policy{}, hub.Preferences{Off: []hub.ChannelName{hub.LINE}}, highest, "p1 p2 m s+30"},
		{"no LINE, security", hub.Policy{}, hub.Preferences{Off: []hub.ChannelName{hub.LINE, hub.SMS}}, kind(hub.KindNewDevice), "s p1 p2 l m"},
		{"muted", hub.Policy{}, hub.Preferences{Muted: []hub.Kind{hub.KindArrived}}, highest, ""},
		{"another is muted", hub.Policy{}, hub.Preferences{Muted: []hub.Kind{hub.KindDecided}}, nil, "p1 p2 l+15 m+15"},
		{"muted security", hub.Policy{}, hub.Preferences{Muted: hub.Kinds()}, kind(hub.KindUnlinked), "p1 p2 l m"},
		{"own rule", ownRule(hub.Step{Channel: hub.LINE}, hub.Step{Channel: hub.WebPush, After: time.Minute}), hub.Preferences{}, highest, "l p1+1 p2+1"},
		{"own rule, only the in-tray", ownRule(), hub.Preferences{First: hub.LINE}, nil, ""},
		{"a step after the end", ownRule(hub.Step{Channel: hub.LINE, After: time.Hour}), hub.Preferences{}, nil, ""},
		{"a wait longer than the kind lasts", hub.Policy{Unseen: 24 * time.Hour}, hub.Preferences{}, nil, "p1 p2"},
	}
	noon := at(23, 12, 0)
	for _, tt := range tests {
		n := hub.Notification{Kind: hub.KindArrived, Speed: approval.SpeedNormal, At: noon}
		if tt.set != nil {
			tt.set(&n)
		}
		if got := legs(tt.policy.Plan(n, hub.Recipient{Preferences: tt.choice}, reach(noon), nil), noon); got != tt.want {
			t.Errorf("%s: plan %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Meta lets a page write for a day after the person did, and after that answers
// with an error.
func TestPlanLeavesOutAClosedMessenger(t *testing.T) {
	t.Parallel()
	noon := at(23, 12, 0)
	tests := []struct {
		name  string
		heard time.Time
		want  string
	}{
		{"just now", noon, "p1 m+15"},
		{"open until it is sent", noon.Add(-22*time.Hour - 44*time.Minute), "p1 m+15"},
		{"closed by then", noon.Add(-22*time.Hour - 45*time.Minute), "p1"},
		{"yesterday", noon.Add(-25 * time.Hour), "p1"},
		{"never", time.Time{}, "p1"},
	}
	for _, tt := range tests {
		links := []hub.Link{{ID: "p1", Channel: hub.WebPush}, {ID: "m", Channel: hub.Messenger, Address: hub.Address{Heard: tt.heard}}}
		if got := legs(hub.Policy{}.Plan(hub.Notification{Kind: hub.KindArrived, At: noon}, hub.Recipient{}, links, nil), noon); got != tt.want {
			t.Errorf("%s: plan %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPlanQuietHours(t *testing.T) {
	t.Parallel()
	links := []hub.Link{{ID: "p", Channel: hub.WebPush}, {ID: "l", Channel: hub.LINE}}
	own := func(from, to int, off bool) hub.Preferences {
		return hub.Preferences{Quiet: &hub.Quiet{From: from * 60, To: to * 60, DaysOff: off}}
	}
	tests := []struct {
		name   string
		kind   hub.Kind
		speed  approval.Speed
		when   time.Time
		choice hub.Preferences
		want   []time.Time // Web Push, LINE
	}{
		{"by day", hub.KindArrived, "", at(23, 12, 0), hub.Preferences{}, []time.Time{at(23, 12, 0), at(23, 12, 15)}},
		{"LINE would come after eight", hub.KindArrived, "", at(23, 19, 50), hub.Preferences{}, []time.Time{at(23, 19, 50), at(24, 7, 30)}},
		{"in the evening", hub.KindArrived, "", at(23, 20, 0), hub.Preferences{}, []time.Time{at(24, 7, 30), at(24, 7, 45)}},
		{"in the night", hub.KindDecided, "", at(24, 3, 0), hub.Preferences{}, []time.Time{at(24, 7, 30), at(24, 7, 45)}},
		{"over a weekend", hub.KindArrived, "", at(20, 22, 0), hub.Preferences{}, []time.Time{at(23, 7, 30), at(23, 7, 45)}},
		{"on a Saturday at noon", hub.KindArrived, "", at(21, 12, 0), hub.Preferences{}, []time.Time{at(23, 7, 30), at(23, 7, 45)}},
		{"at the new year of 2026, nine days", hub.KindArrived, "", time.Date(2026, 2, 13, 21, 0, 0, 0, approval.Zone), hub.Preferences{},
			[]time.Time{time.Date(2026, 2, 23, 7, 30, 0, 0, approval.Zone), time.Date(2026, 2, 23, 7, 45, 0, 0, approval.Zone)}},
		{"最速件 at night", hub.KindArrived, approval.SpeedHighest, at(24, 3, 0), hub.Preferences{}, []time.Time{at(24, 3, 0), at(24, 3, 0)}},
		{"最速件 that was decided waits", hub.KindDecided, approval.SpeedHighest, at(24, 3, 0), hub.Preferences{}, []time.Time{at(24, 7, 30), at(24, 7, 30)}},
		{"security on a Sunday night", hub.KindNewDevice, "", at(22, 3, 0), own(0, 23, true), []time.Time{at(22, 3, 0), at(22, 3, 0)}},
		{"own hours", hub.KindArrived, "", at(23, 12, 30), own(12, 14, true), []time.Time{at(23, 14, 0), at(23, 14, 15)}},
		{"own hours, no quiet night", hub.KindArrived, "", at(23, 23, 0), own(12, 14, true), []time.Time{at(23, 23, 0), at(23, 23, 15)}},
		{"no quiet hours", hub.KindArrived, "", at(22, 3, 0), own(0, 0, false), []time.Time{at(22, 3, 0), at(22, 3, 15)}},
		{"only days off", hub.KindArrived, "", at(22, 3, 0), own(0, 0, true), []time.Time{at(23, 0, 0), at(23, 0, 15)}},
	}
	for _, tt := range tests {
		n := hub.Notification{Kind: tt.kind, Speed: tt.speed, At: tt.when.UTC()}
		plan := hub.Policy{}.Plan(n, hub.Recipient{Preferences: tt.choice}, links, workday.Official().Workday)
		var got []time.Time
		for _, l := range plan {
			got = append(got, l.At.In(approval.Zone))
			if d := l.Expires.Sub(l.At); d <= 0 || d > tt.kind.TTL() {
				t.Errorf("%s: %s expires %s after it may go out", tt.name, l.Channel, d)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: times (-want +got):\n%s", tt.name, diff)
		}
	}
}

// An office that is closed for good does not hold anything for ever.
func TestQuietEnds(t *testing.T) {
	t.Parallel()
	begin := at(23, 12, 0)
	got := hub.Quiet{From: 1, To: 0, DaysOff: true}.Until(begin, func(time.Time) bool { return false })
	if got.Sub(begin) > 100*24*time.Hour {
		t.Errorf("quiet until %s", got)
	}
}

func TestPlanCaps(t *testing.T) {
	t.Parallel()
	noon := at(23, 12, 0)
	ago := func(minutes ...int) []time.Time {
		var list []time.Time
		for _, m := range minutes {
			list = append(list, noon.Add(-time.Duration(m)*time.Minute))
		}
		return list
	}
	tests := []struct {
		name string
		kind hub.Kind
		n    hub.Notification
		push []time.Time
		line []time.Time
		want string
	}{
		{"room", hub.KindArrived, hub.Notification{}, ago(50, 40), ago(50), "p l+15"},
		{"none on the one", hub.KindArrived, hub.Notification{}, ago(50, 40, 30), nil, "p+10 l+15"},
		{"more than there should be", hub.KindArrived, hub.Notification{}, ago(50, 40, 30, 20), nil, "l+15 p+20"},
		{"none on the other", hub.KindArrived, hub.Notification{}, nil, ago(40, 30, 20), "p l+20"},
		{"there is room when it comes to it", hub.KindArrived, hub.Notification{}, nil, ago(50, 40, 30), "p l+15"},
		{"what is planned counts too", hub.KindArrived, hub.Notification{}, ago(-1, -2, -3), nil, "l+15 p+61"},
		{"what is planned later has its room", hub.KindArrived, hub.Notification{}, ago(20, 10, -45), nil, "p l+15"},
		{"and is not pushed over the cap", hub.KindArrived, hub.Notification{}, ago(10, -45, -46), nil, "l+15 p+50"},
		{"最速件", hub.KindArrived, hub.Notification{Speed: approval.SpeedHighest}, ago(3, 2, 1), ago(3, 2, 1), "p l"},
		{"security", hub.KindLinked, hub.Notification{}, ago(3, 2, 1), ago(3, 2, 1), "p l"},
	}
	for _, tt := range tests {
		tt.n.Kind, tt.n.At = tt.kind, noon
		plan := hub.Policy{Cap: 3}.Plan(tt.n, hub.Recipient{Sent: map[hub.ChannelName][]time.Time{hub.WebPush: tt.push, hub.LINE: tt.line}},
			[]hub.Link{{ID: "p", Channel: hub.WebPush}, {ID: "l", Channel: hub.LINE}}, nil)
		if got := legs(plan, noon); got != tt.want {
			t.Errorf("%s: plan %q, want %q", tt.name, got, tt.want)
		}
	}
}

// FuzzPlan: whatever anybody has set, security gets through everywhere and at
// once, nothing that may be held goes out in quiet hours, what was held begins
// when they end, and nothing is worth sending for longer than its kind lasts.
func FuzzPlan(f *testing.F) {
	f.Add(uint8(0), uint8(0), int64(1000), 1200, 450, true, uint8(255), uint8(0), uint8(5), int64(900), uint8(3))
	f.Add(uint8(12), uint8(2), int64(90000), 0, 1439, false, uint8(1), uint8(31), uint8(0), int64(1), uint8(200))
	f.Add(uint8(4), uint8(1), int64(600000), 700, 600, true, uint8(7), uint8(3), uint8(1), int64(86400), uint8(0))
	calendar := workday.Official()
	kinds := append(hub.Kinds(), hub.KindRefresh)
	f.Fuzz(func(t *testing.T, kind, speed uint8, minute int64, from, to int, daysOff bool, off, muted, first uint8, unseen int64, sent uint8) {
		n := hub.Notification{Kind: kinds[int(kind)%len(kinds)]}
		n.Speed = []approval.Speed{approval.SpeedNormal, approval.SpeedUrgent, approval.SpeedHighest}[speed%3]
		n.At = time.Date(2026, 1, 1, 0, 0, 0, 0, approval.Zone).Add(time.Duration(uint64(minute)%(2*365*24*60)) * time.Minute)
		quiet := hub.Quiet{From: int(uint(from) % 1440), To: int(uint(to) % 1440), DaysOff: daysOff}
		channels := []hub.ChannelName{hub.WebPush, hub.LINE, hub.Messenger, hub.SMS}
		r := hub.Recipient{Preferences: hub.Preferences{Quiet: &quiet}, Sent: map[hub.ChannelName][]time.Time{}}
		for i, c := range channels {
			if off&(1<<i) != 0 {
				r.Preferences.Off = append(r.Preferences.Off, c)
			}
			if int(first)%8 == i {
				r.Preferences.First = c
			}
			for m := range int(sent) {
				r.Sent[c] = append(r.Sent[c], n.At.Add(time.Duration(m-int(sent)/2)*time.Minute))
			}
		}
		for i, k := range hub.Kinds() {
			if i%8 == int(muted)%16 {
				r.Preferences.Muted = append(r.Preferences.Muted, k)
			}
		}
		policy := hub.Policy{Unseen: time.Duration(uint64(unseen)%86400) * time.Second, Cap: 1 + int(sent)%7}
		rule := policy.Filled().Rule(n.Kind)
		links := reach(n.At)
		plan := policy.Plan(n, r, links, calendar.Workday)

		if !slices.IsSortedFunc(plan, func(a, b hub.Leg) int { return a.At.Compare(b.At) }) {
			t.Errorf("not in order: %v", plan)
		}
		for _, l := range plan {
			if l.At.Before(n.At) || !l.Expires.After(l.At) || l.Expires.Sub(l.At) > rule.TTL {
				t.Errorf("%s through %s: from %s to %s, TTL %s", n.Kind, l.Channel, l.At, l.Expires, rule.TTL)
			}
			if rule.Held {
				continue
			}
			if slices.Contains(r.Preferences.Off, l.Channel) || slices.Contains(r.Preferences.Muted, n.Kind) {
				t.Errorf("%s through %s, which is turned off", n.Kind, l.Channel)
			}
			through := rule.Quiet == hub.QuietThrough || rule.Quiet == hub.QuietUrgent && n.Speed == approval.SpeedHighest
			if !through && !quiet.Until(l.At, calendar.Workday).Equal(l.At) {
				t.Errorf("%s through %s in quiet hours, at %s", n.Kind, l.Channel, l.At)
			}
			if end := quiet.Until(n.At, calendar.Workday); !through && sent == 0 && end.After(n.At) && l.At.Before(end) {
				t.Errorf("%s through %s at %s, before quiet hours end at %s", n.Kind, l.Channel, l.At, end)
			}
		}
		if n.Kind.Security() {
			for _, s := range rule.Steps {
				reached := slices.ContainsFunc(plan, func(l hub.Leg) bool {
					return l.Channel == s.Channel && !l.At.After(n.At.Add(s.After)) && l.Priority == hub.PriorityUrgent
				})
				if !reached {
					t.Errorf("%s does not get through by %s: %v", n.Kind, s.Channel, plan)
				}
			}
		}
		if sent == 0 && len(plan) > 0 && !rule.Held && rule.Quiet == hub.QuietHold {
			if end := quiet.Until(n.At, calendar.Workday); end.After(n.At) && rule.Steps[0].After == 0 && plan[0].Channel == rule.Steps[0].Channel && !plan[0].At.Equal(end) {
				t.Errorf("%s begins at %s, want %s when quiet hours end", n.Kind, plan[0].At, end)
			}
		}
	})
}
