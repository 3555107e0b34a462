package sandbox

import (
	"regexp"
	"strings"
)

// smsPage is the text messages (簡訊) on a phone.
type smsPage struct {
	Person  Person
	Version int
	Clock   string
	From    string // of the latest
	Note    string // what the sender is, "" where nobody knows
	Items   []smsItem
}

// smsItem is one text message.
type smsItem struct {
	ID       string
	Day      string // set on the first of a day
	From     string // set where the sender changes
	Time     string
	Parts    []smsPart
	Segments int
	Units    int // UTF-16 units
}

// smsPart is a piece of a text: plain, or with a class, or a link.
type smsPart struct {
	Text  string
	Class string // "begin" (末三碼 and 機關名稱) or "ref"
	Href  string
}

// smsParts are the pieces of a text that stand out.
var smsParts = regexp.MustCompile(`^([0-9]{3} [^：:\s]{1,40})|(〔[0-9A-Z]{4}〕)|(https?://[^\s〔]+)`)

// smsPage reads the text messages of a person.
func (s *Sandbox) smsPage(p Person) smsPage {
	s.mu.Lock()
	defer s.mu.Unlock()
	page := smsPage{Person: p, Version: s.version, Clock: clock(s.opt.Now())}
	box := s.arrived[p.Phone]
	if p.Phone == "" || box == nil {
		return page
	}
	last := ""
	for _, m := range box.messages {
		item := smsItem{ID: m.ID, Time: clock(m.At), Parts: partsOf(m.Body), Segments: m.Segments, Units: utf16Len(m.Body)}
		if d := day(m.At.In(taipei)); d != last {
			item.Day, last = d, d
		}
		if m.From != page.From {
			item.From, page.From = shownNumber(m.From), m.From
		}
		page.Items = append(page.Items, item)
	}
	if page.From == "111" {
		page.Note = "政府專屬短碼"
	}
	page.From = shownNumber(page.From)
	return page
}

func partsOf(body string) []smsPart {
	var parts []smsPart
	plain := func(s string) {
		if s != "" {
			parts = append(parts, smsPart{Text: s})
		}
	}
	at := 0
	for _, m := range smsParts.FindAllStringSubmatchIndex(body, -1) {
		plain(body[at:m[0]])
		part := smsPart{Text: body[m[0]:m[1]]}
		switch {
		case m[2] >= 0:
			part.Class = "begin"
		case m[4] >= 0:
			part.Class = "ref"
		default:
			part.Href = safeHref(part.Text)
		}
		parts = append(parts, part)
		at = m[1]
	}
	plain(body[at:])
	return parts
}

// shownNumber is a number as a telephone shows it: 0912 345 678.
func shownNumber(e164 string) string {
	if n, ok := strings.CutPrefix(e164, "+1"); ok && len(n) == 10 {
		return "+1 " + n[:3] + "-" + n[3:6] + "-" + n[6:]
	}
	if n, ok := strings.CutPrefix(e164, "+8869"); ok && len(n) == 8 {
		return "09" + n[:2] + " " + n[2:5] + " " + n[5:]
	}
	return e164
}
