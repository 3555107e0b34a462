package main

import (
	"net/http"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/channels/sandbox"
	"qianhe/hub"
)

// fate is what is to become of a message on a provider's bad day.
type fate struct {
	record
	Shown int  // messages that its owner has before the eyes
	Over  bool // the next channel of the plan was used at once
}

// badDay is a fault of one channel's provider with the fate of the message
// that meets it. A nil fault is one that the provider cannot have.
type badDay struct {
	fault func(b *bed, to hub.Address)
	want  fate
}

func once(f sandbox.Fault) func(*bed, hub.Address) {
	return func(b *bed, to hub.Address) { b.phones.SetFault(to.Value, f.Once()) }
}

func always(f sandbox.Fault) func(*bed, hub.Address) {
	return func(b *bed, to hub.Address) { b.phones.SetFault(to.Value, f) }
}

func after(f sandbox.Fault, seconds string) sandbox.Fault {
	f.Header = f.Header.Clone()
	if f.Header == nil {
		f.Header = http.Header{}
	}
	f.Header.Set("Retry-After", seconds)
	return f
}

// faultMatrix is every fault of every channel. What is sent again after a doubt
// depends on what the provider knows: LINE recognises a repetition by its key
// and a browser by the tag; Twilio can be asked; Messenger knows nothing, so
// nothing is sent again and the next channel has to do.
func faultMatrix() map[string]map[hub.ChannelName]badDay {
	const (
		accepted = hub.StateAccepted
		failed   = hub.StateFailed
		unknown  = hub.StateUnknown
		pending  = hub.StatePending
	)
	done := func(s hub.State, outcomes string, shown int, over bool) fate {
		return fate{record{s, true, outcomes, false}, shown, over}
	}
	dead := func(outcomes string) fate { return fate{record{failed, true, outcomes, true}, 0, true} }
	down := fate{record{pending, false, "channel_down", false}, 0, true}
	busy := sandbox.TwilioError(http.StatusTooManyRequests, 20429, "Too Many Requests")
	return map[string]map[hub.ChannelName]badDay{
		"good day": {
			hub.LINE:      {func(*bed, hub.Address) {}, done(accepted, "accepted", 1, false)},
			hub.WebPush:   {func(*bed, hub.Address) {}, done(accepted, "accepted", 1, false)},
			hub.Messenger: {func(*bed, hub.Address) {}, done(accepted, "accepted", 1, false)},
			hub.SMS:       {func(*bed, hub.Address) {}, done(accepted, "accepted", 1, false)},
		},
		"429 with Retry-After": {
			hub.LINE:      {once(sandbox.RateLimited(time.Second)), done(accepted, "retry accepted", 1, false)},
			hub.WebPush:   {once(sandbox.RateLimited(time.Second)), done(accepted, "retry accepted", 1, false)},
			hub.Messenger: {once(sandbox.GraphLimited(613, time.Second)), done(accepted, "retry accepted", 1, false)},
			hub.SMS:       {once(after(busy, "1")), done(accepted, "retry accepted", 1, false)},
		},
		"429 without Retry-After": {
			hub.LINE:      {once(sandbox.RateLimited(0)), done(accepted, "retry accepted", 1, false)},
			hub.WebPush:   {once(sandbox.RateLimited(0)), done(accepted, "retry accepted", 1, false)},
			hub.Messenger: {once(sandbox.GraphLimited(4, 0)), done(accepted, "retry accepted", 1, false)},
			hub.SMS:       {once(busy), done(accepted, "retry accepted", 1, false)},
		},
		"500 after accepting": {
			hub.LINE:      {once(sandbox.FailAfterAccept()), done(accepted, "unknown duplicate", 1, false)},
			hub.WebPush:   {once(sandbox.FailAfterAccept()), done(accepted, "retry accepted", 1, false)},
			hub.Messenger: {once(sandbox.FailAfterAccept()), done(unknown, "unknown", 1, true)},
			hub.SMS:       {once(sandbox.FailAfterAccept()), done(accepted, "unknown", 1, false)},
		},
		"time-out after accepting": {
			hub.LINE:      {once(sandbox.HangAfterAccept()), done(accepted, "unknown duplicate", 1, false)},
			hub.WebPush:   {once(sandbox.HangAfterAccept()), done(accepted, "unknown accepted", 1, false)},
			hub.Messenger: {once(sandbox.HangAfterAccept()), done(unknown, "unknown", 1, true)},
			hub.SMS:       {once(sandbox.HangAfterAccept()), done(accepted, "unknown", 1, false)},
		},
		"cut after accepting": {
			hub.LINE:      {once(sandbox.CutAfterAccept()), done(accepted, "unknown duplicate", 1, false)},
			hub.WebPush:   {once(sandbox.CutAfterAccept()), done(accepted, "unknown accepted", 1, false)},
			hub.Messenger: {once(sandbox.CutAfterAccept()), done(unknown, "unknown", 1, true)},
			hub.SMS:       {once(sandbox.CutAfterAccept()), done(accepted, "unknown", 1, false)},
		},
		"time-out before accepting": {
			hub.LINE:      {once(sandbox.Hang()), done(accepted, "unknown accepted", 1, false)},
			hub.WebPush:   {once(sandbox.Hang()), done(accepted, "unknown accepted", 1, false)},
			hub.Messenger: {once(sandbox.Hang()), done(unknown, "unknown", 0, true)},
			hub.SMS:       {once(sandbox.Hang()), done(accepted, "unknown accepted", 1, false)},
		},
		"two time-outs before accepting": {
			hub.LINE: {always(sandbox.Hang().Twice()), done(accepted, "unknown unknown accepted", 1, false)},
			// The one repetition is all there ever is.
			hub.SMS: {always(sandbox.Hang().Twice()), done(failed, "unknown unknown", 0, true)},
		},
		"slow": {
			hub.LINE:      {once(sandbox.Slow(300 * time.Millisecond)), done(accepted, "accepted", 1, false)},
			hub.WebPush:   {once(sandbox.Slow(300 * time.Millisecond)), done(accepted, "accepted", 1, false)},
			hub.Messenger: {once(sandbox.Slow(300 * time.Millisecond)), done(accepted, "accepted", 1, false)},
			hub.SMS:       {once(sandbox.Slow(300 * time.Millisecond)), done(accepted, "accepted", 1, false)},
		},
		"answer that cannot be read": {
			hub.LINE:      {once(sandbox.WrongBody()), done(accepted, "accepted", 1, false)},
			hub.WebPush:   {once(sandbox.WrongBody()), done(accepted, "accepted", 1, false)},
			hub.Messenger: {once(sandbox.WrongBody()), done(accepted, "accepted", 1, false)},
			hub.SMS:       {once(sandbox.WrongBody()), done(accepted, "accepted", 1, false)},
		},
		"quota spent": {
			hub.LINE:      {func(b *bed, _ hub.Address) { b.phones.SetQuota(200, 200) }, spentForTheMonth()},
			hub.Messenger: {always(sandbox.GraphLimited(80006, 20*time.Minute)), down},
			hub.SMS:       {always(sandbox.TwilioError(http.StatusTooManyRequests, 63038, "Account exceeded the daily messages limit")), down},
		},
		"credentials refused": {
			hub.LINE:      {always(sandbox.Answer(http.StatusUnauthorized, `{"message":"Authentication failed due to the following reason: invalid token."}`)), down},
			hub.WebPush:   {always(sandbox.Answer(http.StatusForbidden, `{"reason":"BadJwtToken"}`)), done(failed, "rejected", 0, true)},
			hub.Messenger: {always(sandbox.GraphError(http.StatusUnauthorized, 190, 463, "Error validating access token")), down},
			hub.SMS:       {always(sandbox.TwilioError(http.StatusUnauthorized, 20003, "Authenticate")), down},
		},
		"blocked by its owner": {
			// LINE says 200 and delivers nothing; the callback "unfollow" is the
			// only word of it.
			hub.LINE:      {func(b *bed, to hub.Address) { b.phones.Block(to.Value) }, done(accepted, "accepted", 0, false)},
			hub.WebPush:   {func(b *bed, to hub.Address) { b.phones.Expire(to.Value) }, dead("permanent")},
			hub.Messenger: {func(b *bed, to hub.Address) { b.phones.BlockPage(to.Value, true) }, done(failed, "rejected", 0, true)},
			hub.SMS:       {func(b *bed, to hub.Address) { b.phones.TwilioRefuses(to.Value, 21610) }, dead("permanent")},
		},
		"no such address": {
			hub.LINE:      {always(sandbox.Answer(http.StatusBadRequest, `{"message":"Failed to send messages"}`)), dead("permanent")},
			hub.WebPush:   {always(sandbox.Answer(http.StatusNotFound, ``)), dead("permanent")},
			hub.Messenger: {always(sandbox.GraphError(http.StatusBadRequest, 100, 2018001, "No matching user found")), dead("permanent")},
			hub.SMS:       {func(b *bed, to hub.Address) { b.phones.TwilioRefuses(to.Value, 21614) }, dead("permanent")},
		},
		"outside the window": {
			hub.Messenger: {always(sandbox.GraphError(http.StatusForbidden, 10, 2018278, "This message is sent outside of allowed window")), done(failed, "rejected", 0, true)},
		},
		"filtered": {
			hub.SMS: {always(sandbox.TwilioError(http.StatusBadRequest, 30007, "Carrier violation")), done(failed, "rejected", 0, true)},
		},
		"pointed elsewhere": {
			hub.LINE:      {once(sandbox.Redirect("http://127.0.0.1:1/")), done(failed, "rejected", 0, true)},
			hub.WebPush:   {once(sandbox.Redirect("http://127.0.0.1:1/")), done(failed, "rejected", 0, true)},
			hub.Messenger: {once(sandbox.Redirect("http://127.0.0.1:1/")), done(failed, "rejected", 0, true)},
			hub.SMS:       {once(sandbox.Redirect("http://127.0.0.1:1/")), done(failed, "rejected", 0, true)},
		},
	}
}

// spentForTheMonth is the fate of a message whose channel is down until the
// month is over: mostly that is later than the message matters.
func spentForTheMonth() fate {
	now := time.Now().In(approval.Zone)
	end := time.Date(now.Year(), now.Month()+1, 1, 0, 5, 0, 0, approval.Zone)
	if end.Sub(now) < bedTTL+time.Minute {
		return fate{record{hub.StatePending, false, "channel_down", false}, 0, true}
	}
	return fate{record{hub.StateFailed, true, "channel_down", false}, 0, true}
}

// TestFaultMatrix holds every fault of every channel against what stands in
// the ledger afterwards, what the provider has really taken, and whether the
// next channel of the plan was used.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for fault, channels := range faultMatrix() {
		for channel, day := range channels {
			t.Run(fault+"/"+string(channel), func(t *testing.T) {
				t.Parallel()
				next := hub.LINE
				if channel == hub.LINE {
					next = hub.SMS
				}
				b := newBed(t, hub.Step{Channel: channel}, hub.Step{Channel: next, After: time.Hour})
				to, other := b.address(channel), b.address(next)
				login := b.person(map[hub.ChannelName]hub.Address{channel: to, next: other})
				day.fault(b, to)
				n := b.announce(login)

				var got fate
				ok := b.until("the message's fate", func() bool {
					got.record = b.record(n, channel)
					got.Shown = b.shown(channel, to)
					got.Over = b.record(n, next).State == hub.StateAccepted
					return got.Done == day.want.Done && got.Outcomes == day.want.Outcomes && got.Over == day.want.Over && got.Shown >= day.want.Shown
				})
				if got != day.want || !ok {
					t.Errorf("fate is %+v, want %+v", got, day.want)
				}
				if over := b.shown(next, other); over != map[bool]int{true: 1}[day.want.Over] {
					t.Errorf("%d messages on the next channel, want it used: %t", over, day.want.Over)
				}
			})
		}
	}
}
