package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/web/pdfview"
)

func TestErrorsInWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	at := time.Date(2026, 11, 23, 10, 32, 0, 0, approval.Zone)
	for _, tt := range []struct {
		err    error
		status int
		title  string
	}{
		{approval.ErrNotFound, 404, "找不到這件公文"},
		{fmt.Errorf("open: %w", approval.ErrNotFound), 404, "找不到這件公文"},
		{approval.ErrForbidden, 403, "這一步不是由您辦理"},
		{approval.ErrClassified, 403, "密件，請至辦公室辦理"},
		{approval.ErrStale, 409, "公文內容已更新"},
		{approval.ErrReplayed, 409, "這張表單已送出過"},
		{approval.ErrExpired, 409, "這一頁開太久了"},
		{&approval.DecidedError{By: "局長 王大明", Action: approval.ActionApprove, At: at}, 409, "已由局長 王大明於 10:32 核可"},
		{&approval.InvalidError{Field: "x", Reason: "opinion.long", Detail: "2000"}, 422, "內容需要修正"},
		{&approval.InvalidError{Field: "x", Reason: "what.is.this"}, 422, "內容需要修正"},
		{&access.LimitedError{RetryAfter: 61 * time.Second}, 429, "嘗試太多次"},
		{access.ErrNoSession, 401, "請重新登入"},
		{access.ErrCredentials, 401, "無法登入"},
		{&http.MaxBytesError{Limit: 1}, 413, "內容太大"},
		{errForm, 400, "表單無法讀取"},
		{errNowhere, 404, "沒有這一頁"},
		{pdfview.ErrBusy, 503, "頁面準備中"},
		{pdfview.ErrNoPage, 404, "找不到這件公文"},
		{context.DeadlineExceeded, 503, "系統忙碌中"},
		{errors.New("connection to 10.0.0.5 refused"), 500, "系統出了問題"},
	} {
		v := &visit{words: o.words[Chinese], now: o.now, record: &record{id: "r1"}}
		f := o.classify(v, tt.err)
		if f.status != tt.status || f.title != tt.title || f.text == "" || strings.Contains(f.text, "10.0.0.5") {
			t.Errorf("%v: %+v, want %d %s", tt.err, f, tt.status, tt.title)
		}
		v.words = o.words[English]
		if en := o.classify(v, tt.err); en.title == f.title || strings.Contains(en.title+en.text, "error.") {
			t.Errorf("%v in English: %+v", tt.err, en)
		}
	}
}

// An error of the store is a page that says nothing of it, and a line in the
// log that does.
func TestInternalError(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := newOffice(t, func(opt *Options) { opt.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	o.store.err = errors.New("relation step does not exist")
	a := o.get(t, "wang", "/inbox").status(t, http.StatusInternalServerError).says(t, "h1", "系統出了問題").says(t, "main", "500 · 問題代碼").has(t, `a[href="/inbox"]`, 3)
	if strings.Contains(a.text, "relation") {
		t.Error("the page shows the error")
	}
	if !strings.Contains(log.String(), "relation step does not exist") || !strings.Contains(log.String(), `"level":"ERROR"`) {
		t.Errorf("log: %s", log.String())
	}
	b := o.get(t, "wang", "/d/"+string(o.flood)+"/files/"+string(o.pdf)+"/pages/1").status(t, http.StatusInternalServerError)
	if b.Header.Get("Content-Type") != "application/json" || strings.Contains(b.text, "relation") {
		t.Errorf("data: %s", b.text)
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := newOffice(t, func(opt *Options) {
		opt.Log = slog.New(slog.NewTextHandler(&log, nil))
		opt.Mount = map[string]http.Handler{"GET /broken": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret of the house") })}
	})
	a := o.get(t, "wang", "/broken").status(t, http.StatusInternalServerError).says(t, "h1", "系統出了問題")
	if strings.Contains(a.text, "secret of the house") || a.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("page: %s", a.text)
	}
	if strings.Count(log.String(), "msg=request ") != 1 || !strings.Contains(log.String(), "msg=panic") {
		t.Errorf("log: %s", log.String())
	}
}

// One line for each request, and nothing in it that is secret or content.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := newOffice(t, func(opt *Options) { opt.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	f := o.fill(t, "wang", o.flood, "forward", "機密意見內容")
	o.act(t, "wang", o.flood, f).status(t, http.StatusSeeOther)
	o.act(t, "wang", o.flood, f).status(t, http.StatusSeeOther)
	o.send(t, "", "/signin", url.Values{"login": {"wang"}, "password": {"wrong password"}, "next": {"/d/" + string(o.flood)}})
	o.get(t, "wang", "/inbox?f=decide&after="+string(o.flood))
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 5 {
		t.Errorf("%d lines for 5 requests:\n%s", len(lines), log.String())
	}
	for _, secret := range []string{f.Get("token"), "意見", "wrong password", string(o.flood), "f=decide", "防汛", "qianhe_session", "wang"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	for _, want := range []string{`route="POST /d/{id}/act"`, "status=303", "person=" + string(o.wang.ID), "request=", "ms=", "status=401"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s", want)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("a server without anything was made")
	}
	o := newOffice(t)
	opt := o.Options
	opt.BaseURL = &url.URL{Path: "sign.example.gov.tw"}
	if _, err := New(opt); err == nil || !strings.Contains(err.Error(), "https://sign.example.gov.tw") {
		t.Errorf("a base URL without a host gives %v", err)
	}
}

// What others have mounted checks for itself who calls.
func TestMount(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(opt *Options) {
		opt.Mount = map[string]http.Handler{"POST /hooks/line": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })}
	})
	o.send(t, "", "/hooks/line", nil, "Sec-Fetch-Site", "cross-site").status(t, http.StatusTeapot)
	o.get(t, "", "/hooks/line").status(t, http.StatusNotFound)
}
