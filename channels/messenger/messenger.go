package messenger

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"qianhe/hub"
)

// Config of a channel. The zero value of an optional field is its default.
type Config struct {
	// PageID is the Facebook Page that speaks, a number.
	PageID string
	// PageName is what stands in m.me links; the PageID when empty.
	PageName string
	// Token is the Page's access token.
	Token string
	// AppSecret signs our calls (appsecret_proof) and Meta's callbacks.
	// OldAppSecret is accepted in callbacks besides it while the secret is
	// being changed.
	AppSecret    string
	OldAppSecret string
	// ProofTime binds each proof to the time of its call, so that one which
	// leaked is of no use after minutes. The host's clock must be right.
	ProofTime bool
	// VerifyToken is what Meta repeats when the callback address is entered in
	// its console. Empty: no address can be entered.
	VerifyToken string
	// Version of the Graph API, v26.0 by default.
	Version string
	// BaseURL of the Graph API, https://graph.facebook.com by default. Plain
	// http is possible on loopback addresses only.
	BaseURL string
	// LinkURL is where links that open the chat begin, https://m.me by default.
	LinkURL string
	// PerSecond is how many messages a second go out at most, over all nodes.
	// The default of 30 stays below the 40 at which Meta brakes a Page.
	PerSecond float64
	// Timeout of one call, 20 s by default.
	Timeout time.Duration
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Log tells about events in callbacks that cannot be read, and of what
	// Meta holds against the Page. Nil: nowhere.
	Log *slog.Logger
}

// Channel sends through one Page. Its methods may be called concurrently.
type Channel struct {
	page      string
	pageName  string
	token     string
	secrets   []string // the current one first
	proofTime bool
	verify    string
	base      string // with the version
	link      string
	rate      float64
	timeout   time.Duration
	client    *http.Client
	now       func() time.Time
	log       *slog.Logger
	absences  absences
	denials   denials
}

var (
	_ hub.Channel       = (*Channel)(nil)
	_ hub.Prober        = (*Channel)(nil)
	_ hub.InboundParser = (*Channel)(nil)
	_ hub.Challenger    = (*Channel)(nil)
	_ hub.Replier       = (*Channel)(nil)
	_ hub.Limited       = (*Channel)(nil)
)

const (
	defaultBase    = "https://graph.facebook.com"
	defaultVersion = "v26.0"
	defaultLink    = "https://m.me"
	defaultRate    = 30
	defaultTimeout = 20 * time.Second
)

var (
	pageIDForm   = regexp.MustCompile(`^[0-9]{5,32}$`)
	pageNameForm = regexp.MustCompile(`^[A-Za-z0-9.-]{1,50}$`)
	versionForm  = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]$`)
	// personID is a page-scoped ID (PSID): it means nothing for another Page.
	personID = regexp.MustCompile(`^[0-9]{5,32}$`)
	refForm  = regexp.MustCompile(`^[A-Za-z0-9_=-]{1,250}$`)
)

// New checks the configuration and makes a channel. It does not touch the
// network.
func New(cfg Config) (*Channel, error) {
	orElse(&cfg.Version, defaultVersion)
	orElse(&cfg.BaseURL, defaultBase)
	orElse(&cfg.LinkURL, defaultLink)
	orElse(&cfg.PageName, cfg.PageID)
	switch {
	case !pageIDForm.MatchString(cfg.PageID):
		return nil, errors.New("messenger: page ID is not a number")
	case cfg.Token == "" || strings.ContainsAny(cfg.Token, " \r\n"):
		return nil, errors.New("messenger: needs the Page's access token")
	case cfg.AppSecret == "":
		return nil, errors.New("messenger: needs the app secret")
	case !versionForm.MatchString(cfg.Version):
		return nil, fmt.Errorf("messenger: version %q is not one such as %s", cfg.Version, defaultVersion)
	case !pageNameForm.MatchString(cfg.PageName):
		return nil, fmt.Errorf("messenger: page name %q cannot stand in an m.me link", cfg.PageName)
	}
	for name, address := range map[string]string{"base URL": cfg.BaseURL, "link URL": cfg.LinkURL} {
		if err := checkBase(name, address); err != nil {
			return nil, err
		}
	}
	c := &Channel{
		page: cfg.PageID, pageName: cfg.PageName, token: cfg.Token, secrets: []string{cfg.AppSecret},
		proofTime: cfg.ProofTime, verify: cfg.VerifyToken,
		base: strings.TrimRight(cfg.BaseURL, "/") + "/" + cfg.Version, link: strings.TrimRight(cfg.LinkURL, "/"),
		rate: cfg.PerSecond, timeout: cfg.Timeout, client: newClient(), now: cfg.Now, log: cfg.Log,
	}
	if cfg.OldAppSecret != "" {
		c.secrets = append(c.secrets, cfg.OldAppSecret)
	}
	if c.rate <= 0 {
		c.rate = defaultRate
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func orElse(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func checkBase(name, base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		// It may hold a password: it is not repeated.
		return fmt.Errorf("messenger: %s is not an address such as %s", name, defaultBase)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return fmt.Errorf("messenger: %s %q must be https", name, base)
	}
	return nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}

// Name is [hub.Messenger].
func (c *Channel) Name() hub.ChannelName { return hub.Messenger }

// Rate is what Meta takes without braking the Page.
func (c *Channel) Rate() (perSecond float64, burst int) { return c.rate, max(int(c.rate), 1) }

// Close lets go of idle connections.
func (c *Channel) Close() { c.client.CloseIdleConnections() }

// LinkURL is the address that opens the chat with the Page and brings ref with
// it: as a referral where there was a chat before, else inside the tap on "Get
// Started". Without ref it only opens the chat, which opens the window as well.
// It gives "" for a ref that Meta would not carry: 1 to 250 letters, digits,
// "-", "_" and "=".
func (c *Channel) LinkURL(ref string) string {
	address := c.link + "/" + c.pageName
	switch {
	case ref == "":
		return address
	case !refForm.MatchString(ref):
		return ""
	}
	return address + "?" + url.Values{"ref": {ref}}.Encode()
}
