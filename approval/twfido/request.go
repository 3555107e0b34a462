package twfido

import (
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"qianhe/approval"
)

// Mode is how a ticket gets to the phone.
type Mode string

const (
	QR       Mode = "I-SCAN"
	Push     Mode = "PUSH"
	Web2App  Mode = "MWEB2APP"
	App2App  Mode = "APP2APP"
	Redirect Mode = "WEB" // TW FidO's own page; see Client.Form
)

// Limits of the interface.
const (
	MinLife   = 30 * time.Second
	MaxLife   = 600 * time.Second
	MaxData   = 1024 // characters of sign_data
	MaxBatch  = 20
	maxHint   = 100 // characters; the specification sets none, phones show about this much
	maxDevice = 100
)

// Request is what somebody is asked for. Without anything to sign it is a
// sign-in (ATH), with one thing SIGN, with several BATSIGN.
type Request struct {
	IDNumber string // 身分證統一編號; not for Redirect, whose page asks for it
	Mode     Mode
	Hint     string // shown in the app
	Life     time.Duration
	Device   string // the person's own name of one phone; Push only, "" means all of them
	// Sign are SHA-256 digests of what is to be signed, at most MaxBatch.
	Sign [][sha256.Size]byte
}

// LogValue leaves the person out.
func (r Request) LogValue() slog.Value {
	return slog.GroupValue(slog.String("mode", string(r.Mode)), slog.Int("sign", len(r.Sign)))
}

var idNumber = regexp.MustCompile(`^[A-Z][0-9A-Z]{9}$`)

// FoldID writes an identity number as the interface wants it.
func FoldID(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

// check refuses, with an *approval.InvalidError, what TW FidO would refuse. No
// error holds the number.
func (r *Request) check() error {
	invalid := func(field, reason string) error { return &approval.InvalidError{Field: field, Reason: reason} }
	switch {
	case !slices.Contains([]Mode{QR, Push, Web2App, App2App, Redirect}, r.Mode):
		return invalid("mode", "twfido.mode")
	case r.Mode != Redirect && !idNumber.MatchString(r.IDNumber):
		return invalid("id", "twfido.id")
	case r.Mode == Redirect && (r.IDNumber != "" || len(r.Sign) > 1):
		return invalid("mode", "twfido.mode")
	case r.Life < MinLife || r.Life > MaxLife || r.Life%time.Second != 0:
		return invalid("life", "twfido.life")
	case len(r.Sign) > MaxBatch:
		return invalid("sign", "twfido.batch")
	case len(r.Sign) > 1 && r.Mode == QR: // not known to work
		return invalid("mode", "twfido.mode")
	case !plain(r.Hint, maxHint):
		return invalid("hint", "twfido.hint")
	case !plain(r.Device, maxDevice) || r.Device != "" && r.Mode != Push:
		return invalid("device", "twfido.device")
	}
	return nil
}

func plain(s string, most int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (r *Request) opCode() string {
	switch len(r.Sign) {
	case 0:
		return "ATH"
	case 1:
		return "SIGN"
	}
	return "BATSIGN"
}

// digestInfo is the ASN.1 in front of a SHA-256 digest in RSASSA-PKCS1-v1_5
// (RFC 8017 §9.2, note 1).
var digestInfo = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// signData is sign_data for sign_type RAW: 68 characters, whatever was digested.
func signData(sum [sha256.Size]byte) string {
	return base64.StdEncoding.EncodeToString(append(slices.Clone(digestInfo), sum[:]...))
}
