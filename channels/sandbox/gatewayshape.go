package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/encoding/traditionalchinese"
)

// gov111Send is the call in the shape of 111. It knows each field and no other.
func (s *Sandbox) gov111Send(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ClientID    string `json:"clientId"`
		Agency      string `json:"agency"`
		Phone       string `json:"phone"`
		Content     string `json:"content"`
		ExpireAt    string `json:"expireAt"`
		CallbackURL string `json:"callbackUrl"`
	}
	t, _, typeErr := mime.ParseMediaType(r.Header.Get("Content-Type"))
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10))
	d.DisallowUnknownFields()
	err := d.Decode(&m)
	s.mu.Lock()
	fault, faulty := s.takeFaultLocked(internationalOf(m.Phone))
	s.mu.Unlock()
	faulty = faulty && !s.late(r, fault)
	if faulty && !fault.Accept {
		s.fail(w, r, fault)
		return
	}
	var no *gatewayTrouble
	var took *gatewayMessage
	switch {
	case !s.is111(r):
		no = &troubleToken
	case typeErr != nil || t != "application/json" || err != nil || m.ClientID == "" || m.Agency != s.opt.Gateway.Agency || !stampForm.MatchString(m.ExpireAt):
		no = &troubleForm
	default:
		s.mu.Lock()
		took, no = s.gatewayTakeLocked("111", m.Phone, m.Content, m.ClientID, m.CallbackURL)
		s.mu.Unlock()
	}
	switch {
	case no != nil:
		s.opt.Log.Warn("111 call refused", "code", no.code)
		write111(w, no.status, map[string]any{"code": no.code, "message": no.words})
	case faulty:
		s.fail(w, r, fault)
	default:
		write111(w, http.StatusOK, map[string]any{"code": "0000", "message": "OK", "messageId": took.id})
	}
}

var stampForm = regexp.MustCompile(`^20[0-9]{12}$`)

func (s *Sandbox) is111(r *http.Request) bool {
	return r.Header.Get("Authorization") == "Bearer "+s.opt.Gateway.Token
}

func write111(w http.ResponseWriter, status int, answer map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// gov111Find tells of a text by the name that its sender gave it.
func (s *Sandbox) gov111Find(w http.ResponseWriter, r *http.Request) {
	if !s.is111(r) {
		write111(w, troubleToken.status, map[string]any{"code": troubleToken.code})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.gatewayFindLocked(r.URL.Query().Get("clientId")); m != nil {
		write111(w, http.StatusOK, map[string]any{"code": "0000", "messageId": m.id, "status": m.status})
		return
	}
	write111(w, http.StatusNotFound, map[string]any{"code": "E404", "message": "查無此筆"})
}

func (s *Sandbox) gatewayFindLocked(client string) *gatewayMessage {
	for _, m := range slices.Backward(s.gateway.messages) {
		if m.client == client {
			return m
		}
	}
	return nil
}

// plainSend is the call of the plain gateway: a form in Big5, or in UTF-8 where
// the query says charset=utf-8, answered in lines.
func (s *Sandbox) plainSend(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err != nil {
		return
	}
	form, formErr := url.ParseQuery(string(body))
	text := form.Get("smbody")
	if r.URL.Query().Get("charset") != "utf-8" {
		b, err := traditionalchinese.Big5.NewDecoder().Bytes([]byte(text))
		if err != nil || strings.ContainsRune(string(b), '\uFFFD') {
			formErr = fmt.Errorf("text is not Big5")
		}
		text = string(b)
	}
	s.mu.Lock()
	fault, faulty := s.takeFaultLocked(internationalOf(form.Get("dstaddr")))
	s.mu.Unlock()
	faulty = faulty && !s.late(r, fault)
	if faulty && !fault.Accept {
		s.fail(w, r, fault)
		return
	}
	var no *gatewayTrouble
	var took *gatewayMessage
	switch {
	case formErr != nil || unknownField(form):
		no = &troubleForm
	case form.Get("username") != s.opt.Gateway.User || form.Get("password") != s.opt.Gateway.Password:
		no = &troubleToken
	default:
		s.mu.Lock()
		took, no = s.gatewayTakeLocked("plain", form.Get("dstaddr"), text, form.Get("clientid"), form.Get("response"))
		s.mu.Unlock()
	}
	switch {
	case no != nil:
		s.opt.Log.Warn("gateway call refused", "code", no.line)
		plainLines(w, "[1]", "statuscode="+no.line)
	case faulty:
		s.fail(w, r, fault)
	default:
		plainLines(w, "[1]", "msgid="+took.id, "statuscode=1")
	}
}

func unknownField(form url.Values) bool {
	for name, values := range form {
		if !slices.Contains([]string{"username", "password", "dstaddr", "smbody", "clientid", "response"}, name) || len(values) != 1 {
			return true
		}
	}
	return form.Get("clientid") == ""
}

// plainLines answers in Big5, as such a gateway does.
func plainLines(w http.ResponseWriter, lines ...string) {
	w.Header().Set("Content-Type", "text/plain; charset=big5")
	for _, l := range lines {
		fmt.Fprintf(w, "%s\r\n", l)
	}
}

func (s *Sandbox) plainQuery(w http.ResponseWriter, r *http.Request) {
	if !s.isPlain(w, r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.gatewayFindLocked(r.URL.Query().Get("clientid")); m != nil {
		plainLines(w, "msgid="+m.id, "stat="+m.status)
		return
	}
	plainLines(w, "none")
}

func (s *Sandbox) plainBalance(w http.ResponseWriter, r *http.Request) {
	if s.isPlain(w, r) {
		plainLines(w, "AccountPoint=998")
	}
}

func (s *Sandbox) isPlain(w http.ResponseWriter, r *http.Request) bool {
	q := r.URL.Query()
	if q.Get("username") == s.opt.Gateway.User && q.Get("password") == s.opt.Gateway.Password {
		return true
	}
	plainLines(w, "statuscode="+troubleToken.line)
	return false
}

// internationalOf gives 0912345678 in E.164 form.
func internationalOf(national string) string {
	if !nationalForm.MatchString(national) {
		return national
	}
	return "+886" + national[1:]
}
