package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"qianhe/hub"
)

// Headers of the specification.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Tolerance is how far a timestamp may be from the receiver's clock.
const Tolerance = 5 * time.Minute

const (
	secretPrefix = "whsec_"
	secretBytes  = 32 // 24 to 64 are allowed
	version      = "v1"
)

var (
	// ErrSecret: not a secret of this format.
	ErrSecret = errors.New("not a secret such as whsec_ and 24 to 64 bytes in base64")
	// ErrTimestamp: too old, too new, or none.
	ErrTimestamp = errors.New("timestamp is not within five minutes")
)

// NewSecret makes a secret. It panics when random fails, as crypto/rand.Reader
// never does.
func NewSecret(random io.Reader) string {
	var b [secretBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		panic(fmt.Sprintf("webhook: source of randomness failed: %v", err))
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

func parseSecret(s string) ([]byte, error) {
	text, ok := strings.CutPrefix(s, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, ErrSecret
	}
	return key, nil
}

// Sign gives one entry of the signature header: HMAC-SHA256 over the id, the
// time in seconds and the body, with dots between them.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := parseSecret(secret)
	if err != nil {
		return "", err
	}
	return version + "," + base64.StdEncoding.EncodeToString(mac(key, id, strconv.FormatInt(at.Unix(), 10), body)), nil
}

func mac(key []byte, id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Verify is for receivers: it gives the id of a request whose signature holds
// under one of the secrets, [hub.ErrSignature] or [ErrTimestamp] otherwise.
// body are the bytes as they came.
func Verify(secrets []string, header http.Header, body []byte, now time.Time) (id string, err error) {
	id, timestamp := header.Get(HeaderID), header.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" {
		return "", fmt.Errorf("webhook: %w", ErrTimestamp)
	}
	if d := now.Unix() - seconds; d > int64(Tolerance/time.Second) || d < -int64(Tolerance/time.Second) {
		return "", fmt.Errorf("webhook: %w", ErrTimestamp)
	}
	for _, secret := range secrets {
		key, err := parseSecret(secret)
		if err != nil {
			return "", err
		}
		want := mac(key, id, timestamp, body)
		for _, entry := range strings.Fields(header.Get(HeaderSignature)) {
			v, text, _ := strings.Cut(entry, ",")
			got, err := base64.StdEncoding.DecodeString(text)
			if v == version && err == nil && hmac.Equal(got, want) {
				return id, nil
			}
		}
	}
	return "", fmt.Errorf("webhook: %w", hub.ErrSignature)
}
