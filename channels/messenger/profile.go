package messenger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"qianhe/hub"
)

// neededFields are the kinds of events that Meta is to send us.
func neededFields() []string {
	return []string{
		"messages", "messaging_postbacks", "messaging_referrals", "messaging_optins", "message_deliveries", "message_reads",
		"message_reactions", "messaging_account_linking", "messaging_policy_enforcement",
	}
}

// usefulField tells about templates, which we do not send; apps without the
// permission for them may not subscribe to it.
const usefulField = "message_template_status_update"

// profile is what a Page shows besides messages (Messenger Profile API).
type profile struct {
	GetStarted *tap       `json:"get_started,omitempty"`
	Greeting   []greeting `json:"greeting,omitempty"`
	Menu       []menu     `json:"persistent_menu,omitempty"`
}

type greeting struct {
	Locale string `json:"locale"`
	Text   string `json:"text"`
}

type menu struct {
	Locale string   `json:"locale"`
	Items  []button `json:"call_to_actions"`
}

// Probe asks Graph who the Page is, whether its events come to us, and whether
// the chat has what linking needs. Nothing is sent and nothing changed. Meta
// ends a subscription by itself after an hour of failed callbacks: then the
// error says how to begin it again.
func (c *Channel) Probe(ctx context.Context) ([]string, error) {
	var page struct{ ID, Name string }
	if err := c.ask(ctx, "", url.Values{"fields": {"id,name"}}, &page); err != nil {
		return nil, err
	}
	if page.ID != c.page {
		return nil, errors.New("messenger: the configured page ID is that of another Page")
	}
	lines := []string{"Page " + hub.ProviderWords(page.Name, 80), "Graph API " + c.base[strings.LastIndexByte(c.base, '/')+1:]}
	if c.verify == "" {
		lines = append(lines, "no verify token: the callback address cannot be entered at Meta")
	}
	subscribed, err := c.subscribed(ctx)
	if err != nil {
		return lines, err
	}
	var profiles struct{ Data []profile }
	if err := c.ask(ctx, "messenger_profile", url.Values{"fields": {"get_started,persistent_menu"}}, &profiles); err != nil {
		return lines, err
	}
	missing := slices.DeleteFunc(neededFields(), func(f string) bool { return slices.Contains(subscribed, f) })
	if len(missing) > 0 {
		return lines, fmt.Errorf("messenger: Meta does not tell us about %s; 'qianhe check -setup messenger' subscribes", strings.Join(missing, ", "))
	}
	lines = append(lines, "events: subscribed")
	if !slices.ContainsFunc(profiles.Data, func(p profile) bool { return p.GetStarted != nil && p.GetStarted.Payload == payloadStarted }) {
		return lines, errors.New("messenger: the chat has no \"Get Started\" button of ours, without which new chats cannot be linked; 'qianhe check -setup messenger' makes it")
	}
	return append(lines, "chat: has its Get Started button"), nil
}

// subscribed gives the fields of the Page that are sent to apps of this token.
func (c *Channel) subscribed(ctx context.Context) ([]string, error) {
	var apps struct {
		Data []struct {
			Fields []string `json:"subscribed_fields"`
		}
	}
	if err := c.ask(ctx, "subscribed_apps", nil, &apps); err != nil {
		return nil, err
	}
	var fields []string
	for _, app := range apps.Data {
		fields = append(fields, app.Fields...)
	}
	return fields, nil
}

// Setup gives the chat its "Get Started" button, a greeting and a menu with
// 查詢 and a link to appURL, and subscribes to the Page's events. It may be
// repeated. Lines say what was done.
func (c *Channel) Setup(ctx context.Context, appURL string) ([]string, error) {
	if err := checkURL(appURL); err != nil {
		return nil, fmt.Errorf("messenger: address of the app is %w", err)
	}
	p := profile{GetStarted: &tap{Payload: payloadStarted}}
	for _, l := range []struct{ locale, lang string }{{"default", "zh-TW"}, {"en_US", "en"}} {
		w := wordsOf(l.lang)
		p.Greeting = append(p.Greeting, greeting{l.locale, w.hello})
		p.Menu = append(p.Menu, menu{l.locale, []button{
			{Type: "postback", Title: w.query, Payload: payloadQuery},
			{Type: "web_url", Title: w.app, URL: appURL},
		}})
	}
	if err := c.tell(ctx, "messenger_profile", nil, p); err != nil {
		return nil, err
	}
	lines := []string{"chat: Get Started button, greeting and menu set"}
	fields := neededFields()
	err := c.tell(ctx, "subscribed_apps", url.Values{"subscribed_fields": {strings.Join(append(fields, usefulField), ",")}}, nil)
	if err != nil {
		err = c.tell(ctx, "subscribed_apps", url.Values{"subscribed_fields": {strings.Join(fields, ",")}}, nil)
	}
	if err != nil {
		return lines, err
	}
	return append(lines, "events: subscribed to "+strings.Join(fields, ", ")), nil
}

// ask reads something about the Page.
func (c *Channel) ask(ctx context.Context, edge string, query url.Values, into any) error {
	a := c.call(ctx, http.MethodGet, edge, query, nil)
	if err := a.failure(); err != nil {
		return err
	}
	if json.Unmarshal(a.body, into) != nil {
		return errors.New("messenger: the answer cannot be read")
	}
	return nil
}

// tell changes something about the Page.
func (c *Channel) tell(ctx context.Context, edge string, query url.Values, body any) error {
	return c.call(ctx, http.MethodPost, edge, query, body).failure()
}

// failure is the error of a call that sends nothing to anybody.
func (a answer) failure() error {
	if a.err != nil {
		return errors.New("messenger: " + hub.TransportWords(a.err))
	}
	var body struct{ Error *graphError }
	_ = json.Unmarshal(a.body, &body)
	switch {
	case body.Error != nil:
		return fmt.Errorf("messenger: %d %s", a.status, body.Error.words())
	case a.status/100 != 2:
		return fmt.Errorf("messenger: %d", a.status)
	}
	return nil
}
