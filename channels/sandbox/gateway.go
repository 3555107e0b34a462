package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// GatewayAccount is an agency's account at the two text message gateways that
// the sandbox plays: a plain one (forms, answers in lines) and one in the shape
// of the government's 111, whose real interface is not public.
type GatewayAccount struct {
	User     string // of the plain one
	Password string
	Token    string // of 111; also signs its receipts
	Agency   string // as 111 wants it at the beginning of a text
	// AddsPrefix: 111 writes 末三碼 and 機關名稱 itself. Else it refuses a text
	// without them.
	AddsPrefix bool
	// Hosts may stand in texts.
	Hosts []string
}

// DefaultGateway is the account when Options name none. The values are made up.
func DefaultGateway() GatewayAccount {
	return GatewayAccount{User: "qingchuan", Password: "sandbox-gateway-password", Token: "sandbox-111-token", Agency: "青川市政府"}
}

func (a *GatewayAccount) fill() {
	def := DefaultGateway()
	fill(&a.User, def.User)
	fill(&a.Password, def.Password)
	fill(&a.Token, def.Token)
	fill(&a.Agency, def.Agency)
}

// gatewayState is what the gateways took, and what is wrong with numbers.
type gatewayState struct {
	messages []*gatewayMessage // oldest first
	refuses  map[string]gatewayTrouble
	fails    map[string]string // numbers: status word afterwards
	limit    int               // segments that are left; 0: unlimited
	used     int
	banned   bool // our address is not on the allow-list
}

func newGatewayState() gatewayState {
	return gatewayState{refuses: map[string]gatewayTrouble{}, fails: map[string]string{}}
}

type gatewayMessage struct {
	id, client string
	to, body   string
	at         time.Time
	status     string
}

// gatewayTrouble is why a gateway refuses a text, with its codes in the two
// shapes.
type gatewayTrouble struct {
	status     int
	code, line string
	words      string
}

var (
	troubleToken  = gatewayTrouble{401, "E001", "e", "憑證無效"}
	troubleHost   = gatewayTrouble{403, "E002", "k", "來源位址未核可"}
	troubleForm   = gatewayTrouble{400, "E200", "f", "欄位錯誤"}
	troubleNumber = gatewayTrouble{400, "E101", "v", "門號格式錯誤"}
	troubleOptOut = gatewayTrouble{400, "E102", "o", "門號拒收"}
	troubleLink   = gatewayTrouble{400, "E201", "t", "內容含未核可網址"}
	troubleLong   = gatewayTrouble{400, "E202", "l", "內容過長"}
	troublePrefix = gatewayTrouble{400, "E203", "p", "內容未以末三碼及機關名稱起首"}
	troubleQuota  = gatewayTrouble{402, "E302", "q", "額度用罄"}
)

// GatewayOptOut makes the gateways refuse the number: its owner has blocked
// them.
func (s *Sandbox) GatewayOptOut(number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway.refuses[number] = troubleOptOut
}

// GatewayFails makes texts to the number end with a status word such as EXPIRED,
// UNDELIV, REJECTD or BADNUM, "" as usual.
func (s *Sandbox) GatewayFails(number, word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway.fails[number] = word
}

// GatewayLimit sets how many segments are left, 0 for no limit.
func (s *Sandbox) GatewayLimit(limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway.limit, s.gateway.used = limit, 0
}

// GatewayBan takes our address from the allow-list, or puts it back.
func (s *Sandbox) GatewayBan(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway.banned = on
}

// Gateway gives the credentials.
func (s *Sandbox) Gateway() GatewayAccount { return s.opt.Gateway }

func (s *Sandbox) gatewayRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /111/messages", s.gov111Send)
	mux.HandleFunc("GET /111/messages/search", s.gov111Find)
	mux.HandleFunc("POST /gateway/send", s.plainSend)
	mux.HandleFunc("GET /gateway/query", s.plainQuery)
	mux.HandleFunc("GET /gateway/balance", s.plainBalance)
}

var nationalForm = regexp.MustCompile(`^09[0-9]{8}$`)

// gatewayTakeLocked checks a text and takes it. hook is where its receipts go.
func (s *Sandbox) gatewayTakeLocked(shape, national, body, client, hook string) (*gatewayMessage, *gatewayTrouble) {
	if s.gateway.banned {
		return nil, &troubleHost
	}
	if !nationalForm.MatchString(national) {
		return nil, &troubleNumber
	}
	to := "+886" + national[1:]
	begin := to[len(to)-3:] + " " + s.opt.Gateway.Agency
	if t, ok := s.gateway.refuses[to]; ok {
		return nil, &t
	}
	switch {
	case body == "" || !utf8.ValidString(body):
		return nil, &troubleForm
	case utf16Len(body) > 335: // five segments
		return nil, &troubleLong
	case !s.ownLinks(body):
		return nil, &troubleLink
	case shape == "111" && !s.opt.Gateway.AddsPrefix && !strings.HasPrefix(body, begin):
		return nil, &troublePrefix
	}
	shown := body
	if shape == "111" && s.opt.Gateway.AddsPrefix {
		shown = begin + " " + body
	}
	n := segmentsOf(shown)
	if s.gateway.limit > 0 && s.gateway.used+n > s.gateway.limit {
		return nil, &troubleQuota
	}
	s.gateway.used += n
	m := &gatewayMessage{id: shape + "-" + randomID(8), client: client, to: to, body: body, at: s.opt.Now(), status: "DELIVRD"}
	s.gateway.messages = append(s.gateway.messages, m)
	if word := s.gateway.fails[to]; word != "" {
		m.status = word
	} else {
		s.arriveLocked(Message{Provider: "sms", ID: m.id, To: to, From: "111", At: m.at, Title: shown, Body: shown, Badge: -1, Segments: n})
	}
	if onThisMachine(hook) {
		for _, status := range []string{"ACCEPTD", m.status} {
			s.gatewayTellLocked(shape, m, status, hook)
		}
	}
	return m, nil
}

// ownLinks reports whether a text has no address but those of the account's
// hosts, and the government's shortener.
func (s *Sandbox) ownLinks(body string) bool {
	for _, found := range textLink.FindAllStringSubmatch(body, -1) {
		host := strings.ToLower(strings.Trim(found[1]+found[2], "."))
		if !slices.ContainsFunc(append([]string{"url.gov.tw"}, s.opt.Gateway.Hosts...), func(own string) bool { return host == own || strings.HasSuffix(host, "."+own) }) {
			return false
		}
	}
	return true
}

// gatewayTellLocked sends a receipt: JSON signed with the token from 111, a form
// from the plain one, whose callback address holds the secret.
func (s *Sandbox) gatewayTellLocked(shape string, m *gatewayMessage, status, hook string) {
	code := ""
	if status != "ACCEPTD" && status != "DELIVRD" {
		code = "D" + fmt.Sprint(len(status))
	}
	if shape == "plain" {
		form := url.Values{"msgid": {m.id}, "stat": {status}, "err": {code}, "dstaddr": {"0" + m.to[4:]}}
		s.callLocked("gateway", hook, []byte(form.Encode()), func([]byte, bool) http.Header {
			return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		})
		return
	}
	body, err := json.Marshal(map[string]any{"messageId": m.id, "clientId": m.client, "status": status, "errorCode": code})
	if err != nil {
		panic(err) // of strings
	}
	s.callLocked("111", hook, body, func(body []byte, forged bool) http.Header {
		key := s.opt.Gateway.Token
		if forged {
			key += "-forged"
		}
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(body)
		return http.Header{"Content-Type": {"application/json"}, "X-Signature": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
	})
}
