package totp_test

import (
	"bytes"
	"net/url"
	"testing"
	"time"

	"qianhe/approval/access/totp"
)

// The last six digits of RFC 6238, appendix B, for SHA-1.
func TestDigits(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got, err := totp.Digits(secret, time.Unix(at, 0)); err != nil || got != want {
			t.Errorf("at %d: %s, %v, want %s", at, got, err, want)
		}
		step, ok := totp.Check(secret, want[:3]+" "+want[3:], time.Unix(at, 0), 0)
		if !ok || step != at/30 {
			t.Errorf("at %d: step %d, %t", at, step, ok)
		}
	}
}

// The same digits twice, or older ones after newer, are refused.
func TestStepIsGoodOnce(t *testing.T) {
	t.Parallel()
	secret, err := totp.NewSecret(bytes.NewReader(make([]byte, 20)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_790_000_010, 0)
	at := func(d time.Duration) string {
		digits, err := totp.Digits(secret, now.Add(d))
		if err != nil {
			t.Fatal(err)
		}
		return digits
	}
	step, ok := totp.Check(secret, at(0), now, 0)
	if !ok {
		t.Fatal("right digits refused")
	}
	for name, digits := range map[string]string{"again": at(0), "older": at(-totp.Period)} {
		if _, ok := totp.Check(secret, digits, now, step); ok {
			t.Errorf("%s: accepted", name)
		}
	}
	if next, ok := totp.Check(secret, at(totp.Period), now, step); !ok || next != step+1 {
		t.Errorf("the next ones: step %d, %t", next, ok)
	}
	for _, d := range []time.Duration{-2 * totp.Period, 2 * totp.Period} {
		if _, ok := totp.Check(secret, at(d), now, 0); ok {
			t.Errorf("digits %s off are accepted", d)
		}
	}
	for _, digits := range []string{"", "00000", "0000000", "abcdef", "１２３４５６"} {
		if _, ok := totp.Check(secret, digits, now, 0); ok {
			t.Errorf("%q is accepted", digits)
		}
	}
}

func TestURI(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(totp.URI([]byte("12345678901234567890"), "青川市政府 簽核", "lin"))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/青川市政府 簽核:lin" {
		t.Fatalf("%s, %v", u, err)
	}
	if q := u.Query(); q.Get("secret") != "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" || q.Get("issuer") != "青川市政府 簽核" {
		t.Errorf("query %v", q)
	}
}
