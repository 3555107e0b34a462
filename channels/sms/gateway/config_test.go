package gateway_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/channels/sms"
	"qianhe/channels/sms/gateway"
)

// small is the least that a file can say.
const small = `{"name":"x","send":{"url":"https://sms.example.com/send","form":{"to":"{{to}}","text":"{{text}}"}},"answer":[{"status":"200","then":"accepted"}]}`

// with gives small with members changed: a path and its JSON.
func with(t *testing.T, changes ...string) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(small), &v); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 2 {
		var value any
		if err := json.Unmarshal([]byte(changes[i+1]), &value); err != nil {
			t.Fatalf("%s: %v", changes[i+1], err)
		}
		object := v
		names := strings.Split(changes[i], ".")
		for _, name := range names[:len(names)-1] {
			next, ok := object[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				object[name] = next
			}
			object = next
		}
		object[names[len(names)-1]] = value
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newSender(s string) (*gateway.Sender, error) {
	cfg, err := gateway.Read(strings.NewReader(s))
	if err != nil {
		return nil, err
	}
	return gateway.New(cfg, gateway.Options{Secret: "s3cret-value", CallbackURL: hook})
}

func TestSmallest(t *testing.T) {
	t.Parallel()
	s, err := newSender(small)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Traits(), (sms.Traits{PerSecond: 5, Burst: 5}); got != want {
		t.Errorf("traits %+v, want %+v", got, want)
	}
	s, err = newSender(with(t, "links", "true", "prefix", `"provider"`, "per_second", "0.5", "burst", "2", "timeout", `"3s"`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Traits(), (sms.Traits{Links: true, Prefix: sms.PrefixProvider, PerSecond: 0.5, Burst: 2}); got != want {
		t.Errorf("traits %+v, want %+v", got, want)
	}
}

func TestFileIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, want string }{
		"not JSON":               {`{`, "not JSON"},
		"nothing":                {``, "not JSON"},
		"not an object":          {`[]`, "cannot unmarshal"},
		"more than one":          {small + `{}`, "after the object"},
		"unknown member":         {with(t, "links_on", "true"), "links_on"},
		"unknown member deep":    {with(t, "send.auth.tokn", `"x"`), "tokn"},
		"member twice":           {`{"name":"a","name":"b"}`, `"name" stands there twice`},
		"member twice deep":      {`{"send":{"form":{"to":"a","to":"b"}}}`, `"send.form.to" stands there twice`},
		"too deep":               {strings.Repeat(`{"a":`, 50) + `1` + strings.Repeat(`}`, 50), "nested"},
		"too long":               {`{"name":"` + strings.Repeat("x", 300<<10) + `"}`, "longer than"},
		"no name":                {with(t, "name", `""`), "name"},
		"unknown preset":         {`{"preset":"gov112"}`, "gov112"},
		"preset without address": {`{"preset":"gov111"}`, "send: url"},
		"duration":               {with(t, "timeout", `"20"`), "missing unit"},
		"phone":                  {with(t, "phone", `"local"`), "phone"},
		"prefix":                 {with(t, "prefix", `"theirs"`), "prefix"},
		"url over http":          {with(t, "send.url", `"http://sms.example.com/send"`), "https"},
		"url with a password":    {with(t, "send.url", `"https://a:s3cret-value@sms.example.com/"`), "url"},
		"url with placeholders":  {with(t, "send.url", `"https://sms.example.com/{{to}}"`), "placeholders"},
		"url is a path":          {with(t, "send.url", `"/send"`), "url"},
		"method":                 {with(t, "send.method", `"DELETE"`), "method"},
		"GET with a body":        {with(t, "send.method", `"GET"`), "method"},
		"two bodies":             {with(t, "send.text", `"{{text}}"`), "two bodies"},
		"charset":                {with(t, "send.charset", `"latin1"`), "charset"},
		"unknown placeholder":    {with(t, "send.form.x", `"{{nobody}}"`), "{{nobody}}"},
		"broken placeholder":     {with(t, "send.form.x", `"{{to"`), "braces"},
		"braces":                 {with(t, "send.form.x", `"a }} b"`), "braces"},
		"nobody is written to":   {with(t, "send.form", `{"text":"{{text}}"}`), "{{to}} and {{text}}"},
		"nothing is written":     {with(t, "send.form", `{"to":"{{to}}"}`), "{{to}} and {{text}}"},
		"header's name":          {with(t, "send.headers", `{"a b":"c"}`), "header"},
		"auth without type":      {with(t, "send.auth", `{"token":"x"}`), "no type"},
		"auth type":              {with(t, "send.auth", `{"type":"digest"}`), "digest"},
		"basic without user":     {with(t, "send.auth", `{"type":"basic","password":"x"}`), "basic"},
		"bearer without token":   {with(t, "send.auth", `{"type":"bearer"}`), "bearer"},
		"header without value":   {with(t, "send.auth", `{"type":"header","header":"X-Key"}`), "header"},
		"text in credentials":    {with(t, "send.auth", `{"type":"bearer","token":"{{text}}"}`), "{{text}}"},
		"value with a meaning":   {with(t, "values", `{"to":"x"}`), `"to"`},
		"value's name":           {with(t, "values", `{"A-b":"x"}`), `"A-b"`},
		"no rules":               {with(t, "answer", `[]`), "accepted"},
		"nothing is accepted":    {with(t, "answer", `[{"status":"200","then":"rejected"}]`), "accepted"},
		"rule that looks away":   {with(t, "answer", `[{"then":"accepted"}]`), "rule 1"},
		"rule's status":          {with(t, "answer", `[{"status":"2x","then":"accepted"}]`), "status"},
		"rule's pattern":         {with(t, "answer", `[{"pattern":"(","then":"accepted"}]`), "pattern"},
		"rule's path":            {with(t, "answer", `[{"json":"a..b","then":"accepted"}]`), "path"},
		"rule's meaning":         {with(t, "answer", `[{"status":"200","then":"fine"}]`), "fine"},
		"until without down":     {with(t, "answer", `[{"status":"200","then":"accepted","until":"day"}]`), "until"},
		"until":                  {with(t, "answer", `[{"status":"200","then":"accepted"},{"status":"403","then":"down","until":"soon"}]`), "until"},
		"find of nothing":        {with(t, "find", `{"request":{"url":"https://sms.example.com/find"},"answer":[{"status":"200","then":"found"},{"status":"404","then":"absent"}]}`), "no text in particular"},
		"find without absent":    {with(t, "find", `{"request":{"url":"https://sms.example.com/find","query":{"id":"{{delivery}}"}},"answer":[{"status":"200","then":"found"}]}`), "absent"},
		"probe without ok":       {with(t, "probe", `{"request":{"url":"https://sms.example.com/find"},"answer":[{"status":"200","then":"found"}]}`), "found"},
		"receipts say nothing":   {with(t, "receipts", `{"status":"s"}`), "status"},
		"receipts' meaning":      {with(t, "receipts", `{"status":"s","statuses":{"1":"arrived"}}`), "arrived"},
		"receipts' outcome":      {with(t, "receipts", `{"status":"s","statuses":{"1":"delivered permanent"}}`), "delivered permanent"},
		"receipts' outcome 2":    {with(t, "receipts", `{"status":"s","statuses":{"1":"failed badly"}}`), "failed badly"},
		"receipts' format":       {with(t, "receipts", `{"status":"s","format":"xml","statuses":{"1":"sent"}}`), "xml"},
		"receipts' path":         {with(t, "receipts", `{"status":"a[b]","format":"json","statuses":{"1":"sent"}}`), "path"},
		"verify type":            {with(t, "receipts", `{"verify":{"type":"ip","name":"x","secret":"x"},"status":"s","statuses":{"1":"sent"}}`), "ip"},
		"verify without secret":  {with(t, "receipts", `{"verify":{"type":"query","name":"key"},"status":"s","statuses":{"1":"sent"}}`), "secret"},
		"verify without name":    {with(t, "receipts", `{"verify":{"type":"query","secret":"x"},"status":"s","statuses":{"1":"sent"}}`), "name"},
		"verify, basic":          {with(t, "receipts", `{"verify":{"type":"basic","secret":"x"},"status":"s","statuses":{"1":"sent"}}`), "user"},
		"verify, hash":           {with(t, "receipts", `{"verify":{"type":"hmac","name":"X","secret":"x","hash":"md5"},"status":"s","statuses":{"1":"sent"}}`), "md5"},
		"verify, encoding":       {with(t, "receipts", `{"verify":{"type":"hmac","name":"X","secret":"x","encoding":"base32"},"status":"s","statuses":{"1":"sent"}}`), "base32"},
		"verify, hash of query":  {with(t, "receipts", `{"verify":{"type":"query","name":"X","secret":"x","hash":"sha1"},"status":"s","statuses":{"1":"sent"}}`), "hmac"},
		"hmac over a query":      {with(t, "receipts", `{"verify":{"type":"hmac","name":"X","secret":"x"},"format":"query","status":"s","statuses":{"1":"sent"}}`), "hmac"},
	}
	for name, tt := range tests {
		_, err := newSender(tt.file)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error repeats a secret: %v", name, err)
		}
	}
}

func TestSecretIsNeeded(t *testing.T) {
	t.Parallel()
	cfg, err := gateway.Read(strings.NewReader(with(t, "send.auth", `{"type":"bearer","token":"{{secret}}"}`)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.New(cfg, gateway.Options{}); err == nil || !strings.Contains(err.Error(), "{{secret}}") {
		t.Errorf("got %v", err)
	}
	if _, err := gateway.New(cfg, gateway.Options{Secret: "x"}); err != nil {
		t.Error(err)
	}
	for _, address := range []string{"http://sign.example.gov.tw/hooks/sms", hook + "?x=1", "/hooks"} {
		if _, err := gateway.New(cfg, gateway.Options{Secret: "x", CallbackURL: address}); err == nil {
			t.Errorf("receipts to %s: accepted", address)
		}
	}
}

// TestPresets: each needs nothing but an address, and a file changes what it
// names and nothing else.
func TestPresets(t *testing.T) {
	t.Parallel()
	if !slices.Contains(gateway.Presets(), "gov111") {
		t.Fatalf("presets are %v", gateway.Presets())
	}
	for _, name := range gateway.Presets() {
		s, err := newSender(`{"preset":"` + name + `","send":{"url":"https://sms.example.gov.tw/send"}}`)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s.Close()
	}
	cfg, err := gateway.Read(strings.NewReader(`{"preset":"gov111","prefix":"provider","links":true,"timeout":"5s",
		"send":{"url":"https://sms.example.gov.tw/send","json":null,"form":{"m":"{{to}}","c":"{{text}}"}},
		"receipts":{"statuses":{"NEW":"sent"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	base, err := gateway.Preset("gov111")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Prefix != sms.PrefixProvider || !cfg.Links || time.Duration(cfg.Timeout) != 5*time.Second || len(cfg.Send.Form) != 2 {
		t.Errorf("the file did not change the preset: %+v", cfg)
	}
	if cfg.Name != base.Name || cfg.Send.Auth != base.Send.Auth || len(cfg.Answer) != len(base.Answer) || len(cfg.Receipts.Statuses) != len(base.Receipts.Statuses)+1 {
		t.Errorf("the file changed more than it names: %+v", cfg)
	}
	if _, err := gateway.New(cfg, gateway.Options{Secret: "x"}); err != nil {
		t.Error(err)
	}
	// 111: ours to write the beginning, and no links until somebody says so.
	if base.Prefix != sms.PrefixOurs || base.Links || base.Sender != "111" || base.Phone != "national" {
		t.Errorf("gov111 is %+v", base)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(small)
	f.Add(`{"preset":"gov111","send":{"url":"https://x.example/","json":{"a":[{"b":"{{to}}{{text}}"}]}}}`)
	f.Add(`{"name":"x","values":{"a":"b"},"send":{"url":"https://x.example/?q=1","xml":"<a>{{to}}{{text}}</a>","charset":"big5"},"answer":[{"json":"a[0].b","then":"accepted"}]}`)
	f.Fuzz(func(t *testing.T, file string) {
		s, err := newSender(file)
		if err != nil {
			return
		}
		// What is accepted can make a request.
		_, _, _ = s.Build(sms.Text{Delivery: delivery, To: "+886912345678", Body: "678 青川市政府：公文\"<&>\r\n𠀀〔A7K2〕", Ref: "A7K2", Agency: "青川市政府", TTL: time.Hour})
		s.Close()
	})
}
