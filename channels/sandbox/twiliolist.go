package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// twilioMessages is GET Messages.json: the latest first, in pages.
func (s *Sandbox) twilioMessages(r *http.Request) (int, any, *twilioRefusal) {
	no := func(format string, args ...any) (int, any, *twilioRefusal) {
		return 0, nil, &twilioRefusal{http.StatusBadRequest, 20001, fmt.Sprintf(format, args...)}
	}
	q := r.URL.Query()
	for name, values := range q {
		if !slices.Contains([]string{"To", "From", "DateSent", "DateSent>", "DateSent<", "PageSize", "Page", "PageToken"}, name) || len(values) != 1 {
			return no("Parameter %q is unknown here or repeated", name)
		}
	}
	size := 50
	if q.Has("PageSize") {
		n, err := strconv.Atoi(q.Get("PageSize"))
		if err != nil || n < 1 || n > 1000 {
			return no("PageSize must be from 1 to 1000")
		}
		size = n
	}
	page := 0
	if q.Has("Page") {
		n, err := strconv.Atoi(q.Get("Page"))
		if err != nil || n < 0 || n > 0 && !strings.HasPrefix(q.Get("PageToken"), "PASM") {
			return no("Page and PageToken must be those of a next_page_uri")
		}
		page = n
	}
	from, err := twilioDay(q.Get("DateSent>"))
	if err != nil {
		return no("DateSent must be a date such as 2026-11-23")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []any
	for _, m := range slices.Backward(s.twilio.messages) {
		if q.Has("To") && m.to != q.Get("To") {
			continue
		}
		// A message that was not sent yet has no date to be found by.
		if !from.IsZero() && (m.sent.IsZero() || m.sent.UTC().Truncate(24*time.Hour).Before(from)) {
			continue
		}
		list = append(list, m.json(s.opt.Twilio.AccountSID))
	}
	start := min(page*size, len(list))
	end := min(start+size, len(list))
	answer := map[string]any{
		"messages": list[start:end], "page": page, "page_size": size, "start": start, "end": max(end-1, 0),
		"uri": r.URL.RequestURI(), "first_page_uri": r.URL.RequestURI(), "next_page_uri": nil, "previous_page_uri": nil,
	}
	if list == nil {
		answer["messages"] = []any{}
	}
	if end < len(list) {
		next := url.Values{"PageSize": {strconv.Itoa(size)}, "Page": {strconv.Itoa(page + 1)}, "PageToken": {"PASM" + randomID(16)}}
		for _, name := range []string{"To", "DateSent>"} {
			if q.Has(name) {
				next.Set(name, q.Get(name))
			}
		}
		answer["next_page_uri"] = r.URL.Path + "?" + next.Encode()
	}
	return http.StatusOK, answer, nil
}

// twilioDay reads a date or a time in GMT; the day is what counts.
func twilioDay(v string) (time.Time, error) {
	if v == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UTC().Truncate(24 * time.Hour), nil
		}
	}
	return time.Time{}, fmt.Errorf("malformed date %q", v)
}
