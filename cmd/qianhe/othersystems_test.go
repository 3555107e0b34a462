package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"qianhe/channels/webhook"
	"qianhe/hub"
)

// command runs one command line on the demo's database and gives its output.
func (d *demo) command(t *testing.T, args ...string) (status int, out string) {
	t.Helper()
	var b, log bytes.Buffer
	environ := []string{
		"QIANHE_DATABASE_URL=" + d.pool.Config().ConnString(),
		"QIANHE_SECRET=" + base64.StdEncoding.EncodeToString(d.config.Secret[:]),
	}
	status = run(t.Context(), env{strings.NewReader(""), &b, &log, environ}, args)
	if status != 0 {
		return status, b.String() + log.String()
	}
	return status, b.String()
}

// receiver is an agency's own system that takes events.
type receiver struct {
	*httptest.Server
	secrets []string
	events  chan map[string]any // that were verified, without those of tests
}

func newEventReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{events: make(chan map[string]any, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		if err == nil {
			_, err = webhook.Verify(r.secrets, req.Header, b, time.Now())
		}
		var e map[string]any
		if err == nil {
			err = json.Unmarshal(b, &e)
		}
		if err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if e["type"] != string(hub.EventWebhookTest) {
			r.events <- e
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// next waits for an event of a type about a notification or document.
func (r *receiver) next(t *testing.T, typ hub.EventType, key, id string) map[string]any {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e := <-r.events:
			if data, _ := e["data"].(map[string]any); e["type"] == string(typ) && data[key] == id {
				return data
			}
		case <-deadline:
			t.Fatalf("no event %s about %s", typ, id)
		}
	}
}

// call is one call of the JSON API.
func (d *demo) call(t *testing.T, token, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.config.BaseURL.String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		t.Fatalf("%s %s: %d: %v", method, path, resp.StatusCode, err)
	}
	return resp.StatusCode, v
}

// TestOtherSystems: the attendance system of an agency says that a form waits;
// the official reads so, goes there, and the system hears of it and closes it;
// its own systems are told by signed events, and an administrator has one sent
// again.
func TestOtherSystems(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	status, token := d.command(t, "token", "create", "-name", "差勤系統", "-scope", "notifications:write", "-origin", "https://hr.example.gov.tw")
	if status != 0 {
		t.Fatalf("token create: %d %s", status, token)
	}
	token = strings.TrimSpace(token)

	r := newEventReceiver(t)
	status, out := d.command(t, "webhook", "add", "-private", "-url", r.URL+"/hooks")
	id, secret, _ := strings.Cut(strings.TrimSpace(out), "\n")
	if status != 0 {
		t.Fatalf("webhook add: %d %s", status, out)
	}
	r.secrets = []string{secret}
	if status, out = d.command(t, "webhook", "test", id); status != 0 || !strings.Contains(out, "took it: 200") {
		t.Errorf("webhook test: %d %s", status, out)
	}

	code, answer := d.call(t, token, "POST", "/api/v1/notifications",
		`{"key":"leave-8812","kind":"form.pending","title":"公出申請單待審核","url":"https://hr.example.gov.tw/forms/8812","recipients":["wang","nobody"]}`)
	if code != http.StatusMultiStatus {
		t.Fatalf("publish: %d %v", code, answer)
	}
	notice := answer["id"].(string)
	notification := answer["results"].([]any)[0].(map[string]any)["notification"].(string)
	if code, answer = d.call(t, token, "POST", "/api/v1/notifications", `{"kind":"form.pending","title":"a","url":"https://evil.example.gov.tw/","recipients":["wang"]}`); code != http.StatusUnprocessableEntity {
		t.Errorf("a link elsewhere: %d %v", code, answer)
	}

	wang := d.signedIn(t, "wang")
	_, page := wang.get("/inbox")
	if got := says(page, ".slips"); !strings.Contains(got, "待審核表單 1 件") || !strings.Contains(got, "公出申請單待審核") || !strings.Contains(got, "差勤系統") {
		t.Errorf("the in-tray says %q", got)
	}
	r.next(t, hub.EventNoticeSeen, "notification", notification)
	_, page = wang.get("/n/" + notification)
	if got := says(page, "#foot"); !strings.Contains(got, "前往 hr.example.gov.tw") {
		t.Errorf("the form's page says %q", got)
	}
	if status, _ := d.signedIn(t, "chen").get("/n/" + notification); status != http.StatusNotFound {
		t.Errorf("somebody else's form: %d, want 404", status)
	}

	if code, answer = d.call(t, token, "POST", "/api/v1/notifications/"+notice+"/done", ""); code != http.StatusOK || answer["open"] != 0.0 {
		t.Errorf("done: %d %v", code, answer)
	}
	r.next(t, hub.EventNoticeDone, "notification", notification)
	code, answer = d.call(t, token, "GET", "/api/v1/notifications/"+notice, "")
	if got := fmt.Sprint(answer["recipients"].([]any)[1].(map[string]any)["status"]); code != http.StatusOK || got != "done" {
		t.Errorf("report: %d %v", code, answer)
	}
	if _, page = wang.get("/inbox"); page.Find(".slips").Length() != 0 {
		t.Errorf("the in-tray says %q", says(page, ".slips"))
	}

	// A decision: the document arrives at the next station, and its event is
	// sent once more for the asking.
	wang.get("/next")
	doc := strings.TrimPrefix(wang.path, "/d/")
	_, page = wang.get(wang.path + "/decide")
	if status, page = wang.post("/d/"+doc+"/act", wang.fields(page, "form.settle", map[string][]string{"do": {"forward"}, "opinion": {"如擬。"}})); status != http.StatusOK {
		t.Fatalf("decide: %d %.200s", status, page.Text())
	}
	if data := r.next(t, hub.EventDocumentArrived, "document", doc); data["account"] == "" || data["subject"] != nil {
		t.Errorf("event %v", data)
	}
	admin := d.signedIn(t, "admin")
	_, page = admin.get("/admin/webhooks")
	form := page.Find(".events form").FilterFunction(func(_ int, s *goquery.Selection) bool {
		return strings.Contains(s.Parent().Text(), "公文送達")
	}).First()
	path, _ := form.Attr("action")
	event, _ := form.Find("input[name=event]").Attr("value")
	if status, page = admin.post(path, map[string][]string{"event": {event}}); status != http.StatusOK || !strings.Contains(says(page, ".note"), "1 件重新送出") {
		t.Errorf("replay: %d %.300s", status, says(page, "main"))
	}
	r.next(t, hub.EventDocumentArrived, "document", doc)

	// The secret is exchanged without anybody missing anything.
	old := r.secrets
	if status, out = d.command(t, "webhook", "rotate", id); status != 0 {
		t.Fatalf("rotate: %d %s", status, out)
	}
	newSecret, _, _ := strings.Cut(out, "\n")
	for _, secrets := range [][]string{old, {newSecret}} {
		r.secrets = secrets
		if status, out = d.command(t, "webhook", "test", id); status != 0 {
			t.Errorf("test after the exchange: %d %s", status, out)
		}
	}
	if status, out = d.command(t, "webhook", "disable", id); status != 0 {
		t.Errorf("disable: %d %s", status, out)
	}
	if status, out = d.command(t, "webhook", "test", id); status == 0 {
		t.Errorf("test of a closed one: %d %s", status, out)
	}
}
