package web

import (
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// told fills the ledger: what Wang was told today and on Friday, through
// channels of which one is down and another nearly used up.
func (o *office) told() {
	at := func(day, h, m, s int) time.Time { return time.Date(2026, 11, day, h, m, s, 0, approval.Zone) }
	try := func(n int, from time.Time, took time.Duration, out hub.Outcome, detail string) hub.LedgerAttempt {
		a := hub.LedgerAttempt{Number: n, Started: from, Finished: from.Add(took), Outcome: out, Detail: detail}
		if out == "" {
			a.Finished = time.Time{}
		}
		return a
	}
	sent := func(c hub.ChannelName, label, provider string, cost int, when time.Time) hub.LedgerDelivery {
		id := o.newID()
		return hub.LedgerDelivery{
			ID: id, Channel: c, Label: label, State: hub.StateAccepted, ProviderID: provider, Ref: hub.RefOf(id), Cost: cost, NotBefore: when, Done: when, Delivered: when.Add(2 * time.Second),
			Attempts: []hub.LedgerAttempt{try(1, when, 180*time.Millisecond, hub.OutcomeAccepted, "")},
		}
	}
	entry := func(k hub.Kind, doc approval.DocumentID, speed approval.Speed, when time.Time, list ...hub.LedgerDelivery) hub.LedgerEntry {
		return hub.LedgerEntry{
			Notification: hub.Notification{ID: o.newID(), Person: o.wang.ID, Kind: k, Document: doc, Speed: speed, At: when}, Name: o.wang.Name, Deliveries: list,
		}
	}
	push := func(when time.Time) hub.LedgerDelivery { return sent(hub.WebPush, "Android · Chrome", "", 0, when) }

	fresh := entry(hub.KindArrived, o.flood, approval.SpeedHighest, at(23, 9, 2, 11), push(at(23, 9, 2, 12)))
	line := hub.LedgerDelivery{
		ID: o.newID(), Channel: hub.LINE, State: hub.StatePending, NotBefore: at(23, 9, 17, 11), Reason: "You have reached your monthly limit.",
		Attempts: []hub.LedgerAttempt{try(1, at(23, 9, 2, 12), 240*time.Millisecond, hub.OutcomeChannelDown, "You have reached your monthly limit.")},
	}
	sms := sent(hub.SMS, "手機", "SM…7f3a", 2, at(23, 9, 5, 0))
	sms.State, sms.Done, sms.Delivered = hub.StateUnknown, time.Time{}, time.Time{}
	sms.Attempts = []hub.LedgerAttempt{try(1, at(23, 9, 5, 0), 10*time.Second, hub.OutcomeUnknown, "no answer in time"), try(2, at(23, 9, 6, 0), 0, "", "")}
	fresh.Deliveries = append(fresh.Deliveries, line, sms)
	fresh.Due, fresh.Delivered = at(25, 17, 30, 0), at(23, 9, 2, 14)

	digest := entry(hub.KindDigest, "", "", at(23, 8, 30, 0), push(at(23, 8, 30, 1)), sent(hub.LINE, "", "46…1201", 1, at(23, 8, 30, 2)))
	digest.Delivered, digest.Seen, digest.SeenVia = at(23, 8, 30, 3), at(23, 8, 41, 7), string(hub.LINE)

	shut := entry(hub.KindArrived, o.shut, approval.SpeedUrgent, at(23, 8, 20, 0), push(at(23, 8, 20, 1)))
	shut.Grade = approval.GradeConfidential

	left := entry(hub.KindReturned, o.back, approval.SpeedNormal, at(20, 16, 5, 0), push(at(20, 16, 5, 1)))
	left.Deliveries = append(left.Deliveries, hub.LedgerDelivery{ID: o.newID(), Channel: hub.LINE, State: hub.StateCancelled, Reason: "no longer in this person's hands", NotBefore: at(20, 16, 20, 0), Done: at(20, 16, 9, 0)})
	left.Cancelled, left.Reason = at(20, 16, 9, 0), "no longer in this person's hands"

	device := entry(hub.KindNewDevice, "", "", at(20, 7, 55, 0), sent(hub.SMS, "手機", "SM…19c0", 1, at(20, 7, 55, 1)))
	device.Seen, device.SeenVia = at(20, 8, 1, 0), "web"
	failed := hub.LedgerDelivery{
		ID: o.newID(), Channel: hub.Messenger, State: hub.StateFailed, Reason: "=cmd|' /C calc'!A0", Done: at(20, 7, 55, 2),
		Attempts: []hub.LedgerAttempt{try(1, at(20, 7, 55, 1), 320*time.Millisecond, hub.OutcomePermanent, "This person isn't available right now.")},
	}
	device.Deliveries = append(device.Deliveries, failed)

	other := entry(hub.KindDecided, o.old, approval.SpeedNormal, at(20, 7, 40, 0))
	other.Person, other.Name = o.lin.ID, o.lin.Name
	o.ledger = &ledger{entries: []hub.LedgerEntry{fresh, digest, shut, left, device, other}, linked: []hub.ChannelName{hub.WebPush, hub.LINE}}

	now := o.now
	o.ledger.health = []hub.ChannelHealth{
		{Channel: hub.WebPush, InService: true, LastSent: now.Add(-time.Minute), Hour: map[hub.Outcome]int{hub.OutcomeAccepted: 1204, hub.OutcomeRetry: 3, hub.OutcomePermanent: 2}, Links: 216, LastError: "410 push subscription has unsubscribed or expired", LastErrAt: now.Add(-12 * time.Minute)},
		{Channel: hub.LINE, InService: true, DownUntil: now.Add(80 * time.Minute), Reason: "You have reached your monthly limit.", Waiting: 12, Oldest: now.Add(-8 * time.Minute), LastSent: now.Add(-9 * time.Minute), Hour: map[hub.Outcome]int{hub.OutcomeAccepted: 88, hub.OutcomeChannelDown: 4}, Links: 187, Quota: hub.Quota{Limit: 3000, Used: 2987}, QuotaAt: now.Add(-15 * time.Minute), Rate: 2000, Cost: 2987},
		{Channel: hub.Messenger, InService: false},
		{Channel: hub.SMS, InService: true, Waiting: 3, Oldest: now.Add(-3 * time.Minute), LastSent: now.Add(-26 * time.Minute), Hour: map[hub.Outcome]int{hub.OutcomeAccepted: 5, hub.OutcomeUnknown: 1}, Links: 64, Rate: 10, Cost: 312, Quota: hub.Quota{Used: 312}, QuotaAt: now},
	}
}
