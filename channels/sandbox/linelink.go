package sandbox

import (
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// lineLinkToken is POST /v2/bot/user/{userId}/linkToken.
func (s *Sandbox) lineLinkToken(r *http.Request, _ []byte, _ string) (any, *lineError) {
	user := r.PathValue("user")
	if !userID.MatchString(user) {
		return nil, lineErr(http.StatusBadRequest, "The value for the 'userId' parameter is invalid")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.line.friends[user]; !ok {
		return nil, lineErr(http.StatusNotFound, "Not found")
	}
	token := randomID(16)
	s.line.linkTokens[token] = linkToken{user, s.opt.Now()}
	return map[string]any{"linkToken": token}, nil
}

// lineEndpoint is GET /v2/bot/channel/webhook/endpoint.
func (s *Sandbox) lineEndpoint(*http.Request, []byte, string) (any, *lineError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line.callback == "" {
		return nil, lineErr(http.StatusNotFound, "Webhook endpoint not found")
	}
	return map[string]any{"endpoint": s.line.callback, "active": !s.line.silent}, nil
}

// lineSetEndpoint is PUT /v2/bot/channel/webhook/endpoint. LINE wants https;
// here an address on this machine is as good.
func (s *Sandbox) lineSetEndpoint(_ *http.Request, body []byte, _ string) (any, *lineError) {
	var req struct {
		Endpoint string `json:"endpoint"`
	}
	_ = json.Unmarshal(body, &req)
	u, err := url.Parse(req.Endpoint)
	if err != nil || len(req.Endpoint) > 500 || !absoluteURL(req.Endpoint) || u.Scheme != "https" && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" {
		return nil, lineErr(http.StatusBadRequest, "Invalid webhook endpoint URL")
	}
	s.SetLINECallback(req.Endpoint)
	return map[string]any{}, nil
}

// lineTestEndpoint is POST /v2/bot/channel/webhook/test: a callback without
// events.
func (s *Sandbox) lineTestEndpoint(r *http.Request, _ []byte, _ string) (any, *lineError) {
	s.mu.Lock()
	address := s.line.callback
	s.mu.Unlock()
	if address == "" {
		return nil, lineErr(http.StatusNotFound, "Webhook endpoint not found")
	}
	body := []byte(`{"destination":"` + s.opt.LINE.BotID + `","events":[]}`)
	status := postCallback(r.Context(), &http.Client{Timeout: 2 * time.Second}, callback{url: address, body: body, header: http.Header{"X-Line-Signature": {s.Sign(body)}}})
	reason := "OK"
	switch {
	case status == 0:
		reason = "COULD_NOT_CONNECT"
	case status != http.StatusOK:
		reason = "ERROR_STATUS_CODE"
	}
	return map[string]any{
		"success": status == http.StatusOK, "timestamp": s.opt.Now().UTC().Format(time.RFC3339), "statusCode": status, "reason": reason, "detail": reason,
	}, nil
}

// linkDialog is what the page of account linking shows.
type linkDialog struct {
	Agency  string
	Account string
	Token   string
	Nonce   string
	Owner   Person
	Others  []Person
	Wrong   string // why there is nothing to agree to
}

// dialogRoutes is LINE's own page of account linking (access.line.me).
func (s *Sandbox) dialogRoutes(mux *http.ServeMux, pages *template.Template) {
	show := func(w http.ResponseWriter, status int, d linkDialog) {
		d.Agency, d.Account = s.opt.Agency, s.account()
		s.servePageStatus(w, status, pages, "dialog.tmpl", d)
	}
	mux.HandleFunc("GET /dialog/bot/accountLink", func(w http.ResponseWriter, r *http.Request) {
		d := s.linkDialog(r.URL.Query().Get("linkToken"), r.URL.Query().Get("nonce"))
		status := http.StatusOK
		if d.Wrong != "" {
			status = http.StatusBadRequest
		}
		show(w, status, d)
	})
	same := http.NewCrossOriginProtection()
	mux.Handle("POST /dialog/bot/accountLink", same.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
		user, wrong := s.AgreeLINE(r.PostFormValue("linkToken"), r.PostFormValue("nonce"), r.PostFormValue("user"))
		if wrong != "" {
			show(w, http.StatusBadRequest, linkDialog{Wrong: wrong})
			return
		}
		http.Redirect(w, r, "/phone/"+s.keyOf(user)+"#line", http.StatusSeeOther)
	})))
}

// friendPage asks on whose phone the account is added.
type friendPage struct {
	Account string
	People  []personCard
}

// friendRoutes is where addresses lead that add the account (line.me).
func (s *Sandbox) friendRoutes(mux *http.ServeMux, pages *template.Template) {
	mux.HandleFunc("GET /R/ti/p/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != basicID {
			http.Error(w, "這裡沒有這個官方帳號", http.StatusNotFound)
			return
		}
		page := friendPage{Account: s.account()}
		for _, p := range s.opt.People {
			if p.LINE != "" {
				page.People = append(page.People, personCard{Person: p, Mark: mark(p.Name)})
			}
		}
		s.servePage(w, pages, "friend.tmpl", page)
	})
}

// linkDialog looks at what the page was opened with.
func (s *Sandbox) linkDialog(token, nonce string) linkDialog {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := linkDialog{Token: token, Nonce: nonce}
	t, wrong := s.linkableLocked(token, nonce)
	if d.Wrong = wrong; wrong != "" {
		return d
	}
	for _, p := range s.opt.People {
		switch {
		case p.LINE == "":
		case p.LINE == t.user:
			d.Owner = p
		default:
			d.Others = append(d.Others, p)
		}
	}
	return d
}

// linkableLocked gives the token, or why LINE shows an error and tells nobody.
func (s *Sandbox) linkableLocked(token, nonce string) (t linkToken, wrong string) {
	t, ok := s.line.linkTokens[token]
	switch {
	case !ok:
		return t, "這個連結已經用過，或不是由 LINE 發出的。"
	case s.opt.Now().Sub(t.at) >= linkTokenLife:
		return t, "這個連結已經過期。"
	case len(nonce) < 10 || len(nonce) > 255:
		return t, "nonce 必須是 10 到 255 個字元。"
	}
	return t, ""
}

// AgreeLINE is the user agreeing to be linked on LINE's page. LINE tells of it
// by an event: a good one when it is the user whom the token was issued for, a
// failed one, which names nobody, when it is another. Of a token that is spent
// or too old it tells nothing; wrong then says what the page says.
func (s *Sandbox) AgreeLINE(token, nonce, user string) (who, wrong string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, wrong := s.linkableLocked(token, nonce)
	if wrong != "" {
		return "", wrong
	}
	delete(s.line.linkTokens, token)
	if user == "" {
		user = t.user
	}
	if user != t.user {
		s.lineEventLocked("accountLink", "", false, map[string]any{"link": map[string]any{"result": "failed", "nonce": nonce}})
		return user, ""
	}
	s.lineEventLocked("accountLink", user, true, map[string]any{"link": map[string]any{"result": "ok", "nonce": nonce}})
	return user, ""
}

// keyOf gives the key of the person with this LINE user ID.
func (s *Sandbox) keyOf(user string) string {
	for _, p := range s.opt.People {
		if p.LINE == user {
			return p.Key
		}
	}
	return ""
}

// lineUserRoutes is what a person does in LINE on a phone.
func (s *Sandbox) lineUserRoutes(mux *http.ServeMux) {
	same := http.NewCrossOriginProtection()
	mux.Handle("POST /phone/{key}/line", same.Handler(http.HandlerFunc(s.actInLINE)))
}

// actInLINE is POST /phone/{key}/line: do says what.
func (s *Sandbox) actInLINE(w http.ResponseWriter, r *http.Request) {
	p, ok := s.person(r.PathValue("key"))
	if !ok || p.LINE == "" {
		http.Error(w, "這裡沒有這支手機", http.StatusNotFound)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	ok = true
	switch r.PostFormValue("do") {
	case "say":
		words := strings.TrimSpace(r.PostFormValue("text"))
		if n := utf16Len(words); n > 0 && n <= maxSaid {
			s.SayLINE(p.LINE, words)
		}
	case "tap":
		ok = s.TapLINE(p.LINE, r.PostFormValue("message"), r.PostFormValue("label"))
	case "block":
		s.BlockLINE(p.LINE)
	case "add":
		s.AddLINE(p.LINE)
	default:
		ok = false
	}
	if !ok {
		http.Error(w, "這裡沒有這個按鈕", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/phone/"+p.Key+"#line", http.StatusSeeOther)
}
