package messenger

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"qianhe/hub"
)

// window is how long after a person was heard from we still write. Meta allows
// 24 hours; the hour less is for clocks, queues and callbacks that were late.
const window = 23 * time.Hour

// Send brings m to the person m.To.Value as one button template, if the window
// is open.
func (c *Channel) Send(ctx context.Context, m hub.Message) (hub.Receipt, error) {
	if !personID.MatchString(m.To.Value) {
		return hub.Receipt{}, &hub.Permanent{Reason: "address is not a page-scoped ID"}
	}
	if m.Delivery == "" {
		return hub.Receipt{}, &hub.Rejected{Reason: "message has no delivery"}
	}
	if m.URL == "" {
		return hub.Receipt{}, &hub.Rejected{Reason: "message has no address to open"}
	}
	said, err := card(m)
	if err != nil {
		return hub.Receipt{}, err
	}
	if err := c.open(m.To.Heard); err != nil {
		return hub.Receipt{}, err
	}
	a := c.call(ctx, http.MethodPost, "messages", nil, request{recipient{m.To.Value}, typeUpdate, said})
	return c.outcome(m, a)
}

// Reply answers what a person did in the chat, which has opened the window. m
// need not have an address to open. Errors are those of Send; an answer of
// which it is not known whether it arrived is not to be repeated.
func (c *Channel) Reply(ctx context.Context, to hub.Inbound, m hub.Message) error {
	if to.Channel != hub.Messenger || !personID.MatchString(to.From) {
		return &hub.Rejected{Reason: "there is nobody to answer"}
	}
	said, err := card(m)
	if err != nil {
		return err
	}
	if err := c.open(to.At); err != nil {
		return err
	}
	a := c.call(ctx, http.MethodPost, "messages", nil, request{recipient{to.From}, typeResponse, said})
	m.To = hub.Address{Value: to.From, Heard: to.At}
	_, err = c.outcome(m, a)
	return err
}

// open refuses a message to somebody who was not heard from within the window.
// It says why in words that the person's own page can show.
func (c *Channel) open(heard time.Time) error {
	if heard.IsZero() {
		return &hub.Rejected{Reason: "the 24-hour window is closed: never heard from"}
	}
	if since := c.now().Sub(heard); since > window {
		return &hub.Rejected{Reason: fmt.Sprintf("the 24-hour window is closed: last heard from %d hours ago", int(since.Hours()))}
	}
	return nil
}
