package sms

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"qianhe/hub"
)

// Limits of a text.
const (
	maxSegments = 2
	maxUnits    = maxSegments * ucs2Part // UTF-16 units, in whatever alphabet it is sent
	maxAgency   = 40
)

// wording is what a text says besides what the message says.
type wording struct {
	after   string // the agency
	stop    string // after a sentence
	comma   string
	where   string // to go
	noLink  string // so that an address in a text with our name is known to be false
	says    []string
	between string // before and after what must stand apart
}

func wordingOf(lang string) wording {
	if lang == "en" {
		return wording{
			after: ": ", stop: ".", comma: ", ", between: " ",
			where: "Sign in at your usual address", noLink: "; this text has no link",
			says: []string{"usual address", "at the office"},
		}
	}
	return wording{
		after: "：", stop: "。", comma: "，", between: "",
		where: "請由平常的網址登入", noLink: "，本簡訊不含連結",
		says: []string{"請由平常的網址登入", "請至辦公室辦理"},
	}
}

// compose makes the text of a message. link is the address that may stand in
// it, or "".
//
//	678 青川市政府：待處理公文 5 件，最速件 1 件。請由平常的網址登入，本簡訊不含連結。〔A7K2〕
//
// What there is no room for is left out: the remark on links, the counts, the
// address, the end of what is told. The beginning is cut only where the agency's
// name is absurdly long, the reference never.
func (c *Channel) compose(m hub.Message, to Number, link string) Text {
	w := wordingOf(m.Lang)
	t := Text{Delivery: m.Delivery, To: to, Ref: m.Ref, Agency: m.Agency, TTL: m.TTL}
	if t.Agency == "" {
		t.Agency = c.agency
	}
	t.Agency = cut(plain(t.Agency), maxAgency)
	if t.Ref == "" {
		t.Ref = hub.RefOf(m.Delivery)
	}
	begin := to.Last3()
	if t.Agency != "" {
		begin += " " + t.Agency
	}
	begin += w.after
	ours := c.traits.Prefix != PrefixProvider
	finish := func(what, end string) bool {
		rest := what + end + "〔" + t.Ref + "〕"
		whole := begin + rest
		size := Measure(whole)
		t.Body, t.Segments = rest, size.Segments
		if ours {
			t.Body = whole
		}
		return size.Segments <= maxSegments && units(whole) <= maxUnits
	}

	choices := w.choices(w.sentence(m.Title), w.sentence(m.Text), link)
	if m.Whole {
		choices = []choice{{w.sentence(m.Text), w.between}, {w.sentence(m.Title), w.between}}
	}
	for _, o := range choices {
		if finish(o.what, o.end) {
			return t
		}
	}
	last := choices[len(choices)-1]
	for room := maxUnits - units(begin+last.end+"〔"+t.Ref+"〕"); room >= 0; room-- {
		if finish(cut(last.what, room), last.end) {
			break
		}
	}
	return t
}

// choice is a text between its beginning and its reference.
type choice struct{ what, end string }

// choices are the ways to say it, the best first.
func (w wording) choices(short, long, link string) []choice {
	if long == "" {
		long = short
	}
	where := w.between + w.where + w.stop + w.between
	switch {
	case slices.ContainsFunc(w.says, func(s string) bool { return strings.Contains(long, s) }):
		return []choice{{long, w.between}, {short, where}}
	case link != "": // it is worth more than the counts
		link = " " + link + " "
		return []choice{{long, link}, {short, link}, {long, where}, {short, where}}
	}
	return []choice{{long, w.between + w.where + w.noLink + w.stop + w.between}, {long, where}, {short, where}}
}

// sentence makes one sentence of what a message says.
func (w wording) sentence(s string) string {
	s = strings.ReplaceAll(plain(hub.Clip(s, 4096)), " · ", w.comma) // far more than fits
	if s == "" || strings.HasSuffix(s, w.stop) {
		return s
	}
	return s + w.stop
}

// TakesLink reports whether a text may carry this address.
func (c *Channel) TakesLink(address string) bool { return c.linkOf(hub.Message{URL: address}) != "" }

// linkOf gives the address that may stand in the text of m: whole, https, and
// of the agency's own hosts. "" for none.
func (c *Channel) linkOf(m hub.Message) string {
	if !c.traits.Links {
		return ""
	}
	u, err := url.Parse(m.URL)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" && u.Port() != "443" {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	if !slices.ContainsFunc(c.linkHosts, func(own string) bool { return host == own || strings.HasSuffix(host, "."+own) }) {
		return ""
	}
	if link := u.String(); strings.IndexFunc(link, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0 {
		return link
	}
	return ""
}

// plain makes one line of s, without characters that show nothing.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == joiner:
			return r
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// units is the length of s in UTF-16.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// cut shortens s to at most n UTF-16 units with an ellipsis, between two
// characters as people see them.
func cut(s string, n int) string {
	if units(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	end, used := 0, 1
	for at := 0; at < len(s); {
		size := cluster(s[at:])
		used += units(s[at : at+size])
		if used > n {
			break
		}
		at += size
		end = at
	}
	return strings.TrimRight(s[:end], " ，、。,.") + "…"
}

// cluster gives the length in bytes of the first character of s as people see
// it: with its marks, its variation and whatever is joined to it (a simple form
// of Unicode UAX #29).
func cluster(s string) int {
	var before rune
	for i, r := range s {
		joined := i == 0 || unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc) || r == joiner || before == joiner ||
			r >= 0x1f3fb && r <= 0x1f3ff || // skin
			isFlag(r) && isFlag(before) && i == utf8.RuneLen(before)
		if !joined {
			return i
		}
		before = r
	}
	return len(s)
}

// joiner makes one emoji of several.
const joiner = '\u200d'

// isFlag: two of these make the flag of a country.
func isFlag(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
