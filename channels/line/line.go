package line

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"qianhe/hub"
)

// Config of a channel. Give Token, or ChannelID and ChannelSecret. The zero
// value of an optional field is its default.
type Config struct {
	// Token is a long-lived channel access token. Without it, tokens of 15
	// minutes are fetched with ChannelID and ChannelSecret.
	Token     string
	ChannelID string
	// ChannelSecret also verifies callbacks; OldChannelSecret is accepted
	// besides it while the secret is being changed.
	ChannelSecret    string
	OldChannelSecret string
	// BotID is the user ID of the official account (U...). When it is set,
	// callbacks for another are refused.
	BotID string
	// LoginChannelID is that of the LINE Login channel that our LIFF app is in,
	// of the same provider as the official account. Without it no ID token is
	// believed.
	LoginChannelID string
	// BaseURL of the Messaging API, https://api.line.me by default. Plain
	// http is possible on loopback addresses only.
	BaseURL string
	// DialogURL is where LINE's own pages are, https://access.line.me by
	// default; the same holds for it.
	DialogURL string
	// FriendURL is where addresses begin that add an account, https://line.me
	// by default.
	FriendURL string
	// Agency stands above the title of a card when the message names none; it
	// may be empty.
	Agency string
	// Timeout of one call, 20 s by default.
	Timeout time.Duration
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Log tells about events in callbacks that cannot be read. Nil: nowhere.
	Log *slog.Logger
}

// Channel sends through one official account. Its methods may be called
// concurrently.
type Channel struct {
	base    string
	dialog  string
	issuer  string // of ID tokens
	login   string
	friends string
	friend  friend
	agency  string
	botID   string
	secrets []string
	timeout time.Duration
	client  *http.Client
	tokens  *tokens
	now     func() time.Time
	log     *slog.Logger
}

var (
	_ hub.Channel       = (*Channel)(nil)
	_ hub.Prober        = (*Channel)(nil)
	_ hub.QuotaReader   = (*Channel)(nil)
	_ hub.InboundParser = (*Channel)(nil)
	_ hub.Replier       = (*Channel)(nil)
	_ hub.Linker        = (*Channel)(nil)
	_ hub.Reacher       = (*Channel)(nil)
)

const (
	defaultBase    = "https://api.line.me"
	defaultDialog  = "https://access.line.me"
	defaultFriends = "https://line.me"
	defaultTimeout = 20 * time.Second
)

// userID is whom a push may go to: people, not groups, because what a group
// reads everybody in it reads.
var userID = regexp.MustCompile(`^U[0-9a-f]{32}$`)

// New checks the configuration and makes a channel. It does not touch the
// network.
func New(cfg Config) (*Channel, error) {
	if cfg.Token == "" && (cfg.ChannelID == "" || cfg.ChannelSecret == "") {
		return nil, errors.New("line: needs a channel access token, or the channel ID and the channel secret")
	}
	if cfg.BotID != "" && !userID.MatchString(cfg.BotID) {
		return nil, fmt.Errorf("line: bot ID %q is not U and 32 hexadecimal digits", cfg.BotID)
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBase
	}
	if cfg.DialogURL == "" {
		cfg.DialogURL = defaultDialog
	}
	if cfg.FriendURL == "" {
		cfg.FriendURL = defaultFriends
	}
	if err := errors.Join(checkBase(cfg.BaseURL), checkBase(cfg.DialogURL), checkBase(cfg.FriendURL)); err != nil {
		return nil, err
	}
	c := &Channel{
		base: strings.TrimRight(cfg.BaseURL, "/"), dialog: strings.TrimRight(cfg.DialogURL, "/"), issuer: strings.TrimRight(cfg.DialogURL, "/"), login: cfg.LoginChannelID, friends: strings.TrimRight(cfg.FriendURL, "/"), agency: cfg.Agency, botID: cfg.BotID,
		timeout: cfg.Timeout, now: cfg.Now, log: cfg.Log,
	}
	for _, s := range []string{cfg.ChannelSecret, cfg.OldChannelSecret} {
		if s != "" {
			c.secrets = append(c.secrets, s)
		}
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
	c.client = &http.Client{ // its time-out is the context's of each call
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: bounded{&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    32,
			MaxResponseHeaderBytes: 64 << 10,
			// A firewall that forgot the connection says nothing: without a ping
			// every call on it would wait in vain.
			HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		}},
	}
	c.tokens = &tokens{fixed: cfg.Token, fetch: c.fetchToken(cfg.ChannelID, cfg.ChannelSecret), now: c.now, busy: make(chan struct{}, 1)}
	return c, nil
}

func checkBase(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		// It may hold a password: it is not repeated.
		return errors.New("line: base URL is not an address such as " + defaultBase)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	loopback := err == nil && ip.IsLoopback() || u.Hostname() == "localhost"
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return fmt.Errorf("line: base URL %q must be https", base)
	}
	return nil
}

// Name is [hub.LINE].
func (c *Channel) Name() hub.ChannelName { return hub.LINE }

// Close lets go of idle connections.
func (c *Channel) Close() { c.client.CloseIdleConnections() }

// api makes a client for one call. The SDK keeps the context in the client and
// changes it in place, so no client is ever shared.
func (c *Channel) api(ctx context.Context, token string) (*messaging_api.MessagingApiAPI, error) {
	api, err := messaging_api.NewMessagingApiAPI(token, messaging_api.WithHTTPClient(c.client), messaging_api.WithEndpoint(c.base))
	if err != nil {
		return nil, fmt.Errorf("line: make client: %w", err)
	}
	return api.WithContext(ctx), nil
}

// bounded reads every answer at once and no more than maxAnswer of it: the SDK
// would read any amount, and leaves the body of a refusal open.
type bounded struct{ *http.Transport }

const maxAnswer = 256 << 10

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		// The status came, hence the request was dealt with; what is missing
		// of the body shows when somebody reads it.
		body = nil
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}
