package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"qianhe/channels/sms"
	"qianhe/hub"
)

// Options of [New].
type Options struct {
	// Secret is what {{secret}} stands for.
	Secret string
	// CallbackURL is where receipts reach us, such as
	// https://sign.example.gov.tw/hooks/sms; {{callback}} is this with the
	// delivery in its query.
	CallbackURL string
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Log tells about characters that a charset lacks, and receipts that nobody
	// understands. Nil: nowhere.
	Log *slog.Logger
}

// Sender sends through one provider. Its methods may be called concurrently.
type Sender struct {
	cfg      Config
	opt      Options
	hook     *url.URL // nil: none
	client   *http.Client
	send     *plan
	answer   []rule
	find     *question // nil: cannot be asked
	probe    *question // nil: cannot be asked
	receipts *receipts // nil: none
}

type question struct {
	plan  *plan
	rules []rule
}

var _ sms.Sender = (*Sender)(nil)

var valueName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// placeholders are those that every text has.
func placeholders() []string {
	return []string{"to", "text", "ref", "delivery", "sender", "last3", "agency", "ttl", "expires", "time", "segments", "callback", "since"}
}

// New checks the configuration and makes a sender. It does not touch the
// network.
func New(cfg Config, opt Options) (*Sender, error) {
	s := &Sender{cfg: cfg, opt: opt, client: sms.HTTPClient()}
	if err := s.compile(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if s.cfg.PerSecond <= 0 {
		s.cfg.PerSecond = 5
	}
	if s.cfg.Burst <= 0 {
		s.cfg.Burst = 5
	}
	if s.cfg.Timeout <= 0 {
		s.cfg.Timeout = Duration(20 * time.Second)
	}
	if s.opt.Now == nil {
		s.opt.Now = time.Now
	}
	if s.opt.Log == nil {
		s.opt.Log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

func (s *Sender) compile() error {
	cfg := s.cfg
	switch {
	case cfg.Name == "":
		return errors.New("name: the provider has none")
	case cfg.Phone != "" && cfg.Phone != "e164" && cfg.Phone != "digits" && cfg.Phone != "national":
		return fmt.Errorf("phone: %q is none of e164, digits, national", cfg.Phone)
	case cfg.Prefix != "" && cfg.Prefix != sms.PrefixOurs && cfg.Prefix != sms.PrefixProvider:
		return fmt.Errorf("prefix: %q is neither ours nor provider", cfg.Prefix)
	}
	if s.opt.CallbackURL != "" {
		if err := sms.CheckAddress(s.opt.CallbackURL); err != nil {
			return fmt.Errorf("address for receipts is %w", err)
		}
		u, err := url.Parse(s.opt.CallbackURL)
		if err != nil || u.RawQuery != "" {
			return errors.New("address for receipts is not an address without a query")
		}
		s.hook = u
	}
	all := map[string]bool{}
	for _, name := range placeholders() {
		all[name] = true
	}
	for name := range cfg.Values {
		if !valueName.MatchString(name) || all[name] || name == "secret" {
			return fmt.Errorf("values: %q is not a name of small letters, or has a meaning", name)
		}
	}
	usesSecret := false
	fixed := func(name string) bool {
		usesSecret = usesSecret || name == "secret"
		_, own := cfg.Values[name]
		return own || name == "secret"
	}
	known := func(name string) bool { return all[name] || fixed(name) }
	var err error
	if s.send, err = newPlan(cfg.Send, known, fixed); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if s.answer, err = newRules(cfg.Answer, []string{thenAccepted, thenPermanent, thenRejected, thenRetry, thenDown, thenUnknown}, []string{thenAccepted}); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if !s.send.uses["to"] || !s.send.uses["text"] {
		return errors.New("send: it says nothing to nobody: {{to}} and {{text}} are missing")
	}
	if s.find, err = newQuestion(cfg.Find, known, fixed, []string{thenFound, thenAbsent}, thenPermanent, thenRejected, thenRetry); err != nil {
		return fmt.Errorf("find: %w", err)
	}
	if s.find != nil && !s.find.plan.uses["delivery"] && !s.find.plan.uses["ref"] {
		return errors.New("find: it asks for no text in particular: {{delivery}} or {{ref}} is missing")
	}
	if s.probe, err = newQuestion(cfg.Probe, known, fixed, []string{thenOK}); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	if s.receipts, err = newReceipts(cfg.Receipts, fixed, s.fixed()); err != nil {
		return fmt.Errorf("receipts: %w", err)
	}
	if usesSecret && s.opt.Secret == "" {
		return errors.New("the file says {{secret}}, and none is set")
	}
	return nil
}

// newQuestion checks a question whose answers can mean all of needed, and some
// of more.
func newQuestion(q *Question, known, fixed func(string) bool, needed []string, more ...string) (*question, error) {
	if q == nil {
		return nil, nil
	}
	p, err := newPlan(q.Request, known, fixed)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	rules, err := newRules(q.Answer, append(more, needed...), needed)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return &question{p, rules}, nil
}

// fixed are the values of placeholders that do not depend on a text.
func (s *Sender) fixed() map[string]string {
	values := maps.Clone(s.cfg.Values)
	if values == nil {
		values = map[string]string{}
	}
	values["secret"] = s.opt.Secret
	return values
}

// values are those of a text. ok is false where the provider has no way of
// writing its number.
func (s *Sender) values(t sms.Text) (values map[string]string, ok bool) {
	const stamp = "20060102150405"
	now := s.opt.Now().In(taiwan)
	values = s.fixed()
	to := string(t.To)
	switch s.cfg.Phone {
	case "digits":
		to = t.To.Digits()
	case "national":
		to = t.To.National()
	}
	maps.Copy(values, map[string]string{
		"to": to, "text": t.Body, "ref": t.Ref, "delivery": t.Delivery, "sender": s.cfg.Sender,
		"last3": t.To.Last3(), "agency": t.Agency, "ttl": strconv.Itoa(max(int(t.TTL/time.Second), 0)),
		"expires": now.Add(t.TTL).Format(stamp), "time": now.Format(stamp), "segments": strconv.Itoa(t.Segments), "callback": s.callback(t.Delivery),
	})
	return values, to != ""
}

func (s *Sender) callback(delivery string) string {
	if s.hook == nil {
		return ""
	}
	u := *s.hook
	u.RawQuery = url.Values{"a": {delivery}}.Encode()
	return u.String()
}

// Send makes the call, once.
func (s *Sender) Send(ctx context.Context, t sms.Text) (hub.Receipt, error) {
	values, ok := s.values(t)
	if !ok {
		return hub.Receipt{}, &hub.Rejected{Reason: s.cfg.Name + " takes numbers in Taiwan only"}
	}
	a, err := s.call(ctx, s.send, values)
	if err != nil {
		return hub.Receipt{}, &hub.Rejected{Reason: err.Error()}
	}
	if a.Err != nil {
		return hub.Receipt{}, a.Failure()
	}
	return s.outcome(a)
}

// call makes a request. An error of its own means that there was none.
func (s *Sender) call(ctx context.Context, p *plan, values map[string]string) (sms.Answer, error) {
	req, lacks, err := p.build(values)
	if err != nil {
		return sms.Answer{}, err
	}
	if len(lacks) > 0 {
		s.opt.Log.Warn("text has characters that the provider's charset lacks: □ stands for them", "provider", s.cfg.Name, "charset", p.charset, "characters", codes(lacks))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.cfg.Timeout))
	defer cancel()
	return sms.Do(ctx, s.client, req), nil
}

// outcome turns an answer into what the hub understands: by the first rule that
// fits, else by its status.
func (s *Sender) outcome(a sms.Answer) (hub.Receipt, error) {
	in := read(a, s.send.charset)
	after := hub.RetryAfter(a.Header.Get("Retry-After"), s.opt.Now())
	for _, r := range s.answer {
		id, words, ok := r.fits(in)
		if !ok {
			continue
		}
		reason := strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, words))
		switch r.Then {
		case thenAccepted:
			return hub.Receipt{ProviderID: id}, nil
		case thenPermanent:
			return hub.Receipt{}, &hub.Permanent{Reason: reason}
		case thenRejected:
			return hub.Receipt{}, &hub.Rejected{Reason: reason}
		case thenRetry:
			return hub.Receipt{}, &hub.Retry{After: after, Reason: reason}
		case thenDown:
			return hub.Receipt{}, &hub.ChannelDown{Until: r.until(s.opt.Now()), Reason: reason}
		}
		return hub.Receipt{}, &hub.Unknown{Reason: reason}
	}
	reason := fmt.Sprintf("%d, and no rule for what it says", a.Status)
	switch {
	case a.Status >= 500, a.Status == http.StatusRequestTimeout, a.Status/100 == 2:
		return hub.Receipt{}, &hub.Unknown{Reason: reason}
	case a.Status == http.StatusTooManyRequests:
		return hub.Receipt{}, &hub.Retry{After: after, Reason: reason, Slow: true}
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusProxyAuthRequired:
		return hub.Receipt{}, &hub.ChannelDown{Reason: reason}
	}
	return hub.Receipt{}, &hub.Rejected{Reason: reason} // 3xx too, which is not followed
}

// Find asks the provider, where the file says how.
func (s *Sender) Find(ctx context.Context, t sms.Text, since time.Time) (hub.Receipt, bool, error) {
	if s.find == nil {
		return hub.Receipt{}, false, fmt.Errorf("gateway: %s: %w", s.cfg.Name, hub.ErrCannotAsk)
	}
	values, ok := s.values(t)
	if !ok {
		return hub.Receipt{}, false, errors.New("gateway: " + s.cfg.Name + " takes numbers in Taiwan only")
	}
	values["since"] = since.Add(-10 * time.Minute).In(taiwan).Format("20060102150405") // clocks differ
	id, then, err := s.ask(ctx, s.find, values)
	r := hub.Receipt{ProviderID: id}
	reason := s.cfg.Name + " says that it has failed"
	switch {
	case err != nil:
		return hub.Receipt{}, false, err
	case then == thenPermanent:
		return r, true, &hub.Permanent{Reason: reason}
	case then == thenRejected:
		return r, true, &hub.Rejected{Reason: reason}
	case then == thenRetry:
		return r, true, &hub.Retry{Reason: reason}
	}
	return r, then == thenFound, nil
}

// ask makes a call that sends nothing and says which rule held.
func (s *Sender) ask(ctx context.Context, q *question, values map[string]string) (id, then string, err error) {
	a, err := s.call(ctx, q.plan, values)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("gateway: %w", err)
	case a.Err != nil:
		return "", "", errors.New("gateway: " + hub.TransportWords(a.Err))
	}
	in := read(a, q.plan.charset)
	for _, r := range q.rules {
		if id, _, ok := r.fits(in); ok {
			return id, r.Then, nil
		}
	}
	return "", "", fmt.Errorf("gateway: %d, and no rule for what it says", a.Status)
}

// Probe asks what the file says can be asked, and says what it does not say.
func (s *Sender) Probe(ctx context.Context) ([]string, error) {
	lines := []string{"provider: " + s.cfg.Name + ", " + s.send.url.Host}
	if s.send.charset == charsetBig5 {
		lines = append(lines, "charset Big5: characters that it lacks go out as □ and are logged")
	}
	if s.find == nil {
		lines = append(lines, "no find: a text in doubt is not sent again")
	}
	switch {
	case s.receipts == nil:
		lines = append(lines, "no receipts: nobody says whether texts arrive")
	case s.receipts.verify == nil:
		lines = append(lines, "receipts are not verified by anything: they are refused")
	case s.hook == nil:
		lines = append(lines, "no address for receipts")
	default:
		lines = append(lines, "receipts to "+s.hook.String())
	}
	if s.probe == nil {
		return append(lines, "no probe: credentials show at the first text"), nil
	}
	values, _ := s.values(sms.Text{})
	id, _, err := s.ask(ctx, s.probe, values)
	if err != nil {
		return lines, err
	}
	return append(lines, strings.TrimSpace("the provider answers: "+id)), nil
}

// Traits are what the file says of texts.
func (s *Sender) Traits() sms.Traits {
	return sms.Traits{
		Links: s.cfg.Links, Prefix: s.cfg.Prefix, PerSecond: s.cfg.PerSecond, Burst: s.cfg.Burst,
		Get: s.receipts != nil && s.receipts.cfg.Format == "query",
	}
}

// Close lets go of idle connections.
func (s *Sender) Close() { s.client.CloseIdleConnections() }
