package webpush

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	wp "github.com/SherClockHolmes/webpush-go"

	"qianhe/hub"
)

// maxPlaintext is what one record of 4096 bytes holds: less the header (86),
// the authentication tag (16) and the delimiter (1); RFC 8188 §2, RFC 8291 §4.
const maxPlaintext = 4096 - overhead

const overhead = 86 + 16 + 1

// Time to live, in seconds. Four weeks is what every push service takes.
const (
	defaultTTL = 24 * 60 * 60
	maxTTL     = 28 * 24 * 60 * 60
)

// payload is one message as JSON, and the headers that go with it. It is a
// declarative push message, and read by our service worker as well.
type payload struct {
	WebPush      int          `json:"web_push"`
	Notification notification `json:"notification"`
	AppBadge     int          `json:"app_badge"` // here by W3C push-api #402, inside by WebKit

	topic   string
	urgency wp.Urgency
	ttl     int
}

type notification struct {
	Title    string `json:"title"`
	Body     string `json:"body,omitempty"`
	Lang     string `json:"lang,omitempty"`
	Tag      string `json:"tag"`
	Silent   bool   `json:"silent,omitempty"`
	Navigate string `json:"navigate"` // absolute, or WebKit drops the whole
	AppBadge string `json:"app_badge"`
	Data     data   `json:"data"`
}

// data is for the service worker: Delivery to report, Sent to leave a newer
// notification of the same tag alone.
type data struct {
	Delivery string      `json:"delivery"`
	Kind     hub.Kind    `json:"kind,omitempty"`
	Urgent   bool        `json:"urgent,omitempty"`
	Sent     int64       `json:"sent,omitempty"` // milliseconds since 1970
	Counts   *hub.Counts `json:"counts,omitempty"`
}

// tagPattern is what topics and tags may be: base64url would do (RFC 8030
// §5.4), Mozilla documents letters and digits.
var tagPattern = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

// newPayload takes from m what is shown. It keeps no reference to it.
func newPayload(m hub.Message) (*payload, error) {
	if m.Title == "" || m.Delivery == "" {
		return nil, &hub.Rejected{Reason: "message has no title or no delivery"}
	}
	if m.Tag != "" && !tagPattern.MatchString(m.Tag) {
		return nil, &hub.Rejected{Reason: "tag is not 1 to 32 letters and digits"}
	}
	if _, err := parseURL(m.URL); err != nil {
		return nil, &hub.Rejected{Reason: "address to open is " + err.Error()}
	}
	counts := m.Counts
	p := &payload{
		WebPush: 8030,
		Notification: notification{
			Title: m.Title, Body: body(m), Lang: m.Lang, Tag: tag(m), Navigate: m.URL,
			Silent:   m.Kind == hub.KindRefresh, // takes the place of one that is wrong by now: no news
			AppBadge: strconv.Itoa(max(counts.Pending, 0)),
			Data:     data{Delivery: m.Delivery, Kind: m.Kind, Urgent: m.Urgent, Counts: &counts},
		},
		AppBadge: max(counts.Pending, 0),
		topic:    tag(m),
		urgency:  urgency(m),
		ttl:      ttl(m.TTL),
	}
	if !m.Sent.IsZero() {
		p.Notification.Data.Sent = m.Sent.UnixMilli()
	}
	return p, nil
}

// urgency tells the push service whether a phone that saves its battery is to
// be woken for this (RFC 8030 §5.3).
func urgency(m hub.Message) wp.Urgency {
	switch {
	case m.Urgent, m.Urgency == hub.UrgencyHigh:
		return wp.UrgencyHigh
	case m.Urgency == hub.UrgencyLow, m.Kind == hub.KindRefresh:
		return wp.UrgencyLow
	}
	return wp.UrgencyNormal
}

// tag gives what makes a repetition replace the first: the message's own tag,
// or one for the delivery.
func tag(m hub.Message) string {
	if m.Tag != "" {
		return m.Tag
	}
	sum := sha256.Sum256([]byte(m.Delivery))
	return hex.EncodeToString(sum[:16])
}

// body puts the facts under the title in one line; without facts, the sentence.
func body(m hub.Message) string {
	var parts []string
	for _, f := range m.Facts {
		parts = append(parts, strings.TrimSpace(f.Label+" "+f.Value))
	}
	if len(parts) > 0 {
		return strings.Join(parts, " · ")
	}
	if m.Text != m.Title {
		return m.Text
	}
	return ""
}

func ttl(d time.Duration) int {
	if d <= 0 {
		return defaultTTL
	}
	return int(min((d+time.Second-1)/time.Second, maxTTL))
}

// encode gives the JSON, in a new slice each time: the library writes padding
// into the spare room of what it is given. A body that is too long is cut.
func (p *payload) encode() ([]byte, error) {
	for {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(p); err != nil {
			return nil, &hub.Rejected{Reason: "message cannot be written as JSON"}
		}
		text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
		over := len(text) - maxPlaintext
		if over <= 0 {
			return text, nil
		}
		switch n := &p.Notification; {
		case n.Body != "":
			n.Body = hub.Clip(n.Body, max(0, len(n.Body)-over))
		case len(n.Title) > 64:
			n.Title = hub.Clip(n.Title, max(64, len(n.Title)-over))
		default:
			return nil, &hub.Rejected{Reason: fmt.Sprintf("message is %d bytes too long for a push", over)}
		}
	}
}

// shrink gives the same message with no more than what must be there.
func (p *payload) shrink() *payload {
	small := *p
	small.Notification.Body = ""
	small.Notification.Title = hub.Clip(small.Notification.Title, 120)
	small.Notification.Data = data{Delivery: p.Notification.Data.Delivery, Sent: p.Notification.Data.Sent}
	return &small
}

// recordSize gives the size to pad to: few sizes, so that the length tells
// little, and no more bytes than needed over a bad line. Sizes end at 4096,
// which every push service takes (RFC 8030 §7.2).
func recordSize(plaintext int) uint32 {
	for _, size := range []uint32{768, 1536, 2560} {
		if plaintext+overhead <= int(size) {
			return size
		}
	}
	return 4096
}
