package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"

	"qianhe/channels/sms"
	"qianhe/channels/sms/gateway"
	"qianhe/channels/sms/twilio"
)

// smsConfig is what concerns text messages (簡訊).
type smsConfig struct {
	Provider  string // "", twilio or gateway
	LinkHosts []string
	Twilio    twilio.Config
	Gateway   string // file
	Secret    string // {{secret}} of the file
}

func smsSettings() []setting {
	text := func(field func(*smsConfig) *string) func(*Config, string) error {
		return func(c *Config, v string) error {
			*field(&c.SMS) = v
			return nil
		}
	}
	return []setting{
		{"sms-provider", "", "who sends text messages: twilio or gateway; none when empty", false, oneOf(func(c *Config) *string { return &c.SMS.Provider }, "", "twilio", "gateway")},
		{"sms-link-hosts", "", "the agency's own domains, such as example.gov.tw: addresses there may stand in texts where the provider takes them; the base URL's host when empty", false, func(c *Config, v string) error { c.SMS.LinkHosts = list(v); return nil }},
		{"sms-gateway", "", "JSON file that describes the gateway's interface", false, text(func(s *smsConfig) *string { return &s.Gateway })},
		{"sms-secret", "", "what {{secret}} stands for in that file", true, text(func(s *smsConfig) *string { return &s.Secret })},
		{"twilio-account-sid", "", "Twilio account, AC...", false, text(func(s *smsConfig) *string { return &s.Twilio.AccountSID })},
		{"twilio-api-key", "", "API key, SK...; without it the auth token signs in", false, text(func(s *smsConfig) *string { return &s.Twilio.APIKey })},
		{"twilio-api-secret", "", "the API key's secret", true, text(func(s *smsConfig) *string { return &s.Twilio.APISecret })},
		{"twilio-auth-token", "", "the account's primary auth token, which signs callbacks (POST /hooks/sms); without it nobody says whether texts arrive", true, text(func(s *smsConfig) *string { return &s.Twilio.AuthToken })},
		{"twilio-from", "", "number or name to send from", false, text(func(s *smsConfig) *string { return &s.Twilio.From })},
		{"twilio-service", "", "messaging service, MG..., instead", false, text(func(s *smsConfig) *string { return &s.Twilio.MessagingServiceSID })},
		{"twilio-links", "false", "whether addresses of the own domains, registered with Twilio for Taiwan, may stand in texts", false, boolean(func(c *Config) *bool { return &c.SMS.Twilio.Links })},
		{"twilio-codes", "", "what further error codes mean, such as 30034=down", false, setTwilioCodes},
		{"twilio-rate", "10", "messages a second that are handed over, from all servers together", false, setTwilioRate},
	}
}

func setTwilioCodes(c *Config, v string) error {
	codes, err := twilio.ParseCodes(v)
	c.SMS.Twilio.Codes = codes
	return err
}

func setTwilioRate(c *Config, v string) error {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n > 0 && n <= 2000) {
		return fmt.Errorf("%q is not a number up to 2000", v)
	}
	c.SMS.Twilio.PerSecond = n
	return nil
}

// values are the settings as 'qianhe config' prints them.
func (s *smsConfig) values() map[string]string {
	var codes []string
	for code, class := range s.Twilio.Codes {
		codes = append(codes, fmt.Sprintf("%d=%s", code, class))
	}
	slices.Sort(codes)
	return map[string]string{
		"sms-provider": s.Provider, "sms-link-hosts": strings.Join(s.LinkHosts, ","), "sms-gateway": s.Gateway, "sms-secret": mask(s.Secret != ""),
		"twilio-account-sid": s.Twilio.AccountSID, "twilio-api-key": s.Twilio.APIKey, "twilio-api-secret": mask(s.Twilio.APISecret != ""),
		"twilio-auth-token": mask(s.Twilio.AuthToken != ""), "twilio-from": s.Twilio.From, "twilio-service": s.Twilio.MessagingServiceSID,
		"twilio-links": strconv.FormatBool(s.Twilio.Links), "twilio-codes": strings.Join(codes, ","), "twilio-rate": strconv.FormatFloat(s.Twilio.PerSecond, 'g', -1, 64),
	}
}

// check: settings of a provider that nobody chose are a mistake.
func (s *smsConfig) check() error {
	switch {
	case s.Provider == "" && (s.Twilio.AccountSID != "" || s.Gateway != ""):
		return errors.New("QIANHE_SMS_PROVIDER: say twilio or gateway, or no text message is sent")
	case s.Provider == "gateway" && s.Gateway == "":
		return errors.New("QIANHE_SMS_GATEWAY: needed with QIANHE_SMS_PROVIDER=gateway")
	case s.Provider == "twilio" && s.Twilio.AccountSID == "":
		return errors.New("QIANHE_TWILIO_ACCOUNT_SID: needed with QIANHE_SMS_PROVIDER=twilio")
	}
	return nil
}

// smsStand is a stand-in for the provider: Twilio's API at an address, or a
// gateway.
type smsStand struct {
	twilio  string
	gateway *gateway.Config
}

// smsChannel gives the channel of text messages, nil when it is not configured.
func smsChannel(c *Config, agency string, stand smsStand, log *slog.Logger) (*sms.Channel, error) {
	var sender sms.Sender
	var err error
	switch c.SMS.Provider {
	case "":
		return nil, nil
	case "twilio":
		sender, err = twilioSender(c, stand.twilio)
	default:
		sender, err = gatewaySender(c, stand.gateway, log)
	}
	if err != nil {
		return nil, err
	}
	hosts := c.SMS.LinkHosts
	if len(hosts) == 0 && c.BaseURL != nil && c.BaseURL.Scheme == "https" && !sms.Loopback(c.BaseURL.Hostname()) {
		hosts = []string{c.linkURL().Hostname()}
	}
	ch, err := sms.New(sms.Config{Sender: sender, Agency: agency, LinkHosts: hosts})
	if err != nil {
		return nil, fmt.Errorf("QIANHE_SMS_LINK_HOSTS: %w", err)
	}
	return ch, nil
}

func twilioSender(c *Config, stand string) (*twilio.Sender, error) {
	t := c.SMS.Twilio
	t.BaseURL = stand
	t.CallbackURL = c.callback("sms", stand != "")
	s, err := twilio.New(t)
	if err != nil {
		return nil, fmt.Errorf("QIANHE_TWILIO_*: %w", err)
	}
	return s, nil
}

func gatewaySender(c *Config, stand *gateway.Config, log *slog.Logger) (*gateway.Sender, error) {
	cfg := stand
	if cfg == nil {
		f, err := os.Open(c.SMS.Gateway)
		if err != nil {
			return nil, fmt.Errorf("QIANHE_SMS_GATEWAY: %w", err)
		}
		defer f.Close()
		read, err := gateway.Read(f)
		if err != nil {
			return nil, fmt.Errorf("QIANHE_SMS_GATEWAY: %s: %w", c.SMS.Gateway, err)
		}
		if !strings.HasPrefix(read.Send.URL, "https://") {
			return nil, fmt.Errorf("QIANHE_SMS_GATEWAY: %s: send.url must be https", c.SMS.Gateway)
		}
		cfg = &read
	}
	s, err := gateway.New(*cfg, gateway.Options{Secret: c.SMS.Secret, CallbackURL: c.callback("sms", stand != nil), Log: log})
	if err != nil {
		return nil, fmt.Errorf("QIANHE_SMS_GATEWAY: %w", err)
	}
	return s, nil
}

// callback is where a provider reaches us; "" where it cannot, because we are on
// this machine only and it is not.
func (c *Config) callback(channel string, here bool) string {
	if c.BaseURL == nil || c.BaseURL.Scheme != "https" && !here {
		return ""
	}
	return c.linkURL().JoinPath("hooks", channel).String()
}
