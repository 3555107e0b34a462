package webhook

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"qianhe/hub"
)

// The vector that the libraries of Standard Webhooks share.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTimestamp = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

const otherSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestSignVector(t *testing.T) {
	t.Parallel()
	got, err := Sign(vectorSecret, vectorID, time.Unix(vectorTimestamp, 0), []byte(vectorBody))
	if err != nil || got != vectorSignature {
		t.Errorf("got %s, %v, want %s", got, err, vectorSignature)
	}
}

func headers(id, timestamp, signature string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", signature)
	return h
}

func TestVerify(t *testing.T) {
	t.Parallel()
	at := strconv.Itoa(vectorTimestamp)
	good := headers(vectorID, at, vectorSignature)
	tests := []struct {
		name    string
		secrets []string
		header  http.Header
		body    string
		clock   time.Duration
		want    error
	}{
		{"vector", []string{vectorSecret}, good, vectorBody, 0, nil},
		{"five minutes old", []string{vectorSecret}, good, vectorBody, 5 * time.Minute, nil},
		{"from five minutes ahead", []string{vectorSecret}, good, vectorBody, -5 * time.Minute, nil},
		{"the second of two secrets", []string{otherSecret, vectorSecret}, good, vectorBody, 0, nil},
		{"the second of two signatures", []string{vectorSecret}, headers(vectorID, at, "v1,AAAA "+vectorSignature), vectorBody, 0, nil},
		{"beside another version", []string{vectorSecret}, headers(vectorID, at, "v1a,xxxx "+vectorSignature), vectorBody, 0, nil},

		{"too old", []string{vectorSecret}, good, vectorBody, 5*time.Minute + time.Second, ErrTimestamp},
		{"too new", []string{vectorSecret}, good, vectorBody, -5*time.Minute - time.Second, ErrTimestamp},
		{"no timestamp", []string{vectorSecret}, headers(vectorID, "", vectorSignature), vectorBody, 0, ErrTimestamp},
		{"timestamp that is none", []string{vectorSecret}, headers(vectorID, at+".0", vectorSignature), vectorBody, 0, ErrTimestamp},
		{"no id", []string{vectorSecret}, headers("", at, vectorSignature), vectorBody, 0, ErrTimestamp},
		{"another id", []string{vectorSecret}, headers("msg_x", at, vectorSignature), vectorBody, 0, hub.ErrSignature},
		{"another body", []string{vectorSecret}, good, vectorBody + " ", 0, hub.ErrSignature},
		{"another time", []string{vectorSecret}, headers(vectorID, strconv.Itoa(vectorTimestamp+1), vectorSignature), vectorBody, 0, hub.ErrSignature},
		{"another secret", []string{otherSecret}, good, vectorBody, 0, hub.ErrSignature},
		{"no secret", nil, good, vectorBody, 0, hub.ErrSignature},
		{"a secret that is none", []string{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, good, vectorBody, 0, ErrSecret},
		{"no signature", []string{vectorSecret}, headers(vectorID, at, ""), vectorBody, 0, hub.ErrSignature},
		{"without its version", []string{vectorSecret}, headers(vectorID, at, strings.TrimPrefix(vectorSignature, "v1,")), vectorBody, 0, hub.ErrSignature},
		{"under another version", []string{vectorSecret}, headers(vectorID, at, strings.Replace(vectorSignature, "v1", "v2", 1)), vectorBody, 0, hub.ErrSignature},
		{"cut", []string{vectorSecret}, headers(vectorID, at, vectorSignature[:20]), vectorBody, 0, hub.ErrSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			id, err := Verify(tt.secrets, tt.header, []byte(tt.body), time.Unix(vectorTimestamp, 0).Add(tt.clock))
			if !errors.Is(err, tt.want) || tt.want == nil && (err != nil || id != vectorID) || tt.want != nil && id != "" {
				t.Errorf("got %q, %v, want %v", id, err, tt.want)
			}
		})
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	s := NewSecret(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if key, err := parseSecret(s); err != nil || len(key) != 32 || !strings.HasPrefix(s, "whsec_") {
		t.Errorf("new secret %q: %d bytes, %v", s, len(key), err)
	}
	for _, s := range []string{"", "whsec_", "whsec_AAAA", "whsec_!!!!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "whsec_" + strings.Repeat("A", 88)} {
		if _, err := Sign(s, "id", time.Unix(0, 0), nil); !errors.Is(err, ErrSecret) {
			t.Errorf("%q: got %v, want ErrSecret", s, err)
		}
	}
}

// FuzzVerify: nothing passes that was not signed, and what was signed passes.
func FuzzVerify(f *testing.F) {
	f.Add(vectorID, "1614265330", vectorSignature, vectorBody)
	f.Add("a.b", "1614265330", "v1,", "")
	f.Add("", "", "v1,= v1,", "\x00")
	f.Fuzz(func(t *testing.T, id, timestamp, signature, body string) {
		now := time.Unix(vectorTimestamp, 0)
		_, err := Verify([]string{vectorSecret}, headers(id, timestamp, signature), []byte(body), now)
		if own, _ := Sign(vectorSecret, id, now, []byte(body)); err == nil && !strings.Contains(signature, own) && timestamp == "1614265330" {
			t.Errorf("passed with %q, signed is %q", signature, own)
		}
		own, err := Sign(vectorSecret, "id"+id, now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{"Webhook-Id": {"id" + id}, "Webhook-Timestamp": {"1614265330"}, "Webhook-Signature": {signature + " " + own}}
		if got, err := Verify([]string{vectorSecret}, h, []byte(body), now); err != nil || got != "id"+id {
			t.Errorf("a good signature beside %q: %v", signature, err)
		}
	})
}
