package gateway_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/traditionalchinese"

	"qianhe/channels/sms"
	"qianhe/channels/sms/gateway"
)

func big5(t *testing.T, s string) string {
	t.Helper()
	b, err := traditionalchinese.Big5.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRequest looks at what goes out.
func TestRequest(t *testing.T) {
	t.Parallel()
	text := sms.Text{Delivery: delivery, To: "+886912345678", Body: `公文 5 件 "急" <&>`, Ref: "A7K2", Agency: "青川市政府", TTL: time.Hour, Segments: 2}
	now := time.Date(2026, 11, 23, 0, 30, 0, 0, time.UTC)
	tests := map[string]struct {
		file    string
		line    string // method and address
		body    string
		headers map[string]string
	}{
		"form": {
			with(t, "send.form", `{"to":"{{to}}","text":"{{text}}","fixed":"a b&c"}`),
			"POST https://sms.example.com/send",
			"fixed=a+b%26c&text=%E5%85%AC%E6%96%87+5+%E4%BB%B6+%22%E6%80%A5%22+%3C%26%3E&to=%2B886912345678",
			map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		},
		"query": {
			with(t, "send.form", "null", "send.url", `"https://sms.example.com/send?v=1"`, "send.query", `{"d":"{{to}}","t":"{{text}}"}`, "phone", `"digits"`),
			"GET https://sms.example.com/send?v=1&d=886912345678&t=%E5%85%AC%E6%96%87+5+%E4%BB%B6+%22%E6%80%A5%22+%3C%26%3E",
			"", map[string]string{"Content-Type": ""},
		},
		"JSON": {
			with(t, "send.form", "null", "phone", `"national"`, "send.json", `{"list":[{"to":"{{to}}","text":"{{text}}"}],"n":1.5,"yes":true,"none":null,"seg":"{{segments}}"}`),
			"POST https://sms.example.com/send",
			`{"list":[{"text":"公文 5 件 \"急\" <&>","to":"0912345678"}],"n":1.5,"none":null,"seg":"2","yes":true}`,
			map[string]string{"Content-Type": "application/json"},
		},
		"XML": {
			with(t, "send.form", "null", "send.xml", `"<m to='{{to}}'>{{text}}</m>"`, "send.headers", `{"SOAPAction":"send-{{ref}}"}`),
			"POST https://sms.example.com/send",
			`<m to='+886912345678'>公文 5 件 &#34;急&#34; &lt;&amp;&gt;</m>`,
			map[string]string{"Content-Type": "text/xml; charset=utf-8", "Soapaction": "send-A7K2"},
		},
		"text": {
			with(t, "send.form", "null", "send.text", `"{{to}},{{text}}"`, "send.headers", `{"Content-Type":"text/csv"}`, "send.method", `"put"`),
			"PUT https://sms.example.com/send", `+886912345678,公文 5 件 "急" <&>`, map[string]string{"Content-Type": "text/csv"},
		},
		"Big5 form": {
			with(t, "send.charset", `"big5"`),
			"POST https://sms.example.com/send", "text=%A4%BD%A4%E5+5+%A5%F3+%22%AB%E6%22+%3C%26%3E&to=%2B886912345678", nil,
		},
		"Big5 text": {
			with(t, "send.form", "null", "send.charset", `"big5"`, "send.text", `"{{to}},{{text}}"`),
			"POST https://sms.example.com/send", "+886912345678," + big5(t, `公文 5 件 "急" <&>`), map[string]string{"Content-Type": "text/plain; charset=big5"},
		},
		"UTF-16 as hexadecimal": {
			with(t, "send.charset", `"utf-16be-hex"`, "send.form", `{"t":"{{to}}","m":"{{text}}","a":"{{agency}}"}`),
			"POST https://sms.example.com/send",
			"a=%E9%9D%92%E5%B7%9D%E5%B8%82%E6%94%BF%E5%BA%9C&m=516C6587002000350020" + "4EF6" + "00200022" + "6025" + "00220020003C0026003E" + "&t=%2B886912345678", nil,
		},
		"basic": {
			with(t, "send.auth", `{"type":"basic","user":"{{u}}","password":"{{secret}}"}`, "values", `{"u":"qingchuan"}`),
			"POST https://sms.example.com/send", "*", map[string]string{"Authorization": "Basic cWluZ2NodWFuOnMzY3JldC12YWx1ZQ=="},
		},
		"bearer": {
			with(t, "send.auth", `{"type":"bearer","token":"{{secret}}"}`),
			"POST https://sms.example.com/send", "*", map[string]string{"Authorization": "Bearer s3cret-value"},
		},
		"header": {
			with(t, "send.auth", `{"type":"header","header":"X-Key","value":"k={{secret}}"}`),
			"POST https://sms.example.com/send", "*", map[string]string{"X-Key": "k=s3cret-value", "Authorization": ""},
		},
		"everything else": {
			with(t, "sender", `"111"`, "send.form", `{"a":"{{to}}{{text}}","b":"{{ref}} {{delivery}} {{sender}} {{last3}} {{ttl}} {{ expires }} {{time}} {{callback}}"}`),
			"POST https://sms.example.com/send",
			"a=%2B886912345678%E5%85%AC%E6%96%87+5+%E4%BB%B6+%22%E6%80%A5%22+%3C%26%3E&b=A7K2+" + delivery + "+111+678+3600+20261123093000+20261123083000+https%3A%2F%2Fsign.example.gov.tw%2Fhooks%2Fsms%3Fa%3D" + delivery, nil,
		},
	}
	for name, tt := range tests {
		cfg, err := gateway.Read(strings.NewReader(tt.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, err := gateway.New(cfg, gateway.Options{Secret: "s3cret-value", CallbackURL: hook, Now: func() time.Time { return now }})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		req, lacks, err := s.Build(text)
		if err != nil || len(lacks) > 0 {
			t.Errorf("%s: lacks %q, error %v", name, lacks, err)
			continue
		}
		var body []byte
		if req.Body != nil {
			if body, err = io.ReadAll(req.Body); err != nil {
				t.Fatal(err)
			}
		}
		if got := req.Method + " " + req.URL.String(); got != tt.line {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tt.line)
		}
		if tt.body != "*" && string(body) != tt.body {
			t.Errorf("%s:\n got %s\nwant %s", name, body, tt.body)
		}
		for h, want := range tt.headers {
			if got := req.Header.Get(h); got != want {
				t.Errorf("%s: %s is %q, want %q", name, h, got, want)
			}
		}
	}
}

// TestNoControlCharactersInHeaders: what a text holds does not become a header
// of its own.
func TestNoControlCharactersInHeaders(t *testing.T) {
	t.Parallel()
	s, err := newSender(with(t, "send.headers", `{"X-Text":"{{agency}}"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Build(sms.Text{To: "+886912345678", Body: "x", Agency: "a\r\nX-Admin: 1"}); err == nil {
		t.Error("accepted")
	}
}

// TestBig5Lacks: what Big5 has not is shown by □ and named, once each.
func TestBig5Lacks(t *testing.T) {
	t.Parallel()
	s, err := newSender(with(t, "send.charset", `"big5"`))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]struct{ sent, lacks string }{
		"公文〔A7K2〕·…": {"公文〔A7K2〕·…", ""},
		"許功蓋":        {"許功蓋", ""}, // their second bytes are backslashes
		"堃堃煊":        {"堃堃煊", ""}, // ETEN's extension
		"𠀀公é文𠀀":      {"□公□文□", "é𠀀"},
		"\U0001F600": {"□", "\U0001F600"},
	} {
		req, lacks, err := s.Build(sms.Text{To: "+886912345678", Body: body})
		if err != nil {
			t.Fatal(err)
		}
		if err := req.ParseForm(); err != nil {
			t.Fatal(err)
		}
		sent, err := traditionalchinese.Big5.NewDecoder().String(req.PostForm.Get("text"))
		if err != nil || sent != want.sent || string(lacks) != want.lacks {
			t.Errorf("%s: sent %q, lacks %q, %v, want %q, %q", body, sent, string(lacks), err, want.sent, want.lacks)
		}
	}
}
