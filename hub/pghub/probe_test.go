package pghub

import (
	"context"
	"errors"
	"testing"
	"time"

	"qianhe/hub"
)

// checked is a channel that can be asked whether it is in order.
type checked struct {
	*channel
	probe func(context.Context) error
}

func (c checked) Probe(ctx context.Context) ([]string, error) { return nil, c.probe(ctx) }

// What only a probe sees stands on the administrator's page until a later probe
// finds it mended.
func TestProbe(t *testing.T) {
	t.Parallel()
	var trouble error
	f := newFixture(t, func(o *Options) {
		o.Log = quietLog()
		o.Channels = []hub.Channel{
			checked{newChannel(hub.Messenger), func(context.Context) error { return trouble }},
			checked{newChannel(hub.LINE), func(context.Context) error { panic("odd answer") }},
			newChannel(hub.SMS), // cannot be asked
		}
	})
	if got := f.health(hub.Messenger); !got.Probed.IsZero() || got.ProbeError != "" {
		t.Errorf("before the first: %+v", got)
	}
	for _, step := range []struct {
		err  error
		want string
	}{
		{errors.New("messenger: Meta does not tell us about\nmessaging_postbacks\x00\xff"), "messenger: Meta does not tell us about messaging_postbacks\uFFFD"},
		{context.DeadlineExceeded, "no answer in time"},
		{nil, ""},
	} {
		trouble = step.err
		f.clock.add(15 * time.Minute)
		if err := f.probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := f.health(hub.Messenger)
		if got.ProbeError != step.want || !got.Probed.Equal(f.clock.Now()) {
			t.Errorf("%v: %q at %s, want %q at %s", step.err, got.ProbeError, got.Probed, step.want, f.clock.Now())
		}
		if !got.DownUntil.IsZero() {
			t.Errorf("%v: a probe has closed the channel", step.err)
		}
	}
	if got := f.health(hub.LINE); got.ProbeError != "we failed inside" {
		t.Errorf("one that panics: %q", got.ProbeError)
	}
	if got := f.health(hub.SMS); !got.Probed.IsZero() {
		t.Errorf("one that cannot be asked was, at %s", got.Probed)
	}
	// A server that is stopped has learnt nothing of the provider.
	ctx, cancel := context.WithCancel(t.Context())
	f.opt.Channels = []hub.Channel{checked{newChannel(hub.Messenger), func(ctx context.Context) error { cancel(); return ctx.Err() }}}
	before := f.health(hub.Messenger)
	if err := f.another().probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("while it is stopped: %v", err)
	}
	if got := f.health(hub.Messenger); got.Probed != before.Probed || got.ProbeError != "" {
		t.Errorf("while it is stopped: %+v", got)
	}
}

// A provider that does not answer is waited for no longer than a call.
func TestProbeEnds(t *testing.T) {
	t.Parallel()
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	f := newFixture(t, func(o *Options) {
		o.Log, o.SendTimeout = quietLog(), 20*time.Millisecond
		o.Channels = []hub.Channel{checked{newChannel(hub.Messenger), hangs}, checked{newChannel(hub.LINE), func(context.Context) error { return nil }}}
	})
	if err := f.probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.health(hub.Messenger).ProbeError; got != "no answer in time" {
		t.Errorf("the one that hangs: %q", got)
	}
	if got := f.health(hub.LINE); got.Probed.IsZero() || got.ProbeError != "" {
		t.Errorf("the other: %+v", got)
	}
}
