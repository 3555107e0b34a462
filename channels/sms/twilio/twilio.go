package twilio

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"qianhe/channels/sms"
)

// Config of a sender. The zero value of an optional field is its default.
type Config struct {
	AccountSID string
	// APIKey and APISecret sign in, or AuthToken does where they are empty.
	APIKey    string
	APISecret string
	// AuthToken is the account's primary token. Callbacks are signed with it
	// and with nothing else: without it none are asked for.
	AuthToken string
	// From is a number, a short code or a name to send from, or
	// MessagingServiceSID chooses one. In Taiwan either is overwritten.
	From                string
	MessagingServiceSID string
	// CallbackURL is where status callbacks reach us, exactly as Twilio is to
	// call it: https://sign.example.gov.tw/hooks/sms. Empty: none are asked for.
	CallbackURL string
	// Links: addresses in texts were registered with Twilio. In Taiwan texts
	// with others are filtered (30007).
	Links bool
	// Codes add to what is known of Twilio's error codes, or change it.
	Codes map[int]Class
	// PerSecond and Burst are how fast messages are handed over; 10 and 10 by
	// default.
	PerSecond float64
	Burst     int
	// BaseURL of the API, https://api.twilio.com by default. Plain http is
	// possible on loopback addresses only.
	BaseURL string
	// Timeout of one call, 20 s by default.
	Timeout time.Duration
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// Sender sends through one account. Its methods may be called concurrently.
type Sender struct {
	cfg    Config
	base   *url.URL
	hook   *url.URL // nil: no callbacks
	codes  map[int]Class
	client *http.Client
}

var _ sms.Sender = (*Sender)(nil)

var (
	accountForm = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
	keyForm     = regexp.MustCompile(`^SK[0-9a-f]{32}$`)
	serviceForm = regexp.MustCompile(`^MG[0-9a-f]{32}$`)
	messageForm = regexp.MustCompile(`^(SM|MM)[0-9a-f]{32}$`)
	secretForm  = regexp.MustCompile(`^[A-Za-z0-9]{8,64}$`)
	fromForm    = regexp.MustCompile(`^(\+[1-9][0-9]{7,14}|[0-9]{3,8}|[A-Za-z0-9 ]{0,10}[A-Za-z][A-Za-z0-9 ]{0,10})$`)
	hostForm    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
)

// New checks the configuration and makes a sender. It does not touch the
// network.
func New(cfg Config) (*Sender, error) {
	s := &Sender{cfg: cfg, client: sms.HTTPClient()}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("twilio: %w", err)
	}
	if s.cfg.BaseURL == "" {
		s.cfg.BaseURL = "https://api.twilio.com"
	}
	if err := sms.CheckAddress(s.cfg.BaseURL); err != nil {
		return nil, fmt.Errorf("twilio: base URL is %w", err)
	}
	base, err := url.Parse(strings.TrimRight(s.cfg.BaseURL, "/"))
	if err != nil {
		return nil, fmt.Errorf("twilio: base URL: %w", err)
	}
	s.base = base
	if cfg.CallbackURL != "" && cfg.AuthToken != "" {
		if s.hook, err = checkHook(cfg.CallbackURL); err != nil {
			return nil, fmt.Errorf("twilio: %w", err)
		}
	}
	s.codes = known()
	for code, class := range cfg.Codes {
		s.codes[code] = class
	}
	if s.cfg.PerSecond <= 0 {
		s.cfg.PerSecond = 10
	}
	if s.cfg.Burst <= 0 {
		s.cfg.Burst = 10
	}
	if s.cfg.Timeout <= 0 {
		s.cfg.Timeout = 20 * time.Second
	}
	if s.cfg.Now == nil {
		s.cfg.Now = time.Now
	}
	return s, nil
}

// check looks at what can be seen to be wrong. Errors repeat no secret.
func (c Config) check() error {
	switch {
	case !accountForm.MatchString(c.AccountSID):
		return errors.New("the account SID is not AC and 32 hexadecimal digits")
	case c.APIKey == "" && c.AuthToken == "":
		return errors.New("needs an API key and its secret, or the account's auth token")
	case c.APIKey != "" && !keyForm.MatchString(c.APIKey):
		return errors.New("the API key is not SK and 32 hexadecimal digits")
	case c.APIKey != "" && !secretForm.MatchString(c.APISecret):
		return errors.New("the API key's secret is not letters and digits")
	case c.AuthToken != "" && !secretForm.MatchString(c.AuthToken):
		return errors.New("the auth token is not letters and digits")
	case (c.From == "") == (c.MessagingServiceSID == ""):
		return errors.New("needs a sender or a messaging service, one of them")
	case c.From != "" && (!fromForm.MatchString(c.From) || len(c.From) > 16):
		return errors.New("the sender is not a number such as +14155550123, a short code, or a name of up to 11 letters and digits")
	case c.MessagingServiceSID != "" && !serviceForm.MatchString(c.MessagingServiceSID):
		return errors.New("the messaging service is not MG and 32 hexadecimal digits")
	}
	for code, class := range c.Codes {
		if code < 10000 || code > 99999 || !class.valid() {
			return fmt.Errorf("error code %d=%s: codes have five digits, and may be %s", code, class, classNames())
		}
	}
	return nil
}

// checkHook refuses an address that Twilio would not call: it wants a valid
// host name, and takes no underscores in it (21609).
func checkHook(s string) (*url.URL, error) {
	if err := sms.CheckAddress(s); err != nil {
		return nil, fmt.Errorf("address for callbacks is %w", err)
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("address for callbacks: %w", err)
	}
	if !hostForm.MatchString(u.Hostname()) || u.RawQuery != "" {
		return nil, fmt.Errorf("address for callbacks: Twilio does not call %q; host names have no underscores, and there is no query", u.Host)
	}
	return u, nil
}

// callback is where Twilio tells what became of a delivery; "" for nowhere.
func (s *Sender) callback(delivery string) string {
	if s.hook == nil {
		return ""
	}
	u := *s.hook
	u.RawQuery = url.Values{"a": {delivery}}.Encode()
	return u.String()
}

// Traits: Twilio writes no beginning of its own.
func (s *Sender) Traits() sms.Traits {
	return sms.Traits{Links: s.cfg.Links, Prefix: sms.PrefixOurs, PerSecond: s.cfg.PerSecond, Burst: s.cfg.Burst}
}

// Close lets go of idle connections.
func (s *Sender) Close() { s.client.CloseIdleConnections() }
