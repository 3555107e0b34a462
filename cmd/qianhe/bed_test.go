package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgapproval"
	"qianhe/approval/workday"
	"qianhe/channels/line"
	"qianhe/channels/messenger"
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/twilio"
	"qianhe/channels/webpush"
	"qianhe/hub"
	"qianhe/hub/pghub"
	"qianhe/migrations/localpg/pgtest"
)

// bed is a hub with every channel on stand-in providers.
type bed struct {
	t      testing.TB
	url    string // of the stand-ins
	phones *sandbox.Sandbox
	pool   *pgxpool.Pool
	store  *pgapproval.Store
	hub    *pghub.Hub
	keys   webpush.Keys
	token  string // id of the API token that publishes
	people int
}

// bedPatience ends a call of a channel. A good call has to be quicker on any
// machine, and each fault that hangs takes this long.
const bedPatience = 5 * time.Second

// bedTTL is how long an announcement matters.
const bedTTL = 2 * time.Hour

// newPhones starts stand-in providers.
func newPhones(t testing.TB) (url string, phones *sandbox.Sandbox) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	url = "http://" + srv.Listener.Addr().String()
	phones, err := sandbox.New(sandbox.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = phones.Handler()
	srv.Start()
	t.Cleanup(func() {
		phones.Close()
		srv.Close()
	})
	return url, phones
}

// sandboxChannels are all channels, talking to the stand-ins at url.
func sandboxChannels(url string, keys webpush.Keys, timeout time.Duration, wrap ...func(sms.Sender) sms.Sender) ([]hub.Channel, error) {
	account, page, carrier := sandbox.DefaultLINE(), sandbox.DefaultPage(), sandbox.DefaultTwilio()
	l, err := line.New(line.Config{ChannelID: account.ChannelID, ChannelSecret: account.ChannelSecret, BaseURL: url, Timeout: timeout})
	if err != nil {
		return nil, err
	}
	w, err := webpush.New(webpush.Config{Keys: webpush.Keyring{Keys: []webpush.RingKey{{Keys: keys}}}, Subscriber: "mailto:it@example.gov.tw", Loopback: []string{url}, Timeout: timeout})
	if err != nil {
		return nil, err
	}
	m, err := messenger.New(messenger.Config{PageID: page.ID, Token: page.Token, AppSecret: page.AppSecret, BaseURL: url + "/graph", Timeout: timeout, PerSecond: 1000})
	if err != nil {
		return nil, err
	}
	sender, err := twilio.New(twilio.Config{
		AccountSID: carrier.AccountSID, APIKey: carrier.APIKey, APISecret: carrier.APISecret, From: carrier.From,
		BaseURL: url, Timeout: timeout, PerSecond: 1000, Burst: 1000,
	})
	if err != nil {
		return nil, err
	}
	var s sms.Sender = sender
	for _, w := range wrap {
		s = w(s)
	}
	texts, err := sms.New(sms.Config{Sender: s, Agency: "青川市政府"})
	if err != nil {
		return nil, err
	}
	return []hub.Channel{l, w, m, texts}, nil
}

// newBed makes one whose announcements follow the steps.
func newBed(t testing.TB, steps ...hub.Step) *bed {
	t.Helper()
	b := &bed{t: t, pool: pgtest.New(t)}
	b.url, b.phones = newPhones(t)
	var err error
	if b.keys, err = webpush.NewKeys(); err != nil {
		t.Fatal(err)
	}
	channels, err := sandboxChannels(b.url, b.keys, bedPatience)
	if err != nil {
		t.Fatal(err)
	}
	b.hub, err = pghub.New(b.pool, bedOptions(channels, b.pool, steps, slog.New(slog.NewTextHandler(t.Output(), nil))))
	if err != nil {
		t.Fatal(err)
	}
	b.store = pgapproval.New(b.pool, b.hub)
	b.token = newSender(t, b.pool)
	if err := b.hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.hub.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

// bedOptions are those of a hub that does not wait long.
func bedOptions(channels []hub.Channel, pool *pgxpool.Pool, steps []hub.Step, log *slog.Logger) pghub.Options {
	return pghub.Options{
		Channels: channels,
		Trays:    pgapproval.NewReader(pool),
		Sealer:   access.NewSealer([32]byte{1}),
		BaseURL:  "https://sign.example.gov.tw",
		Agency:   "青川市政府",
		Workdays: workday.Official(),
		Policy: hub.Policy{Cap: 1 << 20, Rules: map[hub.Kind]hub.Rule{
			hub.KindAnnouncement: {Steps: steps, Urgency: hub.UrgencyNormal, TTL: bedTTL, Quiet: hub.QuietThrough},
		}},
		Retries:     hub.Retries{Base: 20 * time.Millisecond, Max: time.Second, Ask: 300 * time.Millisecond, Attempts: 40},
		SendTimeout: 4 * bedPatience,
		Log:         log,
	}
}

// newSender makes an API token and gives its id.
func newSender(t testing.TB, pool *pgxpool.Pool) string {
	t.Helper()
	const id = "hr"
	if _, err := pool.Exec(t.Context(), `
		insert into api_token (id, name, secret_hash, scopes, created_at)
		values ($1, '差勤系統', decode(repeat('00', 32), 'hex'), array['notifications:write'], now())`, id); err != nil {
		t.Fatal(err)
	}
	return id
}

// person makes somebody who can be reached at the addresses, and gives the
// account's name.
func (b *bed) person(addresses map[hub.ChannelName]hub.Address) (login string) {
	b.t.Helper()
	b.people++
	login = fmt.Sprintf("person%d", b.people)
	now := time.Now()
	ctx := b.t.Context()
	units, err := b.store.Units(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(units) == 0 {
		units = []approval.Unit{{ID: approval.UnitID(newID(now)()), Name: "青川市政府"}}
		if err := b.store.CreateUnit(ctx, units[0]); err != nil {
			b.t.Fatal(err)
		}
	}
	p := approval.Person{ID: approval.PersonID(newID(now)()), Name: "王敏華", Title: "科長", Unit: units[0].ID, Roles: []approval.Role{approval.RoleOfficial}}
	if err := b.store.CreatePerson(ctx, p, now); err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.pool.Exec(ctx, `insert into account (id, person, login, password_hash, created_at) values ($1, $1, $2, '', $3)`, p.ID, login, now); err != nil {
		b.t.Fatal(err)
	}
	for channel, to := range addresses {
		id, err := b.hub.AddLink(ctx, hub.Link{Person: p.ID, Channel: channel, Address: to, CreatedAt: now, Confirmed: now})
		if err != nil {
			b.t.Fatal(err)
		}
		if !to.Heard.IsZero() {
			if _, err := b.pool.Exec(ctx, `update channel_link set last_inbound_at = $2 where id = $1`, id, to.Heard); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	return login
}

// address makes a good one with its provider.
func (b *bed) address(c hub.ChannelName) hub.Address {
	b.t.Helper()
	b.people++
	return newAddress(b.phones, b.keys, c, b.people)
}

func newAddress(phones *sandbox.Sandbox, keys webpush.Keys, c hub.ChannelName, n int) hub.Address {
	switch c {
	case hub.LINE:
		user := fmt.Sprintf("U%032x", n)
		phones.Befriend(user)
		return hub.Address{Value: user}
	case hub.WebPush:
		endpoint, p256dh, auth := phones.NewSubscription("")
		phones.Bind(endpoint, keys.Public)
		return hub.Address{Value: endpoint, Keys: map[string]string{"p256dh": p256dh, "auth": auth, "vapid": keys.Public}}
	case hub.Messenger:
		psid := fmt.Sprintf("24%014d", n)
		phones.Say(psid, "您好")
		return hub.Address{Value: psid, Heard: time.Now()}
	default:
		return hub.Address{Value: fmt.Sprintf("+8869%08d", n)}
	}
}

// announce tells somebody something and gives the notification.
func (b *bed) announce(login string) (notification string) {
	b.t.Helper()
	p, err := b.hub.Publish(b.t.Context(), hub.Notice{Token: b.token, Kind: hub.KindAnnouncement, Title: "系統維護公告", Speed: approval.SpeedNormal, To: []string{login}})
	if err != nil {
		b.t.Fatal(err)
	}
	if len(p.To) != 1 || p.To[0].Notification == "" {
		b.t.Fatalf("announcement to %s came to %+v", login, p.To)
	}
	return p.To[0].Notification
}

// shown is how many messages the owner of an address has before the eyes.
func (b *bed) shown(c hub.ChannelName, to hub.Address) int {
	if c == hub.WebPush {
		return len(b.phones.Notifications(to.Value))
	}
	return len(b.phones.Messages(to.Value))
}

// record is a delivery as it stands in the ledger's rows.
type record struct {
	State    hub.State
	Done     bool
	Outcomes string // of the attempts, in order
	Dead     bool   // the address was disabled
}

func (b *bed) record(notification string, c hub.ChannelName) (r record) {
	b.t.Helper()
	var outcomes []string
	err := b.pool.QueryRow(b.t.Context(), `
		select d.state, d.done_at is not null, l.disabled_at is not null,
			array(select t.outcome from attempt t where t.delivery = d.id order by t.number)
		from delivery d
		join channel_link l on l.id = d.link
		where d.notification = $1 and d.channel = $2`, notification, c).Scan(&r.State, &r.Done, &r.Dead, &outcomes)
	if err != nil {
		return record{State: hub.State(err.Error())}
	}
	r.Outcomes = strings.Join(outcomes, " ")
	return r
}

// until asks again and again, because the other side is a database.
func (b *bed) until(what string, ok func() bool) bool {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(3 * time.Minute)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			b.t.Errorf("waited in vain for %s", what)
			return false
		}
	}
	return true
}

// pauseOr waits, and reports whether it was cut short by the end.
func pauseOr(end <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-end:
		return true
	case <-t.C:
		return false
	}
}
