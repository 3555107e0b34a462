package hub

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"qianhe/approval"
)

// Limits of a notice.
const (
	MaxRecipients = 1000
	MaxTitle      = 200  // characters
	MaxNoticeURL  = 2048 // bytes
	MaxKey        = 200  // bytes
)

var (
	// ErrKeyTaken: the sender has used this key for another notice.
	ErrKeyTaken = errors.New("key names another notice")
	// ErrBusy: more is being published than the database takes; nothing was
	// written.
	ErrBusy = errors.New("too much is being published at this moment")
)

// Notice is something that another system tells people through us: a form that
// waits in it (待審核表單), an announcement (公告). Title and URL are shown on our
// own pages only, never by a third-party channel.
type Notice struct {
	Token string // id of the API token that sends it
	// Key is the sender's own name of it: the same key is the same notice. With
	// none a repetition is another notice.
	Key   string
	Kind  Kind // form.pending or announcement
	Title string
	URL   string // in the other system; its origin is registered for the token; "" for none
	Speed approval.Speed
	Due   time.Time // end of the deadline, as in [approval.Deadline]; zero when none
	To    []string  // account names, folded, each once
}

// Check refuses, with an [*approval.InvalidError], what must not be sent;
// origins are those registered for the token.
func (n Notice) Check(origins []string) error {
	invalid := func(field, reason, detail string) error {
		return &approval.InvalidError{Field: field, Reason: reason, Detail: detail}
	}
	switch {
	case n.Kind != KindForm && n.Kind != KindAnnouncement:
		return invalid("kind", "notice.kind", "form.pending, announcement")
	case strings.TrimSpace(n.Title) == "" || utf8.RuneCountInString(n.Title) > MaxTitle:
		return invalid("title", "notice.title.length", "1-200")
	case !oneLine(n.Title):
		return invalid("title", "notice.title.characters", "one line of text")
	case n.Speed != approval.SpeedNormal && n.Speed != approval.SpeedUrgent && n.Speed != approval.SpeedHighest:
		return invalid("speed", "notice.speed", "普通件, 速件, 最速件")
	case len(n.Key) > MaxKey || !oneLine(n.Key):
		return invalid("key", "notice.key", "at most 200 bytes of text")
	case len(n.To) == 0 || len(n.To) > MaxRecipients:
		return invalid("recipients", "notice.recipients.number", "1-1000")
	}
	if n.URL == "" {
		return nil
	}
	origin, ok := LinkOrigin(n.URL)
	switch {
	case !ok:
		return invalid("url", "notice.url.form", "an https address without user name, at most 2048 bytes")
	case !slices.Contains(origins, origin):
		return invalid("url", "notice.url.origin", "not among the origins registered for the token")
	}
	return nil
}

// oneLine reports whether s is text without anything that breaks a line, is
// invisible, or turns the direction of what stands beside it.
func oneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError
	})
}

// LinkOrigin gives the origin of an address in another system, in its only
// spelling: https://hr.example.gov.tw, and :8443 after it where the port is not
// the usual one. Only ASCII, and only what every browser reads in the same way,
// is an address here. Plain http is for this machine alone.
func LinkOrigin(address string) (origin string, ok bool) {
	if len(address) > MaxNoticeURL || strings.ContainsFunc(address, func(r rune) bool {
		return r <= ' ' || r >= unicode.MaxASCII || strings.ContainsRune("\\\"<>^`{|}", r)
	}) {
		return "", false
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Opaque != "" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme == "https" && validHost(host):
	case u.Scheme == "http" && loopback(host):
	default:
		return "", false
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if p := u.Port(); p != "" && (u.Scheme != "https" || p != "443") && (u.Scheme != "http" || p != "80") {
		host = net.JoinHostPort(strings.Trim(host, "[]"), p)
	}
	return u.Scheme + "://" + host, true
}

// validHost reports whether host is a name of letters, digits, hyphens and
// dots, or an address.
func validHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return !strings.Contains(host, "%")
	}
	return strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == "" &&
		!strings.HasPrefix(host, ".") && !strings.HasSuffix(host, ".") && !strings.Contains(host, "..")
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback() && a.Zone() == ""
}

// CheckOrigins refuses what is no origin in its only spelling, see
// [LinkOrigin].
func CheckOrigins(origins []string) error {
	for _, o := range origins {
		if got, ok := LinkOrigin(o); !ok || got != o {
			return &approval.InvalidError{Field: "origin", Reason: "origin.form", Detail: "such as https://hr.example.gov.tw"}
		}
	}
	return nil
}

// Refusal says why somebody was not told.
type Refusal string

const (
	RefusedUnknown  Refusal = "unknown"  // there is no such account
	RefusedDisabled Refusal = "disabled" // it is closed, or its owner has left
)

// Published is what became of a notice for one recipient.
type Published struct {
	Account      string
	Person       approval.PersonID
	Notification string  // "" when nothing was written
	Refused      Refusal // why not
}

// Publication is what became of a notice.
type Publication struct {
	Notice    string // its id; "" when there was nobody to tell, and then nothing is kept of it
	Duplicate bool   // it had been sent before, and nothing was written now
	To        []Published
}

// Told is how many recipients it was written for.
func (p Publication) Told() int {
	n := 0
	for _, to := range p.To {
		if to.Refused == "" {
			n++
		}
	}
	return n
}

// Posted is a notice as one recipient reads it, on our own page.
type Posted struct {
	Notification
	Title  string
	From   string // name of the token: which system says so
	URL    string // "" when there is nothing to open
	Closed time.Time
}

// Host is what the page names before anybody leaves it.
func (p Posted) Host() string {
	origin, _ := LinkOrigin(p.URL)
	_, host, _ := strings.Cut(origin, "://")
	return host
}

// NoticeReport is what its sender may know of a notice: who has it and who has
// seen it, no addresses.
type NoticeReport struct {
	ID      string
	Key     string // "" when the sender gave none
	Kind    Kind
	Created time.Time
	Done    time.Time // zero while it waits for somebody
	To      []NoticeRecipient
}

// NoticeRecipient is where it stands for one recipient.
type NoticeRecipient struct {
	Account      string
	Refused      Refusal
	Notification string
	Written      time.Time
	Delivered    time.Time // a device has it
	Seen         time.Time
	Closed       time.Time // handled or withdrawn
	Channels     []NoticeChannel
}

// NoticeChannel is one delivery of it, without its address.
type NoticeChannel struct {
	Channel   ChannelName
	State     State
	Delivered time.Time
}
