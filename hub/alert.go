package hub

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
)

// Alert is what a notification that comes from no document says besides its
// kind: enumerated words and numbers, as [approval.Alert] has them.
type Alert struct {
	Matter  string            `json:"matter,omitempty"`
	Device  string            `json:"device,omitempty"`
	Network string            `json:"network,omitempty"`
	Count   int               `json:"count,omitempty"`
	Path    string            `json:"path,omitempty"`
	Way     approval.AlertWay `json:"way,omitempty"`
	Until   time.Time         `json:"until,omitzero"` // when it has lost its point
}

// AlertOf gives what is kept of an alert in the clear.
func AlertOf(a approval.Alert) Alert {
	return Alert{Matter: a.Matter, Device: a.Device, Network: a.Network, Count: a.Count, Path: a.Path, Way: a.Way, Until: a.Until}
}

// Secret is what only the text message of an alert carries.
type Secret struct {
	Code string `json:"code,omitempty"`
	Link string `json:"link,omitempty"` // a path of ours
	Deny string `json:"deny,omitempty"`
}

// LinkTaker is a channel that brings some addresses and leaves out others.
type LinkTaker interface {
	// TakesLink reports whether a message that leads to this address has it.
	TakesLink(url string) bool
}

// said is what is said of one matter of a kind, with {at}, {where}, {about},
// {n}, {minutes}, {code}, {deny} and {link} to be filled in.
type said struct{ title, text, button string }

// alerted says what has happened to an account, or waits for a signature.
func (w words) alerted(m *Message, n Notification, s Setting) {
	what, secret := said{title: w.titles[n.Kind], text: w.texts[n.Kind]}, s.Secret
	switch special, ok := w.matters[n.Kind][n.Alert.Matter]; {
	case ok:
		what = special
	case n.Kind == KindSignatureDebt && n.Alert.Count > 0:
		what = w.debts
	}
	if secret != (Secret{}) {
		m.Whole = true
	}
	switch {
	case secret.Link != "":
		what.title, what.text = w.byLink.title, w.byLink.text
	case secret.Code != "" && secret.Deny != "":
		what.title, what.text = w.byCodeOrDeny.title, w.byCodeOrDeny.text
	case secret.Code != "":
		what.title, what.text = w.byCode.title, w.byCode.text
	case secret.Deny != "":
		m.Whole = false
	}
	fill := strings.NewReplacer(
		"{at}", n.At.In(approval.Zone).Format("1/2 15:04"),
		"{where}", w.where(w.classes[n.Alert.Device], w.networks[n.Alert.Network]),
		"{about}", w.channels[n.About],
		"{n}", strconv.Itoa(n.Alert.Count),
		"{minutes}", strconv.Itoa(int(n.Alert.Until.Sub(n.At).Round(time.Minute)/time.Minute)),
		"{code}", secret.Code, "{deny}", secret.Deny, "{link}", strings.TrimRight(s.BaseURL, "/")+secret.Link,
	)
	m.Title, m.Text = fill.Replace(what.title), cmp.Or(fill.Replace(what.text), fill.Replace(what.title))
	switch {
	case what.button != "":
		m.Button = what.button
	case n.Kind.Security():
		m.Button = w.devices
	}
}

// steps narrows those of a rule to the ways of the alert. A text that carries a
// code goes out at once, wherever the rule has it.
func (a Alert) steps(list []Step) []Step {
	switch a.Way {
	case approval.AlertText:
		return []Step{{SMS, 0}}
	case approval.AlertNoText:
		return slices.DeleteFunc(slices.Clone(list), func(s Step) bool { return s.Channel == SMS })
	}
	return list
}
