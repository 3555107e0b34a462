package di

import (
	"strings"

	"qianhe/approval"
)

// meeting is the part of a body that notices have.
func (r *reader) meeting() *approval.Meeting {
	if r.body.Meeting == nil {
		r.body.Meeting = new(approval.Meeting)
	}
	return r.body.Meeting
}

// meetingOf is what is written; a notice without it has an empty one.
func meetingOf(b *approval.Body) approval.Meeting {
	if b.Meeting == nil {
		return approval.Meeting{}
	}
	return *b.Meeting
}

// times is 開會時間 or 會勘時間; several are allowed since 104. An inspection
// that was made from the form of a meeting keeps the meeting's names.
func times(kind string) element {
	name := kind + "時間"
	return element{
		names: []string{name, "開會時間"},
		many:  true,
		read: func(r *reader, n *node) {
			if s := r.time(n); s != "" {
				r.meeting().Times = append(r.meeting().Times, s)
			}
		},
		write: func(w *writer, b *approval.Body) {
			all := meetingOf(b).Times
			for _, s := range all {
				w.meetingTime(name, s)
			}
			if len(all) == 0 {
				w.meetingTime(name, "")
			}
		},
	}
}

func venue(kind string) element {
	name := kind + "地點"
	return element{
		names: []string{name, "開會地點"},
		read:  func(r *reader, n *node) { r.meeting().Place = r.plain(n) },
		write: func(w *writer, b *approval.Body) { w.text(name, meetingOf(b).Place) },
	}
}

// host is 主持人, in one line.
func host() element {
	return element{
		names: []string{"主持人"},
		read: func(r *reader, n *node) {
			var names []string
			if s := n.own(); s != "" {
				names = append(names, s)
			}
			for k := range n.elements() {
				switch s := r.leaf(k); {
				case s == "":
				case k.name == "職稱" && len(names) > 0:
					names[len(names)-1] += "　" + s
				default:
					names = append(names, s)
				}
			}
			r.meeting().Host = strings.Join(names, "、")
		},
		write: func(w *writer, b *approval.Body) {
			w.open("主持人")
			w.leaf("姓名", meetingOf(b).Host)
			w.close("主持人")
		},
	}
}

func attendees() element {
	e := list([]string{"出席者"}, true, func(b *approval.Body) *[]approval.Addressee {
		m := meetingOf(b)
		return &m.Attendees
	})
	e.read = func(r *reader, n *node) { r.meeting().Attendees = r.addressees(n, approval.ByGroup) }
	return e
}

func observers() element {
	e := list([]string{"列席者"}, false, func(b *approval.Body) *[]approval.Addressee {
		m := meetingOf(b)
		return &m.Observers
	})
	e.read = func(r *reader, n *node) { r.meeting().Observers = r.addressees(n, approval.ByGroup) }
	return e
}

// time reads 年月日, 星期, 時分, or one text, into the line that people read:
// 中華民國115年11月27日(星期五)上午10時.
func (r *reader) time(n *node) string {
	var day, week, clock string
	found := false
	for k := range n.elements() {
		found = true
		switch k.name {
		case "年月日":
			day = r.leaf(k)
		case "星期":
			week = r.leaf(k)
		case "時分":
			clock = r.leaf(k)
		default:
			return r.leaf(n)
		}
	}
	if !found {
		return n.own()
	}
	r.stray(n)
	return joinTime(day, week, clock)
}

func joinTime(day, week, clock string) string {
	if week != "" && !strings.HasPrefix(week, "(") && !strings.HasPrefix(week, "（") {
		week = "(" + week + ")"
	}
	return trim(day + week + clock)
}

// splitTime is the reverse of joinTime. It reports false for a line that does
// not have that form.
func splitTime(s string) (day, week, clock string, ok bool) {
	i := strings.Index(s, "日")
	if i < 0 {
		return "", "", "", false
	}
	i += len("日")
	day, clock = s[:i], s[i:]
	if rest, found := strings.CutPrefix(clock, "("); found {
		week, clock, ok = strings.Cut(rest, ")")
		if !ok {
			return "", "", "", false
		}
	} else if strings.HasPrefix(clock, "（") {
		week, clock, ok = strings.Cut(clock, "）")
		if !ok {
			return "", "", "", false
		}
		week += "）"
	}
	ok = day == trim(day) && week == trim(week) && clock == trim(clock) && joinTime(day, week, clock) == s
	return day, week, clock, ok
}

func (w *writer) meetingTime(name, s string) {
	day, week, clock, ok := splitTime(s)
	if !ok && s != "" {
		w.leaf(name, s)
		return
	}
	w.open(name)
	w.leaf("年月日", day)
	w.leaf("星期", week)
	w.leaf("時分", clock)
	w.close(name)
}
