package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/intake"
	"qianhe/approval/pgapproval"
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/gateway"
	"qianhe/cmd/qianhe/demo/corpus"
	"qianhe/hub"
	"qianhe/migrations/localpg"
)

// demoPassword is that of every account of the demo, which listens on this
// machine only.
const demoPassword = "lotus-ferry-42"

// demoOptions are what a test sets differently from the command line.
type demoOptions struct {
	data       string // "" for a directory that goes when the demo stops
	port       int    // of the web, 0 for any
	phonesPort int    // of the phones, 0 for any
	lineAfter  time.Duration
}

// runDemo runs a whole agency on this machine until it is stopped.
func runDemo(ctx context.Context, e env, args []string) error {
	fs := newFlags(e, "demo", "[flags]")
	opt := demoOptions{lineAfter: 15 * time.Minute}
	fs.StringVar(&opt.data, "data", "", "directory that keeps the data for the next start; without it everything is gone at the end")
	fs.IntVar(&opt.port, "port", 8080, "port of the web on this machine; 0 for any free one")
	fs.IntVar(&opt.phonesPort, "phones-port", 8081, "port of the stand-in phones; 0 for any free one")
	fs.DurationVar(&opt.lineAfter, "line-after", opt.lineAfter, "how long an unseen notification waits before it goes to LINE")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return misuse("takes no arguments")
	}
	d, err := newDemo(ctx, e, opt)
	if err != nil {
		return err
	}
	defer d.close()
	d.print(e)
	return d.serve(ctx)
}

// demo is the agency and its stand-in providers, seeded and ready to serve.
type demo struct {
	*app
	plan      *corpus.Plan
	sandbox   *sandbox.Sandbox
	listeners []net.Listener
	remove    string // directory to remove at the end
}

// newDemo starts everything but the serving. What it listens on is loopback
// and cannot be set otherwise.
func newDemo(ctx context.Context, e env, opt demoOptions) (_ *demo, err error) {
	if err := localpg.Installed(); err != nil {
		return nil, err
	}
	d := &demo{}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.listeners, err = demoListeners(opt); err != nil {
		return nil, err
	}
	c, err := d.configure(opt)
	if err != nil {
		return nil, err
	}
	if d.plan, err = corpus.Load(); err != nil {
		return nil, err
	}
	phones := origin(d.listeners[1])
	account := sandbox.DefaultLINE()
	account.Callback = c.BaseURL.JoinPath("hooks", "line").String()
	c.LINE = lineConfig{Token: account.Token, ChannelSecret: account.ChannelSecret, BotID: account.BotID, LoginChannelID: account.LoginChannelID, LIFFID: account.LoginChannelID + "-Sandbox1"}
	page := sandbox.DefaultPage()
	page.Callback = c.BaseURL.JoinPath("hooks", "messenger").String()
	c.Messenger = messengerConfig{PageID: page.ID, Token: page.Token, AppSecret: page.AppSecret, VerifyToken: page.VerifyToken}
	gov111, err := demoGateway(phones)
	if err != nil {
		return nil, err
	}
	c.SMS = smsConfig{Provider: "gateway", Secret: sandbox.DefaultGateway().Token}
	var people []sandbox.Person
	for _, p := range d.plan.People {
		people = append(people, sandbox.Person{Key: p.Account, LINE: lineUser(p.Account), PSID: messengerUser(p.Account), Phone: phoneNumber(p.Account), Name: p.Name, Title: p.Title, Unit: strings.Join(p.Unit[1:], " ")})
	}
	c.LINE.liffBase = phones
	d.sandbox, err = sandbox.New(sandbox.Options{URL: phones, AppURL: c.BaseURL.String(), Agency: d.plan.People[0].Unit[0], People: people, LINE: account, Messenger: page, Gateway: sandbox.GatewayAccount{Agency: d.plan.People[0].Unit[0]}})
	if err != nil {
		return nil, err
	}
	if d.app, err = newApp(ctx, e, c, world{lineAPI: phones, push: phones, graph: phones + "/graph", chat: phones + "/m.me", sms: smsStand{gateway: gov111}, seed: d.seed}); err != nil {
		return nil, err
	}
	return d, d.link(ctx)
}

// demoListeners takes the wanted ports, or others where they are in use.
func demoListeners(opt demoOptions) ([]net.Listener, error) {
	var open []net.Listener
	for _, port := range []int{opt.port, opt.phonesPort} {
		l, err := listen(fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			l, err = listen("127.0.0.1:0")
		}
		if err != nil {
			return open, err
		}
		open = append(open, l...)
	}
	return open, nil
}

// origin is how a browser on this machine names a listener. Pages on localhost
// and on 127.0.0.1 may do what otherwise only https pages may.
func origin(l net.Listener) string { return "http://" + l.Addr().String() }

func (d *demo) configure(opt demoOptions) (*Config, error) {
	base, err := url.Parse(origin(d.listeners[0]))
	if err != nil {
		return nil, err
	}
	c := &Config{
		BaseURL:        base,
		Data:           opt.data,
		MaxConns:       16,
		LogLevel:       slog.LevelWarn,
		LogFormat:      "text",
		Digest:         "30 8 * * *",
		Hotline:        "(02) 0000-0119",
		LINEAfter:      opt.lineAfter,
		WebPushSubject: "mailto:demo@example.gov.tw",
	}
	if c.Data == "" {
		if c.Data, err = os.MkdirTemp("", "qianhe-demo-"); err != nil {
			return nil, err
		}
		d.remove = c.Data
		// The database runs as another user when we are root.
		if err := os.Chmod(c.Data, 0o711); err != nil {
			return nil, err
		}
		return c, nil
	}
	if c.Data, err = filepath.Abs(c.Data); err != nil {
		return nil, err
	}
	return c, os.MkdirAll(c.Data, 0o711)
}

// silent tells nobody: what the seeding makes happen is history.
type silent struct{}

func (silent) EnqueueTx(context.Context, pgx.Tx, []approval.Event) (func(), error) { return nil, nil }

// seed enters the agency, its people and its documents with what was done
// with them so far. A database that has people in it is left as it is.
func (d *demo) seed(ctx context.Context, s *stores) error {
	documents := pgapproval.New(s.pool, silent{})
	units, err := documents.Units(ctx)
	if err != nil || len(units) > 0 {
		return err
	}
	now := time.Now()
	for _, path := range d.plan.Units {
		if _, err := ensureUnit(ctx, documents, path, now); err != nil {
			return err
		}
	}
	actors := map[string]approval.Actor{}
	for _, p := range d.plan.People {
		unit, err := ensureUnit(ctx, documents, p.Unit, now)
		if err != nil {
			return err
		}
		person := approval.Person{ID: approval.PersonID(approval.NewID(now, rand.Reader)), Name: p.Name, Title: p.Title, Unit: unit, Roles: p.Roles}
		if err := documents.CreatePerson(ctx, person, now); err != nil {
			return err
		}
		if err := s.accounts.CreateAccount(ctx, access.NewAccount{Login: p.Account, Password: demoPassword, Person: person.ID, Locale: "zh-TW"}); err != nil {
			return fmt.Errorf("account %s: %w", p.Account, err)
		}
		actors[p.Account] = approval.Actor{Person: person.ID, Name: p.Name, Title: p.Title, Unit: p.Unit[len(p.Unit)-1], Roles: p.Roles}
	}
	// Whoever tries the demo gets in at once on a first device; a second one shows
	// how new devices are confirmed.
	settings := access.DefaultSettings()
	settings.Confirming = access.ConfirmLater
	if err := s.accounts.SaveSettings(ctx, "", 0, settings); err != nil {
		return err
	}
	calendar, err := s.calendar(ctx)
	if err != nil {
		return err
	}
	for _, doc := range d.plan.Schedule(now, calendar) {
		if err := seedDocument(ctx, documents, s.accounts, calendar, doc, actors); err != nil {
			return fmt.Errorf("%s: %w", doc.Dir, err)
		}
	}
	return nil
}

func seedDocument(ctx context.Context, store *pgapproval.Store, people intake.People, calendar approval.Calendar, doc corpus.Scheduled, actors map[string]approval.Actor) error {
	files, err := doc.Package()
	if err != nil {
		return err
	}
	im := &importer{store: store, people: people, now: func() time.Time { return doc.Received },
		calendar: func(context.Context) (approval.Calendar, error) { return calendar, nil }}
	r, err := im.Import(ctx, files, doc.Order)
	if err != nil {
		return err
	}
	for _, done := range doc.Done {
		err := store.Update(ctx, r.Document.ID, func(d *approval.Document) ([]approval.Event, error) {
			return done.Apply(d, actors[done.Account], newID(done.At))
		})
		if err != nil {
			return fmt.Errorf("%s %s: %w", done.Account, done.Action.Action, err)
		}
	}
	return nil
}

// link gives everybody a LINE friend and a phone with a push subscription,
// and sends everybody the counts of today.
func (d *demo) link(ctx context.Context) error {
	for _, p := range d.plan.People {
		person, err := d.accounts.PersonByLogin(ctx, p.Account)
		if err != nil {
			return err
		}
		user := lineUser(p.Account)
		d.sandbox.Befriend(user)
		endpoint, p256dh, auth := d.sandbox.NewSubscription(p.Account)
		d.sandbox.Bind(endpoint, d.push.PublicKey(ctx))
		now := time.Now()
		links := []hub.Link{
			{Person: person.ID, Channel: hub.LINE, Address: hub.Address{Value: user}, Label: "LINE", CreatedAt: now, Confirmed: now},
			{Person: person.ID, Channel: hub.WebPush, Address: hub.Address{Value: endpoint, Keys: map[string]string{"p256dh": p256dh, "auth": auth, "vapid": d.push.PublicKey(ctx)}}, Label: p.Name + "的手機", CreatedAt: now, Confirmed: now},
			{Person: person.ID, Channel: hub.SMS, Address: hub.Address{Value: phoneNumber(p.Account)}, Label: sms.Number(phoneNumber(p.Account)).Mask(), CreatedAt: now, Confirmed: now},
		}
		for _, l := range links {
			if _, err := d.hub.AddLink(ctx, l); err != nil {
				return err
			}
		}
	}
	_, err := d.hub.DigestNow(ctx, time.Now())
	return err
}

// lineUser makes up a LINE user ID for an account.
func lineUser(account string) string {
	sum := sha256.Sum256([]byte("LINE user of " + account))
	return "U" + hex.EncodeToString(sum[:16])
}

// phoneNumber makes up a mobile number for an account.
func phoneNumber(account string) string {
	sum := sha256.Sum256([]byte("telephone of " + account))
	return fmt.Sprintf("+8869000%05d", binary.BigEndian.Uint32(sum[:4])%100000)
}

// demoGateway describes the stand-in 111 at an address.
func demoGateway(phones string) (*gateway.Config, error) {
	c, err := gateway.Read(strings.NewReader(`{"preset": "gov111", "send": {"url": "` + phones + `/111/messages"}, "find": {
		"request": {"url": "` + phones + `/111/messages/search", "auth": {"type": "bearer", "token": "{{secret}}"}, "query": {"clientId": "{{delivery}}"}},
		"answer": [
			{"status": "200", "json": "code", "pattern": "^0000$", "then": "found", "id": "messageId"},
			{"status": "404", "json": "code", "pattern": "^E404$", "then": "absent"}
		]}}`))
	return &c, err
}

// messengerUser makes up the page-scoped ID of an account in Messenger.
func messengerUser(account string) string {
	sum := sha256.Sum256([]byte("Messenger user of " + account))
	return fmt.Sprintf("24%014d", binary.BigEndian.Uint64(sum[:])%1e14)
}

// phone is the address of somebody's phone page.
func (d *demo) phone(account string) string { return origin(d.listeners[1]) + "/phone/" + account }

func (d *demo) print(e env) {
	var logins []string
	for _, p := range d.plan.People {
		logins = append(logins, p.Account)
	}
	fmt.Fprintf(e.stdout, `qianhe demo is running, on this machine only; Ctrl-C ends it.
  phones    %s/   what LINE, Messenger and the lock screen show, person by person
  web       %s/   the mobile web
  accounts  %s
  password  %s
  try       open %s (科長 王敏華), tap the button in LINE,
            sign in as wang, read the 最速件, press 核可;
            then open %s: 副局長's phone has buzzed.
  try       sign in as wang in a private window as well: a new device waits.
            Pick its number on the first one under 我的 › 登入的裝置, or have the
            code sent to the phone; deny one there, or at %s/deny.
`, origin(d.listeners[1]), origin(d.listeners[0]), strings.Join(logins, " "), demoPassword, d.phone("wang"), d.phone("chen"), origin(d.listeners[0]))
}

// serve runs the demo until ctx ends. Messenger's chat is set up by the same
// calls as a real one, as soon as somebody answers them.
func (d *demo) serve(ctx context.Context) error {
	setting, cancel := context.WithCancel(ctx)
	setUp := make(chan struct{})
	go func() {
		defer close(setUp)
		if _, err := d.messenger.Setup(setting, d.config.BaseURL.String()); err != nil && setting.Err() == nil {
			d.log.Warn("Messenger's chat was not set up", "err", err)
		}
	}()
	defer func() {
		cancel()
		<-setUp
	}()
	return d.serveUntil(ctx, endpoint{d.listeners[0], d.handler(), d.live.Close}, endpoint{d.listeners[1], d.sandbox.Handler(), d.sandbox.Close})
}

func (d *demo) close() {
	for _, l := range d.listeners {
		l.Close() // closed before, where it was served
	}
	if d.sandbox != nil {
		d.sandbox.Close()
	}
	if d.app != nil {
		d.app.close()
	}
	if d.remove != "" {
		os.RemoveAll(d.remove)
	}
}
