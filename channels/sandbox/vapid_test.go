package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"
)

// vapid signs a token by hand.
func vapid(t *testing.T, key *ecdsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b64(b)
	}
	text := part(header) + "." + part(claims)
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + b64(sig)
}

func publicOf(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	b, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b64(b)
}

func TestValidVAPID(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	const origin = "https://push.example.org"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]any{"typ": "JWT", "alg": "ES256"}
	claims := map[string]any{"aud": origin, "exp": now.Add(12 * time.Hour).Unix(), "sub": "mailto:it@qingchuan.example"}
	change := func(m map[string]any, k string, v any) map[string]any {
		c := maps.Clone(m)
		c[k] = v
		return c
	}
	k := publicOf(t, key)
	good := vapid(t, key, header, claims)
	tests := []struct {
		name, header string
		ok           bool
	}{
		{"good", "vapid t=" + good + ", k=" + k, true},
		{"other order, no space", "vapid k=" + k + ",t=" + good, true},
		{"https subject", "vapid t=" + vapid(t, key, header, change(claims, "sub", "https://qingchuan.example/contact")) + ", k=" + k, true},
		{"24 hours", "vapid t=" + vapid(t, key, header, change(claims, "exp", now.Add(24*time.Hour).Unix())) + ", k=" + k, true},
		{"other scheme", "WebPush " + good, false},
		{"no key", "vapid t=" + good, false},
		{"other key", "vapid t=" + good + ", k=" + publicOf(t, other), false},
		{"no token", "vapid k=" + k, false},
		{"changed claims", "vapid t=" + strings.Replace(good, ".", ".e30", 1) + ", k=" + k, false},
		{"no signature", "vapid t=" + good[:strings.LastIndexByte(good, '.')+1] + ", k=" + k, false},
		{"algorithm none", "vapid t=" + vapid(t, key, change(header, "alg", "none"), claims) + ", k=" + k, false},
		{"algorithm HS256", "vapid t=" + vapid(t, key, change(header, "alg", "HS256"), claims) + ", k=" + k, false},
		{"other audience", "vapid t=" + vapid(t, key, header, change(claims, "aud", origin+"/")) + ", k=" + k, false},
		{"over", "vapid t=" + vapid(t, key, header, change(claims, "exp", now.Unix())) + ", k=" + k, false},
		{"more than 24 hours", "vapid t=" + vapid(t, key, header, change(claims, "exp", now.Add(24*time.Hour+time.Second).Unix())) + ", k=" + k, false},
		{"mailto twice", "vapid t=" + vapid(t, key, header, change(claims, "sub", "mailto:mailto:it@qingchuan.example")) + ", k=" + k, false},
		{"mailto with brackets", "vapid t=" + vapid(t, key, header, change(claims, "sub", "mailto: <it@qingchuan.example>")) + ", k=" + k, false},
		{"localhost", "vapid t=" + vapid(t, key, header, change(claims, "sub", "mailto:it@localhost")) + ", k=" + k, false},
		{"no subject", "vapid t=" + vapid(t, key, header, change(claims, "sub", "")) + ", k=" + k, false},
	}
	for _, tt := range tests {
		got, err := validVAPID(tt.header, origin, now)
		if (err == nil) != tt.ok || tt.ok && got != k {
			t.Errorf("%s: key %q, error %v; want good %t", tt.name, got, err, tt.ok)
		}
	}
}
