package twfido

import (
	"context"
	"errors"
	"time"
)

// PollEvery is how long to wait between two questions about a ticket, at least
// (specification: four seconds).
const PollEvery = 4 * time.Second

// Await asks until there is an answer or the ticket has ended, which gives
// SPTKT_OVD. While TW FidO cannot be asked it keeps trying: phones and lines
// come and go, the answer stays.
func (c *Client) Await(ctx context.Context, t Ticket, e Expect) (*Answer, error) {
	tick := time.NewTicker(PollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
		// Once more after the end: it may have been answered in the last moment.
		over := !c.config.Now().Before(t.Expires)
		a, err := c.Result(ctx, t, e)
		if err == nil || !waits(err) {
			return a, err
		}
		if over {
			return nil, &Error{"SP-API-ATH-02", "SPTKT_OVD"}
		}
	}
}

// waits reports whether an error means that it is to be asked again.
func waits(err error) bool {
	var transport *TransportError
	return errors.Is(err, ErrPending) || errors.As(err, &transport)
}
