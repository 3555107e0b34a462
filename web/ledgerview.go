package web

import (
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// This file puts the ledger into words: for whoever was told, and, with what
// providers said, for the administrator.

// entryView is a notification with what was done about it.
type entryView struct {
	ID         string
	URL        string // what it is about, or the entry's own page; "" for neither
	Kind       string
	Person     string // "" where all are one's own
	Speed      string // "" unless it hurries
	Tone       string
	At         string // clock
	Due        string // 限 115.11.22
	Day        string
	Deliveries []deliveryView
	Done       string // 09:12 在網頁看過
	DoneTone   string
}

// deliveryView is one delivery of it.
type deliveryView struct {
	Channel  string
	Label    string // of the address
	State    string
	Tone     string
	When     string
	Why      string // in plain words, "" where there are none
	Reason   string // as it stands in the record
	Provider string
	Ref      string
	Cost     string
	Device   string // when the device had it
	Attempts []attemptView
}

// attemptView is one call to the provider.
type attemptView struct {
	Number  int
	At      string
	Took    string
	Outcome string
	Tone    string
	Means   string // in plain words, "" where there are none
	Detail  string // as the provider said it
}

func (v *visit) entry(e *hub.LedgerEntry) entryView {
	w := v.words
	out := entryView{
		ID: e.ID, Kind: w.kind(e.Kind), Tone: speedTone(e.Speed, e.Grade), At: e.At.In(approval.Zone).Format("15:04"), Day: w.dayName(e.At, v.now),
	}
	switch {
	case e.Grade.Classified():
		out.Speed = w.T("classified")
	case e.Speed == approval.SpeedHighest || e.Speed == approval.SpeedUrgent:
		out.Speed = w.T(speedKey(e.Speed))
	}
	if !e.Due.IsZero() && !e.Grade.Classified() {
		out.Due = w.T("due.date", w.ShortDay(e.Due))
	}
	for i := range e.Deliveries {
		out.Deliveries = append(out.Deliveries, v.delivery(&e.Deliveries[i], e.At))
	}
	switch {
	case !e.Seen.IsZero():
		out.Done, out.DoneTone = w.T("log.seen", v.near(e.Seen, e.At), w.beside(w.T(channelKey(hub.ChannelName(e.SeenVia))))), "ok"
	case !e.Cancelled.IsZero():
		out.Done = w.T("log.cancelled", v.near(e.Cancelled, e.At))
		if why := w.why(e.Reason); why != "" {
			out.Done += w.T("step.then") + why
		}
	case !e.Delivered.IsZero():
		out.Done = w.T("log.delivered", v.near(e.Delivered, e.At))
	default:
		out.Done = w.T("log.unseen")
	}
	return out
}

func (v *visit) delivery(d *hub.LedgerDelivery, at time.Time) deliveryView {
	w := v.words
	out := deliveryView{
		Channel: w.T(channelKey(d.Channel)), Label: d.Label, State: w.T(stateKey(d.State)), Tone: stateTone(d.State), Why: w.why(d.Reason),
		Reason: d.Reason, Provider: d.ProviderID, Ref: d.Ref, Device: v.near(d.Delivered, at),
	}
	if d.Cost > 0 {
		out.Cost = w.messages(d.Cost)
	}
	switch d.State {
	case hub.StatePending:
		out.When = w.T("log.planned", v.near(d.NotBefore, at))
	case hub.StateAccepted, hub.StateFailed:
		out.When = v.near(d.Done, at)
	}
	for _, a := range d.Attempts {
		out.Attempts = append(out.Attempts, v.attempt(a, at))
	}
	return out
}

func (v *visit) attempt(a hub.LedgerAttempt, at time.Time) attemptView {
	out := attemptView{
		Number: a.Number, At: v.near(a.Started, at) + a.Started.In(approval.Zone).Format(":05"),
		Outcome: v.words.T(outcomeKey(a.Outcome)), Tone: outcomeTone(a.Outcome), Means: v.words.trouble(a.Detail), Detail: a.Detail,
	}
	if !a.Finished.IsZero() {
		out.Took = v.words.T("log.took", strconv.FormatFloat(a.Finished.Sub(a.Started).Seconds(), 'f', 1, 64))
	}
	return out
}

// near writes a time beside another one: the clock where it is the same day.
func (v *visit) near(t, beside time.Time) string { return v.words.Moment(t, beside) }

// why puts a reason of the engine's own into plain words, "" for what only a
// provider has said.
func (w *words) why(reason string) string {
	switch reason {
	case "seen":
		return w.T("why.seen")
	case "no longer in this person's hands":
		return w.T("why.left")
	case "link has ended":
		return w.T("why.unlinked")
	case "too late":
		return w.T("why.late")
	case "a later message says it", "newer ones took its place":
		return w.T("why.collapsed")
	case "channel is down for longer than it makes sense to wait":
		return w.T("why.down")
	case "what is left of the quota is for what is urgent":
		return w.T("why.scarce")
	case "may have been sent, and its provider does not say", "nobody can say whether it was sent", "the provider does not remember its key any more":
		return w.T("why.doubt")
	case "its provider does not have it":
		return w.T("why.absent")
	}
	return ""
}

// troubles are what providers say and what it means, the first that fits.
var troubles = [...]struct{ says, key string }{
	{"monthly limit", "trouble.quota"}, {"quota", "trouble.quota"}, {"insufficient", "trouble.quota"}, {"額度", "trouble.quota"},
	{"24-hour window", "trouble.window"},
	{"advanced access", "trouble.permission"}, {"permission", "trouble.permission"},
	{"access token", "trouble.credentials"}, {"credentials", "trouble.credentials"}, {"app secret", "trouble.credentials"}, {"channel id and secret", "trouble.credentials"},
	{"authentication", "trouble.credentials"}, {"401 ", "trouble.credentials"}, {"憑證", "trouble.credentials"},
	{"rate limit", "trouble.rate"}, {"429", "trouble.rate"}, {"too many", "trouble.rate"},
	{"no answer in time", "trouble.timeout"},
	{"no connection", "trouble.line"}, {"cannot be resolved", "trouble.line"}, {"connection was cut", "trouble.line"}, {"not trusted", "trouble.line"},
	{"subscription", "trouble.gone"}, {"410 ", "trouble.gone"}, {"isn't available", "trouble.gone"}, {"does not receive", "trouble.gone"}, {"failed to send messages", "trouble.gone"},
	{"unsubscribed", "trouble.gone"}, {"拒收", "trouble.gone"},
	{"500 ", "trouble.server"}, {"502 ", "trouble.server"}, {"503 ", "trouble.server"}, {"504 ", "trouble.server"},
	{"process ended", "trouble.ended"},
}

// trouble says what a provider's words mean, "" where nobody knows.
func (w *words) trouble(text string) string {
	text = strings.ToLower(text) + " "
	for _, t := range troubles {
		if strings.Contains(text, t.says) {
			return w.T(t.key)
		}
	}
	return ""
}

// thousands writes a number with separators.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, parts...), ",")
}
