package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"

	"qianhe/hub"
)

// at makes a sender whose callbacks go to an address, under a token.
func at(t *testing.T, address, token string) *Sender {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = ""
	return &Sender{cfg: Config{AccountSID: "AC00000000000000000000000000000b07", AuthToken: token, Now: time.Now}, hook: u, codes: known()}
}

func callback(query, signature, body string) hub.Callback {
	return hub.Callback{Header: http.Header{"X-Twilio-Signature": {signature}}, Query: query, Body: []byte(body)}
}

// TestVectors holds the published signatures.
func TestVectors(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Source, Token, URL, Body, Signature string
		Params                              map[string]string
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		body := v.Body
		if v.Params != nil {
			form := url.Values{}
			for name, value := range v.Params {
				form.Set(name, value)
			}
			body = form.Encode()
		}
		s := at(t, v.URL, v.Token)
		_, query, _ := strings.Cut(v.URL, "?")
		if !s.signed(callback(query, v.Signature, body)) {
			t.Errorf("%s: does not hold", v.Source)
		}
		for what, cb := range map[string]hub.Callback{
			"another query":         callback(query+"&a=1", v.Signature, body),
			"no query":              callback("", v.Signature, body),
			"another body":          callback(query, v.Signature, body+"&X=1"),
			"no signature":          callback(query, "", body),
			"half a signature":      callback(query, v.Signature[:14], body),
			"not base 64":           callback(query, "!"+v.Signature[1:], body),
			"signature of nothing":  callback(query, base64.StdEncoding.EncodeToString(make([]byte, 20)), body),
			"upper case":            callback(query, strings.ToUpper(v.Signature), body),
			"signed with more data": callback(query, v.Signature+v.Signature, body),
		} {
			if s.signed(cb) {
				t.Errorf("%s: holds with %s", v.Source, what)
			}
		}
		if at(t, v.URL, v.Token+"6").signed(callback(query, v.Signature, body)) {
			t.Errorf("%s: holds under another token", v.Source)
		}
		if at(t, strings.Replace(v.URL, "mycompany", "yourcompany", 1), v.Token).signed(callback(query, v.Signature, body)) {
			t.Errorf("%s: holds for another host", v.Source)
		}
	}
}

// sign signs as Twilio does.
func sign(token, address string, parts ...string) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address + strings.Join(parts, "")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// TestDefaultPort: Twilio signs the address with or without it.
func TestDefaultPort(t *testing.T) {
	t.Parallel()
	tests := []struct {
		configured, signed string
		want               bool
	}{
		{"https://a.example/hooks/sms", "https://a.example/hooks/sms?a=1", true},
		{"https://a.example/hooks/sms", "https://a.example:443/hooks/sms?a=1", true},
		{"https://a.example:443/hooks/sms", "https://a.example/hooks/sms?a=1", true},
		{"https://a.example:443/hooks/sms", "https://a.example:443/hooks/sms?a=1", true},
		{"https://a.example:8443/hooks/sms", "https://a.example:8443/hooks/sms?a=1", true},
		{"https://a.example:8443/hooks/sms", "https://a.example/hooks/sms?a=1", false},
		{"https://a.example/hooks/sms", "https://a.example:8443/hooks/sms?a=1", false},
		{"https://a.example/hooks/sms", "http://a.example/hooks/sms?a=1", false},
		{"https://a.example/hooks/sms", "https://a.example:80/hooks/sms?a=1", false},
		{"http://127.0.0.1/hooks/sms", "http://127.0.0.1:80/hooks/sms?a=1", true},
	}
	for _, tt := range tests {
		if got := at(t, tt.configured, "12345").signed(callback("a=1", sign("12345", tt.signed, "MessageSidSM1"), "MessageSid=SM1")); got != tt.want {
			t.Errorf("%s signed as %s: %v, want %v", tt.configured, tt.signed, got, tt.want)
		}
	}
}

// TestRepeatedParameters: each value once, sorted, as twilio-node signs.
func TestRepeatedParameters(t *testing.T) {
	t.Parallel()
	const address = "https://a.example/hooks/sms"
	signature := sign("12345", address, "A1", "A2", "B3")
	s := at(t, address, "12345")
	for body, want := range map[string]bool{"A=1&A=2&B=3": true, "B=3&A=2&A=1&A=2": true, "A=1&B=3": false, "A=1&A=2&A=3&B=3": false} {
		if got := s.signed(callback("", signature, body)); got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
	// What is signed but contradicts itself says nothing.
	if _, err := s.ParseInbound(callback("", signature, "A=1&A=2&B=3")); err == nil {
		t.Error("two values of one parameter: accepted")
	}
}

// FuzzSigned: what holds here holds in Twilio's own library too, and the
// reverse, where it can tell.
func FuzzSigned(f *testing.F) {
	f.Add("a=1", "MessageSid=SM1&MessageStatus=sent", false)
	f.Add("a=1&bodySHA256=00", `{"MessageSid":"SM1"}`, true)
	f.Add("bodySHA256=", "a=%zz", true)
	f.Fuzz(func(t *testing.T, query, body string, asJSON bool) {
		const address, token = "https://a.example/hooks/sms", "12345"
		s := at(t, address, token)
		if asJSON {
			sum := sha256.Sum256([]byte(body))
			query = "bodySHA256=" + hex.EncodeToString(sum[:])
		}
		if bodyHash(query) != "" && !asJSON {
			return
		}
		params := ""
		if !asJSON {
			form, err := url.ParseQuery(body)
			if err != nil {
				return
			}
			for _, values := range form {
				if len(values) > 1 {
					return // twilio-go looks at the first only
				}
			}
			params = concatenate(form)
		}
		whole := address
		if query != "" {
			whole += "?" + query
		}
		if u, err := url.Parse(whole); err != nil || u.String() != whole {
			return // no HTTP request has such a query
		}
		signature := sign(token, whole, params)
		theirs := client.NewRequestValidator(token)
		if got, want := s.signed(callback(query, signature, body)), theirs.ValidateBody(whole, []byte(body), signature); got != want || !got {
			t.Fatalf("query %q, body %q: here %v, in twilio-go %v", query, body, got, want)
		}
		if s.signed(callback(query, sign("other", whole, params), body)) {
			t.Fatal("holds under another token")
		}
	})
}
