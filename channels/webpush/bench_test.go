package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	wp "github.com/SherClockHolmes/webpush-go"
)

// taken is a push service that takes everything at once, without a network:
// what is left is what a message costs here.
type taken struct{}

func (taken) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	r.Body.Close()
	return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

func perSecond(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s") }

// BenchmarkSend is messages through the channel, beside the bare library with
// the same payload, and beside the signature in it: the library makes a token
// for every message, where one for each push service and half a day would do.
//
//	go test -run '^$' -bench Send -cpu 1 ./channels/webpush
func BenchmarkSend(b *testing.B) {
	ring, err := NewKeyring(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	c, err := New(Config{Keys: ring, Subscriber: "mailto:it@qingchuan.example"})
	if err != nil {
		b.Fatal(err)
	}
	c.client.Transport = taken{}
	m := subscriptionAt(b, "https://fcm.googleapis.com/fcm/send/abc")
	p, err := newPayload(m)
	if err != nil {
		b.Fatal(err)
	}
	text, err := p.encode()
	if err != nil {
		b.Fatal(err)
	}

	b.Run("channel", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Send(b.Context(), m); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b)
	})
	bare := func(recordSize uint32) func(*testing.B) {
		return func(b *testing.B) {
			client := &http.Client{Transport: taken{}}
			for b.Loop() {
				res, err := wp.SendNotificationWithContext(b.Context(), append([]byte(nil), text...), &wp.Subscription{
					Endpoint: m.To.Value, Keys: wp.Keys{P256dh: m.To.Keys["p256dh"], Auth: m.To.Keys["auth"]},
				}, &wp.Options{
					HTTPClient: client, Subscriber: "it@qingchuan.example", Topic: p.topic, TTL: p.ttl, Urgency: p.urgency, RecordSize: recordSize,
					VAPIDPublicKey: ring.Current().Public, VAPIDPrivateKey: ring.Current().Private,
				})
				if err != nil {
					b.Fatal(err)
				}
				res.Body.Close()
			}
			perSecond(b)
		}
	}
	b.Run("library", bare(0)) // pads to 4096, as it does by default
	b.Run("library, padded as here", bare(recordSize(len(text))))
	b.Run("signature", func(b *testing.B) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		digest := sha256.Sum256([]byte("header.claims"))
		for b.Loop() {
			if _, _, err := ecdsa.Sign(rand.Reader, key, digest[:]); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b)
	})
	b.Run("checks and payload", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.subscription(b.Context(), m.To); err != nil {
				b.Fatal(err)
			}
			p, err := newPayload(m)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := p.encode(); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b)
	})
}
