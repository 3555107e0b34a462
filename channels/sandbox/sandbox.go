package sandbox

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Person is somebody with a phone.
type Person struct {
	Key   string // in addresses of pages: [a-z0-9._-], such as an account name
	LINE  string // LINE user ID, "" for one who does not use it
	PSID  string // Messenger's ID of the person for the Page, "" for one who does not use it
	Phone string // number in E.164 form, "" for one that is not known
	Name  string // 王大明
	Title string // 科長
	Unit  string // 工務局水利科
}

// LINEAccount is the LINE official account that the sandbox plays.
type LINEAccount struct {
	ChannelID     string
	ChannelSecret string
	Token         string // long-lived channel access token
	BotID         string // user ID of the account, the destination of callbacks
	// LoginChannelID is that of the LINE Login channel of its LIFF app.
	LoginChannelID string
	// Callback is where events go, such as http://127.0.0.1:8080/hooks/line.
	// Empty: nowhere, until somebody sets it through the API.
	Callback string
}

// Options of [New]. The zero value of a field other than URL takes what its
// comment says.
type Options struct {
	// URL is where Handler is reachable, such as http://127.0.0.1:9700: push
	// endpoints begin with it.
	URL string
	// AppURL is the address of the app, for the icon on the phones.
	AppURL string
	// Agency is the name in the chat of LINE. Empty: 青川市政府.
	Agency string
	People []Person
	// LINE credentials that are good here. Empty fields: [DefaultLINE].
	LINE LINEAccount
	// Messenger is the Page that the sandbox plays. Empty fields: [DefaultPage].
	Messenger Page
	// Twilio is the account that the sandbox plays. Empty fields:
	// [DefaultTwilio].
	Twilio TwilioAccount
	// Gateway is the account at the text message gateways that the sandbox
	// plays. Empty fields: [DefaultGateway].
	Gateway GatewayAccount
	// Now is the clock of stays, limits and pages. Nil: time.Now. Tokens of
	// Web Push are checked by the machine's clock, because their senders sign
	// them by it.
	Now func() time.Time
	// Log gets one line per refused request. Nil: nowhere.
	Log *slog.Logger
}

// DefaultLINE is the account when Options name none. The values are made up.
func DefaultLINE() LINEAccount {
	return LINEAccount{
		ChannelID:      "2000000017",
		ChannelSecret:  "5a6e64626f782d6c696e652d73656372",
		Token:          "sandbox-long-lived-channel-access-token",
		BotID:          "U00000000000000000000000000000b07",
		LoginChannelID: "2000000025",
	}
}

// Message is one message that arrived.
type Message struct {
	Provider string // "line", "messenger", "sms" or "webpush"
	ID       string // the provider's
	To       string // LINE user ID, PSID, telephone number or push endpoint
	From     string // SMS: who the phone says that it is from
	At       time.Time
	Title    string // alternative text of a card, title of a notification
	Body     string
	URL      string // where the tap leads
	Tag      string // of a notification: it replaces the one with the same
	Badge    int    // number on the app's icon; -1 when none was sent
	JSON     []byte // as received: the LINE message object, the decrypted push
	RetryKey string // LINE
	Topic    string // Web Push header
	Urgency  string // Web Push header
	TTL      int    // Web Push header, seconds
	Key      string // Web Push: application server key that signed
	Segments int    // SMS: what it is billed as
}

// Sandbox is all the stand-ins. Its methods may be called concurrently.
type Sandbox struct {
	opt     Options
	url     *url.URL
	mux     *http.ServeMux
	closed  chan struct{}
	closing sync.Once

	mu      sync.Mutex
	changed chan struct{} // closed and replaced with every change
	version int           // of everything a page shows
	arrived map[string]*mailbox
	faults  map[string]*Fault
	liff    *ecdsa.PrivateKey // signs ID tokens
	line    lineState
	push    pushState
	graph   graphState
	twilio  twilioState
	gateway gatewayState

	callbacks callbacks
}

// mailbox is what arrived at one address. Old messages are let go, counted.
type mailbox struct {
	messages []Message
	dropped  int
}

var errClosed = errors.New("sandbox: closed")

const keep = 300 // messages per address

var keyPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,39}$`)

// New checks the options and makes a sandbox.
func New(opt Options) (*Sandbox, error) {
	u, err := url.Parse(opt.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("sandbox: URL %q is not an origin such as http://127.0.0.1:9700", opt.URL)
	}
	def := DefaultLINE()
	fill(&opt.Agency, "青川市政府")
	fill(&opt.LINE.ChannelID, def.ChannelID)
	fill(&opt.LINE.ChannelSecret, def.ChannelSecret)
	fill(&opt.LINE.Token, def.Token)
	fill(&opt.LINE.BotID, def.BotID)
	fill(&opt.LINE.LoginChannelID, def.LoginChannelID)
	opt.Messenger.fill()
	opt.Twilio.fill()
	opt.Gateway.fill()
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	u.Path = ""
	s := &Sandbox{
		opt: opt, url: u,
		closed: make(chan struct{}), changed: make(chan struct{}),
		arrived: map[string]*mailbox{}, faults: map[string]*Fault{},
		liff: newLIFFKey(), line: newLINEState(opt.LINE.Callback), push: newPushState(), graph: newGraphState(), twilio: newTwilioState(), gateway: newGatewayState(), callbacks: newCallbacks(),
	}
	seen := map[string]bool{}
	for _, p := range opt.People {
		if !keyPattern.MatchString(p.Key) || seen[p.Key] {
			return nil, fmt.Errorf("sandbox: key %q of %s is malformed or not the only one", p.Key, p.Name)
		}
		seen[p.Key] = true
		if p.Phone != "" && !e164Form.MatchString(p.Phone) {
			return nil, fmt.Errorf("sandbox: %s: %q is not a telephone number", p.Name, p.Phone)
		}
		if p.LINE != "" && !userID.MatchString(p.LINE) {
			return nil, fmt.Errorf("sandbox: %s: %q is not a LINE user ID", p.Name, p.LINE)
		}
		if p.PSID != "" && !psidForm.MatchString(p.PSID) {
			return nil, fmt.Errorf("sandbox: %s: %q is not a page-scoped ID", p.Name, p.PSID)
		}
		if p.LINE != "" {
			s.line.friends[p.LINE] = p
		}
		if p.PSID != "" {
			s.graph.threads[p.PSID] = &thread{}
		}
	}
	s.mux = s.routes()
	return s, nil
}

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// Handler serves the providers and the phones.
func (s *Sandbox) Handler() http.Handler { return s.mux }

// LINE gives the account's credentials.
func (s *Sandbox) LINE() LINEAccount { return s.opt.LINE }

// Close ends the pages' open connections, callbacks that wait, and every
// answer that a fault holds back, so that an HTTP server over Handler can shut
// down.
func (s *Sandbox) Close() {
	s.closing.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.closed)
	})
	s.callbacks.worker.Wait()
}

func (s *Sandbox) routes() *http.ServeMux {
	mux := http.NewServeMux()
	s.lineRoutes(mux)
	s.liffRoutes(mux)
	s.graphRoutes(mux)
	s.twilioRoutes(mux)
	s.gatewayRoutes(mux)
	mux.HandleFunc("POST /push/{token}", s.receivePush)
	s.pageRoutes(mux)
	return mux
}

// Messages gives what has arrived for who, oldest first: a person's key, a
// LINE user ID, a PSID or a push endpoint. A message for a phone that is switched off,
// or for somebody who blocked the account, has not arrived.
func (s *Sandbox) Messages(who string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, _ := s.messagesLocked(who)
	return list
}

// Wait returns as soon as n messages have arrived for who, and what arrived.
func (s *Sandbox) Wait(ctx context.Context, who string, n int) ([]Message, error) {
	for {
		s.mu.Lock()
		list, count := s.messagesLocked(who)
		changed := s.changed
		s.mu.Unlock()
		if count >= n {
			return list, nil
		}
		select {
		case <-changed:
		case <-s.closed:
			return list, errClosed
		case <-ctx.Done():
			return list, fmt.Errorf("sandbox: %d of %d messages arrived: %w", count, n, context.Cause(ctx))
		}
	}
}

// messagesLocked gives what is kept and how many there were.
func (s *Sandbox) messagesLocked(who string) (list []Message, count int) {
	for _, to := range s.addressesLocked(who) {
		if box := s.arrived[to]; box != nil {
			list = append(list, box.messages...)
			count += len(box.messages) + box.dropped
		}
	}
	slices.SortStableFunc(list, func(a, b Message) int { return a.At.Compare(b.At) })
	return list, count
}

// addressesLocked gives the addresses that who stands for.
func (s *Sandbox) addressesLocked(who string) []string {
	p, ok := s.person(who)
	if !ok {
		return []string{who}
	}
	var list []string
	if p.LINE != "" {
		list = append(list, p.LINE)
	}
	if p.PSID != "" {
		list = append(list, p.PSID)
	}
	if p.Phone != "" {
		list = append(list, p.Phone)
	}
	for _, sub := range s.push.order {
		if sub.label == who {
			list = append(list, sub.endpoint)
		}
	}
	return list
}

func (s *Sandbox) person(key string) (Person, bool) {
	for _, p := range s.opt.People {
		if p.Key == key {
			return p, true
		}
	}
	return Person{}, false
}

// arriveLocked puts a message into its mailbox and wakes whoever waits.
func (s *Sandbox) arriveLocked(m Message) {
	box := s.arrived[m.To]
	if box == nil {
		box = &mailbox{}
		s.arrived[m.To] = box
	}
	box.messages = append(box.messages, m)
	if over := len(box.messages) - keep; over > 0 {
		box.messages = append([]Message(nil), box.messages[over:]...)
		box.dropped += over
	}
	s.changeLocked()
}

func (s *Sandbox) changeLocked() {
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
}

// randomID makes n random bytes in hexadecimal.
func randomID(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
