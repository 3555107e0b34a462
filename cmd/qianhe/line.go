package main

import (
	"errors"
	"fmt"
	"log/slog"

	"qianhe/channels/line"
)

// lineConfig is what concerns LINE.
type lineConfig struct {
	ChannelID        string
	ChannelSecret    string
	OldChannelSecret string
	Token            string
	BotID            string
	LoginChannelID   string
}

func lineSettings() []setting {
	text := func(field func(*lineConfig) *string) func(*Config, string) error {
		return func(c *Config, v string) error {
			*field(&c.LINE) = v
			return nil
		}
	}
	return []setting{
		{"line-channel-id", "", "Messaging API channel ID; with the channel secret, tokens are fetched as needed", false, text(func(l *lineConfig) *string { return &l.ChannelID })},
		{"line-channel-secret", "", "Messaging API channel secret, which also verifies callbacks (POST /hooks/line)", true, text(func(l *lineConfig) *string { return &l.ChannelSecret })},
		{"line-old-channel-secret", "", "the secret before, accepted in callbacks while it is being changed", true, text(func(l *lineConfig) *string { return &l.OldChannelSecret })},
		{"line-token", "", "long-lived channel access token, instead of channel ID and secret", true, text(func(l *lineConfig) *string { return &l.Token })},
		{"line-bot-id", "", "user ID of the official account (U...), as 'qianhe check line' shows it; callbacks for another are refused", false, text(func(l *lineConfig) *string { return &l.BotID })},
		{"line-login-channel-id", "", "LINE Login channel of the LIFF app, of the same provider; without it no ID token is believed", false, text(func(l *lineConfig) *string { return &l.LoginChannelID })},
	}
}

// values are the settings as 'qianhe config' prints them.
func (l *lineConfig) values() map[string]string {
	return map[string]string{
		"line-channel-id": l.ChannelID, "line-channel-secret": mask(l.ChannelSecret != ""), "line-old-channel-secret": mask(l.OldChannelSecret != ""),
		"line-token": mask(l.Token != ""), "line-bot-id": l.BotID, "line-login-channel-id": l.LoginChannelID,
	}
}

// enabled reports whether there are LINE credentials.
func (l *lineConfig) enabled() bool { return l.Token != "" || l.ChannelID != "" }

func (l *lineConfig) check() error {
	if l.Token == "" && (l.ChannelID == "") != (l.ChannelSecret == "") {
		return errors.New("QIANHE_LINE_CHANNEL_ID and QIANHE_LINE_CHANNEL_SECRET: give both or none")
	}
	return nil
}

// lineChannel gives the LINE channel, nil when it is not configured. base is
// the address of a stand-in, of its pages as well, or empty.
func lineChannel(c *Config, agency, base string, log *slog.Logger) (*line.Channel, error) {
	l := c.LINE
	if !l.enabled() {
		return nil, nil
	}
	ch, err := line.New(line.Config{
		Token:            l.Token,
		ChannelID:        l.ChannelID,
		ChannelSecret:    l.ChannelSecret,
		OldChannelSecret: l.OldChannelSecret,
		BotID:            l.BotID,
		LoginChannelID:   l.LoginChannelID,
		BaseURL:          base,
		DialogURL:        base,
		FriendURL:        base,
		Agency:           agency,
		Log:              log,
	})
	if err != nil {
		return nil, fmt.Errorf("QIANHE_LINE_*: %w", err)
	}
	return ch, nil
}
