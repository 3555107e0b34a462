package sandbox

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TwilioAccount is the account that the sandbox plays.
type TwilioAccount struct {
	AccountSID string
	APIKey     string
	APISecret  string
	AuthToken  string // signs callbacks
	From       string // a number of the account
	Service    string // a messaging service of it
	// Registered hosts may stand in texts to Taiwan; other addresses make the
	// carriers drop a text.
	Registered []string
}

// DefaultTwilio is the account when Options name none. The values are made up.
func DefaultTwilio() TwilioAccount {
	return TwilioAccount{
		AccountSID: "AC00000000000000000000000000000b07",
		APIKey:     "SK00000000000000000000000000000b07",
		APISecret:  "sandboxTwilioApiKeySecret0000000",
		AuthToken:  "5a6e64626f782d7477696c696f2d746f",
		From:       "+14155550107",
		Service:    "MG00000000000000000000000000000b07",
	}
}

func (a *TwilioAccount) fill() {
	def := DefaultTwilio()
	fill(&a.AccountSID, def.AccountSID)
	fill(&a.APIKey, def.APIKey)
	fill(&a.APISecret, def.APISecret)
	fill(&a.AuthToken, def.AuthToken)
	fill(&a.From, def.From)
	fill(&a.Service, def.Service)
}

// twilioState is the account's messages and what is wrong with numbers.
type twilioState struct {
	messages []*twilioMessage // oldest first
	refuses  map[string]int   // numbers: error code at once
	fails    map[string]int   // numbers: error code afterwards
	limit    int              // messages a day, 0: unlimited
	used     int
	held     bool // messages stay queued
	reverse  bool // the last callback comes first
}

func newTwilioState() twilioState {
	// The numbers of Twilio's test credentials
	// (https://www.twilio.com/docs/iam/test-credentials).
	return twilioState{fails: map[string]int{}, refuses: map[string]int{
		"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614,
	}}
}

// twilioMessage is a Message resource.
type twilioMessage struct {
	sid      string
	to, from string
	body     string
	service  string
	status   string
	code     int
	segments int
	hook     string
	created  time.Time
	sent     time.Time // zero: not yet
}

// TwilioRefuses makes Twilio refuse messages to the number at once, 0 not any
// more.
func (s *Sandbox) TwilioRefuses(number string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twilio.refuses[number] = code
}

// TwilioFails makes messages to the number fail after Twilio took them, 0 not
// any more.
func (s *Sandbox) TwilioFails(number string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twilio.fails[number] = code
}

// TwilioLimit sets the account's messages a day, 0 for no limit.
func (s *Sandbox) TwilioLimit(limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twilio.limit, s.twilio.used = limit, 0
}

// TwilioHold keeps messages queued until it is called with false.
func (s *Sandbox) TwilioHold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twilio.held = on
	if on {
		return
	}
	for _, m := range s.twilio.messages {
		if m.sent.IsZero() && m.status == "queued" {
			s.twilioSendLocked(m)
		}
	}
}

// TwilioReverse makes status callbacks come in the reverse order.
func (s *Sandbox) TwilioReverse(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twilio.reverse = on
}

// TwilioList is the address for [Sandbox.SetFault] that makes lists of messages
// fail.
const TwilioList = "twilio:list"

// TwilioError is a fault: not taken, with an error as Twilio writes it.
func TwilioError(status, code int, message string) Fault {
	return Fault{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: twilioErrorBody(status, code, message)}
}

func twilioErrorBody(status, code int, message string) string {
	b, err := json.Marshal(map[string]any{
		"code": code, "message": message, "status": status, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code),
	})
	if err != nil {
		panic(err) // of strings and numbers
	}
	return string(b)
}

// Twilio gives the account's credentials.
func (s *Sandbox) Twilio() TwilioAccount { return s.opt.Twilio }

func (s *Sandbox) twilioRoutes(mux *http.ServeMux) {
	handle := func(pattern string, h func(*http.Request) (int, any, *twilioRefusal)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serveTwilio(w, r, h) })
	}
	handle("POST /2010-04-01/Accounts/{account}/Messages.json", s.twilioCreate)
	handle("GET /2010-04-01/Accounts/{account}/Messages.json", s.twilioMessages)
	handle("GET /2010-04-01/Accounts/{account}/Balance.json", func(*http.Request) (int, any, *twilioRefusal) {
		return http.StatusOK, map[string]any{"account_sid": s.opt.Twilio.AccountSID, "balance": "25.40", "currency": "USD"}, nil
	})
	handle("/2010-04-01/", func(r *http.Request) (int, any, *twilioRefusal) {
		return 0, nil, &twilioRefusal{http.StatusNotFound, 20404, "The requested resource " + r.URL.Path + " was not found"}
	})
}

// twilioRefusal is an answer of Twilio other than success.
type twilioRefusal struct {
	status  int
	code    int
	message string
}

func (s *Sandbox) serveTwilio(w http.ResponseWriter, r *http.Request, h func(*http.Request) (int, any, *twilioRefusal)) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if no := s.twilioForm(r); no != nil {
		s.writeTwilio(w, no)
		return
	}
	key := r.PostForm.Get("To")
	if r.Method == http.MethodGet {
		key = TwilioList
	}
	s.mu.Lock()
	fault, faulty := s.takeFaultLocked(key)
	s.mu.Unlock()
	faulty = faulty && !s.late(r, fault)
	if faulty && !fault.Accept {
		s.fail(w, r, fault)
		return
	}
	status, answer, no := h(r)
	switch {
	case no != nil:
		s.writeTwilio(w, no)
	case faulty:
		s.fail(w, r, fault)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func (s *Sandbox) writeTwilio(w http.ResponseWriter, no *twilioRefusal) {
	s.opt.Log.Warn("Twilio call refused", "status", no.status, "code", no.code)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(no.status)
	_, _ = w.Write([]byte(twilioErrorBody(no.status, no.code, no.message)))
}

// twilioForm checks what every call has in common and reads the parameters.
func (s *Sandbox) twilioForm(r *http.Request) *twilioRefusal {
	a := s.opt.Twilio
	user, password, ok := r.BasicAuth()
	if !ok || (user != a.APIKey || password != a.APISecret) && (user != a.AccountSID || password != a.AuthToken) {
		return &twilioRefusal{http.StatusUnauthorized, 20003, "Authenticate"}
	}
	if account := r.PathValue("account"); account != "" && account != a.AccountSID {
		return &twilioRefusal{http.StatusNotFound, 20404, "The requested resource " + r.URL.Path + " was not found"}
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Method == http.MethodPost && (err != nil || t != "application/x-www-form-urlencoded") {
		return &twilioRefusal{http.StatusUnsupportedMediaType, 20001, "Parameters are a form"}
	}
	if err := r.ParseForm(); err != nil {
		return &twilioRefusal{http.StatusBadRequest, 20001, "Parameters cannot be read"}
	}
	return nil
}

var (
	e164Form    = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
	hookHost    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	textLink    = regexp.MustCompile(`(?i)https?://([a-z0-9._-]+)|\b([a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:tw|com|net|org|io|ly|me|ee|cc))\b`)
	twilioKnown = []string{"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod"}
)

// twilioCreate is POST Messages.json.
func (s *Sandbox) twilioCreate(r *http.Request) (int, any, *twilioRefusal) {
	for name, values := range r.PostForm {
		if !slices.Contains(twilioKnown, name) || len(values) != 1 {
			return 0, nil, &twilioRefusal{http.StatusBadRequest, 20001, fmt.Sprintf("Parameter %q is unknown here or repeated", name)}
		}
	}
	form := r.PostForm
	s.mu.Lock()
	defer s.mu.Unlock()
	if no := s.twilioCheckLocked(form); no != nil {
		return 0, nil, no
	}
	s.twilio.used++
	m := &twilioMessage{
		sid: "SM" + randomID(16), to: form.Get("To"), from: form.Get("From"), service: form.Get("MessagingServiceSid"), body: form.Get("Body"),
		hook: form.Get("StatusCallback"), status: "queued", segments: segmentsOf(form.Get("Body")), created: s.opt.Now(),
	}
	s.twilio.messages = append(s.twilio.messages, m)
	answer := m.json(s.opt.Twilio.AccountSID)
	if m.service != "" {
		answer["status"], answer["num_segments"] = "accepted", "0" // no sender was chosen yet
	}
	if !s.twilio.held {
		s.twilioSendLocked(m)
	}
	return http.StatusCreated, answer, nil
}

// twilioCheckLocked refuses what Twilio refuses, in its order.
func (s *Sandbox) twilioCheckLocked(form url.Values) *twilioRefusal {
	no := func(status, code int, format string, args ...any) *twilioRefusal {
		return &twilioRefusal{status, code, fmt.Sprintf(format, args...)}
	}
	to, from, service, body := form.Get("To"), form.Get("From"), form.Get("MessagingServiceSid"), form.Get("Body")
	hook, hookErr := url.Parse(form.Get("StatusCallback"))
	validity, validityErr := strconv.Atoi(form.Get("ValidityPeriod"))
	switch {
	case to == "":
		return no(400, 21604, "A 'To' phone number is required.")
	case !e164Form.MatchString(to):
		return no(400, 21211, "The 'To' number %s is not a valid phone number.", to)
	case strings.HasPrefix(to, "+886") && !strings.HasPrefix(to, "+8869"):
		return no(400, 21614, "'To' number: %s, is not a valid mobile number", to)
	case s.twilio.refuses[to] != 0:
		return no(400, s.twilio.refuses[to], "The message to %s was refused", to)
	case from == "" && service == "":
		return no(400, 21603, "A 'From' phone number is required.")
	case from != "" && from != s.opt.Twilio.From:
		return no(400, 21606, "The 'From' phone number provided (%s) is not a valid message-capable Twilio phone number for this destination/account", from)
	case service != "" && service != s.opt.Twilio.Service:
		return no(404, 20404, "The requested resource /Services/%s was not found", service)
	case body == "":
		return no(400, 21602, "Message body is required.")
	case utf16Len(body) > 1600:
		return no(400, 21617, "The concatenated message body exceeds the 1600 character limit")
	case form.Has("StatusCallback") && (hookErr != nil || hook.Scheme != "https" && hook.Scheme != "http" || !hookHost.MatchString(hook.Hostname())):
		return no(400, 21609, "The 'StatusCallback' URL %s is not a valid URL.", form.Get("StatusCallback"))
	case form.Has("ValidityPeriod") && (validityErr != nil || validity < 1 || validity > 36000):
		return no(400, 20001, "ValidityPeriod must be from 1 to 36000")
	case s.twilio.limit > 0 && s.twilio.used >= s.twilio.limit:
		return no(429, 63038, "Account %s exceeded the %d daily messages limit", s.opt.Twilio.AccountSID, s.twilio.limit)
	}
	return nil
}

// twilioSendLocked brings a message to the phone, or not, and says so.
func (s *Sandbox) twilioSendLocked(m *twilioMessage) {
	m.sent, m.status = s.opt.Now(), "delivered"
	m.code = s.twilio.fails[m.to]
	if m.code == 0 && strings.HasPrefix(m.to, "+886") && !s.registered(m.body) {
		m.code = 30007
	}
	if m.code != 0 {
		m.status = "undelivered"
	} else {
		from := m.from
		if strings.HasPrefix(m.to, "+886") {
			from = overwritten(m.sid) // carriers in Taiwan do
		}
		s.arriveLocked(Message{Provider: "sms", ID: m.sid, To: m.to, From: from, At: m.sent, Title: m.body, Body: m.body, Badge: -1, Segments: m.segments})
	}
	s.twilioTellLocked(m)
}

// registered reports whether the carriers of Taiwan let a text through: no
// address but those that were registered, and never one of a chat.
func (s *Sandbox) registered(body string) bool {
	for _, found := range textLink.FindAllStringSubmatch(body, -1) {
		host := strings.ToLower(strings.Trim(found[1]+found[2], "."))
		if !slices.ContainsFunc(s.opt.Twilio.Registered, func(own string) bool { return host == own || strings.HasSuffix(host, "."+own) }) {
			return false
		}
	}
	return true
}

// overwritten makes the random number from which a text seems to come.
func overwritten(sid string) string {
	n, _ := strconv.ParseUint(sid[len(sid)-4:], 16, 32)
	return fmt.Sprintf("+1415555%04d", 100+n%100)
}

// json is the Message resource.
func (m *twilioMessage) json(account string) map[string]any {
	date := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t.UTC().Format(time.RFC1123Z)
	}
	var code any
	if m.code != 0 {
		code = m.code
	}
	from, service := any(m.from), any(m.service)
	if m.from == "" {
		from = nil
	}
	if m.service == "" {
		service = nil
	}
	return map[string]any{
		"account_sid": account, "api_version": "2010-04-01", "body": m.body, "date_created": date(m.created), "date_sent": date(m.sent),
		"date_updated": date(m.created), "direction": "outbound-api", "error_code": code, "error_message": nil, "from": from,
		"messaging_service_sid": service, "num_media": "0", "num_segments": strconv.Itoa(m.segments), "price": nil, "price_unit": "USD",
		"sid": m.sid, "status": m.status, "to": m.to, "uri": "/2010-04-01/Accounts/" + account + "/Messages/" + m.sid + ".json",
		"subresource_uris": map[string]any{},
	}
}
