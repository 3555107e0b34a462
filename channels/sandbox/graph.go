package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Page is the Facebook Page that the sandbox plays, and the app that speaks for
// it.
type Page struct {
	ID          string
	Token       string // of the Page
	AppSecret   string
	VerifyToken string // for the callback address; the app's own secret
	Callback    string // where events go; empty: nowhere
}

// DefaultPage is the Page when Options name none. The values are made up.
func DefaultPage() Page {
	return Page{
		ID:          "100200300400500",
		Token:       "sandbox-page-access-token",
		AppSecret:   "73616e64626f782d6d657461",
		VerifyToken: "sandbox-verify-token",
	}
}

func (p *Page) fill() {
	def := DefaultPage()
	fill(&p.ID, def.ID)
	fill(&p.Token, def.Token)
	fill(&p.AppSecret, def.AppSecret)
	fill(&p.VerifyToken, def.VerifyToken)
}

// graphState is Messenger with one Page.
type graphState struct {
	threads    map[string]*thread // by PSID
	profile    map[string]json.RawMessage
	subscribed []string
}

// thread is one person's chat with the Page.
type thread struct {
	begun   bool      // the person has written or tapped there before
	heard   time.Time // when they last did: the window is 24 hours from then
	blocked bool      // the person does not receive messages from the Page
	ref     string    // came through a link and has not tapped "Get Started" yet
	read    time.Time // up to here
	said    []saying  // by the person
}

// saying is what a person said or tapped.
type saying struct {
	id   string
	text string
	at   time.Time
}

func newGraphState() graphState {
	return graphState{threads: map[string]*thread{}, profile: map[string]json.RawMessage{}}
}

// What Meta says about itself.
const (
	graphWindow  = 24 * time.Hour
	proofLife    = 5 * time.Minute // of an appsecret_proof with appsecret_time
	maxGraphBody = 1 << 20
)

var (
	psidForm     = regexp.MustCompile(`^[0-9]{5,32}$`)
	graphVersion = regexp.MustCompile(`^v[1-9][0-9]?\.0$`)
)

// Page gives the Page's credentials.
func (s *Sandbox) Page() Page { return s.opt.Messenger }

// SetPageCallback says where the Page's events go, when that is known only
// after the sandbox was made.
func (s *Sandbox) SetPageCallback(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Messenger.Callback = url
}

// SignGraph gives the X-Hub-Signature-256 of a callback's body.
func (s *Sandbox) SignGraph(body []byte) string {
	return "sha256=" + hexMAC(s.opt.Messenger.AppSecret, body)
}

func hexMAC(key string, message []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(message)
	return hex.EncodeToString(mac.Sum(nil))
}

// graphError is an answer of Graph other than success.
type graphError struct {
	status        int
	code, subcode int
	message       string
}

func graphErr(status, code, subcode int, format string, args ...any) *graphError {
	return &graphError{status, code, subcode, fmt.Sprintf(format, args...)}
}

// parameter is error 100, for everything that is wrong with a request.
func parameter(format string, args ...any) *graphError {
	return graphErr(http.StatusBadRequest, 100, 0, "(#100) "+format, args...)
}

// body is the error as Graph writes it.
func (e *graphError) body() string {
	inner := map[string]any{"message": e.message, "type": "OAuthException", "code": e.code, "fbtrace_id": "A" + randomID(5)}
	if e.subcode != 0 {
		inner["error_subcode"] = e.subcode
	}
	b, err := json.Marshal(map[string]any{"error": inner})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// GraphError: not taken, with this error of Graph.
func GraphError(status, code, subcode int, message string) Fault {
	return Fault{
		Status: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: graphErr(status, code, subcode, "(#%d) %s", code, message).body(),
	}
}

// GraphLimited: not taken, because of too many calls (code 4, 613, 32, 80006).
// after says when to come back: as Retry-After for less than a minute, else as
// Graph's own header, in minutes; 0 says nothing.
func GraphLimited(code int, after time.Duration) Fault {
	f := GraphError(http.StatusBadRequest, code, 0, "Calls to this api have exceeded the rate limit.")
	switch {
	case after >= time.Minute:
		f.Header.Set("X-Business-Use-Case-Usage", fmt.Sprintf(`{"17":[{"type":"messenger","call_count":100,"estimated_time_to_regain_access":%d}]}`, int(after.Minutes())))
	case after > 0:
		f.Header.Set("Retry-After", strconv.Itoa(int(after.Seconds())))
	}
	return f
}

type graphHandler func(r *http.Request, body []byte) (any, *graphError)

// graphRoutes puts the Graph API under /graph, because its paths begin with
// anything.
func (s *Sandbox) graphRoutes(mux *http.ServeMux) {
	handle := func(method, edge string, h graphHandler) {
		mux.HandleFunc(method+" /graph/{version}/{page}"+edge, func(w http.ResponseWriter, r *http.Request) { s.serveGraph(w, r, h) })
	}
	handle("POST", "/messages", s.graphSend)
	handle("GET", "", s.graphPage)
	handle("GET", "/messenger_profile", s.graphReadProfile)
	handle("POST", "/messenger_profile", s.graphWriteProfile)
	handle("GET", "/subscribed_apps", s.graphSubscribed)
	handle("POST", "/subscribed_apps", s.graphSubscribe)
	mux.HandleFunc("/graph/", func(w http.ResponseWriter, r *http.Request) {
		s.serveGraph(w, r, func(*http.Request, []byte) (any, *graphError) {
			return nil, graphErr(http.StatusBadRequest, 2500, 0, "Unknown path components: %s", r.URL.Path)
		})
	})
}

// serveGraph does what every call of the Graph API has in common.
func (s *Sandbox) serveGraph(w http.ResponseWriter, r *http.Request, h graphHandler) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxGraphBody+1))
	if err != nil {
		return
	}
	fault, faulty := s.graphFault(body)
	faulty = faulty && !s.late(r, fault)
	if faulty && !fault.Accept {
		s.fail(w, r, fault)
		return
	}
	answer, no := s.graphCall(r, body, h)
	switch {
	case no != nil:
		s.opt.Log.Warn("Graph call refused", "status", no.status, "code", no.code, "subcode", no.subcode, "message", no.message)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(no.status)
		_, _ = io.WriteString(w, no.body())
	case faulty:
		s.fail(w, r, fault)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// graphFault gives the fault that meets a message to the person named in body.
func (s *Sandbox) graphFault(body []byte) (Fault, bool) {
	var to struct {
		Recipient struct {
			ID string `json:"id"`
		} `json:"recipient"`
	}
	_ = json.Unmarshal(body, &to)
	s.mu.Lock()
	defer s.mu.Unlock()
	if to.Recipient.ID == "" {
		return Fault{}, false
	}
	return s.takeFaultLocked(to.Recipient.ID)
}

func (s *Sandbox) graphCall(r *http.Request, body []byte, h graphHandler) (any, *graphError) {
	if no := s.graphAuthorize(r); no != nil {
		return nil, no
	}
	if version := r.PathValue("version"); version != "" && !graphVersion.MatchString(version) {
		return nil, graphErr(http.StatusBadRequest, 2635, 0, "(#2635) %q is no version", version)
	}
	if page := r.PathValue("page"); page != "" && page != s.opt.Messenger.ID {
		return nil, graphErr(http.StatusBadRequest, 100, 33, "Unsupported request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, or does not support this operation", page)
	}
	if len(body) > 0 {
		if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" || !json.Valid(body) || len(body) > maxGraphBody {
			return nil, parameter("The body is not JSON, or too much of it")
		}
	}
	return h(r, body)
}

// graphAuthorize wants the token in its header, once and nowhere else, and the
// proof that "Require App Secret" asks for.
func (s *Sandbox) graphAuthorize(r *http.Request) *graphError {
	query := r.URL.Query()
	if query.Has("access_token") {
		return parameter("the sandbox takes no token in an address, where it ends in logs")
	}
	token, ok := strings.CutPrefix(strings.Join(r.Header.Values("Authorization"), "\n"), "Bearer ")
	if !ok {
		return graphErr(http.StatusBadRequest, 2500, 0, "An active access token must be used to query information about the current user.")
	}
	if token != s.opt.Messenger.Token {
		return graphErr(http.StatusUnauthorized, 190, 0, "Invalid OAuth access token - Cannot parse access token")
	}
	if !query.Has("appsecret_proof") {
		return graphErr(http.StatusBadRequest, 100, 0, "API calls from the server require an appsecret_proof argument")
	}
	message := token
	if at := query.Get("appsecret_time"); at != "" {
		message += "|" + at
		n, err := strconv.ParseInt(at, 10, 64)
		if age := s.opt.Now().Sub(time.Unix(n, 0)).Abs(); err != nil || age > proofLife {
			return graphErr(http.StatusBadRequest, 100, 0, "Invalid appsecret_time provided in the API argument")
		}
	}
	if !hmac.Equal([]byte(query.Get("appsecret_proof")), []byte(hexMAC(s.opt.Messenger.AppSecret, []byte(message)))) {
		return graphErr(http.StatusBadRequest, 100, 0, "Invalid appsecret_proof provided in the API argument")
	}
	return nil
}

// graphPage is GET /{page}.
func (s *Sandbox) graphPage(*http.Request, []byte) (any, *graphError) {
	return map[string]any{"id": s.opt.Messenger.ID, "name": s.account()}, nil
}
