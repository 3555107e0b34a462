package hub

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"qianhe/approval"
)

// Setting is what a message needs besides the notification and the counts.
type Setting struct {
	Lang    string // "en", or else zh-TW
	Agency  string // who speaks
	BaseURL string // of the app, from configuration
	Now     time.Time
	Rule    Rule   // of the kind; the house's own when zero
	Tally   Tally  // of 稽催
	Detail  Detail // of the document, where the rule's tier is above counts
	Secret  Secret // of an alert, for a text message and nothing else
}

// Compose makes the message that tells a person of n. It is the content policy,
// for every channel and in one place: how many, how urgent, due when, and where
// to tap. Neither [Notification] nor [Counts] nor [Tally] holds a subject, a
// name or a 文號, and of what they hold only enumerated words and numbers get
// into texts.
//
// Only where the organisation opted in ([Tier]) does it say which document, by
// its 文號 or a masked 主旨, and only of one that is not classified. Of a
// classified document (密等) it says that there is one and that it is handled at
// the office: no speed, no deadline, no link to it.
//
// The caller adds the delivery and the address.
func Compose(n Notification, c Counts, s Setting) Message {
	w := wordsOf(s.Lang)
	if s.Rule.TTL == 0 {
		s.Rule = (Policy{}).Rule(n.Kind)
	}
	m := Message{
		Person: n.Person,
		Kind:   n.Kind,
		Lang:   w.lang,
		Agency: s.Agency,
		Counts: c,
		Button: w.open,
		URL:    strings.TrimRight(s.BaseURL, "/") + n.Path(),
		Tag:    tag(n, s.Rule.Group),
		TTL:    max(n.At.Add(s.Rule.TTL).Sub(s.Now), time.Minute),
		Sent:   s.Now,
	}
	if s.Rule.Urgency == UrgencyLow {
		m.Urgency = UrgencyLow
	}
	if n.Kind.answers() {
		m.Acts = []Act{{Label: w.read, Verb: "seen"}}
	}
	if n.Grade.Classified() {
		m.Title = w.classified
		m.Text = w.classified + w.atOffice
		return m
	}
	m.Urgent = n.Speed == approval.SpeedHighest && !n.Kind.Bulk() || s.Rule.Urgency == UrgencyHigh
	switch n.Kind {
	case KindDigest, KindRefresh:
		w.tray(&m, c)
	case KindOverdueSoon, KindOverdue, KindEscalation:
		w.chased(&m, s.Tally)
	case KindArrived, KindReturned, KindForm, KindExtension:
		w.work(&m, n, c, s.Now)
	default:
		w.alerted(&m, n, s)
	}
	if n.Document != "" {
		number, subject := s.Detail.shown(s.Rule.Tier)
		for _, f := range []Fact{{Label: w.number, Value: number}, {Label: w.subject, Value: subject}} {
			if f.Value != "" {
				m.Facts = append(m.Facts, f)
			}
		}
	}
	return m
}

// tray says how the in-tray stands: what the day begins with, or, after
// something was handled elsewhere, what is left.
func (w words) tray(m *Message, c Counts) {
	all := append([]string{w.pending(c.Pending)}, w.sums(c)...)
	switch {
	case c.Pending == 0 && c.Forms > 0:
		all = w.sums(c)
	case c.Pending == 0 && m.Kind == KindRefresh:
		all = []string{w.done}
	}
	m.Title = all[0]
	m.Text = strings.Join(all, " · ")
	if m.Kind == KindRefresh {
		return
	}
	m.Facts = w.facts(c)
	m.Button = w.handle
	m.Urgent = c.Highest > 0
}

// work says that something waits to be done.
func (w words) work(m *Message, n Notification, c Counts, now time.Time) {
	m.Title = w.titles[n.Kind]
	if n.Kind == KindArrived && n.Speed == approval.SpeedHighest {
		m.Title = w.highestNew
	}
	m.Text = cmp.Or(w.texts[n.Kind], m.Title)
	m.Button = w.handle
	switch {
	case n.Kind == KindForm:
		m.Button = w.open
		if c.Forms > 1 {
			m.Title = w.forms(c.Forms)
			m.Text = m.Title
		}
	case c.Pending > 0:
		m.Text = strings.Join(append([]string{m.Title, w.pending(c.Pending)}, w.sums(c)...), " · ")
		m.Title += w.inAll(c.Pending)
	}
	if n.Speed == approval.SpeedHighest || n.Speed == approval.SpeedUrgent {
		m.Facts = append(m.Facts, Fact{w.speed, w.speeds[n.Speed], n.Speed == approval.SpeedHighest})
	}
	if b := bucketOf(n.Due, now); b != bucketNone {
		m.Facts = append(m.Facts, Fact{w.due, w.buckets[b], b == bucketLate || b == bucketToday})
	}
}

// chased says how many documents are due or late (稽催).
func (w words) chased(m *Message, t Tally) {
	all := w.tally(t)
	if len(all) == 0 {
		all = []string{w.late(0)}
	}
	m.Title = all[0]
	if m.Kind == KindEscalation {
		m.Title = w.chase(t.Late + t.Others)
		all = append([]string{m.Title}, all...)
		if len(all) == 2 && t.Others == 0 {
			all = all[:1]
		}
	}
	m.Text = strings.Join(all, " · ")
	m.Button = w.list
}

// answers reports whether a confirmation in the chat itself (已讀) makes sense:
// it ends what is still to be sent about something that waits to be read. A
// digest waits for nothing; what is about an account's safety asks for more.
func (k Kind) answers() bool {
	switch k {
	case KindArrived, KindReturned, KindRecalled, KindDecided, KindForm, KindExtension,
		KindOverdueSoon, KindOverdue, KindEscalation, KindSignatureDebt, KindAnnouncement:
		return true
	}
	return false
}

// Path is where one tap on the notification leads: a path of the app, holding
// nothing but a server-side identifier. /next is the most urgent document of
// whoever opens it.
func (n Notification) Path() string {
	switch {
	case n.Grade.Classified():
		return "/inbox"
	case n.Alert.Path != "":
		return n.Alert.Path
	case n.Kind == KindDigest:
		return "/next"
	case n.Kind == KindForm, n.Kind == KindAnnouncement:
		return "/n/" + url.PathEscape(n.ID)
	case n.Kind == KindNewDevice, n.Kind == KindReplaced, n.Kind == KindAccount:
		return "/me/devices"
	case n.Kind == KindLinked, n.Kind == KindUnlinked, n.Kind == KindTest:
		return "/me/notifications"
	case n.Document != "":
		return "/d/" + url.PathEscape(string(n.Document))
	case n.Kind == KindOverdueSoon, n.Kind == KindOverdue, n.Kind == KindEscalation:
		return "/overdue"
	}
	return "/inbox"
}

// tag is the same for messages that make each other stale: those of one group,
// or, outside of groups, those about one thing. It holds nothing that a push
// service could read the person from.
func tag(n Notification, group string) string {
	of := string(n.Person)
	if group == "" {
		group, of = "one", n.ID
	}
	sum := sha256.Sum256([]byte(group + "\x00" + of))
	return group + hex.EncodeToString(sum[:10])
}

// bucket says roughly when something is due: the day itself is nobody's
// business but the reader's.
type bucket int

const (
	bucketNone bucket = iota
	bucketLate
	bucketToday
	bucketTomorrow
	bucketSoon // within three days
)

func bucketOf(due, now time.Time) bucket {
	d := approval.Deadline{Due: due}
	if d.IsZero() {
		return bucketNone
	}
	if d.Overdue(now) {
		return bucketLate
	}
	switch days := int(d.Day().Sub(approval.Midnight(now)) / (24 * time.Hour)); {
	case days == 0:
		return bucketToday
	case days == 1:
		return bucketTomorrow
	case days <= 3:
		return bucketSoon
	}
	return bucketNone
}
