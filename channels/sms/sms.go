package sms

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"qianhe/hub"
)

// Config of a channel.
type Config struct {
	Sender Sender
	// Agency speaks when a message names nobody; it may be empty.
	Agency string
	// LinkHosts are the agency's own registered domains, such as example.gov.tw:
	// an address there, or below, may stand in a text if the provider takes
	// addresses at all.
	LinkHosts []string
}

// Channel sends texts through one provider. Its methods may be called
// concurrently.
type Channel struct {
	sender    Sender
	traits    Traits
	agency    string
	linkHosts []string
}

var (
	_ hub.Channel   = (*Channel)(nil)
	_ hub.Prober    = (*Channel)(nil)
	_ hub.Finder    = (*Channel)(nil)
	_ hub.GetParser = (*Channel)(nil)
	_ hub.Costed    = (*Channel)(nil)
	_ hub.Limited   = (*Channel)(nil)
	_ hub.LinkTaker = (*Channel)(nil)
)

// hostForm is a registered name: at least two labels.
var hostForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`)

// New checks the configuration and makes a channel. It does not touch the
// network.
func New(cfg Config) (*Channel, error) {
	if cfg.Sender == nil {
		return nil, errors.New("sms: needs a provider")
	}
	c := &Channel{sender: cfg.Sender, traits: cfg.Sender.Traits(), agency: cfg.Agency}
	for _, h := range cfg.LinkHosts {
		h = strings.ToLower(strings.TrimSpace(h))
		if !hostForm.MatchString(h) {
			return nil, fmt.Errorf("sms: %q is not a domain such as example.gov.tw", h)
		}
		if suffix, _ := publicsuffix.PublicSuffix(h); suffix == h {
			return nil, fmt.Errorf("sms: %q is shared by many, name the agency's own domain", h)
		}
		c.linkHosts = append(c.linkHosts, h)
	}
	return c, nil
}

// Name is [hub.SMS].
func (c *Channel) Name() hub.ChannelName { return hub.SMS }

// Send makes the text of m and hands it to the provider, for the number
// m.To.Value.
func (c *Channel) Send(ctx context.Context, m hub.Message) (hub.Receipt, error) {
	to := Number(m.To.Value)
	if !to.Valid() {
		return hub.Receipt{}, &hub.Permanent{Reason: "address is not a number that text messages reach"}
	}
	switch {
	case m.Delivery == "":
		return hub.Receipt{}, &hub.Rejected{Reason: "message has no delivery"}
	case plain(m.Title) == "":
		return hub.Receipt{}, &hub.Rejected{Reason: "message says nothing"}
	case !absolute(m.URL):
		return hub.Receipt{}, &hub.Rejected{Reason: "message leads nowhere"}
	}
	return c.sender.Send(ctx, c.compose(m, to, c.linkOf(m)))
}

func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// Find asks the provider for m.
func (c *Channel) Find(ctx context.Context, m hub.Message, since time.Time) (hub.Receipt, bool, error) {
	to := Number(m.To.Value)
	if !to.Valid() || m.Delivery == "" {
		return hub.Receipt{}, false, errors.New("sms: nothing to look for: no number or no delivery")
	}
	return c.sender.Find(ctx, c.compose(m, to, c.linkOf(m)), since)
}

// ParseInbound verifies and reads a status callback.
func (c *Channel) ParseInbound(cb hub.Callback) ([]hub.Inbound, error) {
	return c.sender.ParseInbound(cb)
}

// ParsesGet reports whether the provider's callbacks are GETs.
func (c *Channel) ParsesGet() bool { return c.traits.Get }

// Probe checks the provider's credentials. Nothing is sent.
func (c *Channel) Probe(ctx context.Context) ([]string, error) {
	lines, err := c.sender.Probe(ctx)
	switch {
	case !c.traits.Links:
		lines = append(lines, "links: none, texts say 請由平常的網址登入")
	case len(c.linkHosts) == 0:
		lines = append(lines, "links: none, because no domain is named for them")
	default:
		lines = append(lines, "links: to "+strings.Join(c.linkHosts, ", ")+" only")
	}
	if c.traits.Prefix == PrefixProvider {
		lines = append(lines, "beginning (末三碼 and 機關名稱): the provider's")
	} else {
		lines = append(lines, "beginning (末三碼 and 機關名稱): ours")
	}
	return lines, err
}

// Cost is the number of segments that m is billed as; 0 where it cannot be
// sent.
func (c *Channel) Cost(m hub.Message) int {
	to := Number(m.To.Value)
	if !to.Valid() {
		return 0
	}
	return c.compose(m, to, c.linkOf(m)).Segments
}

// Rate is how fast the provider takes texts.
func (c *Channel) Rate() (perSecond float64, burst int) { return c.traits.PerSecond, c.traits.Burst }

// Close lets go of idle connections.
func (c *Channel) Close() { c.sender.Close() }

var longNumber = regexp.MustCompile(`\+?[0-9][0-9 ().-]{4,}[0-9]`)

// Words makes what a provider answered fit for rows and logs, as
// [hub.ProviderWords] does, and without telephone numbers. Codes of up to five
// digits stay.
func Words(text string, max int) string {
	text = hub.ProviderWords(strings.Map(narrow, text), 4*max)
	return hub.Clip(longNumber.ReplaceAllString(text, "…"), max)
}
