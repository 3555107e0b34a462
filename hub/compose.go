package hub

import (
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
}

// Compose makes the message that tells a person of n. It is the content policy,
// for every channel and in one place: how many, how urgent, due when, and where
// to tap. Neither [Notification] nor [Counts] holds a subject, a name or a
// 文號, and of what they hold only enumerated words and numbers get into texts.
//
// Of a classified document (密等) it says that there is one and that it is
// handled at the office: no speed, no deadline, no link to it.
//
// The caller adds the delivery and the address.
func Compose(n Notification, c Counts, s Setting) Message {
	w := wordsOf(s.Lang)
	m := Message{
		Person: n.Person,
		Kind:   n.Kind,
		Lang:   w.lang,
		Agency: s.Agency,
		Counts: c,
		Button: w.open,
		URL:    strings.TrimRight(s.BaseURL, "/") + n.Path(),
		Tag:    tag(n),
		TTL:    max(n.At.Add(n.Kind.TTL()).Sub(s.Now), time.Minute),
		Sent:   s.Now,
	}
	switch {
	case n.Grade.Classified():
		m.Title = w.classified
		m.Text = w.classified + w.atOffice
	case n.Kind == KindDigest:
		m.Title = w.pending(c.Pending)
		m.Text = strings.Join(append([]string{m.Title}, w.sums(c)...), " · ")
		m.Facts = w.facts(c)
		m.Button = w.handle
		m.Urgent = c.Highest > 0
	case n.Kind == KindDecided:
		m.Title = w.decided
		m.Text = w.decided
	default:
		m.Title = w.arrived(n)
		m.Text = m.Title
		if c.Pending > 0 {
			m.Text = strings.Join(append([]string{m.Title, w.pending(c.Pending)}, w.sums(c)...), " · ")
			m.Title += w.inAll(c.Pending)
		}
		if n.Speed == approval.SpeedHighest || n.Speed == approval.SpeedUrgent {
			m.Facts = append(m.Facts, Fact{w.speed, w.speeds[n.Speed], n.Speed == approval.SpeedHighest})
		}
		if b := bucketOf(n.Due, s.Now); b != bucketNone {
			m.Facts = append(m.Facts, Fact{w.due, w.buckets[b], b == bucketLate || b == bucketToday})
		}
		m.Button = w.handle
		m.Urgent = n.Speed == approval.SpeedHighest
	}
	return m
}

// Path is where one tap on the notification leads: a path of the app, holding
// nothing but a server-side identifier. /next is the most urgent document of
// whoever opens it.
func (n Notification) Path() string {
	switch {
	case n.Grade.Classified():
		return "/inbox"
	case n.Kind == KindDigest:
		return "/next"
	case n.Kind == KindForm, n.Kind == KindAnnouncement:
		return "/n/" + url.PathEscape(n.ID)
	case n.Document == "":
		return "/inbox"
	}
	return "/d/" + url.PathEscape(string(n.Document))
}

// tag is the same for messages that make each other stale: whatever says how
// the in-tray stands, and apart from it what was decided. It holds nothing that
// a push service could read the person from.
func tag(n Notification) string {
	group := "tray"
	if n.Kind == KindDecided {
		group = "done"
	}
	sum := sha256.Sum256([]byte(group + "\x00" + string(n.Person)))
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
