// Package totp checks the six digits that an authenticator app shows (RFC 6238):
// SHA-1, 30 seconds, as every app has it. A step is good once, so that digits
// which somebody has watched being typed are worth nothing.
package totp

import (
	"encoding/base32"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

const (
	// Period is how long digits are shown.
	Period = 30 * time.Second
	// skew is by how many steps a phone's clock may be off, to either side.
	skew = 1
	// secretLength is that of the hash, as RFC 4226 §4 recommends, in bytes.
	secretLength = 20
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret makes what app and server share.
func NewSecret(random io.Reader) ([]byte, error) {
	secret := make([]byte, secretLength)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, fmt.Errorf("totp: source of randomness: %w", err)
	}
	return secret, nil
}

// Text gives a secret as it is typed into an app.
func Text(secret []byte) string { return encoding.EncodeToString(secret) }

// URI gives the address that an app reads from a QR code; issuer and account are
// what it shows.
func URI(secret []byte, issuer, account string) string {
	label := url.PathEscape(issuer) + ":" + url.PathEscape(account)
	// Apps read %20 and not the plus sign.
	return "otpauth://totp/" + label + "?secret=" + Text(secret) + "&issuer=" + url.PathEscape(issuer)
}

// Check reports whether digits are those of a step after last, the one that was
// used before, and gives that step. Spaces, which apps show, are read over.
func Check(secret []byte, digits string, now time.Time, last int64) (step int64, ok bool) {
	digits = strings.ReplaceAll(digits, " ", "")
	present := now.Unix() / int64(Period/time.Second)
	for s := present - skew; s <= present+skew; s++ {
		match, err := hotp.ValidateCustom(digits, uint64(s), Text(secret), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && match && s > last {
			step, ok = s, true
		}
	}
	return step, ok
}

// Digits gives what an app shows at a time.
func Digits(secret []byte, at time.Time) (string, error) {
	return hotp.GenerateCodeCustom(Text(secret), uint64(at.Unix()/int64(Period/time.Second)), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
}
