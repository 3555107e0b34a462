package main

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"qianhe/channels/line"
	"qianhe/web"
)

// lineConfig is what concerns LINE.
type lineConfig struct {
	ChannelID        string
	ChannelSecret    string
	OldChannelSecret string
	Token            string
	BotID            string
	LoginChannelID   string
	LIFFID           string
	liffBase         string // of a stand-in's script; empty: LINE's
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
		{"line-liff-id", "", "LIFF app (1234567890-AbcdEfgh) whose endpoint is /link/line/liff, with the scope openid; its page runs LINE's script. Needs the LINE Login channel", false, text(func(l *lineConfig) *string { return &l.LIFFID })},
	}
}

// liff is the page inside LINE, nil when there is none.
func (l *lineConfig) liff() *web.LIFF {
	switch {
	case l.LIFFID == "":
		return nil
	case l.liffBase != "":
		return &web.LIFF{ID: l.LIFFID, SDK: l.liffBase + "/liff/edge/2/sdk.js", Scripts: []string{l.liffBase}, Calls: []string{l.liffBase}}
	}
	return &web.LIFF{
		ID: l.LIFFID, Open: "https://liff.line.me/" + l.LIFFID, SDK: "https://static.line-scdn.net/liff/edge/2/sdk.js",
		Scripts: []string{"https://static.line-scdn.net/liff/"},
		Calls:   []string{"https://api.line.me", "https://liffsdk.line-scdn.net"},
	}
}

// values are the settings as 'qianhe config' prints them.
func (l *lineConfig) values() map[string]string {
	return map[string]string{
		"line-channel-id": l.ChannelID, "line-channel-secret": mask(l.ChannelSecret != ""), "line-old-channel-secret": mask(l.OldChannelSecret != ""),
		"line-token": mask(l.Token != ""), "line-bot-id": l.BotID, "line-login-channel-id": l.LoginChannelID, "line-liff-id": l.LIFFID,
	}
}

// enabled reports whether there are LINE credentials.
func (l *lineConfig) enabled() bool { return l.Token != "" || l.ChannelID != "" }

func (l *lineConfig) check() error {
	if l.Token == "" && (l.ChannelID == "") != (l.ChannelSecret == "") {
		return errors.New("QIANHE_LINE_CHANNEL_ID and QIANHE_LINE_CHANNEL_SECRET: give both or none")
	}
	if l.LIFFID != "" && (l.LoginChannelID == "" || !liffID.MatchString(l.LIFFID)) {
		return errors.New("QIANHE_LINE_LIFF_ID: is like 1234567890-AbcdEfgh, and needs QIANHE_LINE_LOGIN_CHANNEL_ID")
	}
	if l.LIFFID != "" && !strings.HasPrefix(l.LIFFID, l.LoginChannelID+"-") {
		return errors.New("QIANHE_LINE_LIFF_ID: begins with the ID of its LINE Login channel, and QIANHE_LINE_LOGIN_CHANNEL_ID is another")
	}
	return nil
}

var liffID = regexp.MustCompile(`^[0-9]{5,15}-[A-Za-z0-9]{4,20}$`)

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
