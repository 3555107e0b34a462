package main

import (
	"context"
	"fmt"
	"io"

	"qianhe/hub"
)

// runCheck asks the provider of a channel whether our credentials are good and
// how much of the quota is used. It sends nothing to anybody.
func runCheck(ctx context.Context, e env, args []string) error {
	c, fs, err := loadConfig(e, "check", "[flags] CHANNEL", args, nil)
	if err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return misuse("name one channel: line or webpush")
	}
	channels, err := checkable(c)
	if err != nil {
		return err
	}
	ch, ok := channels[hub.ChannelName(fs.Arg(0))]
	if !ok {
		return misuse("channel %q is not configured, or there is none of that name", fs.Arg(0))
	}
	return report(ctx, e.stdout, ch)
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
