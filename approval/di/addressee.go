package di

import (
	"slices"

	"qianhe/approval"
)

// recipient is 受文者: one addressee, or the roster.
func recipient(always bool) element {
	return element{
		names: []string{"受文者"},
		read: func(r *reader, n *node) {
			for k := range n.elements() {
				if k.name == "交換表" {
					r.table(n, k)
					return
				}
			}
			list := r.addressees(n, approval.ByAgency)
			if len(list) > 1 {
				r.warn(n, "only the first of %d recipients was kept", len(list))
			}
			if len(list) > 0 {
				r.body.Recipient.Addressee = list[0]
			}
		},
		write: func(w *writer, b *approval.Body) {
			r := b.Recipient
			if !always && r == (approval.Recipient{}) {
				return
			}
			w.open("受文者")
			switch {
			case r.Roster != "":
				w.leaf("交換表", r.RosterText, "交換表單", r.Roster)
			case r.Addressee == approval.Addressee{}:
				w.leaf("全銜", "")
				w.leaf("機關代碼", "")
			default:
				w.addressee(r.Addressee, true)
			}
			w.close("受文者")
		},
	}
}

func (r *reader) table(n, table *node) {
	r.body.Recipient.Roster, r.body.Recipient.RosterText = table.attr("交換表單"), r.leaf(table)
	if r.body.Recipient.Roster == "" {
		r.body.Recipient.Roster = rosterEntity
		r.warn(table, "交換表單 is missing; %s is meant", rosterEntity)
	}
	r.stray(n)
	for k := range n.elements() {
		if k != table {
			r.warn(k, "left out beside 交換表")
		}
	}
}

func list(names []string, always bool, field func(*approval.Body) *[]approval.Addressee) element {
	return element{
		names: names,
		read: func(r *reader, n *node) {
			*field(&r.body) = r.addressees(n, approval.ByGroup)
		},
		write: func(w *writer, b *approval.Body) {
			all := *field(b)
			if len(all) == 0 && !always {
				return
			}
			w.open(names[0])
			for _, a := range all {
				w.addressee(a, false)
			}
			if len(all) == 0 {
				w.leaf("全銜", "")
			}
			w.close(names[0])
		},
	}
}

func primary(always bool) element {
	return list([]string{"正本"}, always, func(b *approval.Body) *[]approval.Addressee { return &b.Primary })
}

func copies() element {
	return list([]string{"副本"}, false, func(b *approval.Body) *[]approval.Addressee { return &b.Copies })
}

// submit is 敬陳: titles, each perhaps with a name.
func submit() element {
	return list([]string{"敬陳"}, false, func(b *approval.Body) *[]approval.Addressee { return &b.Submit })
}

// addressees reads a flat sequence in which each naming element begins a new
// addressee and the others say more of it. Bare text is one addressee of kind
// bare. In 敬陳 the 職稱 names and the 姓名 follows, elsewhere the reverse.
func (r *reader) addressees(n *node, bare approval.AddresseeKind) []approval.Addressee {
	var all []approval.Addressee
	if s := n.own(); s != "" {
		r.warn(n, "text beside its elements was taken for one addressee")
		all = append(all, approval.Addressee{Kind: bare, Name: s})
	}
	for k := range n.elements() {
		var last *approval.Addressee
		if len(all) > 0 {
			last = &all[len(all)-1]
		}
		switch kind := approval.AddresseeKind(k.name); kind {
		case approval.ByPerson:
			if n.name == "敬陳" && last != nil && last.Kind == approval.ByTitle && last.Name == "" {
				last.Name = r.leaf(k)
				continue
			}
			all = append(all, approval.Addressee{Kind: kind, Name: r.leaf(k)})
			continue
		case approval.ByTitle:
			if n.name != "敬陳" && last != nil && last.Kind == approval.ByPerson && last.Title == "" {
				last.Title = r.leaf(k)
				continue
			}
			all = append(all, approval.Addressee{Kind: kind, Title: r.leaf(k)})
			continue
		case approval.ByAgency, approval.ByUnit, approval.ByGroup:
			all = append(all, approval.Addressee{Kind: kind, Name: r.leaf(k)})
			continue
		}
		if last == nil {
			r.unknown(k, n.name)
			continue
		}
		switch k.name {
		case "機關代碼":
			last.AgencyCode = r.leaf(k)
		case "單位代碼":
			last.UnitCode = r.leaf(k)
		case "含附件":
			last.Enclosed = r.leaf(k)
		case portable:
			last.Portable = r.portable(k)
		case "本別":
			last.Copy = r.copyKind(k)
		default:
			r.unknown(k, n.name)
		}
	}
	all = slices.DeleteFunc(all, func(a approval.Addressee) bool { return a == approval.Addressee{Kind: a.Kind} })
	if len(all) == 0 {
		return nil
	}
	return all
}

const portable = "內含本文與附件之可攜式文件檔名"

// portable is a file name like those of the entities, and as little trusted.
func (r *reader) portable(n *node) string {
	s := r.leaf(n)
	if s == "" {
		return ""
	}
	name, refused := fileName(s)
	if refused != "" {
		r.fail(n, "%s", refused)
	}
	return name
}

// copyKind is the 本別 of a roster entry: <收發處理本別 代碼="正本"/>, or text.
func (r *reader) copyKind(n *node) string {
	for k := range n.elements() {
		if k.name == "收發處理本別" {
			return r.code(k)
		}
	}
	return r.leaf(n)
}

// addressee writes one entry; with codes those that the format asks for stand
// there even when empty.
func (w *writer) addressee(a approval.Addressee, codes bool) {
	switch a.Kind {
	case approval.ByPerson:
		w.leaf("姓名", a.Name)
		if a.Title != "" {
			w.leaf("職稱", a.Title)
		}
	case approval.ByTitle:
		w.leaf("職稱", a.Title)
		if a.Name != "" {
			w.leaf("姓名", a.Name)
		}
	case approval.ByAgency, approval.ByUnit, approval.ByGroup:
		w.leaf(string(a.Kind), a.Name)
	default:
		w.refuse("addressee", string(a.Kind))
	}
	if codes && a.Kind != approval.ByGroup && a.Kind != approval.ByTitle || a.AgencyCode != "" {
		w.leaf("機關代碼", a.AgencyCode)
	}
	if codes && a.Kind == approval.ByUnit || a.UnitCode != "" {
		w.leaf("單位代碼", a.UnitCode)
	}
	if a.Enclosed != "" {
		w.leaf("含附件", a.Enclosed)
	}
	if a.Portable != "" {
		w.leaf(portable, a.Portable)
	}
	if a.Copy != "" {
		w.open("本別")
		w.empty("收發處理本別", "代碼", a.Copy)
		w.close("本別")
	}
}
