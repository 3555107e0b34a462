package fido

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options of the stand-in.
type Options struct {
	ServiceID   string // of the one service provider that it knows
	ServiceName string
	Key         []byte // 32 bytes, shared with it
	Callback    string // registered address that the page's answers go to
	Now         func() time.Time
}

// Server is the stand-in. It is safe for concurrent use.
type Server struct {
	opt       Options
	authority *Authority

	mu           sync.Mutex
	people       map[string]*person // by identity number
	tickets      map[string]*ticket // by sp_ticket_id
	transactions map[string]bool
	fault        Fault
	changed      chan struct{} // closed when a ticket comes
}

// Fault is a bad day.
type Fault struct {
	Code      string // every request gets this error_code, with the interface in front
	Number    bool   // error_code is a JSON number
	Pending   int    // so many questions are answered "not yet" although there is an answer
	NotYet    string // error_code for "not yet", instead of SPTKTID_TXNLOG_NF
	Down      int    // so many requests get an error 500 of the framework
	Checksum  bool   // idp_checksum is wrong
	Signature bool   // signatures are over something else
	Stranger  bool   // the certificate is another person's
	Unknown   bool   // the certificate is of an unknown authority
}

// person has a phone.
type person struct {
	idNumber string
	name     string
	device   string
	key      *rsa.PrivateKey
	cert     *x509.Certificate
	silent   bool // the app has not been opened for long: prompts do not arrive
}

// ticket is one thing that a person is asked for.
type ticket struct {
	id, raw     string
	transaction string
	person      *person
	op, mode    string
	hint        string
	data        []string
	expires     time.Time
	state       state
	page        bool // of the page for browsers
	signed      []string
	cert        *x509.Certificate
}

type state int

const (
	waiting state = iota
	approved
	cancelled
)

// New makes a stand-in.
func New(opt Options, authority *Authority) *Server {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Server{opt: opt, authority: authority, people: map[string]*person{}, tickets: map[string]*ticket{}, transactions: map[string]bool{}, changed: make(chan struct{})}
}

// Enroll binds a phone of a person and gives it a certificate. The holder is
// the serialNumber of its subject.
func (s *Server) Enroll(idNumber, name, holder, device string, key *rsa.PrivateKey) (*x509.Certificate, error) {
	cert, err := s.authority.Issue(name, holder, idNumber[len(idNumber)-4:], key.Public(), s.opt.Now())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[idNumber] = &person{idNumber: idNumber, name: name, device: device, key: key, cert: cert}
	return cert, nil
}

// SetSilent makes prompts to a person's phone not arrive (PS_FCM_NOT_FOUND).
func (s *Server) SetSilent(idNumber string, silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[idNumber].silent = silent
}

// SetFault begins a bad day, or with the zero value ends it.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Prompt is what the app shows.
type Prompt struct {
	Ticket  string // sp_ticket_id
	Service string // sp_name
	Hint    string
	Op      string
	Data    []string // sign_data
	Pushed  bool     // the phone has rung by itself
}

// Prompts gives what a person's app would show now, in no order.
func (s *Server) Prompts(idNumber string) []Prompt {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Prompt
	for _, t := range s.tickets {
		if t.person != nil && t.person.idNumber == idNumber && t.state == waiting && s.opt.Now().Before(t.expires) {
			out = append(out, Prompt{t.id, s.opt.ServiceName, t.hint, t.op, t.data, t.mode == "PUSH"})
		}
	}
	return out
}

// Changed gives a channel that is closed when the next ticket comes.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Approve signs in the app; Cancel declines. Both report false when there is
// nothing to answer any more.
func (s *Server) Approve(ticketID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tickets[ticketID]
	if t == nil || t.state != waiting || !s.opt.Now().Before(t.expires) {
		return false
	}
	signer := t.person
	if s.fault.Stranger {
		for _, id := range slices.Sorted(maps.Keys(s.people)) {
			if s.people[id] != t.person {
				signer = s.people[id]
			}
		}
	}
	t.cert = signer.cert
	if s.fault.Unknown {
		t.cert = s.authority.foreign(signer.cert, signer.key.Public())
	}
	for _, data := range t.data {
		signed, err := sign(signer.key, data, s.fault.Signature)
		if err != nil {
			return false
		}
		t.signed = append(t.signed, signed)
	}
	t.state = approved
	return true
}

// Cancel declines in the app.
func (s *Server) Cancel(ticketID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tickets[ticketID]
	if t == nil || t.state != waiting {
		return false
	}
	t.state = cancelled
	return true
}

// sign does what the app does for sign_type RAW: RSA with PKCS #1 padding over
// the DigestInfo as it came. Other types are not played.
func sign(key *rsa.PrivateKey, data string, wrong bool) (string, error) {
	info, err := base64.StdEncoding.DecodeString(data)
	if err != nil || len(info) < sha256.Size {
		return "", errors.New("nothing to sign")
	}
	if wrong {
		info = bytes.Clone(info)
		info[len(info)-1] ^= 1
	}
	signed, err := rsa.SignPKCS1v15(nil, key, 0, info) // 0: the DigestInfo is there already
	return base64.StdEncoding.EncodeToString(signed), err
}

// Handler serves the interface.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, call := range map[string]func(m map[string]any) (map[string]any, string){
		"getSpTicket":          s.getTicket,
		"requestAthOrSignPush": s.push,
		"doBatchSigning":       s.batch,
		"getAthOrSignResult":   s.result,
		"checkDeviceStatus":    s.device,
	} {
		mux.HandleFunc("POST /moise/sp/"+path, s.serve(interfaces[path], call))
	}
	mux.HandleFunc("POST /fidoRedirect/web", s.redirect)
	mux.HandleFunc("POST /fidoRedirect/answer", s.answerPage)
	return mux
}

var interfaces = map[string]string{
	"getSpTicket": "SP-API-ATH-01", "getAthOrSignResult": "SP-API-ATH-02", "requestAthOrSignPush": "SP-API-ATH-03", "doBatchSigning": "SP-API-ATH-04", "checkDeviceStatus": "SP-API-LF-01",
}

// serve reads a request and writes the envelope: business errors come with
// status 200.
func (s *Server) serve(id string, call func(map[string]any) (map[string]any, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		m := map[string]any{}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.fault.Down > 0 {
			s.fault.Down--
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, `{"timestamp":%q,"status":500,"error":"Internal Server Error","path":%q}`, s.opt.Now().Format(time.RFC3339), r.URL.Path)
			return
		}
		var result map[string]any
		code := s.fault.Code
		switch {
		case code != "":
		case err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || json.Unmarshal(b, &m) != nil:
			code = "PM_INV_NF"
		default:
			result, code = call(m)
		}
		envelope := map[string]any{"error_code": "0", "error_message": "success", "result": result}
		switch {
		case code != "" && s.fault.Number:
			n, _ := strconv.Atoi(code)
			envelope = map[string]any{"error_code": n, "error_message": "failed"}
		case code != "" && strings.Trim(code, "0123456789") == "":
			envelope = map[string]any{"error_code": code, "error_message": "failed", "result": nil}
		case code != "":
			envelope = map[string]any{"error_code": id + "-" + code, "error_message": "failed"}
		case s.fault.Number:
			envelope["error_code"] = 0
		}
		_ = json.NewEncoder(w).Encode(envelope) // the client has gone
	}
}

// field gives a text that has to be there.
func field(m map[string]any, name string) string {
	v, _ := m[name].(string)
	return v
}

// checksum reports whether the request's own is right.
func (s *Server) checksum(m map[string]any, payload ...string) bool {
	b, err := hex.DecodeString(field(m, "sp_checksum"))
	if err != nil || len(b) != 92 {
		return false
	}
	plain, err := s.aead().Open(nil, b[:12], b[12:], nil)
	sum := sha256.Sum256([]byte(strings.Join(payload, "")))
	return err == nil && string(plain) == hex.EncodeToString(sum[:])
}

func (s *Server) aead() cipher.AEAD {
	block, err := aes.NewCipher(s.opt.Key)
	if err != nil {
		panic(err) // Options.Key has 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// proof makes an idp_checksum.
func (s *Server) proof(payload ...string) string {
	if s.fault.Checksum {
		payload = append(payload, "x")
	}
	nonce := make([]byte, 12)
	if _, err := rand.Read(nonce); err != nil {
		panic(err)
	}
	sum := sha256.Sum256([]byte(strings.Join(payload, "")))
	return hex.EncodeToString(s.aead().Seal(nonce, nonce, []byte(hex.EncodeToString(sum[:])), nil))
}

// pseudonym is hashed_id_num.
func (s *Server) pseudonym(idNumber string) string {
	sum := sha256.Sum256(append(slices.Clone(s.opt.Key), idNumber...))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
