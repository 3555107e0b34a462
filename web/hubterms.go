package web

import (
	"strings"
	"time"

	"qianhe/hub"
)

// This file gives the message keys of the hub's own terms. What a kind is
// called stands under key.title, and what it tells of under key.text.

func kindKey(k hub.Kind) string {
	switch k {
	case hub.KindDigest:
		return "kind.digest"
	case hub.KindArrived:
		return "kind.arrived"
	case hub.KindReturned:
		return "kind.returned"
	case hub.KindRecalled:
		return "kind.recalled"
	case hub.KindDecided:
		return "kind.decided"
	case hub.KindForm:
		return "kind.form"
	case hub.KindOverdueSoon:
		return "kind.soon"
	case hub.KindOverdue:
		return "kind.overdue"
	case hub.KindEscalation:
		return "kind.escalation"
	case hub.KindExtension:
		return "kind.extension"
	case hub.KindNewDevice:
		return "kind.newdevice"
	case hub.KindReplaced:
		return "kind.replaced"
	case hub.KindAccount:
		return "kind.account"
	case hub.KindLinked:
		return "kind.linked"
	case hub.KindUnlinked:
		return "kind.unlinked"
	case hub.KindSignature:
		return "kind.signature"
	case hub.KindSignatureDebt:
		return "kind.debt"
	case hub.KindAnnouncement:
		return "kind.announcement"
	case hub.KindTest:
		return "kind.test"
	case hub.KindRefresh:
		return "kind.refresh"
	}
	return "kind.other"
}

// kind is what a kind is called.
func (w *words) kind(k hub.Kind) string { return w.T(kindKey(k) + ".title") }

// channels are the channels that bring messages, quiet and free ones first.
func channels() []hub.ChannelName {
	return []hub.ChannelName{hub.WebPush, hub.LINE, hub.Messenger, hub.SMS}
}

func channelKey(c hub.ChannelName) string {
	switch c {
	case hub.Live:
		return "channel.live"
	case hub.WebPush:
		return "channel.webpush"
	case hub.LINE:
		return "channel.line"
	case hub.Messenger:
		return "channel.messenger"
	case hub.SMS:
		return "channel.sms"
	case viaWeb:
		return "channel.web"
	}
	return "channel.other"
}

// stateKey is where a delivery stands; reason tells apart what was cancelled.
func stateKey(s hub.State) string {
	switch s {
	case hub.StatePending:
		return "state.pending"
	case hub.StateSending:
		return "state.sending"
	case hub.StateAccepted:
		return "state.accepted"
	case hub.StateFailed:
		return "state.failed"
	case hub.StateCancelled:
		return "state.cancelled"
	}
	return "state.unknown"
}

// stateTone is the colour of a state: ok, soon, late or "".
func stateTone(s hub.State) string {
	switch s {
	case hub.StateAccepted:
		return "ok"
	case hub.StateFailed:
		return "late"
	case hub.StateUnknown:
		return "soon"
	}
	return ""
}

func outcomeKey(o hub.Outcome) string {
	switch o {
	case hub.OutcomeAccepted:
		return "outcome.accepted"
	case hub.OutcomeDuplicate:
		return "outcome.duplicate"
	case hub.OutcomeRetry:
		return "outcome.retry"
	case hub.OutcomePermanent:
		return "outcome.permanent"
	case hub.OutcomeRejected:
		return "outcome.rejected"
	case hub.OutcomeUnknown:
		return "outcome.unknown"
	case hub.OutcomeChannelDown:
		return "outcome.down"
	}
	return "outcome.started"
}

// outcomeTone is the colour of an outcome.
func outcomeTone(o hub.Outcome) string {
	switch o {
	case hub.OutcomeAccepted, hub.OutcomeDuplicate:
		return "ok"
	case hub.OutcomeRetry, hub.OutcomeUnknown:
		return "soon"
	case hub.OutcomePermanent, hub.OutcomeRejected, hub.OutcomeChannelDown:
		return "late"
	}
	return ""
}

func urgencyKey(u hub.Urgency) string {
	switch u {
	case hub.UrgencyLow:
		return "urgency.low"
	case hub.UrgencyHigh:
		return "urgency.high"
	}
	return "urgency.normal"
}

func quietKey(q hub.QuietRule) string {
	switch q {
	case hub.QuietThrough:
		return "quiet.through"
	case hub.QuietUrgent:
		return "quiet.urgent"
	}
	return "quiet.hold"
}

func tierKey(t hub.Tier) string {
	switch t {
	case hub.TierNumber:
		return "tier.number"
	case hub.TierSubject:
		return "tier.subject"
	}
	return "tier.counts"
}

// steps says in which order channels are tried: 瀏覽器通知 立即，LINE 15 分鐘後.
func (w *words) steps(list []hub.Step) string {
	var parts []string
	for _, s := range list {
		parts = append(parts, w.T("step", w.T(channelKey(s.Channel)), w.after(s.After)))
	}
	return strings.Join(parts, w.T("step.then"))
}

// after says how long a step waits.
func (w *words) after(d time.Duration) string {
	if d <= 0 {
		return w.T("after.now")
	}
	return w.T("after.later", w.span(d))
}

// beside puts a name into a Chinese sentence: words of Latin letters stand
// apart from it.
func (w *words) beside(name string) string {
	if w.lang == Chinese && name != "" && name[0] < 0x80 {
		return " " + name + " "
	}
	return name
}

// messages counts messages.
func (w *words) messages(n int) string {
	if n == 1 {
		return w.N("cost", n)
	}
	return w.T("cost", thousands(int64(n)))
}

// span says a length of time in the largest unit that it is whole in: 15 分鐘,
// 2 小時, 3 天.
func (w *words) span(d time.Duration) string {
	switch m := int((d + time.Minute - 1) / time.Minute); {
	case m >= 2*24*60 && m%(24*60) == 0:
		return w.N("span.days", m/(24*60))
	case m >= 60 && m%60 == 0:
		return w.N("span.hours", m/60)
	default:
		return w.N("minutes", m)
	}
}

// quiet says which hours are quiet: 20:00 到次日 07:30，假日整天.
func (w *words) quiet(q hub.Quiet) string {
	switch {
	case q.From == q.To && q.DaysOff:
		return w.T("quiet.daysoff")
	case q.From == q.To:
		return w.T("quiet.none")
	}
	key := "quiet.hours"
	if q.From > q.To {
		key = "quiet.night"
	}
	text := w.T(key, clock(q.From), clock(q.To))
	if q.DaysOff {
		text += w.T("quiet.and.daysoff")
	}
	return text
}

// clock writes minutes since midnight as 08:30.
func clock(minutes int) string {
	return time.Date(2000, 1, 1, 0, minutes, 0, 0, time.UTC).Format("15:04")
}

// clocks writes several of them, divided as the language does.
func (w *words) clocks(minutes []int) string {
	var list []string
	for _, m := range minutes {
		list = append(list, clock(m))
	}
	return strings.Join(list, w.T("comma"))
}

// minutesOf reads 08:30, as a field of type time gives it; 8:30 will do.
func minutesOf(text string) (int, bool) {
	t, err := time.Parse("15:04", strings.TrimSpace(text))
	if err != nil {
		return 0, false
	}
	return t.Hour()*60 + t.Minute(), true
}
