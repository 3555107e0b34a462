package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"qianhe/channels/sms"
)

// Config is the file that describes a provider.
type Config struct {
	// Preset is the name of what the file builds on; see [Presets]. The file
	// then says only what differs.
	Preset string `json:"preset,omitempty"`
	// Name of the provider, for people.
	Name string `json:"name"`
	// Phone is how it writes numbers: e164 (+886912345678, the default),
	// digits (886912345678) or national (0912345678; Taiwan only).
	Phone string `json:"phone,omitempty"`
	// Sender is what {{sender}} stands for.
	Sender string `json:"sender,omitempty"`
	// Prefix says whose job 末三碼 and 機關名稱 at the beginning are: "ours"
	// (the default) or "provider".
	Prefix sms.Prefix `json:"prefix,omitempty"`
	// Links says that texts may hold addresses of the agency's own hosts.
	Links bool `json:"links,omitempty"`
	// PerSecond and Burst are how fast it takes texts; 5 and 5 by default.
	PerSecond float64 `json:"per_second,omitempty"`
	Burst     int     `json:"burst,omitempty"`
	// Timeout of one call, "20s" by default.
	Timeout Duration `json:"timeout,omitempty"`
	// Values are further placeholders.
	Values map[string]string `json:"values,omitempty"`

	Send   Request `json:"send"`
	Answer []Rule  `json:"answer"` // to a send
	// Find asks whether a text has arrived there. Without it a text in doubt
	// stays in doubt.
	Find *Question `json:"find,omitempty"`
	// Probe asks for something harmless, for 'qianhe check sms'.
	Probe    *Question `json:"probe,omitempty"`
	Receipts *Receipts `json:"receipts,omitempty"`
}

// Request is one call. Its strings may hold placeholders, except in Method, URL
// and names.
type Request struct {
	Method  string            `json:"method,omitempty"` // POST, or GET where there is no body
	URL     string            `json:"url"`
	Auth    Auth              `json:"auth,omitzero"`
	Headers map[string]string `json:"headers,omitempty"`
	Query   map[string]string `json:"query,omitempty"`

	// One of these is the body, or none.
	Form map[string]string `json:"form,omitempty"`
	JSON json.RawMessage   `json:"json,omitempty"` // any value; placeholders in its strings
	XML  string            `json:"xml,omitempty"`
	Text string            `json:"text,omitempty"`

	// Charset of query and body: "utf-8" (the default) or "big5"; or
	// "utf-16be-hex": UTF-8, and {{text}} as hexadecimal digits of UTF-16.
	Charset string `json:"charset,omitempty"`
}

// Auth is how a call signs in. A provider that takes its secret as a field gets
// it as one, by {{secret}}.
type Auth struct {
	Type     string `json:"type,omitempty"` // none, basic, bearer or header
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	Token    string `json:"token,omitempty"`
	Header   string `json:"header,omitempty"`
	Value    string `json:"value,omitempty"`
}

// Question is a call and how to read its answer.
type Question struct {
	Request Request `json:"request"`
	Answer  []Rule  `json:"answer"`
}

// Rule reads an answer. Everything that it names must hold.
type Rule struct {
	Status  string `json:"status,omitempty"`  // 200 or 2xx
	JSON    string `json:"json,omitempty"`    // path of a value: result[0].code
	Pattern string `json:"pattern,omitempty"` // regular expression (RE2) for that value, or for the whole body
	// Then is what it means: accepted, permanent, rejected, retry, down or
	// unknown; of a search found or absent, or what it has failed of: permanent,
	// rejected or retry; of a probe ok.
	Then string `json:"then"`
	// ID is the path of the provider's name for the text; or the pattern has a
	// group of that name: (?P<id>...).
	ID string `json:"id,omitempty"`
	// Until is how long "down" lasts: a duration such as "1h", or "day" or
	// "month": until the next begins in Taiwan.
	Until string `json:"until,omitempty"`
}

// Receipts describe the provider's callbacks.
type Receipts struct {
	Verify Verify `json:"verify,omitzero"`
	// Format is form (the default), json, or query: a GET.
	Format string `json:"format,omitempty"`
	// List is the path of an array of receipts in JSON; "" where the whole is
	// one, or an array.
	List string `json:"list,omitempty"`
	// Fields, or paths in JSON. Delivery is ours ({{delivery}}); the address
	// that {{callback}} gave says it too.
	ID       string `json:"id,omitempty"`
	Delivery string `json:"delivery,omitempty"`
	Status   string `json:"status"`
	Code     string `json:"code,omitempty"`
	// Statuses are the provider's words, or its codes where that is what Status
	// names, and what they mean: accepted, queued, sending, sent, delivered,
	// undelivered or failed; the last two with what follows: "failed permanent",
	// "undelivered retry", "failed down"; else rejected.
	Statuses map[string]string `json:"statuses"`
}

// Verify is how a callback proves who sent it.
type Verify struct {
	Type   string `json:"type,omitempty"`   // query, header, basic or hmac
	Name   string `json:"name,omitempty"`   // of the parameter or header
	User   string `json:"user,omitempty"`   // of basic
	Secret string `json:"secret,omitempty"` // or password, or key
	// Of hmac, over the raw body:
	Hash     string `json:"hash,omitempty"`     // sha256 (the default), sha1 or sha512
	Encoding string `json:"encoding,omitempty"` // hex (the default) or base64
	Prefix   string `json:"prefix,omitempty"`   // before the signature, such as "sha256="
}

// Duration is a time.Duration that is written "20s".
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration does.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

const maxFile = 256 << 10

// Read reads a file, over the preset that it names. Unknown and repeated members
// are errors. What the whole has to say is checked by [New].
func Read(r io.Reader) (Config, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Config{}, fmt.Errorf("gateway: read file: %w", err)
	}
	if len(b) > maxFile {
		return Config{}, errors.New("gateway: the file is longer than 256 KiB")
	}
	var named struct {
		Preset string `json:"preset"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := unique(d, "", 0); err != nil {
		return Config{}, fmt.Errorf("gateway: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("gateway: there is more after the object")
	}
	if err := json.Unmarshal(b, &named); err != nil {
		return Config{}, fmt.Errorf("gateway: %w", err)
	}
	var c Config
	if named.Preset != "" {
		if c, err = Preset(named.Preset); err != nil {
			return Config{}, err
		}
	}
	return c, decode(b, &c)
}

// decode reads one JSON object into c, over what is there.
func decode(b []byte, c *Config) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// unique refuses a value in which an object names a member twice: the reader
// would take the last, people see the first.
func unique(d *json.Decoder, path string, depth int) error {
	if depth > 32 {
		return errors.New("the file is nested too deeply")
	}
	t, err := d.Token()
	if err != nil {
		return fmt.Errorf("the file is not JSON: %w", err)
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		here := path
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return fmt.Errorf("the file is not JSON: %w", err)
			}
			name, _ := key.(string)
			here = strings.TrimPrefix(path+"."+name, ".")
			if seen[name] {
				return fmt.Errorf("%q stands there twice", here)
			}
			seen[name] = true
		}
		if err := unique(d, here, depth+1); err != nil {
			return err
		}
	}
	if _, err = d.Token(); err != nil { // the closing one
		return fmt.Errorf("the file is not JSON: %w", err)
	}
	return nil
}
