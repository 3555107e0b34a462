package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"qianhe/approval/pgapproval"
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/twilio"
	"qianhe/channels/webpush"
	"qianhe/hub"
	"qianhe/hub/pghub"
	"qianhe/migrations/localpg/pgtest"
	"qianhe/web/hooks"
)

// byTwilio sends through an account that calls back.
func byTwilio(url, callback string) (sms.Sender, error) {
	a := sandbox.DefaultTwilio()
	return twilio.New(twilio.Config{
		AccountSID: a.AccountSID, AuthToken: a.AuthToken, From: a.From, CallbackURL: callback,
		BaseURL: url, Timeout: bedPatience, PerSecond: 1000, Burst: 1000,
	})
}

// newCalledBed makes a bed that is called back by whom sends its texts: those
// are first, LINE is an hour later.
func newCalledBed(t *testing.T, by func(url, callback string) (sms.Sender, error)) *bed {
	t.Helper()
	b := &bed{t: t, pool: pgtest.New(t)}
	b.url, b.phones = newPhones(t)
	mux := http.NewServeMux()
	ours := httptest.NewServer(mux)
	t.Cleanup(ours.Close)
	var err error
	if b.keys, err = webpush.NewKeys(); err != nil {
		t.Fatal(err)
	}
	channels, err := sandboxChannels(b.url, b.keys, bedPatience)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := by(b.url, ours.URL+"/hooks/sms")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range channels {
		if c.Name() == hub.SMS {
			if channels[i], err = sms.New(sms.Config{Sender: sender}); err != nil {
				t.Fatal(err)
			}
		}
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	b.hub, err = pghub.New(b.pool, bedOptions(channels, b.pool, []hub.Step{{Channel: hub.SMS}, {Channel: hub.LINE, After: time.Hour}}, log))
	if err != nil {
		t.Fatal(err)
	}
	callbacks, err := hooks.New(hooks.Options{Inbox: b.hub, Channels: channels, Log: log, Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/hooks/", callbacks)
	b.store = pgapproval.New(b.pool, b.hub)
	b.token = newSender(t, b.pool)
	if err := b.hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.hub.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

// TestSMSCallbacks: what Twilio says afterwards, through our address and into
// the ledger.
func TestSMSCallbacks(t *testing.T) {
	t.Parallel()
	type ledger struct {
		State    hub.State
		Reported string
		Arrived  bool // delivered_at
		Dead     bool // the number was disabled
		Over     bool // LINE was used
	}
	tests := map[string]struct {
		prepare func(*bed, hub.Address)
		want    ledger
		texts   int
	}{
		"delivered":                      {func(*bed, hub.Address) {}, ledger{hub.StateAccepted, "delivered", true, false, false}, 1},
		"delivered, told in the reverse": {func(b *bed, _ hub.Address) { b.phones.TwilioReverse(true) }, ledger{hub.StateAccepted, "delivered", true, false, false}, 1},
		"told twice":                     {func(b *bed, _ hub.Address) { b.phones.SetCallbackFault("twilio", sandbox.CallbackFault{Twice: true}) }, ledger{hub.StateAccepted, "delivered", true, false, false}, 1},
		"unknown handset":                {func(b *bed, to hub.Address) { b.phones.TwilioFails(to.Value, 30005) }, ledger{hub.StateFailed, "undelivered", false, true, true}, 0},
		"filtered":                       {func(b *bed, to hub.Address) { b.phones.TwilioFails(to.Value, 30007) }, ledger{hub.StateFailed, "undelivered", false, false, true}, 0},
		"a code that nobody knows":       {func(b *bed, to hub.Address) { b.phones.TwilioFails(to.Value, 39999) }, ledger{hub.StateFailed, "undelivered", false, false, true}, 0},
		"no answer, but callbacks":       {func(b *bed, to hub.Address) { b.phones.SetFault(to.Value, sandbox.HangAfterAccept()) }, ledger{hub.StateAccepted, "delivered", true, false, false}, 1},
		"500, but callbacks, in reverse": {func(b *bed, to hub.Address) {
			b.phones.TwilioReverse(true)
			b.phones.SetFault(to.Value, sandbox.FailAfterAccept())
		}, ledger{hub.StateAccepted, "delivered", true, false, false}, 1},
		"wrong signatures change nothing": {func(b *bed, to hub.Address) {
			b.phones.SetCallbackFault("twilio", sandbox.CallbackFault{Forged: true})
			b.phones.TwilioFails(to.Value, 30005)
		}, ledger{hub.StateAccepted, "", false, false, false}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newCalledBed(t, byTwilio)
			to, other := b.address(hub.SMS), b.address(hub.LINE)
			login := b.person(map[hub.ChannelName]hub.Address{hub.SMS: to, hub.LINE: other})
			tt.prepare(b, to)
			n := b.announce(login)
			var got ledger
			b.until("what Twilio said", func() bool {
				if len(b.phones.Called("twilio")) < 3 {
					return false
				}
				r := b.record(n, hub.SMS)
				got = ledger{State: r.State, Dead: r.Dead, Over: b.record(n, hub.LINE).State == hub.StateAccepted}
				if err := b.pool.QueryRow(t.Context(), `select reported, delivered_at is not null from delivery where notification = $1 and channel = 'sms'`, n).Scan(&got.Reported, &got.Arrived); err != nil {
					t.Fatal(err)
				}
				return got == tt.want
			})
			if got != tt.want {
				t.Errorf("the ledger says %+v, want %+v", got, tt.want)
			}
			if texts := b.shown(hub.SMS, to); texts != tt.texts {
				t.Errorf("%d texts arrived, want %d", texts, tt.texts)
			}
		})
	}
}
