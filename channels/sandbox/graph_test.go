package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"qianhe/channels/sandbox"
)

const psid = "2400000000000017"

// proof is openssl's HMAC of the default token under the default secret.
const proof = "appsecret_proof=2c10c2764235b54e6f721de0c97c46e2c0c924c563cc17cbf0a3e228454bb2a4"

// graph makes a call of the Graph API about the Page, in good order.
func (st *stand) graph(method, edge, body string) reply {
	st.t.Helper()
	return st.do(method, "/graph/v26.0/"+st.Page().ID+edge, body, "Authorization: Bearer "+st.Page().Token, "Content-Type: application/json")
}

func withProof(edge string) string {
	if strings.Contains(edge, "?") {
		return edge + "&" + proof
	}
	return edge + "?" + proof
}

func (st *stand) send(body string) reply {
	st.t.Helper()
	return st.graph("POST", withProof("/messages"), body)
}

func said(to, words string) string {
	return fmt.Sprintf(`{"recipient":{"id":%q},"messaging_type":"UPDATE","message":{"text":%q}}`, to, words)
}

// template is a button template with these buttons.
func template(text string, buttons ...string) string {
	return fmt.Sprintf(`{"recipient":{"id":%q},"messaging_type":"UPDATE","message":{"attachment":{"type":"template","payload":{"template_type":"button","text":%q,"buttons":[%s]}}}}`,
		psid, text, strings.Join(buttons, ","))
}

const (
	openButton = `{"type":"web_url","title":"立即處理","url":"https://sign.example.gov.tw/next"}`
	readButton = `{"type":"postback","title":"已讀","payload":"seen:x"}`
)

func codeOf(t *testing.T, r reply) string {
	t.Helper()
	var body struct {
		Error *struct {
			Code    int    `json:"code"`
			Subcode int    `json:"error_subcode"`
			Trace   string `json:"fbtrace_id"`
		}
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	switch {
	case body.Error == nil:
		return fmt.Sprint(r.status)
	case body.Error.Trace == "":
		t.Errorf("no trace: %s", r.body)
	}
	return fmt.Sprintf("%d #%d/%d", r.status, body.Error.Code, body.Error.Subcode)
}

func TestGraphAuthorization(t *testing.T) {
	t.Parallel()
	clock := newClock()
	st := newStand(t, clock.now)
	st.Say(psid, "您好")
	path, body := "/graph/v26.0/"+st.Page().ID+"/messages", said(psid, "a")
	bearer, asJSON := "Authorization: Bearer "+st.Page().Token, "Content-Type: application/json"
	tests := map[string]struct {
		path   string
		header []string
		want   string
	}{
		"good":                 {path + "?" + proof, []string{bearer, asJSON}, "200"},
		"no token":             {path + "?" + proof, []string{asJSON}, "400 #2500/0"},
		"token in the address": {path + "?" + proof + "&access_token=" + st.Page().Token, []string{bearer, asJSON}, "400 #100/0"},
		"wrong token":          {path + "?" + proof, []string{"Authorization: Bearer x", asJSON}, "401 #190/0"},
		"no proof":             {path, []string{bearer, asJSON}, "400 #100/0"},
		"wrong proof":          {path + "?appsecret_proof=00", []string{bearer, asJSON}, "400 #100/0"},
		"proof of no time":     {path + "?" + proof + "&appsecret_time=1", []string{bearer, asJSON}, "400 #100/0"},
		"form":                 {path + "?" + proof, []string{bearer, "Content-Type: application/x-www-form-urlencoded"}, "400 #100/0"},
		"other page":           {strings.Replace(path, st.Page().ID, "999888777", 1) + "?" + proof, []string{bearer, asJSON}, "400 #100/33"},
		"no version":           {strings.Replace(path, "v26.0", "26", 1) + "?" + proof, []string{bearer, asJSON}, "400 #2635/0"},
		"unknown edge":         {path + "s?" + proof, []string{bearer, asJSON}, "400 #2500/0"},
	}
	for name, tt := range tests {
		if got := codeOf(t, st.do("POST", tt.path, body, tt.header...)); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
	if n := len(st.Messages(psid)); n != 1 {
		t.Errorf("%d messages arrived, want 1", n)
	}
}

func TestGraphSend(t *testing.T) {
	t.Parallel()
	clock := newClock()
	st := newStand(t, clock.now)
	st.Say(psid, "您好")
	with := func(typ, tag string) string {
		return strings.Replace(said(psid, "a"), `"UPDATE"`, fmt.Sprintf(`%q,"tag":%q`, typ, tag), 1)
	}
	tests := []struct{ name, body, want string }{
		{"text", said(psid, "a"), "200"},
		{"long text", said(psid, strings.Repeat("公", 2000)), "200"},
		{"too long", said(psid, strings.Repeat("公", 2001)), "400 #100/0"},
		{"empty", said(psid, ""), "400 #100/0"},
		{"no type", strings.Replace(said(psid, "a"), `"messaging_type":"UPDATE",`, "", 1), "400 #100/0"},
		{"tag without its type", with("UPDATE", "HUMAN_AGENT"), "400 #100/0"},
		{"dead tag", with("MESSAGE_TAG", "CONFIRMED_EVENT_UPDATE"), "400 #100/0"},
		{"dead tag", with("MESSAGE_TAG", "ACCOUNT_UPDATE"), "400 #100/0"},
		{"dead tag", with("MESSAGE_TAG", "POST_PURCHASE_UPDATE"), "400 #100/0"},
		{"tag for people", with("MESSAGE_TAG", "HUMAN_AGENT"), "403 #10/0"},
		{"template for anytime", strings.Replace(said(psid, "a"), "UPDATE", "UTILITY", 1), "403 #200/0"},
		{"stranger", said("99999999", "a"), "400 #100/2018001"},
		{"no id", said("me", "a"), "400 #100/0"},
		{"member of a kind to come", strings.Replace(said(psid, "a"), `{"text"`, `{"smell":1,"text"`, 1), "400 #100/0"},
		{"buttons", template("待處理", openButton, readButton), "200"},
		{"three", template("待處理", openButton, readButton, readButton), "200"},
		{"four", template("待處理", openButton, readButton, readButton, readButton), "400 #100/0"},
		{"none", template("待處理"), "400 #100/0"},
		{"long", template(strings.Repeat("公", 640), openButton), "200"},
		{"too long", template(strings.Repeat("公", 641), openButton), "400 #100/0"},
		{"long title", template("a", strings.Replace(openButton, "立即處理", strings.Repeat("處", 21), 1)), "400 #100/0"},
		{"http", template("a", strings.Replace(openButton, "https", "http", 1)), "400 #100/0"},
		{"http on this machine", template("a", strings.Replace(openButton, "https://sign.example.gov.tw", "http://127.0.0.1:8080", 1)), "200"},
		{"long payload", template("a", strings.Replace(readButton, "seen:x", strings.Repeat("x", 1001), 1)), "400 #100/0"},
		{"button of a kind to come", template("a", strings.Replace(readButton, "postback", "phone_number", 1)), "400 #100/0"},
	}
	for _, tt := range tests {
		if got := codeOf(t, st.send(tt.body)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	before := len(st.Messages(psid))
	clock.pass(24 * time.Hour)
	if got := codeOf(t, st.send(said(psid, "a"))); got != "200" {
		t.Errorf("after 24 hours: got %s, want 200", got)
	}
	clock.pass(time.Minute)
	if got := codeOf(t, st.send(said(psid, "a"))); got != "403 #10/2018278" {
		t.Errorf("after that: got %s, want the window closed", got)
	}
	st.OpenLink(psid, "")
	if got := codeOf(t, st.send(said(psid, "a"))); got != "200" {
		t.Errorf("came back by a link: got %s, want 200", got)
	}
	st.BlockPage(psid, true)
	if got := codeOf(t, st.send(said(psid, "a"))); got != "400 #551/1545041" {
		t.Errorf("blocked: got %s", got)
	}
	if n := len(st.Messages(psid)) - before; n != 2 {
		t.Errorf("%d messages arrived meanwhile, want 2", n)
	}
}

func TestGraphProfile(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	menu := `[{"locale":"default","call_to_actions":[{"type":"postback","title":"查詢","payload":"query"}]}]`
	tests := []struct{ name, method, edge, body, want string }{
		{"page", "GET", "?fields=id,name", "", "200"},
		{"menu before its button", "POST", "/messenger_profile", `{"persistent_menu":` + menu + `}`, "400 #100/0"},
		{"nothing", "POST", "/messenger_profile", `{}`, "400 #100/0"},
		{"empty payload", "POST", "/messenger_profile", `{"get_started":{"payload":""}}`, "400 #100/0"},
		{"both", "POST", "/messenger_profile", `{"get_started":{"payload":"started"},"persistent_menu":` + menu + `}`, "200"},
		{"greeting", "POST", "/messenger_profile", `{"greeting":[{"locale":"default","text":"您好"}]}`, "200"},
		{"long greeting", "POST", "/messenger_profile", `{"greeting":[{"locale":"default","text":"` + strings.Repeat("公", 161) + `"}]}`, "400 #100/0"},
		{"no default", "POST", "/messenger_profile", `{"greeting":[{"locale":"zh_TW","text":"您好"}]}`, "400 #100/0"},
		{"long title", "POST", "/messenger_profile", `{"persistent_menu":` + strings.Replace(menu, "查詢", strings.Repeat("查", 31), 1) + `}`, "400 #100/0"},
		{"unknown", "POST", "/messenger_profile", `{"theme":"ink"}`, "400 #100/0"},
		{"fields", "POST", "/subscribed_apps?subscribed_fields=messages,messaging_referrals", "", "200"},
		{"field without permission", "POST", "/subscribed_apps?subscribed_fields=message_template_status_update", "", "403 #200/0"},
		{"unknown field", "POST", "/subscribed_apps?subscribed_fields=telepathy", "", "400 #100/0"},
	}
	for _, tt := range tests {
		if got := codeOf(t, st.graph(tt.method, withProof(tt.edge), tt.body)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := st.graph("GET", withProof("/messenger_profile?fields=get_started,persistent_menu"), "").body; !strings.Contains(got, `"payload":"started"`) || !strings.Contains(got, "查詢") {
		t.Errorf("profile is %s", got)
	}
	if got := st.graph("GET", withProof("/subscribed_apps"), "").body; !strings.Contains(got, `"messaging_referrals"`) {
		t.Errorf("subscribed: %s", got)
	}
}

// TestGraphNewChat: a link into a new chat needs "Get Started", and where the
// Page has no such button nobody hears of it.
func TestGraphNewChat(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		bodies <- string(body)
	}))
	t.Cleanup(hook.Close)
	st := newStand(t, nil)
	st.SetPageCallback(hook.URL)
	st.OpenLink(psid, "lost")
	st.GetStarted(psid)
	if got := codeOf(t, st.graph("POST", withProof("/messenger_profile"), `{"get_started":{"payload":"started"}}`)); got != "200" {
		t.Fatalf("profile: %s", got)
	}
	st.OpenLink("2400000000000018", "kept")
	st.GetStarted("2400000000000018")
	if got := <-bodies; !strings.Contains(got, `"payload":"started"`) || !strings.Contains(got, `"ref":"kept","source":"SHORTLINK"`) {
		t.Errorf("first event is %s, want the postback that holds the ref", got)
	}
}

// TestCallbackFaults: lost ones do not come, failed ones come again.
func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	status := make(chan int, 2)
	status <- http.StatusInternalServerError
	status <- http.StatusOK
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(<-status) }))
	t.Cleanup(hook.Close)
	st := newStand(t, nil)
	st.SetPageCallback(hook.URL)
	st.SetCallbackFault("messenger", sandbox.CallbackFault{Lost: true})
	st.Say(psid, "失")
	st.SetCallbackFault("messenger", sandbox.CallbackFault{})
	st.Enforce("warning", "too many messages")
	called, err := st.WaitCalled(t.Context(), "messenger", 2)
	if err != nil || called[0].Status != 500 || called[1].Status != 200 || string(called[0].Body) != string(called[1].Body) {
		t.Errorf("called: %v %+v", err, called)
	}
	if len(st.Called("messenger")) != 2 {
		t.Errorf("called: %+v", st.Called("messenger"))
	}
}
