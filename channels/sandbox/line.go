package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// lineState is the LINE platform with one official account.
type lineState struct {
	friends   map[string]Person
	blocked   map[string]bool
	tokens    map[string]time.Time // stateless tokens and their end
	retryKeys map[string]accepted
	replies   map[string]replyToken
	quota     int64 // messages a month, 0: unlimited
	used      int64
	reserved  bool // the limit is answered although there is quota left

	callback   string // where events go
	silent     bool   // they are switched off in the console
	linkTokens map[string]linkToken
	said       map[string][]saidInLINE // by user: what they wrote and tapped
	last       []byte                  // the latest callback, for its repetition
}

// accepted is what LINE remembers of a request under its retry key.
type accepted struct {
	request string
	sent    []sentMessage
	at      time.Time
}

type sentMessage struct {
	ID         string `json:"id"`
	QuoteToken string `json:"quoteToken"`
}

type replyToken struct {
	user string
	at   time.Time
}

// linkToken lets one user link, once.
type linkToken struct {
	user string
	at   time.Time
}

func newLINEState(callback string) lineState {
	return lineState{
		callback: callback, linkTokens: map[string]linkToken{}, said: map[string][]saidInLINE{},
		friends: map[string]Person{}, blocked: map[string]bool{}, tokens: map[string]time.Time{},
		retryKeys: map[string]accepted{}, replies: map[string]replyToken{}, quota: 3000,
	}
}

// What LINE says about itself.
const (
	statelessLife = 899 * time.Second // expires_in of a stateless token
	retryKeyLife  = 24 * time.Hour
	replyLife     = time.Minute
	linkTokenLife = 10 * time.Minute
	maxLINEBody   = 2 << 20
)

var (
	userID   = regexp.MustCompile(`^U[0-9a-f]{32}$`)
	anyID    = regexp.MustCompile(`^[UCR][0-9a-f]{32}$`)
	uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
)

// Befriend makes the LINE user a friend of the account, as adding it or
// unblocking it does.
func (s *Sandbox) Befriend(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.line.blocked, user)
	if _, ok := s.line.friends[user]; !ok {
		s.line.friends[user] = Person{LINE: user}
	}
}

// Block makes the LINE user block the account: pushes are answered 200 and do
// not arrive, the profile is not found.
func (s *Sandbox) Block(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.blocked[user] = true
}

// SilenceLINE switches events off or on, as the console does.
func (s *Sandbox) SilenceLINE(off bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.silent = off
}

// SetQuota sets the monthly limit, 0 for none, and what is used of it.
func (s *Sandbox) SetQuota(limit, used int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.quota, s.line.used = limit, used
}

// Reserve makes LINE answer that the monthly limit is reached although it is
// not, as it does while another delivery holds the rest.
func (s *Sandbox) Reserve(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.reserved = on
}

// RevokeTokens ends every channel access token that was issued here.
func (s *Sandbox) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.line.tokens)
}

// ReplyToken makes a reply token, as an event of the user brings one.
func (s *Sandbox) ReplyToken(user string) string {
	token := randomID(16)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.replies[token] = replyToken{user, s.opt.Now()}
	return token
}

// Sign gives the x-line-signature of a callback's body.
func (s *Sandbox) Sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(s.opt.LINE.ChannelSecret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// lineError is an answer of LINE other than success.
type lineError struct {
	status  int
	message string
	details []problem
	extra   map[string]any // further members of the body
	header  map[string]string
}

func lineErr(status int, message string) *lineError {
	return &lineError{status: status, message: message}
}

type lineHandler func(r *http.Request, body []byte, request string) (any, *lineError)

// lineRoute is one call of the Messaging API.
type lineRoute struct {
	pattern  string
	handle   lineHandler
	retryKey bool   // X-Line-Retry-Key is taken
	bare     bool   // a POST without a body
	fault    string // address of its faults; of a push it is the receiver
}

// Addresses for [Sandbox.SetFault] that make other calls of LINE fail.
const (
	ReplyEndpoint     = "line:reply"
	LinkTokenEndpoint = "line:linkToken"
	ProfileEndpoint   = "line:profile"
	ValidateEndpoint  = "line:validate"
)

func (s *Sandbox) lineRoutes(mux *http.ServeMux) {
	for _, rt := range []lineRoute{
		{pattern: "POST /v2/bot/message/push", handle: s.linePush, retryKey: true},
		{pattern: "POST /v2/bot/message/reply", handle: s.lineReply, fault: ReplyEndpoint},
		{pattern: "POST /v2/bot/message/validate/push", handle: s.lineValidate, fault: ValidateEndpoint},
		{pattern: "POST /v2/bot/message/validate/reply", handle: s.lineValidate, fault: ValidateEndpoint},
		{pattern: "GET /v2/bot/message/quota", handle: s.lineQuota},
		{pattern: "GET /v2/bot/message/quota/consumption", handle: s.lineConsumption},
		{pattern: "GET /v2/bot/profile/{user}", handle: s.lineProfile, fault: ProfileEndpoint},
		{pattern: "GET /v2/bot/info", handle: s.lineInfo},
		{pattern: "POST /v2/bot/user/{user}/linkToken", handle: s.lineLinkToken, bare: true, fault: LinkTokenEndpoint},
		{pattern: "GET /v2/bot/channel/webhook/endpoint", handle: s.lineEndpoint},
		{pattern: "PUT /v2/bot/channel/webhook/endpoint", handle: s.lineSetEndpoint},
		{pattern: "POST /v2/bot/channel/webhook/test", handle: s.lineTestEndpoint},
		{pattern: "/v2/bot/", handle: func(*http.Request, []byte, string) (any, *lineError) {
			return nil, lineErr(http.StatusNotFound, "Not found")
		}},
	} {
		mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) { s.serveLINE(w, r, rt) })
	}
	mux.HandleFunc("POST /oauth2/v3/token", s.lineToken)
}

// serveLINE does what every call of the Messaging API has in common.
func (s *Sandbox) serveLINE(w http.ResponseWriter, r *http.Request, rt lineRoute) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxLINEBody+1))
	if err != nil {
		return
	}
	request := randomID(16)
	w.Header().Set("X-Line-Request-Id", request)
	if f, ok := s.lineFault(rt, body); ok && !s.late(r, f) {
		if f.Accept {
			if _, no := s.lineCall(r, body, request, rt); no != nil {
				s.writeLINEError(w, no)
				return
			}
		}
		s.fail(w, r, f)
		return
	}
	answer, no := s.lineCall(r, body, request, rt)
	if no != nil {
		s.writeLINEError(w, no)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// lineFault gives the fault that meets a call: a push to the receiver named in
// body, or any other by its own address.
func (s *Sandbox) lineFault(rt lineRoute, body []byte) (Fault, bool) {
	var to struct {
		To string `json:"to"`
	}
	_ = json.Unmarshal(body, &to)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case rt.retryKey:
		return s.takeFaultLocked(to.To)
	case rt.fault != "" && s.faults[rt.fault] != nil:
		return s.takeFaultLocked(rt.fault)
	}
	return Fault{}, false
}

func (s *Sandbox) lineCall(r *http.Request, body []byte, request string, rt lineRoute) (any, *lineError) {
	if no := s.authorize(r.Header.Values("Authorization")); no != nil {
		return nil, no
	}
	keys := r.Header.Values("X-Line-Retry-Key")
	switch {
	case len(keys) > 0 && !rt.retryKey:
		return nil, lineErr(http.StatusBadRequest, "The retry key is not supported by this API")
	case len(keys) > 0 && !uuidForm.MatchString(keys[0]):
		return nil, lineErr(http.StatusBadRequest, "Invalid retry key")
	case len(body) > maxLINEBody:
		return nil, lineErr(http.StatusRequestEntityTooLarge, "Request exceeds the max size of 2MB")
	}
	if r.Method != http.MethodGet && !rt.bare {
		if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
			return nil, lineErr(http.StatusUnsupportedMediaType, "A content type not supported by the API is requested.")
		}
		if !json.Valid(body) {
			return nil, lineErr(http.StatusBadRequest, "The request body could not be parsed as JSON (line: 1, column: 1)")
		}
	}
	return rt.handle(r, body, request)
}

func (s *Sandbox) authorize(header []string) *lineError {
	if len(header) != 1 || !strings.HasPrefix(header[0], "Bearer ") {
		return lineErr(http.StatusUnauthorized, "Authentication failed due to the following reason: missing or invalid Authorization header. Confirm that the access token in the authorization header is valid.")
	}
	token := strings.TrimPrefix(header[0], "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if end, ok := s.line.tokens[token]; token == s.opt.LINE.Token || ok && s.opt.Now().Before(end) {
		return nil
	}
	return lineErr(http.StatusUnauthorized, "Authentication failed due to the following reason: invalid token. Confirm that the access token in the authorization header is valid.")
}

func (s *Sandbox) writeLINEError(w http.ResponseWriter, no *lineError) {
	s.opt.Log.Warn("LINE call refused", "status", no.status, "message", no.message, "details", no.details)
	body := map[string]any{"message": no.message}
	if len(no.details) > 0 {
		body["details"] = no.details
	}
	for k, v := range no.extra {
		body[k] = v
	}
	for k, v := range no.header {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(no.status)
	_ = json.NewEncoder(w).Encode(body)
}

// lineToken issues a stateless channel access token (POST /oauth2/v3/token).
func (s *Sandbox) lineToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	w.Header().Set("Content-Type", "application/json")
	answer := func(status int, body map[string]any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	s.mu.Lock()
	f, faulty := s.takeFaultLocked(TokenEndpoint)
	s.mu.Unlock()
	if faulty {
		s.fail(w, r, f)
		return
	}
	if err := r.ParseForm(); err != nil || len(r.Header.Values("X-Line-Retry-Key")) > 0 {
		answer(http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "malformed request"})
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		answer(http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type", "error_description": "grant_type must be client_credentials"})
		return
	}
	if r.PostForm.Get("client_id") != s.opt.LINE.ChannelID || r.PostForm.Get("client_secret") != s.opt.LINE.ChannelSecret {
		answer(http.StatusBadRequest, map[string]any{"error": "invalid_client", "error_description": "invalid client credentials"})
		return
	}
	token := "stateless-" + randomID(24)
	s.mu.Lock()
	s.line.tokens[token] = s.opt.Now().Add(statelessLife)
	s.mu.Unlock()
	answer(http.StatusOK, map[string]any{"access_token": token, "expires_in": int(statelessLife / time.Second), "token_type": "Bearer"})
}

// TokenEndpoint is the address for [Sandbox.SetFault] that makes the issue of
// LINE tokens fail.
const TokenEndpoint = "line:token"

// TokensIssued counts the LINE tokens that were issued and not revoked.
func (s *Sandbox) TokensIssued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.line.tokens)
}

func (s *Sandbox) lineQuota(*http.Request, []byte, string) (any, *lineError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line.quota == 0 {
		return map[string]any{"type": "none"}, nil
	}
	return map[string]any{"type": "limited", "value": s.line.quota}, nil
}

func (s *Sandbox) lineConsumption(*http.Request, []byte, string) (any, *lineError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]any{"totalUsage": s.line.used}, nil
}

func (s *Sandbox) lineProfile(r *http.Request, _ []byte, _ string) (any, *lineError) {
	user := r.PathValue("user")
	if !userID.MatchString(user) {
		return nil, lineErr(http.StatusBadRequest, "The value for the 'userId' parameter is invalid")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.line.friends[user]
	if !ok || s.line.blocked[user] {
		return nil, lineErr(http.StatusNotFound, "Not found")
	}
	return map[string]any{"userId": user, "displayName": p.Name, "language": "zh-TW"}, nil
}

func (s *Sandbox) lineInfo(*http.Request, []byte, string) (any, *lineError) {
	return map[string]any{
		"userId": s.opt.LINE.BotID, "basicId": basicID, "displayName": s.account(),
		"chatMode": "bot", "markAsReadMode": "auto",
	}, nil
}

// basicID is the account's name in LINE.
const basicID = "@000sandbox"

// account is the display name of the official account.
func (s *Sandbox) account() string { return fmt.Sprintf("%s公文通知", s.opt.Agency) }
