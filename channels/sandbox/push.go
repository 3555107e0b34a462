package sandbox

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pushState is the push service and the browsers behind it.
type pushState struct {
	byToken map[string]*subscription
	order   []*subscription
}

func newPushState() pushState { return pushState{byToken: map[string]*subscription{}} }

// subscription is one PushSubscription of one browser.
type subscription struct {
	label    string
	endpoint string
	private  *ecdh.PrivateKey
	auth     []byte
	key      string // application server key it is bound to, "" until the first push
	expired  bool
	offline  bool
	stored   []Message // waiting for the browser to come online
}

// Limits of the push service.
const (
	maxPushBody = 4096            // RFC 8030 §7.2: less must be taken
	maxTTL      = 2592000         // seconds; Mozilla's 30 days
	maxExpiry   = 24 * time.Hour  // of a VAPID token, RFC 8292 §2
	tokenBytes  = 24              // of an endpoint
	saltEtc     = 16 + 4 + 1 + 65 // header of an aes128gcm body, RFC 8188 §2.1
)

var topicPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// NewSubscription makes a browser's push subscription, as PushManager.subscribe
// does. With the key of a [Person] as label, what it gets shows on that
// person's phone. The keys are in unpadded base64url. The subscription binds to
// the application server key of the first push.
func (s *Sandbox) NewSubscription(label string) (endpoint, p256dh, auth string) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic("sandbox: make key: " + err.Error())
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails
	token := randomID(tokenBytes)
	sub := &subscription{label: label, endpoint: s.url.String() + "/push/" + token, private: private, auth: secret}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push.byToken[token] = sub
	s.push.order = append(s.push.order, sub)
	s.changeLocked()
	return sub.endpoint, b64(private.PublicKey().Bytes()), b64(secret)
}

// Bind ties the subscription to an application server key, as subscribing with
// applicationServerKey does.
func (s *Sandbox) Bind(endpoint, applicationServerKey string) {
	s.withSubscription(endpoint, func(sub *subscription) { sub.key = applicationServerKey })
}

// Expire ends the subscription: pushes to it are answered 410 Gone.
func (s *Sandbox) Expire(endpoint string) {
	s.withSubscription(endpoint, func(sub *subscription) { sub.expired = true })
}

// SetOffline takes the browser off the net, or brings it back: then what was
// stored for it and has not outlived its TTL arrives.
func (s *Sandbox) SetOffline(endpoint string, offline bool) {
	s.withSubscription(endpoint, func(sub *subscription) {
		sub.offline = offline
		if offline {
			return
		}
		now := s.opt.Now()
		for _, m := range sub.stored {
			if now.Sub(m.At) <= time.Duration(m.TTL)*time.Second {
				m.At = now
				s.arriveLocked(m)
			}
		}
		sub.stored = nil
	})
}

func (s *Sandbox) withSubscription(endpoint string, fn func(*subscription)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.push.byToken[strings.TrimPrefix(endpoint, s.url.String()+"/push/")]
	if sub == nil {
		panic("sandbox: no such subscription: " + endpoint)
	}
	fn(sub)
	s.changeLocked()
}

// refusal is an answer other than success.
type refusal struct {
	status int
	reason string
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// receivePush is POST to a push resource, RFC 8030 §5.
func (s *Sandbox) receivePush(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPushBody+1))
	if err != nil {
		return
	}
	s.mu.Lock()
	sub := s.push.byToken[r.PathValue("token")]
	var fault Fault
	faulty := false
	if sub != nil {
		fault, faulty = s.takeFaultLocked(sub.endpoint)
	}
	s.mu.Unlock()
	faulty = faulty && !s.late(r, fault)
	if faulty && !fault.Accept {
		s.fail(w, r, fault)
		return
	}
	s.mu.Lock()
	m, no := s.checkPush(sub, r.Header, body)
	if no == nil {
		s.takePushLocked(sub, m)
	}
	s.mu.Unlock()
	switch {
	case faulty && no == nil:
		s.fail(w, r, fault)
	case no != nil:
		s.opt.Log.Warn("push refused", "status", no.status, "reason", no.reason)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(no.status)
		_ = json.NewEncoder(w).Encode(map[string]string{"reason": no.reason})
	default:
		w.Header().Set("Location", s.url.String()+"/message/"+m.ID)
		w.Header().Set("TTL", strconv.Itoa(m.TTL))
		w.WriteHeader(http.StatusCreated)
	}
}

// takePushLocked stores or delivers. A stored message makes way for a new one
// with the same topic (RFC 8030 §5.4).
func (s *Sandbox) takePushLocked(sub *subscription, m Message) {
	if sub.key == "" {
		sub.key = m.Key
	}
	if !sub.offline {
		s.arriveLocked(m)
		return
	}
	if m.Topic != "" {
		sub.stored = slices.DeleteFunc(sub.stored, func(old Message) bool { return old.Topic == m.Topic })
	}
	if m.TTL > 0 {
		sub.stored = append(sub.stored, m)
	}
}

// checkPush holds the request against the rules. Headers come before the body,
// as they would at a real service.
func (s *Sandbox) checkPush(sub *subscription, h http.Header, body []byte) (Message, *refusal) {
	if sub == nil {
		return Message{}, refuse(http.StatusNotFound, "NoSuchSubscription")
	}
	if sub.expired {
		return Message{}, refuse(http.StatusGone, "ExpiredSubscription")
	}
	if len(h.Values("Authorization")) != 1 {
		return Message{}, refuse(http.StatusUnauthorized, "MissingAuthorization")
	}
	key, err := validVAPID(h.Get("Authorization"), s.url.Scheme+"://"+s.url.Host, time.Now())
	if err != nil {
		return Message{}, refuse(http.StatusForbidden, "BadJwtToken: %v", err)
	}
	if sub.key != "" && sub.key != key {
		return Message{}, refuse(http.StatusForbidden, "VapidPkHashMismatch: the VAPID credentials do not correspond to the credentials used to create the subscription")
	}
	m := Message{Provider: "webpush", ID: randomID(12), To: sub.endpoint, At: s.opt.Now(), Badge: -1, Key: key,
		Topic: h.Get("Topic"), Urgency: h.Get("Urgency")}
	ttl, err := strconv.Atoi(h.Get("TTL"))
	if err != nil || ttl < 0 {
		return Message{}, refuse(http.StatusBadRequest, "TTL is missing or not a number of seconds")
	}
	m.TTL = min(ttl, maxTTL)
	if len(h.Values("Topic")) > 0 && !topicPattern.MatchString(m.Topic) {
		return Message{}, refuse(http.StatusBadRequest, "Topic is not 1 to 32 characters of base64url")
	}
	if len(h.Values("Urgency")) > 0 && !slices.Contains([]string{"very-low", "low", "normal", "high"}, m.Urgency) {
		return Message{}, refuse(http.StatusBadRequest, "Urgency is none of very-low, low, normal, high")
	}
	if len(body) > maxPushBody {
		return Message{}, refuse(http.StatusRequestEntityTooLarge, "PayloadTooLarge")
	}
	if h.Get("Content-Encoding") != "aes128gcm" {
		return Message{}, refuse(http.StatusBadRequest, "Content-Encoding is not aes128gcm")
	}
	// From here on it is the browser that would not understand.
	plain, err := decrypt(body, sub.private, sub.auth)
	if err != nil {
		return Message{}, refuse(http.StatusBadRequest, "the browser cannot decrypt this: %v", err)
	}
	if err := m.readNotification(plain); err != nil {
		return Message{}, refuse(http.StatusBadRequest, "the browser cannot show this: %v", err)
	}
	return m, nil
}

// readNotification reads a declarative push message as Safari does: any member
// of a wrong type spoils the whole.
func (m *Message) readNotification(plain []byte) error {
	var p struct {
		WebPush      int `json:"web_push"`
		Notification *struct {
			Title    string          `json:"title"`
			Body     string          `json:"body"`
			Lang     string          `json:"lang"`
			Dir      string          `json:"dir"`
			Tag      string          `json:"tag"`
			Navigate string          `json:"navigate"`
			Silent   bool            `json:"silent"`
			AppBadge json.RawMessage `json:"app_badge"`
			Data     json.RawMessage `json:"data"`
		} `json:"notification"`
		AppBadge json.RawMessage `json:"app_badge"`
	}
	if err := json.Unmarshal(plain, &p); err != nil {
		return fmt.Errorf("not JSON of the right shape: %w", err)
	}
	switch n := p.Notification; {
	case p.WebPush != 8030:
		return errors.New("web_push is not 8030")
	case n == nil || n.Title == "":
		return errors.New("no notification.title")
	case !absoluteURL(n.Navigate):
		return fmt.Errorf("notification.navigate %q is not an absolute URL", n.Navigate)
	}
	inner, err := badge(p.Notification.AppBadge)
	if err != nil {
		return err
	}
	outer, err := badge(p.AppBadge)
	if err != nil {
		return err
	}
	if inner != outer {
		return fmt.Errorf("app_badge says %d inside and %d outside", inner, outer)
	}
	n := p.Notification
	m.Title, m.Body, m.URL, m.Tag, m.Badge, m.JSON = n.Title, n.Body, n.Navigate, n.Tag, outer, plain
	return nil
}

// badge reads a string of digits or a number from 0; -1 when there is none.
func badge(raw json.RawMessage) (int, error) {
	if len(raw) == 0 {
		return -1, nil
	}
	n, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("app_badge %s is neither digits nor a number from 0", raw)
	}
	return int(n), nil
}

// Notifications gives what stands on the lock screen of who, newest first: of
// those with the same tag only the last.
func (s *Sandbox) Notifications(who string) []Message {
	all := s.Messages(who)
	slices.Reverse(all)
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(m Message) bool {
		if m.Provider != "webpush" {
			return true
		}
		tag := m.To + "\x00" + m.Tag
		if m.Tag != "" && seen[tag] {
			return true
		}
		seen[tag] = true
		return false
	})
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
