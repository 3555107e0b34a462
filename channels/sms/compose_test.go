package sms_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"qianhe/channels/sms"
	"qianhe/hub"
)

// desk keeps the texts that it is handed.
type desk struct {
	traits sms.Traits
	texts  []sms.Text
}

func (d *desk) Send(_ context.Context, t sms.Text) (hub.Receipt, error) {
	d.texts = append(d.texts, t)
	return hub.Receipt{ProviderID: "1"}, nil
}

func (d *desk) Find(_ context.Context, t sms.Text, _ time.Time) (hub.Receipt, bool, error) {
	for _, had := range d.texts {
		if had.Ref == t.Ref && had.To == t.To {
			return hub.Receipt{ProviderID: "1"}, true, nil
		}
	}
	return hub.Receipt{}, false, nil
}

func (d *desk) ParseInbound(hub.Callback) ([]hub.Inbound, error) { return nil, hub.ErrSignature }
func (d *desk) Probe(context.Context) ([]string, error)          { return []string{"a desk"}, nil }
func (d *desk) Traits() sms.Traits                               { return d.traits }
func (d *desk) Close()                                           {}

func newChannel(t *testing.T, d *desk, hosts ...string) *sms.Channel {
	t.Helper()
	c, err := sms.New(sms.Config{Sender: d, Agency: "青川市政府", LinkHosts: hosts})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func message() hub.Message {
	return hub.Message{
		Delivery: "01hzzzzzzzzzzzzzzzzzzzzzzz", To: hub.Address{Value: "+886912345678"}, Lang: "zh-TW",
		Title: "待處理公文 5 件", Text: "待處理公文 5 件 · 最速件 1 件 · 今日到期 2 件",
		URL: "https://sign.example.gov.tw/next", Ref: "A7K2", TTL: time.Hour,
	}
}

func send(t *testing.T, c *sms.Channel, d *desk, m hub.Message) sms.Text {
	t.Helper()
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return d.texts[len(d.texts)-1]
}

func TestText(t *testing.T) {
	t.Parallel()
	links := sms.Traits{Links: true}
	tests := []struct {
		name   string
		traits sms.Traits
		hosts  []string
		change func(*hub.Message)
		want   string
	}{
		{name: "without a link", want: "678 青川市政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		{name: "own host, but links are off", hosts: []string{"example.gov.tw"},
			want: "678 青川市政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		{name: "link to the own host", traits: links, hosts: []string{"example.gov.tw"},
			want: "678 青川市政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。 https://sign.example.gov.tw/next 〔A7K2〕"},
		{name: "links are on, but no host is ours", traits: links,
			want: "678 青川市政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		{name: "somebody else's host", traits: links, hosts: []string{"sign2.example.gov.tw"},
			want: "678 青川市政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		{name: "a host that ends like ours", traits: links, hosts: []string{"n.example.gov.tw"},
			want: "678 青川市政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		{name: "plain http", traits: links, hosts: []string{"example.gov.tw"},
			change: func(m *hub.Message) { m.URL = "http://sign.example.gov.tw/next" },
			want:   "678 青川市政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		{name: "prefix is the provider's", traits: sms.Traits{Prefix: sms.PrefixProvider},
			want: "待處理公文 5 件，最速件 1 件，今日到期 2 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		{name: "the message names the agency", change: func(m *hub.Message) { m.Agency = "赤嶺縣政府" },
			want: "678 赤嶺縣政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		{name: "no text", change: func(m *hub.Message) { m.Text = "" },
			want: "678 青川市政府：待處理公文 5 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		{name: "classified", change: func(m *hub.Message) { m.Text = "機密件公文 1 件，請至辦公室辦理" },
			want: "678 青川市政府：機密件公文 1 件，請至辦公室辦理。〔A7K2〕"},
		{name: "classified, link", traits: links, hosts: []string{"example.gov.tw"},
			change: func(m *hub.Message) { m.Text = "機密件公文 1 件，請至辦公室辦理" },
			want:   "678 青川市政府：機密件公文 1 件，請至辦公室辦理。〔A7K2〕"},
		{name: "says where to go itself", change: func(m *hub.Message) {
			m.Text = "您的帳號於新裝置登入。若非本人，請由平常的網址登入後按「不是我」。"
		},
			want: "678 青川市政府：您的帳號於新裝置登入。若非本人，請由平常的網址登入後按「不是我」。〔A7K2〕"},
		{name: "English", change: func(m *hub.Message) {
			m.Lang, m.Title, m.Text = "en", "5 documents pending", "5 documents pending · 1 most urgent"
		}, want: "678 青川市政府: 5 documents pending, 1 most urgent. Sign in at your usual address; this text has no link. 〔A7K2〕"},
		{name: "lines and controls", change: func(m *hub.Message) { m.Text = "公文\r\n5 件\u202e\u200b\x00" },
			want: "678 青川市政府：公文 5 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕"},
		// The remark goes first, then the counts.
		{name: "no room for the remark", change: func(m *hub.Message) { m.Text = strings.Repeat("文", 102) },
			want: "678 青川市政府：" + strings.Repeat("文", 102) + "。請由平常的網址登入。〔A7K2〕"},
		{name: "no room for the counts", change: func(m *hub.Message) { m.Text = strings.Repeat("文", 108) },
			want: "678 青川市政府：待處理公文 5 件。請由平常的網址登入。〔A7K2〕"},
		// A link goes after the counts, whole.
		{name: "no room for counts and link", traits: links, hosts: []string{"example.gov.tw"},
			change: func(m *hub.Message) { m.URL = "https://sign.example.gov.tw/d/" + strings.Repeat("x", 70) },
			want:   "678 青川市政府：待處理公文 5 件。 https://sign.example.gov.tw/d/" + strings.Repeat("x", 70) + " 〔A7K2〕"},
		{name: "no room for the link", traits: links, hosts: []string{"example.gov.tw"},
			change: func(m *hub.Message) { m.URL = "https://sign.example.gov.tw/d/" + strings.Repeat("x", 99) },
			want:   "678 青川市政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。請由平常的網址登入。〔A7K2〕"},
		{name: "an address that is not ASCII is written so", traits: links, hosts: []string{"example.gov.tw"},
			change: func(m *hub.Message) { m.URL = "https://sign.example.gov.tw/d/公文" },
			want:   "678 青川市政府：待處理公文 5 件，最速件 1 件，今日到期 2 件。 https://sign.example.gov.tw/d/%E5%85%AC%E6%96%87 〔A7K2〕"},
	}
	for _, tt := range tests {
		d := &desk{traits: tt.traits}
		c := newChannel(t, d, tt.hosts...)
		m := message()
		if tt.change != nil {
			tt.change(&m)
		}
		got := send(t, c, d, m)
		if got.Body != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got.Body, tt.want)
		}
		if got.Ref != "A7K2" || got.To != "+886912345678" || got.TTL != time.Hour || got.Delivery != m.Delivery {
			t.Errorf("%s: text is %+v", tt.name, got)
		}
	}
}

// TestTextIsCut: the end of what is told goes, between characters; the
// reference stays.
func TestTextIsCut(t *testing.T) {
	t.Parallel()
	family := "\U0001F468\u200d\U0001F469\u200d\U0001F467" // one character of 8 units
	for name, unit := range map[string]string{"Chinese": "文", "extension B": "𠀀", "family": family, "marks": "e\u0301", "flag": "\U0001F1F9\U0001F1FC", "skin": "\U0001F44D\U0001F3FD"} {
		for _, prefix := range []sms.Prefix{sms.PrefixOurs, sms.PrefixProvider} {
			for extra := range 10 {
				d := &desk{traits: sms.Traits{Prefix: prefix}}
				m := message()
				m.Title = strings.Repeat("a", extra) + strings.Repeat(unit, 150)
				m.Text = m.Title
				got := send(t, newChannel(t, d), d, m).Body
				whole := got
				if prefix == sms.PrefixProvider {
					whole = "678 青川市政府：" + got
				}
				if n := len(utf16.Encode([]rune(whole))); n > 134 || n < 120 {
					t.Errorf("%s: %d units, want as many as fit 134: %s", name, n, got)
				}
				if s := sms.Measure(whole).Segments; s > 2 {
					t.Errorf("%s: %d segments", name, s)
				}
				if !strings.HasSuffix(got, "…請由平常的網址登入。〔A7K2〕") {
					t.Errorf("%s: %s", name, got)
				}
				told := strings.TrimSuffix(strings.TrimPrefix(whole, "678 青川市政府："), "…請由平常的網址登入。〔A7K2〕")
				if rest := strings.Trim(strings.TrimLeft(told, "a"), unit); rest != "" && strings.TrimLeft(strings.ReplaceAll(told, unit, ""), "a") != "" {
					t.Errorf("%s: cut in the middle: %q", name, told)
				}
			}
		}
	}
}

func TestLongAgency(t *testing.T) {
	t.Parallel()
	d := &desk{}
	m := message()
	m.Agency = strings.Repeat("很長的機關名稱", 30)
	got := send(t, newChannel(t, d), d, m)
	if !strings.Contains(got.Body, "…：待處理公文 5 件") || !strings.HasSuffix(got.Body, "〔A7K2〕") || sms.Measure(got.Body).Segments != 2 {
		t.Errorf("got %s", got.Body)
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	d := &desk{}
	c := newChannel(t, d)
	m := message()
	if got := c.Cost(m); got != 1 {
		t.Errorf("a text of %d units costs %d, want 1", sms.Measure(send(t, c, d, m).Body).Units, got)
	}
	m.Text = strings.Repeat("文", 60)
	if got := c.Cost(m); got != 2 {
		t.Errorf("a long text costs %d, want 2", got)
	}
	// What the provider puts before it is paid for too.
	provider := &desk{traits: sms.Traits{Prefix: sms.PrefixProvider}}
	m.Text = strings.Repeat("文", 38)
	body := send(t, newChannel(t, provider), provider, m)
	if alone := sms.Measure(body.Body).Segments; alone != 1 || body.Segments != 2 || newChannel(t, provider).Cost(m) != 2 {
		t.Errorf("alone %d, with its beginning %d: %s", alone, body.Segments, body.Body)
	}
	m.To.Value = "nobody"
	if got := c.Cost(m); got != 0 {
		t.Errorf("what cannot be sent costs %d", got)
	}
}

func TestSendRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*hub.Message){
		"landline":        func(m *hub.Message) { m.To.Value = "+886223456789" },
		"not stored form": func(m *hub.Message) { m.To.Value = "0912345678" },
		"nobody":          func(m *hub.Message) { m.To.Value = "" },
	} {
		d := &desk{}
		m := message()
		change(&m)
		var permanent *hub.Permanent
		if _, err := newChannel(t, d).Send(t.Context(), m); !errors.As(err, &permanent) || len(d.texts) > 0 {
			t.Errorf("%s: error %v, %d sent", name, err, len(d.texts))
		}
		if _, found, err := newChannel(t, d).Find(t.Context(), m, time.Time{}); found || err == nil {
			t.Errorf("%s: found %v, error %v", name, found, err)
		}
	}
}

func TestRefIsMadeWhereNoneIsGiven(t *testing.T) {
	t.Parallel()
	d := &desk{}
	m := message()
	m.Ref = ""
	if got := send(t, newChannel(t, d), d, m); got.Ref != hub.RefOf(m.Delivery) || !strings.HasSuffix(got.Body, "〔"+got.Ref+"〕") {
		t.Errorf("got %+v", got)
	}
	if _, found, err := newChannel(t, d).Find(t.Context(), m, time.Time{}); !found || err != nil {
		t.Errorf("found %v, error %v", found, err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := sms.New(sms.Config{}); err == nil {
		t.Error("no provider: accepted")
	}
	for _, host := range []string{"", "gov.tw", "tw", "com", "localhost", "127.0.0.1", "https://example.gov.tw", "example.gov.tw/x", "exa mple.gov.tw", "-a.gov.tw"} {
		if _, err := sms.New(sms.Config{Sender: &desk{}, LinkHosts: []string{host}}); err == nil {
			t.Errorf("%q: accepted", host)
		}
	}
}

func TestProbeSaysHowTextsAre(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]*sms.Channel{
		"links: none, texts say":         newChannel(t, &desk{}),
		"links: none, because no domain": newChannel(t, &desk{traits: sms.Traits{Links: true}}),
		"links: to example.gov.tw only":  newChannel(t, &desk{traits: sms.Traits{Links: true}}, "Example.gov.tw"),
		"(末三碼 and 機關名稱): the provider's": newChannel(t, &desk{traits: sms.Traits{Prefix: sms.PrefixProvider}}),
		"(末三碼 and 機關名稱): ours":           newChannel(t, &desk{traits: sms.Traits{Prefix: sms.PrefixOurs}}),
	} {
		lines, err := c.Probe(t.Context())
		if got := strings.Join(lines, "\n"); err != nil || !strings.Contains(got, want) || !strings.HasPrefix(got, "a desk\n") {
			t.Errorf("got %q, %v, want %q in it", got, err, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"The 'To' number +886912345678 is not a valid phone number.": "The 'To' number … is not a valid phone number.",
		"0912-345-678 簡訊失敗":                                          "… 簡訊失敗",
		"０９１２３４５６７８ 無效":                                              "… 無效",
		"error 21211, 12345":                                         "error 21211, 12345",
		"AC0123456789abcdef01234":                                    "…",
	} {
		if got := sms.Words(in, 200); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzText: whatever is to be told, the text fits, is UTF-8 and has its
// beginning, reference and, if any, its address whole.
func FuzzText(f *testing.F) {
	f.Add("待處理公文 5 件", "待處理公文 5 件 · 最速件 1 件", "青川市政府", "/next", true, true)
	f.Add("a", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\u0301", "/d/x", false, false)
	f.Add("文", strings.Repeat("e\u0301", 200), strings.Repeat("府", 60), "/"+strings.Repeat("x", 90), true, false)
	f.Fuzz(func(t *testing.T, title, text, agency, path string, links, ours bool) {
		d := &desk{traits: sms.Traits{Links: links, Prefix: sms.PrefixProvider}}
		if ours {
			d.traits.Prefix = sms.PrefixOurs
		}
		c := newChannel(t, d, "example.gov.tw")
		m := message()
		m.Title, m.Text, m.Agency, m.URL = title, text, agency, "https://sign.example.gov.tw"+path
		if _, err := c.Send(t.Context(), m); err != nil {
			return
		}
		got := d.texts[0]
		if n := len(utf16.Encode([]rune(got.Body))); n > 134 || sms.Measure(got.Body).Segments > 2 || got.Segments > 2 || got.Segments < 1 {
			t.Fatalf("%d units, %d segments: %q", n, got.Segments, got.Body)
		}
		if !utf8.ValidString(got.Body) || !strings.HasSuffix(got.Body, "〔A7K2〕") || ours && !strings.HasPrefix(got.Body, "678") {
			t.Fatalf("got %q", got.Body)
		}
		if i := strings.Index(got.Body, " https://sign.example.gov.tw"); i >= 0 && links {
			if address, _, _ := strings.Cut(got.Body[i+1:], " "); !strings.HasPrefix(address, "https://sign.example.gov.tw") {
				t.Fatalf("got %q", got.Body)
			}
		}
	})
}

// BenchmarkText makes one text.
func BenchmarkText(b *testing.B) {
	c, err := sms.New(sms.Config{Sender: &desk{}, Agency: "青川市政府"})
	if err != nil {
		b.Fatal(err)
	}
	m := message()
	b.ReportAllocs()
	for b.Loop() {
		if c.Cost(m) != 1 {
			b.Fatal("costs more than one")
		}
	}
}
