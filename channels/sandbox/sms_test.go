package sandbox_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestTwilioIsStrict: what Twilio refuses, in its codes.
func TestTwilioIsStrict(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	good := func(change ...string) url.Values {
		form := url.Values{"To": {wangPhone}, "From": {st.Twilio().From}, "Body": {"公文 1 件〔A7K2〕"}, "ValidityPeriod": {"3600"}, "StatusCallback": {"https://sign.example.gov.tw/hooks/sms?a=1"}}
		for i := 0; i < len(change); i += 2 {
			form.Del(change[i])
			if change[i+1] != "" {
				form.Set(change[i], change[i+1])
			}
		}
		return form
	}
	tests := []struct {
		name   string
		form   url.Values
		status int
		code   int
	}{
		{"good", good(), 201, 0},
		{"service", good("From", "", "MessagingServiceSid", st.Twilio().Service), 201, 0},
		{"as long as may be", good("Body", strings.Repeat("文", 1600)), 201, 0},
		{"to nobody", good("To", ""), 400, 21604},
		{"malformed", good("To", "0912345678"), 400, 21211},
		{"landline", good("To", "+886223456789"), 400, 21614},
		{"test number: invalid", good("To", "+15005550001"), 400, 21211},
		{"test number: no route", good("To", "+15005550002"), 400, 21612},
		{"test number: region", good("To", "+15005550003"), 400, 21408},
		{"test number: opted out", good("To", "+15005550004"), 400, 21610},
		{"test number: no mobile", good("To", "+15005550009"), 400, 21614},
		{"from nobody", good("From", ""), 400, 21603},
		{"from somebody else", good("From", "+14155550199"), 400, 21606},
		{"no such service", good("From", "", "MessagingServiceSid", "MG1"), 404, 20404},
		{"says nothing", good("Body", ""), 400, 21602},
		{"too long", good("Body", strings.Repeat("文", 1601)), 400, 21617},
		{"too long in pairs", good("Body", strings.Repeat("𠀀", 801)), 400, 21617},
		{"underscore in the callback's host", good("StatusCallback", "https://my_sign.example.gov.tw/x"), 400, 21609},
		{"callback is no address", good("StatusCallback", "hooks/sms"), 400, 21609},
		{"validity 0", good("ValidityPeriod", "0"), 400, 20001},
		{"validity too long", good("ValidityPeriod", "36001"), 400, 20001},
		{"validity no number", good("ValidityPeriod", "1h"), 400, 20001},
		{"a parameter that nobody sends", good("Nobody", "1"), 400, 20001},
	}
	for _, tt := range tests {
		got := st.textTwilio(tt.form)
		var answer struct {
			Code int    `json:"code"`
			SID  string `json:"sid"`
		}
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil {
			t.Errorf("%s: %v: %s", tt.name, err, got.body)
		}
		if got.status != tt.status || answer.Code != tt.code || (answer.SID != "") != (tt.code == 0) {
			t.Errorf("%s: %d %d, want %d %d: %s", tt.name, got.status, answer.Code, tt.status, tt.code, got.body)
		}
	}
	account := "/2010-04-01/Accounts/" + st.Twilio().AccountSID + "/Messages.json"
	form, key := "Content-Type: application/x-www-form-urlencoded", "Authorization: "+basic(st.Twilio().APIKey, st.Twilio().APISecret)
	for name, got := range map[string]reply{
		"no credentials":    st.do("POST", account, good().Encode(), form),
		"wrong secret":      st.do("POST", account, good().Encode(), form, "Authorization: "+basic(st.Twilio().APIKey, "x")),
		"token as a key's":  st.do("POST", account, good().Encode(), form, "Authorization: "+basic(st.Twilio().APIKey, st.Twilio().AuthToken)),
		"another account":   st.do("POST", strings.Replace(account, "b07", "bad", 1), good().Encode(), form, key),
		"JSON":              st.do("POST", account, `{}`, "Content-Type: application/json", key),
		"another address":   st.do("POST", strings.TrimSuffix(account, ".json"), good().Encode(), form, key),
		"repeated":          st.do("POST", account, good().Encode()+"&Body=x", form, key),
		"list of a bad day": st.do("GET", account+"?DateSent%3E=yesterday", "", key),
		"list, unknown":     st.do("GET", account+"?Nobody=1", "", key),
		"list, page":        st.do("GET", account+"?Page=1", "", key),
		"list, size":        st.do("GET", account+"?PageSize=1001", "", key),
	} {
		if got.status < 400 || got.status >= 500 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := st.do("POST", account, good().Encode(), form, "Authorization: "+basic(st.Twilio().AccountSID, st.Twilio().AuthToken)); got.status != 201 {
		t.Errorf("the account's own token: %d %s", got.status, got.body)
	}
}

// TestTwilioFiltersLinks: carriers in Taiwan drop what was not registered, and
// say so afterwards only; abroad they do not.
func TestTwilioFiltersLinks(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	send := func(to, body string) string {
		t.Helper()
		got := st.textTwilio(url.Values{"To": {to}, "From": {st.Twilio().From}, "Body": {body}})
		if got.status != 201 {
			t.Fatalf("%s: %d %s", body, got.status, got.body)
		}
		list := st.do("GET", "/2010-04-01/Accounts/"+st.Twilio().AccountSID+"/Messages.json?PageSize=1", "", "Authorization: "+basic(st.Twilio().APIKey, st.Twilio().APISecret))
		var answer struct {
			Messages []struct {
				Status string `json:"status"`
				Code   int    `json:"error_code"`
			} `json:"messages"`
		}
		if err := json.Unmarshal([]byte(list.body), &answer); err != nil || len(answer.Messages) != 1 {
			t.Fatalf("%v: %s", err, list.body)
		}
		return fmt.Sprint(answer.Messages[0].Status, " ", answer.Messages[0].Code)
	}
	for body, want := range map[string]string{
		"公文 1 件，請由平常的網址登入":                          "delivered 0",
		"公文 1 件 https://sign.qingchuan.example/d/1": "undelivered 30007",
		"公文 1 件 bit.ly/x":                           "undelivered 30007",
		"加入 lin.ee/x":                               "undelivered 30007",
		"版本 1.2.3，共 3.5 件":                          "delivered 0",
	} {
		if got := send(wangPhone, body); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	if got := send("+819012345678", "see https://sign.qingchuan.example/d/1"); got != "delivered 0" {
		t.Errorf("abroad: %s", got)
	}
}

// Test111IsStrict: what the stand-in of 111 refuses.
func Test111IsStrict(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	st.GatewayOptOut(linPhone)
	for content, want := range map[string]string{
		"017 青川市政府：公文 1 件":               "0000",
		"公文 1 件":                         "E203",
		"018 青川市政府：公文 1 件":               "E203",
		"017 赤嶺縣政府：公文 1 件":               "E203",
		"017 青川市政府：https://bit.ly/x":     "E201",
		"017 青川市政府：https://url.gov.tw/x": "0000",
		"": "E200",
		"017 青川市政府：" + strings.Repeat("文", 400): "E202",
	} {
		if got := st.text111("0900000017", content); !strings.Contains(got.body, `"code":"`+want+`"`) {
			t.Errorf("%s: %d %s, want %s", content, got.status, got.body, want)
		}
	}
	for phone, want := range map[string]string{"+886900000017": "E101", "0212345678": "E101", "0900000018": "E102"} {
		if got := st.text111(phone, "017 青川市政府：公文 1 件"); !strings.Contains(got.body, `"code":"`+want+`"`) {
			t.Errorf("%s: %d %s, want %s", phone, got.status, got.body, want)
		}
	}
	const good = `{"clientId":"c","agency":"青川市政府","phone":"0900000017","content":"017 青川市政府：公文 1 件","expireAt":"20261123120000","callbackUrl":""}`
	token := "Authorization: Bearer " + st.Gateway().Token
	for name, got := range map[string]reply{
		"E001": st.do("POST", "/111/messages", good, "Content-Type: application/json"),
		"E200": st.do("POST", "/111/messages", strings.Replace(good, `"clientId"`, `"client"`, 1), "Content-Type: application/json", token),
	} {
		if !strings.Contains(got.body, name) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := st.do("POST", "/111/messages", good, "Content-Type: text/plain", token); got.status != 400 {
		t.Errorf("text/plain: %d", got.status)
	}
	st.GatewayBan(true)
	if got := st.text111("0900000017", "017 青川市政府：公文 1 件"); got.status != 403 {
		t.Errorf("not on the list: %d %s", got.status, got.body)
	}
	st.GatewayBan(false)
	st.GatewayLimit(1)
	if got := st.text111("0900000017", "017 青川市政府：公文 1 件"); got.status != 200 {
		t.Errorf("the last one: %d %s", got.status, got.body)
	}
	if got := st.text111("0900000017", "017 青川市政府：公文 1 件"); got.status != 402 {
		t.Errorf("one more: %d %s", got.status, got.body)
	}
}

// TestSMSCallsNobodyElse: callbacks go to this machine only, whatever a sender
// asks for.
func TestSMSCallsNobodyElse(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	for _, hook := range []string{"https://sign.example.gov.tw/hooks/sms", "http://10.0.0.1/x", "http://169.254.169.254/latest"} {
		if got := st.textTwilio(url.Values{"To": {wangPhone}, "From": {st.Twilio().From}, "Body": {"x"}, "StatusCallback": {hook}}); got.status != 201 {
			t.Fatalf("%s: %d", hook, got.status)
		}
	}
	st.Close()
	if n := len(st.Called("twilio")); n != 0 {
		t.Errorf("%d callbacks went out", n)
	}
}
