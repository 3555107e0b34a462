package fido

import (
	"encoding/base64"
	"html/template"
	"net/http"
)

// redirect is WEB-01: a browser posts a form, the person says who they are.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "PM_INV_NF", http.StatusBadRequest)
		return
	}
	f := r.PostForm
	m := map[string]any{"sp_checksum": f.Get("sp_checksum")}
	s.mu.Lock()
	defer s.mu.Unlock()
	var info map[string]any
	if f.Get("sign_data") != "" {
		info = map[string]any{"sign_type": f.Get("sign_type"), "sign_data": f.Get("sign_data"), "tbs_encoding": f.Get("tbs_encoding")}
	}
	limit := any(nil)
	if f.Has("time_limit") {
		limit = f.Get("time_limit")
	}
	life, code := lifetime(limit)
	data, wrong := signData(f.Get("op_code"), info)
	switch {
	case f.Get("sp_service_id") != s.opt.ServiceID:
		code = "SPSVCID_NF"
	case f.Has("id_num") || f.Has("op_mode"):
		code = "PM_INV_NF"
	case !s.checksum(m, f.Get("transaction_id"), s.opt.ServiceID, f.Get("op_code"), f.Get("hint"), f.Get("sign_data")):
		code = "INV_SP_CHECKSUM"
	case code != "":
	case wrong != "":
		code = wrong
	case f.Get("transaction_id") == "" || s.transactions[f.Get("transaction_id")]:
		code = "TXNLOG_INS_ERR"
	}
	if code != "" {
		http.Error(w, "SP-API-WEB-01-"+code, http.StatusBadRequest)
		return
	}
	t := &ticket{transaction: f.Get("transaction_id"), op: f.Get("op_code"), mode: "WEB", hint: f.Get("hint"), data: data, expires: s.opt.Now().Add(life), page: true}
	s.keep(t)
	show(w, askPage, map[string]any{"Service": s.opt.ServiceName, "Hint": t.hint, "Ticket": t.id, "Data": t.data})
}

// answerPage is the person's answer on the page; the browser takes it back to
// the service provider.
func (s *Server) answerPage(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "PM_INV_NF", http.StatusBadRequest)
		return
	}
	id := r.PostForm.Get("ticket")
	s.mu.Lock()
	t := s.tickets[id]
	if t == nil || !t.page || t.state != waiting {
		s.mu.Unlock()
		http.Error(w, "SPTKTID_SPTKT_RDM", http.StatusBadRequest)
		return
	}
	t.person = s.people[r.PostForm.Get("id_num")]
	known := t.person != nil
	s.mu.Unlock()
	code := "0"
	switch {
	case !known:
		code = "SP-API-WEB-01-IDNUM_USERPROF_NF"
	case r.PostForm.Get("do") != "approve":
		s.Cancel(id)
		code = "SP-API-WEB-01-APP_USER_CANCEL"
	case !s.Approve(id):
		code = "SP-API-WEB-01-SPTKT_OVD"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fields := map[string]string{"transaction_id": t.transaction, "error_code": code, "id_num": r.PostForm.Get("id_num")}
	if code == "0" && len(t.signed) > 0 {
		fields["signed_response"], fields["cert"] = t.signed[0], base64.StdEncoding.EncodeToString(t.cert.Raw)
	}
	fields["idp_checksum"] = s.proof(t.transaction, code, fields["id_num"], fields["signed_response"])
	show(w, backPage, map[string]any{"Action": s.opt.Callback, "Fields": fields})
}

func show(w http.ResponseWriter, page *template.Template, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, data) // the browser has gone
}

var askPage = template.Must(template.New("ask").Parse(`<!doctype html><html lang="zh-TW"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>行動自然人憑證（測試用）</title>
<h1>行動自然人憑證（測試用）</h1><p>{{.Service}}</p><p>{{.Hint}}</p>{{range .Data}}<pre>{{.}}</pre>{{end}}
<form method="post" action="/fidoRedirect/answer"><input type="hidden" name="ticket" value="{{.Ticket}}">
<p><label>身分證統一編號 <input name="id_num" required></label></p><button name="do" value="approve">核可</button> <button name="do" value="cancel">取消</button></form></html>`))

var backPage = template.Must(template.New("back").Parse(`<!doctype html><html lang="zh-TW"><meta charset="utf-8"><title>返回</title>
<form method="post" action="{{.Action}}">{{range $name, $value := .Fields}}<input type="hidden" name="{{$name}}" value="{{$value}}">{{end}}<button>返回</button></form></html>`))
