package channeltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// Fault is a class of bad days.
type Fault string

// The classes, and what a channel says of them.
const (
	Throttled     Fault = "throttled"      // says when to come back: *Retry with After > 0
	ThrottledBare Fault = "throttled bare" // does not say when: *Retry
	Gone          Fault = "gone"           // the address is dead: *Permanent
	Refused       Fault = "refused"        // refuses this message: *Rejected
	Credentials   Fault = "credentials"    // refuses us: *ChannelDown, at the latest for the third person
	Quota         Fault = "quota"          // the paid quota is used up: *ChannelDown with Until
	ErrorAfter    Fault = "error after"    // took it, answers an error: *Unknown or *Retry, and a repetition does not double
	HangAfter     Fault = "hang after"     // took it, answers nothing: *Unknown with Safe, and a repetition does not double
	CutAfter      Fault = "cut after"      // took it, cuts the connection: the same; where there is no key, all three are *Unknown without Safe, and Find finds it
	Slow          Fault = "slow"           // takes it and answers late, before the time-out: accepted, once
	WrongBody     Fault = "wrong body"     // took it, the answer cannot be read: accepted
	Hang          Fault = "hang"           // does not take it, answers nothing: *Unknown, when the context ends
	Blocked       Fault = "blocked"        // takes it and shows it to nobody: accepted
	Redirected    Fault = "redirected"     // points elsewhere: *Rejected, and nobody goes there
)

// Harness is a channel on a stand-in provider.
type Harness struct {
	// Channel under test.
	Channel hub.Channel
	// Address makes a new good address.
	Address func() hub.Address
	// Arrived gives, as soon as at least n sends have come through to the
	// address, how many messages its owner has before the eyes: a repetition
	// that the provider or the device recognises counts once.
	Arrived func(ctx context.Context, to hub.Address, n int) (shown int, err error)
	// Faults switch a bad day on for an address. A class that a provider
	// cannot have is left out. Refused repeats the address in its answer;
	// Redirected leads to where the message would be taken.
	Faults map[Fault]func(to hub.Address)
	// Secrets must be in no error text, besides addresses and their keys.
	Secrets []string
	// Patience is the time-out of one call in the channel under test; the
	// faults that hang take as long.
	Patience time.Duration
	// Close ends the channel's own goroutines and connections.
	Close func()
}

// Message makes a good message to the address.
func Message(to hub.Address, delivery string) hub.Message {
	return hub.Message{
		Delivery: delivery,
		Person:   approval.PersonID("person-" + delivery),
		To:       to,
		Kind:     hub.KindDigest,
		Lang:     "zh-TW",
		Agency:   "青川市政府",
		Title:    "待處理公文 5 件",
		Text:     "待處理公文 5 件，最速件 1 件，今日到期 2 件",
		Facts:    []hub.Fact{{Label: "最速件", Value: "1 件", Alarm: true}, {Label: "今日到期", Value: "2 件"}},
		Counts:   hub.Counts{Pending: 5, Highest: 1, DueToday: 2},
		Button:   "立即處理",
		URL:      "https://sign.example.gov.tw/inbox",
		Tag:      "inbox",
		TTL:      time.Hour,
		Sent:     time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC),
		Ref:      hub.RefOf(delivery),
	}
}

// Outcome names what Send returned: accepted, "retry after 7s", permanent,
// rejected, "unknown, safe", unknown or channel down.
func Outcome(err error) string {
	var (
		retry     *hub.Retry
		permanent *hub.Permanent
		rejected  *hub.Rejected
		unknown   *hub.Unknown
		down      *hub.ChannelDown
	)
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &retry):
		return fmt.Sprintf("retry after %s", retry.After)
	case errors.As(err, &permanent):
		return "permanent"
	case errors.As(err, &rejected):
		return "rejected"
	case errors.As(err, &unknown) && unknown.Safe:
		return "unknown, safe"
	case errors.As(err, &unknown):
		return "unknown"
	case errors.As(err, &down):
		return "channel down"
	default:
		return notKnown
	}
}

// notKnown: an error that no channel may return.
const notKnown = "of a type that the hub does not know"

// class is the outcome without its time.
func class(err error) string {
	c, _, _ := strings.Cut(Outcome(err), " after ")
	return c
}

func wantClass(t *testing.T, err error, want ...string) {
	t.Helper()
	if got := class(err); !slices.Contains(want, got) {
		t.Errorf("outcome is %s (%v), want %q", got, err, want)
	}
}
