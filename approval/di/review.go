package di

import (
	"strings"

	"qianhe/approval"
)

// A 簽稿會核單 lists its units flat: 受會單位, 會核意見, 收會時間, 會畢時間, and
// again. Each 受會單位 begins a review.

func (r *reader) review() *approval.Review {
	if len(r.body.Reviews) == 0 {
		r.body.Reviews = append(r.body.Reviews, approval.Review{})
	}
	return &r.body.Reviews[len(r.body.Reviews)-1]
}

// reviewUnit also writes the whole of every review: the order of the format is
// by unit.
func reviewUnit() element {
	return element{
		names: []string{"受會單位", "會辦單位"},
		many:  true,
		read:  func(r *reader, n *node) { r.reviewUnit(n) },
		write: func(w *writer, b *approval.Body) {
			all := b.Reviews
			if len(all) == 0 {
				all = []approval.Review{{Unit: approval.Organization{IsUnit: true}}}
			}
			for _, v := range all {
				w.organization("受會單位", v.Unit)
				w.open("會核意見")
				w.sections(v.Opinions)
				if len(v.Opinions) == 0 {
					w.section(approval.Section{})
				}
				w.close("會核意見")
				w.reviewTime("收會時間", v.Received)
				w.reviewTime("會畢時間", v.Finished)
			}
		},
	}
}

func (r *reader) reviewUnit(n *node) {
	// 會辦單位 may be another name, or hold the whole review.
	nested := false
	for k := range n.elements() {
		switch k.name {
		case "受會單位":
			r.reviewUnit(k)
		case "會核意見":
			r.opinions(k)
		case "收會時間":
			r.review().Received = r.time(k)
		case "會畢時間":
			r.review().Finished = r.time(k)
		default:
			continue
		}
		nested = true
	}
	if nested {
		return
	}
	v := approval.Review{Unit: approval.Organization{IsUnit: true}}
	units := r.organizations(n)
	if len(units) > 1 {
		r.warn(n, "only the first of %d units was kept", len(units))
	}
	if len(units) > 0 {
		v.Unit = units[0]
	}
	r.body.Reviews = append(r.body.Reviews, v)
}

func reviewOpinion() element {
	return element{
		names: []string{"會核意見"},
		many:  true,
		read:  func(r *reader, n *node) { r.opinions(n) },
		write: func(*writer, *approval.Body) {}, // by reviewUnit
	}
}

func (r *reader) opinions(n *node) {
	v := r.review()
	if s := r.content(n); s != "" {
		v.Opinions = append(v.Opinions, approval.Section{Text: s})
	}
	for k := range n.elements() {
		switch k.name {
		case "文字":
		case "段落":
			if s, ok := r.section(k); ok {
				v.Opinions = append(v.Opinions, s)
			}
		default:
			r.unknown(k, n.name)
		}
	}
}

func reviewTime(name string) element {
	return element{
		names: []string{name},
		many:  true,
		read: func(r *reader, n *node) {
			s, v := r.time(n), r.review()
			if name == "收會時間" {
				v.Received = s
			} else {
				v.Finished = s
			}
		},
		write: func(*writer, *approval.Body) {}, // by reviewUnit
	}
}

// reviewTime writes 年月日 and 時分.
func (w *writer) reviewTime(name, s string) {
	day, clock := s, ""
	if i := strings.Index(s, "日"); i >= 0 {
		i += len("日")
		if rest := s[i:]; rest == trim(rest) {
			day, clock = s[:i], rest
		}
	}
	w.open(name)
	w.leaf("年月日", day)
	w.leaf("時分", clock)
	w.close(name)
}
