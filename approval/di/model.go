package di

import (
	"strings"

	"qianhe/approval"
)

// rosterEntity is the name of the entity that stands for the SW since 93.
const rosterEntity = "表單"

// element is one entry of a type's content model: how it is read and written.
type element struct {
	names []string // the first is written, the others stand in other generations
	many  bool     // may stand more than once
	read  func(*reader, *node)
	write func(*writer, *approval.Body)
}

// model is the content model of a type in the order of generation 104. 函, 簽
// and the parts they share are those of the DTD; the others are as the systems
// in use write them (see DESIGN.md).
func model(t approval.DocumentType) []element {
	switch t {
	case approval.TypeLetter:
		return []element{
			issuers(), category("函類別"), address(true), contacts(true), recipient(true), date("發文日期"), references(), speed(),
			grade(true), enclosure(true), subject("主旨"), sections(), primary(true), copies(), signatures(false),
		}
	case approval.TypeMemo:
		return []element{
			issuers("單位"), recipient(false), number(), numberAsReference(), speed(), grade(true), proposal(), enclosure(true), subject("主旨"),
			sections(), submit(), signatures(true), date("年月日"),
		}
	case approval.TypeOrder:
		return []element{
			issuers(), category("令類別"), address(false), contacts(false), recipient(true), date("發文日期"), references(), speed(),
			grade(true), enclosure(true), subject("主旨"), sections(), primary(false), copies(), signatures(false),
		}
	case approval.TypeNotice:
		return []element{
			issuers(), recipient(false), date("發文日期"), references(), speed(), grade(false), enclosure(true), subject("主旨"),
			sections(), primary(false), copies(), signatures(false),
		}
	case approval.TypeMeeting, approval.TypeInspection:
		kind := "開會"
		if t == approval.TypeInspection {
			kind = "會勘"
		}
		return []element{
			issuers(), recipient(true), contact(), date("發文日期"), references(), speed(), grade(true), enclosure(true),
			subject(kind+"事由", "開會事由"), times(kind), venue(kind), host(), attendees(), observers(), copies(), remarks(), signatures(false),
		}
	case approval.TypeReview:
		return []element{
			recipient(true), issuers(), speed(), grade(false), enclosure(false), subject("案情摘要", "主旨"), handling(), received(),
			reviewUnit(), reviewOpinion(), reviewTime("收會時間"), reviewTime("會畢時間"),
		}
	}
	return nil
}

func category(name string) element {
	return element{
		names: []string{name},
		read:  func(r *reader, n *node) { r.body.Category = r.code(n) },
		write: func(w *writer, b *approval.Body) { w.empty(name, "代碼", b.Category) },
	}
}

func address(always bool) element {
	return element{
		names: []string{"地址"},
		read:  func(r *reader, n *node) { r.body.Address = r.plain(n) },
		write: func(w *writer, b *approval.Body) {
			if always || b.Address != "" {
				w.leaf("地址", b.Address)
			}
		},
	}
}

func contacts(always bool) element {
	return element{
		names: []string{"聯絡方式"},
		many:  true,
		read:  func(r *reader, n *node) { r.contact(r.plain(n)) },
		write: func(w *writer, b *approval.Body) {
			for _, c := range b.Contacts {
				w.leaf("聯絡方式", c)
			}
			if always && len(b.Contacts) == 0 {
				w.leaf("聯絡方式", "")
			}
		},
	}
}

func (r *reader) contact(s string) {
	if s != "" {
		r.body.Contacts = append(r.body.Contacts, s)
	}
}

// contact is 聯絡人及電話 of a notice: a name and telephone numbers.
func contact() element {
	return element{
		names: []string{"聯絡人及電話"},
		read: func(r *reader, n *node) {
			r.contact(n.own())
			for k := range n.elements() {
				r.contact(r.leaf(k))
			}
		},
		write: func(w *writer, b *approval.Body) {
			w.open("聯絡人及電話")
			for i, c := range b.Contacts {
				if i == 0 {
					w.leaf("姓名", c)
				} else {
					w.leaf("電話", c)
				}
			}
			if len(b.Contacts) == 0 {
				w.leaf("姓名", "")
			}
			if len(b.Contacts) < 2 {
				w.leaf("電話", "")
			}
			w.close("聯絡人及電話")
		},
	}
}

// date is 發文日期, which holds a 年月日, or the 年月日 of a 簽.
func date(name string) element {
	return element{
		names: []string{name},
		read: func(r *reader, n *node) {
			r.body.Date = n.own()
			for k := range n.elements() {
				if k.name != "年月日" {
					r.unknown(k, n.name)
					continue
				}
				r.body.Date = r.leaf(k)
			}
		},
		write: func(w *writer, b *approval.Body) {
			if name == "年月日" {
				w.leaf(name, b.Date)
				return
			}
			w.open(name)
			w.leaf("年月日", b.Date)
			w.close(name)
		},
	}
}

// speed is 速別. A word that the format does not have is left out: it must not
// pass for a time limit that nobody set.
func speed() element {
	return element{
		names: []string{"速別"},
		read: func(r *reader, n *node) {
			switch s := approval.Speed(r.code(n)); s {
			case "", approval.SpeedNormal, approval.SpeedUrgent, approval.SpeedHighest:
				r.body.Speed = s
			case "普通":
				r.body.Speed = approval.SpeedNormal
			default:
				r.warn(n, "unknown speed %q was left out", short(string(s)))
			}
		},
		write: func(w *writer, b *approval.Body) {
			if b.Speed != "" {
				w.empty("速別", "代碼", string(b.Speed))
			}
		},
	}
}

// grade is 密等 with the condition on which it ends. Before 99 an unclassified
// document says 普通. Every other word classifies.
func grade(always bool) element {
	return element{
		names: []string{"密等及解密條件或保密期限", "密等及解密條件", "密等"},
		many:  true, // some write the old and the new name; any grade counts
		read: func(r *reader, n *node) {
			if n.name == "密等" {
				r.grade(n)
				return
			}
			r.stray(n)
			for k := range n.elements() {
				switch k.name {
				case "密等":
					r.grade(k)
				case "解密條件或保密期限", "解密條件", "保密期限":
					r.release(k)
				default:
					r.unknown(k, n.name)
				}
			}
		},
		write: func(w *writer, b *approval.Body) {
			if !always && b.Grade == "" && b.Release == "" {
				return
			}
			w.open("密等及解密條件或保密期限")
			if b.Grade == "" {
				w.empty("密等")
			} else {
				w.empty("密等", "代碼", string(b.Grade))
			}
			w.leaf("解密條件或保密期限", b.Release)
			w.close("密等及解密條件或保密期限")
		},
	}
}

func (r *reader) grade(n *node) {
	g := approval.Grade(r.code(n))
	switch g {
	case "普通", "無":
		r.unclassified = true
		return
	case "", approval.GradeConfidential, approval.GradeSecret, approval.GradeTopSecret, approval.GradeAbsolute:
	default:
		g = approval.Grade(short(string(g)))
		r.warn(n, "unknown grade %q: the document is treated as classified", g)
	}
	if r.body.Grade == approval.GradeNone {
		r.body.Grade = g
	}
}

func (r *reader) release(n *node) {
	switch s := r.plain(n); s {
	case "", "普通", "無":
	default:
		r.body.Release = s
	}
}

func enclosure(always bool) element {
	return element{
		names: []string{"附件"},
		read: func(r *reader, n *node) {
			r.body.Enclosure = r.content(n)
			for k := range n.elements() {
				switch k.name {
				case "文字":
				case "附件檔名":
					r.files(k)
				default:
					r.unknown(k, n.name)
				}
			}
		},
		write: func(w *writer, b *approval.Body) {
			if !always && b.Enclosure == "" && len(b.Files) == 0 {
				return
			}
			w.open("附件")
			w.leaf("文字", b.Enclosure)
			if len(b.Files) > 0 {
				names := make([]string, len(b.Files))
				for i, f := range b.Files {
					names[i] = f.Entity
				}
				w.empty("附件檔名", "附件名", strings.Join(names, " "))
			}
			w.close("附件")
		},
	}
}

func (r *reader) files(n *node) {
	r.stray(n)
	names := strings.Fields(n.attr("附件名"))
	if len(names) > maxEntities {
		r.fail(n, "more than %d attachments", approval.MaxAttachments)
		return
	}
	for _, name := range names {
		e, exact, ok := r.doctype.file(name)
		switch {
		case !ok:
			r.fail(n, "%q is not declared, so its file is not known", short(name))
			return
		case r.attached(e.name):
			r.warn(n, "%q stands twice", name)
			continue
		case !exact:
			r.warn(n, "%q is declared as %q", name, e.name)
		case len(r.body.Files) == approval.MaxAttachments:
			r.fail(n, "more than %d attachments", approval.MaxAttachments)
			return
		}
		r.body.Files = append(r.body.Files, approval.FileRef{Entity: e.name, Name: e.file})
	}
}

// subject is 主旨 and what stands in its place.
func subject(names ...string) element {
	return element{
		names: names,
		read:  func(r *reader, n *node) { r.body.Subject = r.plain(n) },
		write: func(w *writer, b *approval.Body) { w.text(names[0], b.Subject) },
	}
}

// proposal is 擬辦方式, whose codes are kept as they are.
func proposal() element {
	return element{
		names: []string{"擬辦方式"},
		read: func(r *reader, n *node) {
			if code := r.code(n); code != "" {
				r.body.Options = map[string]string{"擬辦方式": code}
			}
		},
		write: func(w *writer, b *approval.Body) {
			if code := b.Options["擬辦方式"]; code != "" {
				w.empty("擬辦方式", "代碼", code)
			}
		},
	}
}

func signatures(always bool) element {
	return element{
		names: []string{"署名"},
		many:  true,
		read: func(r *reader, n *node) {
			if s := r.plain(n); s != "" {
				r.body.Signatures = append(r.body.Signatures, s)
			}
		},
		write: func(w *writer, b *approval.Body) {
			for _, s := range b.Signatures {
				w.leaf("署名", s)
			}
			if always && len(b.Signatures) == 0 {
				w.leaf("署名", "")
			}
		},
	}
}
