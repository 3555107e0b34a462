package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"qianhe/channels/sandbox"
)

const (
	key1 = "X-Line-Retry-Key: 123e4567-e89b-12d3-a456-426614174000"
	key2 = "X-Line-Retry-Key: 123e4567-e89b-12d3-a456-426614174001"
)

func text(to, words string) string {
	return fmt.Sprintf(`{"to":%q,"messages":[{"type":"text","text":%q}],"customAggregationUnits":null}`, to, words)
}

func TestLINEAuthorization(t *testing.T) {
	t.Parallel()
	clock := newClock()
	st := newStand(t, clock.now)
	for name, header := range map[string]string{
		"none": "X-Other: x", "basic": "Authorization: Basic x", "wrong token": "Authorization: Bearer wrong",
	} {
		if got := st.do("POST", "/v2/bot/message/push", text(wang, "a"), header, "Content-Type: application/json"); got.status != 401 {
			t.Errorf("%s: got %d, want 401", name, got.status)
		}
	}
	form := func(id, secret, grant string) reply {
		return st.do("POST", "/oauth2/v3/token", "grant_type="+grant+"&client_id="+id+"&client_secret="+secret, "Content-Type: application/x-www-form-urlencoded")
	}
	account := st.LINE()
	for name, got := range map[string]reply{
		"wrong secret": form(account.ChannelID, "x", "client_credentials"), "wrong id": form("1", account.ChannelSecret, "client_credentials"),
		"wrong grant": form(account.ChannelID, account.ChannelSecret, "password"),
	} {
		if got.status != 400 {
			t.Errorf("%s: got %d %s, want 400", name, got.status, got.body)
		}
	}
	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		TokenType   string `json:"token_type"`
	}
	got := form(account.ChannelID, account.ChannelSecret, "client_credentials")
	if err := json.Unmarshal([]byte(got.body), &token); err != nil || token.ExpiresIn != 899 || token.TokenType != "Bearer" {
		t.Fatalf("token: %d %s (%v)", got.status, got.body, err)
	}
	info := func() int {
		return st.do("GET", "/v2/bot/info", "", "Authorization: Bearer "+token.AccessToken).status
	}
	if got := info(); got != 200 {
		t.Errorf("with the token: got %d, want 200", got)
	}
	clock.pass(15 * time.Minute)
	if got := info(); got != 401 {
		t.Errorf("after its end: got %d, want 401", got)
	}
}

func TestLINERetryKey(t *testing.T) {
	t.Parallel()
	clock := newClock()
	st := newStand(t, clock.now)
	first := st.line("POST", "/v2/bot/message/push", text(wang, "a"), key1)
	if first.status != 200 || !strings.Contains(first.body, "sentMessages") {
		t.Fatalf("first: %d %s", first.status, first.body)
	}
	second := st.line("POST", "/v2/bot/message/push", text(wang, "a"), key1)
	if second.status != 409 || second.header.Get("X-Line-Accepted-Request-Id") != first.header.Get("X-Line-Request-Id") ||
		!strings.Contains(second.body, "The retry key is already accepted") || !strings.Contains(second.body, "sentMessages") {
		t.Errorf("second: %d %v %s", second.status, second.header, second.body)
	}
	if got := st.line("POST", "/v2/bot/message/push", text(wang, "a"), key2).status; got != 200 {
		t.Errorf("another key: got %d, want 200", got)
	}
	if n := len(st.wait("wang", 2)); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
	clock.pass(24 * time.Hour)
	if got := st.line("POST", "/v2/bot/message/push", text(wang, "a"), key1).status; got != 200 {
		t.Errorf("after 24 hours: got %d, want 200", got)
	}
	for name, got := range map[string]reply{
		"not a UUID":    st.line("POST", "/v2/bot/message/push", text(wang, "a"), "X-Line-Retry-Key: 17"),
		"empty":         st.line("POST", "/v2/bot/message/push", text(wang, "a"), "X-Line-Retry-Key: "),
		"with a reply":  st.line("POST", "/v2/bot/message/reply", `{"replyToken":"`+st.ReplyToken(wang)+`","messages":[{"type":"text","text":"a"}]}`, key2),
		"with validate": st.line("POST", "/v2/bot/message/validate/push", text(wang, "a"), key2),
		"with quota":    st.line("GET", "/v2/bot/message/quota", "", key2),
	} {
		if got.status != 400 {
			t.Errorf("%s: got %d %s, want 400", name, got.status, got.body)
		}
	}
}

func TestLINEPush(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	st.SetQuota(2, 0)
	five := strings.Repeat(`{"type":"text","text":"a"},`, 5)
	tests := []struct {
		name, body string
		want       int
		says       string
	}{
		{"not JSON", `{"to":`, 400, "parsed as JSON"},
		{"no messages", `{"to":"` + wang + `","messages":[]}`, 400, "between 1 and 5"},
		{"six messages", `{"to":"` + wang + `","messages":[` + five + `{"type":"text","text":"a"}]}`, 400, "between 1 and 5"},
		{"no receiver", `{"messages":[{"type":"text","text":"a"}]}`, 400, `"property":"to"`},
		{"empty text", text(wang, ""), 400, "Length must be between 1 and 5000"},
		{"long text", text(wang, strings.Repeat("a", 5001)), 400, "Length must be between 1 and 5000"},
		{"unknown kind", `{"to":"` + wang + `","messages":[{"type":"smell"}]}`, 400, "messages[0]/type"},
		{"stranger", text("Uffffffffffffffffffffffffffffffff", "a"), 400, "Failed to send messages"},
		{"good", `{"to":"` + wang + `","messages":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}`, 200, "quoteToken"},
		{"good again", text(lin, "𠀀"), 200, ""},
		{"over the limit", text(wang, "a"), 429, "You have reached your monthly limit."},
	}
	for _, tt := range tests {
		got := st.line("POST", "/v2/bot/message/push", tt.body)
		if got.status != tt.want || !strings.Contains(got.body, tt.says) {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, got.status, got.body, tt.want, tt.says)
		}
		if got.header.Get("X-Line-Request-Id") == "" {
			t.Errorf("%s: no X-Line-Request-Id", tt.name)
		}
	}
	if got := st.line("GET", "/v2/bot/message/quota/consumption", "").body; !strings.Contains(got, `"totalUsage":2`) {
		t.Errorf("consumption is %s, want 2: a request counts once", got)
	}
	if got := st.line("GET", "/v2/bot/message/quota", "").body; !strings.Contains(got, `"limited"`) {
		t.Errorf("quota is %s", got)
	}
	// What the dry run looks at is not sent.
	before := len(st.Messages("wang"))
	if got := st.line("POST", "/v2/bot/message/validate/push", text(wang, "a")); got.status != 200 {
		t.Errorf("dry run: got %d %s", got.status, got.body)
	}
	if got := st.line("POST", "/v2/bot/message/validate/push", text(wang, "")); got.status != 400 {
		t.Errorf("dry run of a bad message: got %d", got.status)
	}
	if n := len(st.Messages("wang")); n != before {
		t.Errorf("the dry run sent %d messages", n-before)
	}
	if got := st.do("POST", "/v2/bot/message/push", text(wang, "a"), "Authorization: Bearer "+st.LINE().Token, "Content-Type: text/plain"); got.status != 415 {
		t.Errorf("plain text: got %d, want 415", got.status)
	}
	if got := st.line("POST", "/v2/bot/message/push/", text(wang, "a")); got.status != 404 {
		t.Errorf("trailing slash: got %d, want 404", got.status)
	}
	if got := st.line("POST", "/v2/bot/message/push", strings.Repeat(" ", 2<<20)+text(wang, "a")); got.status != 413 {
		t.Errorf("more than 2 MB: got %d, want 413", got.status)
	}
}

func TestLINEBlocked(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	profile := func() reply { return st.line("GET", "/v2/bot/profile/"+wang, "") }
	if got := profile(); got.status != 200 || !strings.Contains(got.body, "王大明") {
		t.Errorf("profile: %d %s", got.status, got.body)
	}
	st.Block(wang)
	if got := st.line("POST", "/v2/bot/message/push", text(wang, "a")); got.status != 200 {
		t.Errorf("push to somebody who blocked us: got %d, want 200", got.status)
	}
	if got := st.line("GET", "/v2/bot/message/quota/consumption", "").body; !strings.Contains(got, `"totalUsage":0`) {
		t.Errorf("consumption is %s, want 0", got)
	}
	if n := len(st.Messages("wang")); n != 0 {
		t.Errorf("%d messages arrived, want 0", n)
	}
	if got := profile(); got.status != 404 {
		t.Errorf("profile when blocked: got %d, want 404", got.status)
	}
	st.Befriend(wang)
	if got := profile(); got.status != 200 {
		t.Errorf("profile when unblocked: got %d, want 200", got.status)
	}
	if got := st.line("GET", "/v2/bot/profile/nobody", ""); got.status != 400 {
		t.Errorf("malformed user: got %d, want 400", got.status)
	}
}

func TestLINEReply(t *testing.T) {
	t.Parallel()
	clock := newClock()
	st := newStand(t, clock.now)
	reply := func(token string) int {
		return st.line("POST", "/v2/bot/message/reply", `{"replyToken":"`+token+`","messages":[{"type":"text","text":"a"}]}`).status
	}
	token, late := st.ReplyToken(wang), st.ReplyToken(wang)
	if got := reply(token); got != 200 {
		t.Errorf("got %d, want 200", got)
	}
	if got := reply(token); got != 400 {
		t.Errorf("used twice: got %d, want 400", got)
	}
	clock.pass(61 * time.Second)
	if got := reply(late); got != 400 {
		t.Errorf("after a minute: got %d, want 400", got)
	}
	if n := len(st.Messages("wang")); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	if got := st.line("GET", "/v2/bot/message/quota/consumption", "").body; !strings.Contains(got, `"totalUsage":0`) {
		t.Errorf("consumption is %s: replies are free", got)
	}
}

func TestLINESign(t *testing.T) {
	t.Parallel()
	s, err := sandbox.New(sandbox.Options{URL: "http://127.0.0.1:1", LINE: sandbox.LINEAccount{ChannelSecret: "test_secret"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Sign([]byte(`{"hello":"world"}`)), "t7Hn4ZDHqs6e+wdvI5TyQIvzie0DmMUmuXEBqyyE/tM="; got != want {
		t.Errorf("signature is %s, want %s", got, want)
	}
	s.Close()
}

// flexMessage puts contents into a body box of a bubble.
func flexMessage(contents string) string {
	return `{"to":"` + wang + `","messages":[{"type":"flex","altText":"題","contents":{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[` + contents + `]}}}]}`
}

// TestFlexCheck: LINE refuses what is one thing off.
func TestFlexCheck(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	button := func(uri string) string {
		return `{"type":"button","action":{"type":"uri","label":"開","uri":"` + uri + `"}}`
	}
	nested := strings.Repeat(`{"type":"box","layout":"vertical","contents":[`, 12) + strings.Repeat(`]}`, 12)
	tests := []struct {
		name, contents string
		problem        string // a piece of the property, "" for good
	}{
		{"text", `{"type":"text","text":"題","size":"xl","color":"#1f4e79","wrap":true,"flex":0}`, ""},
		{"spans", `{"type":"text","contents":[{"type":"span","text":"5","size":"3xl"},{"type":"span","text":" 件"}]}`, ""},
		{"button, separator, filler", button("https://a.example/%E5%85%AC") + `,{"type":"separator","color":"#cccccc"},{"type":"filler"}`, ""},
		{"postback", `{"type":"button","style":"primary","action":{"type":"postback","label":"核可","data":"f=1"}}`, ""},
		{"baseline", `{"type":"box","layout":"baseline","contents":[{"type":"text","text":"a"}]}`, ""},
		{"empty text", `{"type":"text","text":""}`, "contents[0]/text"},
		{"text without text", `{"type":"text","size":"md"}`, "contents[0]/text"},
		{"unknown member", `{"type":"text","text":"a","colour":"#000000"}`, "contents[0]/colour"},
		{"colour by name", `{"type":"text","text":"a","color":"red"}`, "contents[0]/color"},
		{"size by number", `{"type":"text","text":"a","size":"14"}`, "contents[0]/size"},
		{"negative flex", `{"type":"text","text":"a","flex":-1}`, "contents[0]/flex"},
		{"wrap as text", `{"type":"text","text":"a","wrap":"true"}`, "contents[0]/wrap"},
		{"unknown component", `{"type":"slider"}`, "contents[0]/type"},
		{"button without action", `{"type":"button"}`, "contents[0]/action"},
		{"button without label", `{"type":"button","action":{"type":"uri","uri":"https://a.example/"}}`, "action/label"},
		{"label too long", `{"type":"button","action":{"type":"uri","label":"` + strings.Repeat("長", 41) + `","uri":"https://a.example/"}}`, "action/label"},
		{"script", button("javascript:alert(1)"), "action/uri"},
		{"relative", button("/inbox"), "action/uri"},
		{"not encoded", button("https://a.example/公文"), "action/uri"},
		{"space", button("https://a.example/a b"), "action/uri"},
		{"uri of 1001", button("https://a.example/" + strings.Repeat("a", 983)), "action/uri"},
		{"postback of 301", `{"type":"button","action":{"type":"postback","label":"a","data":"` + strings.Repeat("a", 301) + `"}}`, "action/data"},
		{"box without layout", `{"type":"box","contents":[]}`, "contents[0]/layout"},
		{"button in a baseline box", `{"type":"box","layout":"baseline","contents":[` + button("https://a.example/") + `]}`, "contents[0]/contents[0]/type"},
		{"span outside of a text", `{"type":"span","text":"a"}`, "contents[0]/type"},
		{"nested too deeply", nested, "contents"},
		{"padding of nonsense", `{"type":"box","layout":"vertical","paddingAll":"wide","contents":[]}`, "paddingAll"},
	}
	for _, tt := range tests {
		got := st.line("POST", "/v2/bot/message/validate/push", flexMessage(tt.contents))
		if tt.problem == "" {
			if got.status != 200 {
				t.Errorf("%s: got %d %s, want 200", tt.name, got.status, got.body)
			}
			continue
		}
		if got.status != 400 || !strings.Contains(got.body, tt.problem+`"`) && !strings.Contains(got.body, tt.problem+"[") {
			t.Errorf("%s: got %d %s, want 400 about %s", tt.name, got.status, got.body, tt.problem)
		}
	}
	whole := func(message string) reply {
		return st.line("POST", "/v2/bot/message/validate/push", `{"to":"`+wang+`","messages":[`+message+`]}`)
	}
	bubble := `{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[]}}`
	large := `{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[` + strings.TrimSuffix(strings.Repeat(`{"type":"text","text":"`+strings.Repeat("a", 1900)+`"},`, 17), ",") + `]}}`
	for name, tt := range map[string]struct {
		message string
		want    int
	}{
		"good":                      {`{"type":"flex","altText":"題","contents":` + bubble + `}`, 200},
		"altText of 400":            {`{"type":"flex","altText":"` + strings.Repeat("題", 400) + `","contents":` + bubble + `}`, 200},
		"altText of 401":            {`{"type":"flex","altText":"` + strings.Repeat("題", 401) + `","contents":` + bubble + `}`, 400},
		"altText of 201 surrogates": {`{"type":"flex","altText":"` + strings.Repeat("𠀀", 201) + `","contents":` + bubble + `}`, 400},
		"no altText":                {`{"type":"flex","contents":` + bubble + `}`, 400},
		"no contents":               {`{"type":"flex","altText":"題"}`, 400},
		"empty bubble":              {`{"type":"flex","altText":"題","contents":{"type":"bubble"}}`, 400},
		"more than 30 KB":           {`{"type":"flex","altText":"題","contents":` + large + `}`, 400},
		"carousel":                  {`{"type":"flex","altText":"題","contents":{"type":"carousel","contents":[]}}`, 400},
	} {
		if got := whole(tt.message); got.status != tt.want {
			t.Errorf("%s: got %d %s, want %d", name, got.status, got.body, tt.want)
		}
	}
	if got := st.do(http.MethodGet, "/v2/bot/message/push", "", "Authorization: Bearer "+st.LINE().Token); got.status == 200 {
		t.Error("GET of a push is answered 200")
	}
}
