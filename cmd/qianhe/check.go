package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"qianhe/hub"
)

// setter is a channel that can bring its provider into the state it needs.
type setter interface {
	Setup(ctx context.Context, appURL string) ([]string, error)
}

// runCheck asks the provider of a channel, or one that people sign in by, whether
// our credentials are good, and of a channel how much of the quota is used. It sends nothing to anybody, and changes
// nothing unless it is told to set the channel up.
func runCheck(ctx context.Context, e env, args []string) error {
	var setup bool
	c, fs, err := loadConfig(e, "check", "[flags] CHANNEL|PROVIDER", args, func(fs *flag.FlagSet) {
		fs.BoolVar(&setup, "setup", false, "first make at the provider what the channel needs: Messenger's Get Started button, menu and events")
	})
	if err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return misuse("name one channel: line, messenger, sms or webpush, or a sign-in provider of QIANHE_SIGN_IN")
	}
	if p := c.SignIn.provider(fs.Arg(0)); p != nil && !setup {
		lines, err := p.Probe(ctx)
		for _, l := range lines {
			fmt.Fprintln(e.stdout, l)
		}
		return err
	}
	channels, err := checkable(c)
	if err != nil {
		return err
	}
	ch, ok := channels[hub.ChannelName(fs.Arg(0))]
	if !ok {
		return misuse("channel %q is not configured, or there is none of that name", fs.Arg(0))
	}
	if setup {
		if err := setUp(ctx, e.stdout, ch, urlString(c.linkURL())); err != nil {
			return err
		}
	}
	return report(ctx, e.stdout, ch)
}

// setUp makes at a channel's provider what is needed there, and writes what it
// did.
func setUp(ctx context.Context, w io.Writer, ch hub.Channel, appURL string) error {
	s, ok := ch.(setter)
	if !ok {
		return misuse("there is nothing to set up for %s", ch.Name())
	}
	if appURL == "" {
		return misuse("-setup needs QIANHE_BASE_URL, to which the chat's menu leads")
	}
	lines, err := s.Setup(ctx, appURL)
	for _, l := range lines {
		fmt.Fprintln(w, l)
	}
	return err
}

// report asks a channel's provider and writes what it says.
func report(ctx context.Context, w io.Writer, ch hub.Channel) error {
	if p, ok := ch.(hub.Prober); ok {
		lines, err := p.Probe(ctx)
		for _, l := range lines {
			fmt.Fprintln(w, l)
		}
		if err != nil {
			return err
		}
	}
	if q, ok := ch.(hub.QuotaReader); ok {
		quota, err := q.Quota(ctx)
		if err != nil {
			return err
		}
		if quota.Limit == 0 {
			fmt.Fprintf(w, "quota this month: %d used, no limit\n", quota.Used)
		} else {
			fmt.Fprintf(w, "quota this month: %d of %d used\n", quota.Used, quota.Limit)
		}
	}
	return nil
}
