package twfido

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Ticket is an sp_ticket: one thing that one person is asked for.
type Ticket struct {
	Raw         string // also what a QR code holds
	ID          string // sp_ticket_id
	Transaction string // of the request, which every question about it repeats
	Expires     time.Time
}

// LogValue shows what is no secret. Whoever has the raw ticket can hand it to a
// phone.
func (t Ticket) LogValue() slog.Value {
	return slog.GroupValue(slog.String("ticket", t.ID), slog.Time("expires", t.Expires))
}

// ErrTicket: an sp_ticket cannot be read.
var ErrTicket = errors.New("twfido: the ticket cannot be read")

// parseTicket reads what TW FidO gave out: base64url of JSON, a full stop, and
// base64url of the SHA-256 of the first part. The digest guards against
// mistakes; what vouches for the ticket is the checksum of the answer that
// brought it.
func parseTicket(raw string) (Ticket, error) {
	payload, sum, ok := strings.Cut(raw, ".")
	if !ok {
		return Ticket{}, ErrTicket
	}
	got, err := base64.RawURLEncoding.DecodeString(urlSafe(sum))
	if want := sha256.Sum256([]byte(payload)); err != nil || string(got) != string(want[:]) {
		return Ticket{}, ErrTicket
	}
	b, err := base64.RawURLEncoding.DecodeString(urlSafe(payload))
	if err != nil {
		return Ticket{}, ErrTicket
	}
	var p struct {
		ID      string          `json:"sp_ticket_id"`
		Expires json.RawMessage `json:"expiration_time"`
	}
	if err := json.Unmarshal(b, &p); err != nil || p.ID == "" {
		return Ticket{}, ErrTicket
	}
	t := Ticket{Raw: raw, ID: p.ID}
	// Milliseconds since 1970 as text, seen as a number and in words too.
	expires := strings.Trim(string(p.Expires), `"`)
	if ms, err := strconv.ParseInt(expires, 10, 64); err == nil {
		t.Expires = time.UnixMilli(ms)
	} else if at, err := time.Parse(time.RFC3339, expires); err == nil {
		t.Expires = at
	}
	return t, nil
}

// AppLink is the link that opens the app with a ticket. The app comes back to
// an address of ours with the value, which anybody may make up: it is a nonce
// that wakes the page which waits, and proves nothing.
func AppLink(mode Mode, t Ticket, back, value string) string {
	way := "w2a"
	if mode == App2App {
		way = "a2a"
	}
	encode := base64.RawURLEncoding.EncodeToString
	q := url.Values{"sp_ticket": {t.Raw}, "rtn_url": {encode([]byte(back))}, "rtn_val": {encode([]byte(value))}}
	return "mobilemoica://moica.moi.gov.tw/" + way + "/verifySign?" + q.Encode()
}

// ReturnValue reads the rtn_val that the app came back with, "" when it is none
// of ours. Some apps give it back decoded.
func ReturnValue(q url.Values) string {
	v := q.Get("rtn_val")
	if b, err := base64.RawURLEncoding.DecodeString(urlSafe(v)); err == nil {
		return string(b)
	}
	return v
}
