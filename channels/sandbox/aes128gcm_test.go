package sandbox

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"
)

// TestDecryptRFC8291 opens the message of RFC 8291, Appendix A.
func TestDecryptRFC8291(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/rfc8291.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Plaintext  string `json:"plaintext"`
		UAPrivate  string `json:"ua_private"`
		UAPublic   string `json:"ua_public"`
		AuthSecret string `json:"auth"`
		Body       string `json:"body"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	raw := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	private, err := ecdh.P256().NewPrivateKey(raw(v.UAPrivate))
	if err != nil {
		t.Fatal(err)
	}
	if got := b64(private.PublicKey().Bytes()); got != v.UAPublic {
		t.Errorf("public key is %s, want %s", got, v.UAPublic)
	}
	body, auth := raw(v.Body), raw(v.AuthSecret)
	got, err := decrypt(body, private, auth)
	if err != nil || string(got) != v.Plaintext {
		t.Fatalf("got %q (%v), want %q", got, err, v.Plaintext)
	}
	// Every changed byte is noticed, in the header as in the record. Only the
	// record size (bytes 16 to 19) takes no part in the keys.
	for i := range body {
		if i >= 16 && i < 20 {
			continue
		}
		broken := append([]byte(nil), body...)
		broken[i] ^= 0x40
		if got, err := decrypt(broken, private, auth); err == nil {
			t.Errorf("byte %d changed, and it opens: %q", i, got)
		}
	}
	for n := range body {
		if _, err := decrypt(body[:n], private, auth); err == nil {
			t.Errorf("the first %d bytes open", n)
		}
	}
	auth[0] ^= 1
	if _, err := decrypt(body, private, auth); err == nil {
		t.Error("opens with another authentication secret")
	}
}
