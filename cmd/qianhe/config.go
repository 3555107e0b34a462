package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"qianhe/hub"
)

// Config is the effective configuration. Each setting has one name: a flag
// -base-url, the environment variable QIANHE_BASE_URL and a line
// QIANHE_BASE_URL=... of the file are the same. Flags win over the
// environment, the environment over the file, the file over the default.
type Config struct {
	DatabaseURL    string
	Data           string
	BaseURL        *url.URL
	PublicURL      *url.URL // nil: the same as BaseURL
	Listen         string
	PublicListen   string
	AdminListen    string
	Secret         [32]byte
	SecretSet      bool
	Migrate        bool
	MaxConns       int
	TrustedProxies []netip.Prefix
	LogLevel       slog.Level
	LogFormat      string
	Drain          time.Duration

	Digest     string
	Hotline    string
	LINEAfter  time.Duration
	QuietHours hub.Quiet

	LINE lineConfig

	WebPushSubject string
	WebPushHosts   []string

	Messenger messengerConfig
	SMS       smsConfig
	NATS      natsConfig
	SignIn    signInConfig
}

// setting is one line of the table of settings.
type setting struct {
	name   string // of the flag; the variable is QIANHE_ and this in capitals
	value  string // default
	usage  string
	secret bool
	set    func(c *Config, v string) error
}

func (s setting) variable() string {
	return "QIANHE_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

func settings() []setting {
	return slices.Concat([]setting{
		{"base-url", "", "address under which people reach the server, such as https://sign.example.gov.tw; links are built from it, never from a request", false, setBaseURL},
		{"public-url", "", "address of the public listener, where it has a name of its own; links in messages and callbacks of providers lead there", false, setPublicURL},
		{"public-listen", "", "address that the public listener listens on: landing page, callbacks, static files, never a document; empty for none", false, func(c *Config, v string) error { c.PublicListen = v; return nil }},
		{"listen", "127.0.0.1:8080", "address that the web listens on; none for a server with nothing but the public listener", false, func(c *Config, v string) error { c.Listen = v; return nil }},
		{"admin-listen", "127.0.0.1:9090", "address of /metrics and the probes; empty for none", false, func(c *Config, v string) error { c.AdminListen = v; return nil }},
		{"database-url", "", "PostgreSQL 15 or later, such as postgres://qianhe@db/qianhe; empty: a private one in the data directory", true, func(c *Config, v string) error { c.DatabaseURL = v; return nil }},
		{"data", "qianhe-data", "directory of the private PostgreSQL and its secret, where no database URL is given", false, func(c *Config, v string) error { c.Data = v; return nil }},
		{"secret", "", "32 random bytes in base64 that seal addresses and keys; needed with a database URL ('openssl rand -base64 32')", true, setSecret},
		{"migrate", "false", "bring the schema up to date at start (a private database always is)", false, boolean(func(c *Config) *bool { return &c.Migrate })},
		{"max-conns", "20", "connections to PostgreSQL, at least 8", false, setMaxConns},
		{"trusted-proxies", "", "networks of reverse proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8,::1/128", false, setProxies},
		{"log-level", "info", "debug, info, warn or error", false, func(c *Config, v string) error { return c.LogLevel.UnmarshalText([]byte(v)) }},
		{"log-format", "auto", "text, json, or auto: text on a terminal", false, oneOf(func(c *Config) *string { return &c.LogFormat }, "auto", "text", "json")},
		{"drain", "0s", "how long to stay up not ready before closing, for a load balancer to notice", false, duration(func(c *Config) *time.Duration { return &c.Drain }, 0, 5*time.Minute)},
		{"hotline", "", "service line (服務專線) that pages of new devices name, such as (02) 0000-0000", false, func(c *Config, v string) error { c.Hotline = v; return nil }},
		{"digest", "30 8 * * *", "when pending counts are sent on working days, as a cron line in Asia/Taipei", false, setDigest},
		{"line-after", "15m", "how long an unseen notification waits before it goes to LINE", false, duration(func(c *Config) *time.Duration { return &c.LINEAfter }, time.Minute, 12*time.Hour)},
		{"quiet-hours", "20:00-07:30 off-days", "hours in Asia/Taipei in which only 最速件 and security go out, with off-days also Saturdays, Sundays and holidays; or none", false, setQuiet},
		{"webpush-subject", "", "whom push services may write to: mailto:it@example.gov.tw or an https address; Web Push is off without it", false, setSubject},
		{"webpush-hosts", "", "push services allowed besides those of the browsers, such as push.example.org", false, func(c *Config, v string) error { c.WebPushHosts = list(v); return nil }},
	}, lineSettings(), messengerSettings(), smsSettings(), natsSettings(), signInSettings())
}

// loadConfig reads flags, environment and file. It returns every problem at
// once, each naming the variable. register adds the command's own flags.
func loadConfig(e env, name, usage string, args []string, register func(*flag.FlagSet)) (*Config, *flag.FlagSet, error) {
	fs := newFlags(e, name, usage)
	file := fs.String("config", "", "file of NAME=VALUE lines, the same names as in the environment (QIANHE_CONFIG)")
	table := settings()
	given := map[string]*string{}
	for _, s := range table {
		given[s.name] = fs.String(s.name, "", fmt.Sprintf("%s (%s, default %q)", s.usage, s.variable(), s.value))
	}
	if register != nil {
		register(fs)
	}
	if err := parse(fs, args); err != nil {
		return nil, nil, err
	}
	vars, errs := environment(e.environ, table)
	path := *file
	if path == "" {
		path = vars["QIANHE_CONFIG"]
	}
	if path != "" {
		more, err := readConfigFile(path, table)
		errs = append(errs, err)
		for k, v := range more {
			if _, ok := vars[k]; !ok {
				vars[k] = v
			}
		}
	}
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	c := &Config{}
	for _, s := range table {
		v := s.value
		if have, ok := vars[s.variable()]; ok {
			v = have
		}
		if path, ok := vars[s.variable()+"_FILE"]; ok && s.secret {
			b, err := os.ReadFile(path)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s_FILE: %w", s.variable(), err))
				continue
			}
			v = strings.TrimSpace(string(b))
		}
		if set[s.name] {
			v = *given[s.name]
		}
		if err := s.set(c, v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.variable(), err))
		}
	}
	return c, fs, errors.Join(append(errs, c.check())...)
}

// environment picks our variables out of environ. One that begins like ours
// and is not known is an error: it is a typing mistake.
func environment(environ []string, table []setting) (map[string]string, []error) {
	vars := map[string]string{}
	var errs []error
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		if k == "DATABASE_URL" {
			if _, ok := vars["QIANHE_DATABASE_URL"]; !ok {
				vars["QIANHE_DATABASE_URL"] = v
			}
			continue
		}
		if !strings.HasPrefix(k, "QIANHE_") {
			continue
		}
		if !knownVariable(k, table) {
			errs = append(errs, fmt.Errorf("%s: there is no such setting; see 'qianhe config -h'", k))
			continue
		}
		vars[k] = v
	}
	return vars, errs
}

func knownVariable(k string, table []setting) bool {
	return k == "QIANHE_CONFIG" || slices.ContainsFunc(table, func(s setting) bool {
		return k == s.variable() || s.secret && k == s.variable()+"_FILE"
	})
}

func readConfigFile(path string, table []setting) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("QIANHE_CONFIG: %w", err)
	}
	defer f.Close()
	vars := map[string]string{}
	var errs []error
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, v, ok := strings.Cut(line, "=")
		k = strings.TrimSpace(k)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s:%d: not a NAME=VALUE line", path, n))
		case k == "QIANHE_CONFIG" || !knownVariable(k, table):
			errs = append(errs, fmt.Errorf("%s:%d: there is no setting %s", path, n, k))
		default:
			vars[k] = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return vars, errors.Join(append(errs, lines.Err())...)
}

// check holds the rules that concern several settings.
func (c *Config) check() error {
	var errs []error
	if c.DatabaseURL != "" && !c.SecretSet {
		errs = append(errs, errors.New("QIANHE_SECRET: needed with QIANHE_DATABASE_URL, for example the output of 'openssl rand -base64 32'; keep it, nothing sealed can be opened without it"))
	}
	return errors.Join(append(errs, c.LINE.check(), c.Messenger.check(), c.SMS.check(), c.NATS.check())...)
}

// checkServe holds what only a real server needs.
func (c *Config) checkServe() error {
	if c.BaseURL == nil {
		return errors.New("QIANHE_BASE_URL: needed, for example https://sign.example.gov.tw")
	}
	if c.BaseURL.Scheme != "https" && c.BaseURL.Hostname() != "localhost" && c.BaseURL.Hostname() != "127.0.0.1" {
		return errors.New("QIANHE_BASE_URL: must be https; sign-in cookies and Web Push work nowhere else")
	}
	switch {
	case c.Listen == "none" && c.PublicListen == "":
		return errors.New("QIANHE_LISTEN: none needs QIANHE_PUBLIC_LISTEN, or there is nothing to serve")
	case c.PublicURL != nil && c.PublicURL.Scheme != c.BaseURL.Scheme:
		return errors.New("QIANHE_PUBLIC_URL: must be https as QIANHE_BASE_URL is")
	}
	return nil
}

// linkURL is where links in messages begin, and what providers call: the public
// listener where it has a name of its own.
func (c *Config) linkURL() *url.URL {
	if c.PublicURL != nil {
		return c.PublicURL
	}
	return c.BaseURL
}

func setBaseURL(c *Config, v string) (err error) {
	c.BaseURL, err = originURL(v)
	return err
}

func setPublicURL(c *Config, v string) (err error) {
	c.PublicURL, err = originURL(v)
	return err
}

// originURL reads the address of a whole server; nil for "".
func originURL(v string) (*url.URL, error) {
	if v == "" {
		return nil, nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not an address such as https://sign.example.gov.tw", v)
	}
	u.Path = ""
	return u, nil
}

func setSecret(c *Config, v string) error {
	if v == "" {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(v)
	if err != nil || len(b) != len(c.Secret) {
		return errors.New("must be 32 bytes in base64, as 'openssl rand -base64 32' makes")
	}
	c.SecretSet = true
	copy(c.Secret[:], b)
	return nil
}

func setMaxConns(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 8 || n > 1000 {
		return fmt.Errorf("%q is not a number from 8 to 1000", v)
	}
	c.MaxConns = n
	return nil
}

func setProxies(c *Config, v string) error {
	for _, s := range list(v) {
		if a, err := netip.ParseAddr(s); err == nil {
			c.TrustedProxies = append(c.TrustedProxies, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return fmt.Errorf("%q is not a network such as 10.0.0.0/8", s)
		}
		c.TrustedProxies = append(c.TrustedProxies, p.Masked())
	}
	return nil
}

func setDigest(c *Config, v string) error {
	if _, err := cron.ParseStandard(v); err != nil {
		return fmt.Errorf("%q is not a cron line such as '30 8 * * *': %w", v, err)
	}
	c.Digest = v
	return nil
}

// setQuiet reads quiet hours: a range, with or without the days that are not
// worked, or none.
func setQuiet(c *Config, v string) error {
	var q hub.Quiet
	for _, f := range strings.Fields(v) {
		from, to, isRange := strings.Cut(f, "-")
		begin, err1 := time.Parse("15:04", from)
		end, err2 := time.Parse("15:04", to)
		switch {
		case f == "none":
		case f == "off-days":
			q.DaysOff = true
		case isRange && err1 == nil && err2 == nil:
			q.From, q.To = begin.Hour()*60+begin.Minute(), end.Hour()*60+end.Minute()
		default:
			return fmt.Errorf("%q is no range such as 20:00-07:30, nor off-days, nor none", f)
		}
	}
	c.QuietHours = q
	return nil
}

func quietText(q hub.Quiet) string {
	var parts []string
	if q.From != q.To {
		parts = append(parts, fmt.Sprintf("%02d:%02d-%02d:%02d", q.From/60, q.From%60, q.To/60, q.To%60))
	}
	if q.DaysOff {
		parts = append(parts, "off-days")
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}

func setSubject(c *Config, v string) error {
	if v != "" && !strings.HasPrefix(v, "mailto:") && !strings.HasPrefix(v, "https://") {
		return fmt.Errorf("%q is neither a mailto: nor an https: address", v)
	}
	c.WebPushSubject = v
	return nil
}

func boolean(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", v)
		}
		*field(c) = b
		return nil
	}
}

func oneOf(field func(*Config) *string, words ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if !slices.Contains(words, v) {
			return fmt.Errorf("%q is none of %s", v, strings.Join(words, ", "))
		}
		*field(c) = v
		return nil
	}
}

func duration(field func(*Config) *time.Duration, low, high time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < low || d > high {
			return fmt.Errorf("%q is not a duration from %s to %s, such as 15m", v, low, high)
		}
		*field(c) = d
		return nil
	}
}

func list(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
}

// runConfig prints what is in force. Secrets show whether they are set.
func runConfig(_ context.Context, e env, args []string) error {
	c, fs, err := loadConfig(e, "config", "[flags]", args, nil)
	if c == nil {
		return err
	}
	if fs.NArg() > 0 {
		return misuse("takes no arguments")
	}
	c.print(e.stdout)
	return err
}

func (c *Config) print(w io.Writer) {
	values := map[string]string{
		"base-url": urlString(c.BaseURL), "public-url": urlString(c.PublicURL), "public-listen": c.PublicListen, "listen": c.Listen, "admin-listen": c.AdminListen,
		"database-url": mask(c.DatabaseURL != ""), "data": c.Data, "secret": mask(c.SecretSet),
		"migrate": strconv.FormatBool(c.Migrate), "max-conns": strconv.Itoa(c.MaxConns),
		"trusted-proxies": join(c.TrustedProxies), "log-level": strings.ToLower(c.LogLevel.String()), "log-format": c.LogFormat,
		"drain": c.Drain.String(), "digest": c.Digest, "hotline": c.Hotline, "line-after": c.LINEAfter.String(), "quiet-hours": quietText(c.QuietHours),
		"webpush-subject": c.WebPushSubject, "webpush-hosts": strings.Join(c.WebPushHosts, ","),
	}
	maps.Copy(values, c.LINE.values())
	maps.Copy(values, c.Messenger.values())
	maps.Copy(values, c.SMS.values())
	maps.Copy(values, c.NATS.values())
	maps.Copy(values, c.SignIn.values())
	for _, s := range settings() {
		fmt.Fprintf(w, "%s=%s\n", s.variable(), values[s.name])
	}
}

func mask(set bool) string {
	if set {
		return "********"
	}
	return ""
}

func urlString(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
}

func join[T fmt.Stringer](list []T) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = v.String()
	}
	return strings.Join(words, ",")
}
