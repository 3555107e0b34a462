package main

import (
	"net/http"
	"testing"
	"time"

	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/gateway"
	"qianhe/hub"
)

// byGateway sends through the stand-in 111, which can be asked and calls back.
func byGateway(url, callback string) (sms.Sender, error) {
	cfg, err := demoGateway(url)
	if err != nil {
		return nil, err
	}
	cfg.PerSecond, cfg.Burst, cfg.Timeout = 1000, 1000, gateway.Duration(bedPatience)
	return gateway.New(*cfg, gateway.Options{Secret: sandbox.DefaultGateway().Token, CallbackURL: callback})
}

// TestGatewayFaults is the matrix of faults for text messages that go through a
// gateway over HTTP: one number's bad day, what the ledger says of it, what has
// really arrived, and whether LINE was used.
func TestGatewayFaults(t *testing.T) {
	t.Parallel()
	done := func(s hub.State, outcomes string, dead bool, shown int, over bool) fate {
		return fate{record{s, true, outcomes, dead}, shown, over}
	}
	good := done(hub.StateAccepted, "accepted", false, 1, false)
	tests := map[string]struct {
		badDay
		receipts int // that are waited for first
	}{
		"good day":                {badDay{func(*bed, hub.Address) {}, good}, 2},
		"429 with Retry-After":    {badDay{once(sandbox.RateLimited(time.Second)), done(hub.StateAccepted, "retry accepted", false, 1, false)}, 0},
		"429 without Retry-After": {badDay{once(sandbox.RateLimited(0)), done(hub.StateAccepted, "retry accepted", false, 1, false)}, 0},
		// Its receipt says that it has it, or it is asked.
		"500 after accepting":       {badDay{once(sandbox.FailAfterAccept()), done(hub.StateAccepted, "unknown", false, 1, false)}, 0},
		"time-out after accepting":  {badDay{once(sandbox.HangAfterAccept()), done(hub.StateAccepted, "unknown", false, 1, false)}, 0},
		"cut after accepting":       {badDay{once(sandbox.CutAfterAccept()), done(hub.StateAccepted, "unknown", false, 1, false)}, 0},
		"time-out before accepting": {badDay{once(sandbox.Hang()), done(hub.StateAccepted, "unknown accepted", false, 1, false)}, 0},
		"slow":                      {badDay{once(sandbox.Slow(300 * time.Millisecond)), good}, 0},
		"credentials refused": {badDay{func(b *bed, _ hub.Address) { b.phones.GatewayBan(true) },
			fate{record{hub.StatePending, false, "channel_down", false}, 0, true}}, 0},
		"quota spent": {badDay{always(sandbox.Answer(http.StatusPaymentRequired, `{"code":"E302"}`)), spentForTheMonth()}, 0},
		"blocked by its owner": {badDay{func(b *bed, to hub.Address) { b.phones.GatewayOptOut(to.Value) },
			done(hub.StateFailed, "permanent", true, 0, true)}, 0},
		"blocked, said afterwards": {badDay{func(b *bed, to hub.Address) { b.phones.GatewayFails(to.Value, "BLOCKED") },
			done(hub.StateFailed, "accepted", true, 0, true)}, 2},
		"pointed elsewhere": {badDay{once(sandbox.Redirect("http://127.0.0.1:1/")), done(hub.StateFailed, "rejected", false, 0, true)}, 0},
		"wrong signatures on receipts": {badDay{func(b *bed, to hub.Address) {
			b.phones.SetCallbackFault("111", sandbox.CallbackFault{Forged: true})
			b.phones.GatewayFails(to.Value, "BLOCKED")
		}, done(hub.StateAccepted, "accepted", false, 0, false)}, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newCalledBed(t, byGateway)
			to, other := b.address(hub.SMS), b.address(hub.LINE)
			login := b.person(map[hub.ChannelName]hub.Address{hub.SMS: to, hub.LINE: other})
			tt.fault(b, to)
			n := b.announce(login)
			var got fate
			b.until("the text's fate", func() bool {
				if len(b.phones.Called("111")) < tt.receipts {
					return false
				}
				got = fate{b.record(n, hub.SMS), b.shown(hub.SMS, to), b.record(n, hub.LINE).State == hub.StateAccepted}
				return got == tt.want
			})
			if got != tt.want {
				t.Errorf("fate is %+v, want %+v", got, tt.want)
			}
		})
	}
}
