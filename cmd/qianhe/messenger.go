package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"qianhe/channels/messenger"
)

// messengerConfig is what concerns Messenger.
type messengerConfig struct {
	PageID       string
	PageName     string
	Token        string
	AppSecret    string
	OldAppSecret string
	VerifyToken  string
	Version      string
	ProofTime    bool
}

func messengerSettings() []setting {
	text := func(field func(*messengerConfig) *string) func(*Config, string) error {
		return func(c *Config, v string) error {
			*field(&c.Messenger) = v
			return nil
		}
	}
	return []setting{
		{"messenger-page-id", "", "Facebook Page that sends in Messenger, a number", false, text(func(m *messengerConfig) *string { return &m.PageID })},
		{"messenger-page-name", "", "name of the Page in m.me links; the page ID when empty", false, text(func(m *messengerConfig) *string { return &m.PageName })},
		{"messenger-token", "", "access token of the Page", true, text(func(m *messengerConfig) *string { return &m.Token })},
		{"messenger-app-secret", "", "secret of the app: signs calls, verifies callbacks", true, text(func(m *messengerConfig) *string { return &m.AppSecret })},
		{"messenger-old-app-secret", "", "the secret before, accepted in callbacks while it is being changed", true, text(func(m *messengerConfig) *string { return &m.OldAppSecret })},
		{"messenger-verify-token", "", "text of your own that Meta repeats when the callback address is entered in its console", true, text(func(m *messengerConfig) *string { return &m.VerifyToken })},
		{"messenger-api", "v26.0", "version of the Graph API", false, text(func(m *messengerConfig) *string { return &m.Version })},
		{"messenger-proof-time", "false", "bind the proof of each call to its time; this machine's clock must be right", false, boolean(func(c *Config) *bool { return &c.Messenger.ProofTime })},
	}
}

// values are the settings as 'qianhe config' prints them.
func (m *messengerConfig) values() map[string]string {
	return map[string]string{
		"messenger-page-id": m.PageID, "messenger-page-name": m.PageName, "messenger-token": mask(m.Token != ""),
		"messenger-app-secret": mask(m.AppSecret != ""), "messenger-old-app-secret": mask(m.OldAppSecret != ""),
		"messenger-verify-token": mask(m.VerifyToken != ""), "messenger-api": m.Version, "messenger-proof-time": strconv.FormatBool(m.ProofTime),
	}
}

func (m *messengerConfig) enabled() bool { return m.PageID != "" }

// check: a Page without its credentials sends nothing, credentials without a
// Page are a mistake.
func (m *messengerConfig) check() error {
	all := m.PageID != "" && m.Token != "" && m.AppSecret != ""
	if none := m.PageID == "" && m.Token == "" && m.AppSecret == ""; !all && !none {
		return errors.New("QIANHE_MESSENGER_PAGE_ID, QIANHE_MESSENGER_TOKEN and QIANHE_MESSENGER_APP_SECRET: give all or none")
	}
	return nil
}

// messengerChannel gives the Messenger channel, nil when it is not configured.
// graph and chat are addresses of a stand-in, or empty.
func messengerChannel(c *Config, graph, chat string, log *slog.Logger) (*messenger.Channel, error) {
	m := c.Messenger
	if !m.enabled() {
		return nil, nil
	}
	ch, err := messenger.New(messenger.Config{
		PageID:       m.PageID,
		PageName:     m.PageName,
		Token:        m.Token,
		AppSecret:    m.AppSecret,
		OldAppSecret: m.OldAppSecret,
		VerifyToken:  m.VerifyToken,
		Version:      m.Version,
		ProofTime:    m.ProofTime,
		BaseURL:      graph,
		LinkURL:      chat,
		Log:          log,
	})
	if err != nil {
		return nil, fmt.Errorf("QIANHE_MESSENGER_*: %w", err)
	}
	return ch, nil
}
