package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/traditionalchinese"

	"qianhe/channels/sms"
	"qianhe/hub"
)

// What an answer can mean.
const (
	thenAccepted  = "accepted"
	thenPermanent = "permanent"
	thenRejected  = "rejected"
	thenRetry     = "retry"
	thenDown      = "down"
	thenUnknown   = "unknown"
	thenFound     = "found"
	thenAbsent    = "absent"
	thenOK        = "ok"
)

// rule is a [Rule], checked.
type rule struct {
	Rule
	value   jsonPath // nil: the whole body
	pattern *regexp.Regexp
	id      jsonPath
	until   func(now time.Time) time.Time
}

var statusForm = regexp.MustCompile(`^[1-5]([0-9]{2}|xx)$`)

// newRules checks rules of which each means one of allowed, and which together
// can mean all of needed.
func newRules(list []Rule, allowed, needed []string) ([]rule, error) {
	var rules []rule
	missing := slices.Clone(needed)
	for i, r := range list {
		c := rule{Rule: r}
		var err error
		switch {
		case !slices.Contains(allowed, r.Then):
			return nil, fmt.Errorf("rule %d: then is %q, none of %s", i+1, r.Then, strings.Join(allowed, ", "))
		case r.Status != "" && !statusForm.MatchString(r.Status):
			return nil, fmt.Errorf("rule %d: status %q is not such as 200 or 2xx", i+1, r.Status)
		case r.Status == "" && r.JSON == "" && r.Pattern == "":
			return nil, fmt.Errorf("rule %d looks at nothing: status, json or pattern", i+1)
		case r.Until != "" && r.Then != thenDown:
			return nil, fmt.Errorf("rule %d: until belongs to down", i+1)
		}
		if r.JSON != "" {
			if c.value, err = parsePath(r.JSON); err != nil {
				return nil, fmt.Errorf("rule %d: json: %w", i+1, err)
			}
		}
		if r.Pattern != "" {
			if c.pattern, err = regexp.Compile(r.Pattern); err != nil {
				return nil, fmt.Errorf("rule %d: pattern: %w", i+1, err)
			}
		}
		if r.ID != "" {
			if c.id, err = parsePath(r.ID); err != nil {
				return nil, fmt.Errorf("rule %d: id: %w", i+1, err)
			}
		}
		if c.until, err = parseUntil(r.Until); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
		missing = slices.DeleteFunc(missing, func(s string) bool { return s == r.Then })
		rules = append(rules, c)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("no rule says what %s is", strings.Join(missing, " and "))
	}
	return rules, nil
}

// taiwan is the zone of accounts' days and months; it has no summer time.
var taiwan = time.FixedZone("Asia/Taipei", 8*60*60)

// parseUntil reads how long a channel is down. "" is until somebody mends it.
func parseUntil(s string) (func(time.Time) time.Time, error) {
	switch s {
	case "":
		return func(time.Time) time.Time { return time.Time{} }, nil
	case "day":
		return func(now time.Time) time.Time {
			now = now.In(taiwan)
			return time.Date(now.Year(), now.Month(), now.Day()+1, 0, 5, 0, 0, taiwan)
		}, nil
	case "month":
		return func(now time.Time) time.Time {
			now = now.In(taiwan)
			return time.Date(now.Year(), now.Month()+1, 1, 0, 5, 0, 0, taiwan)
		}, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > 31*24*time.Hour {
		return nil, fmt.Errorf("until is %q, not a duration such as 1h, day or month", s)
	}
	return func(now time.Time) time.Time { return now.Add(d) }, nil
}

// reading is an answer, read.
type reading struct {
	answer sms.Answer
	text   string
	json   any // nil where it is none
}

func read(a sms.Answer, charset string) reading {
	b := a.Body
	if !utf8.Valid(b) && charset == charsetBig5 {
		if decoded, err := traditionalchinese.Big5.NewDecoder().Bytes(b); err == nil {
			b = decoded
		}
	}
	r := reading{answer: a, text: strings.ToValidUTF8(string(b), "\uFFFD")}
	r.json, _ = readJSON(b) // nil: it is not JSON
	return r
}

// fits reports whether a rule holds, the provider's name for the text, and the
// words by which it held.
func (r rule) fits(in reading) (id, words string, ok bool) {
	if r.Status != "" && !strings.HasPrefix(fmt.Sprint(in.answer.Status), strings.TrimSuffix(r.Status, "xx")) {
		return "", "", false
	}
	value := in.text
	if r.value != nil {
		if value, ok = r.value.text(in.json); !ok {
			return "", "", false
		}
		words = value
	}
	if r.pattern != nil {
		m := r.pattern.FindStringSubmatch(value)
		if m == nil {
			return "", "", false
		}
		words = m[0]
		if i := r.pattern.SubexpIndex("id"); i >= 0 {
			id = m[i]
		}
	}
	if r.id != nil {
		id, _ = r.id.text(in.json)
	}
	return name(id), sms.Words(words, 80), true
}

// name makes a provider's name for a text fit for the record.
func name(id string) string {
	if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ""
	}
	return hub.Clip(id, 128)
}
