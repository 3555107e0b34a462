package di

import (
	"strings"

	"qianhe/approval"
)

// references is 發文字號, several for a joint letter.
func references() element {
	return element{
		names: []string{"發文字號"},
		many:  true,
		read: func(r *reader, n *node) {
			if ref := r.reference(n); ref != (approval.Reference{}) {
				r.body.References = append(r.body.References, ref)
			}
		},
		write: func(w *writer, b *approval.Body) {
			for _, ref := range b.References {
				w.reference("發文字號", ref)
			}
			if len(b.References) == 0 {
				w.reference("發文字號", approval.Reference{})
			}
		},
	}
}

// number is the 文號 of a 簽.
func number() element {
	return element{
		names: []string{"文號"},
		read: func(r *reader, n *node) {
			var ref approval.Reference
			r.number(n, &ref)
			if ref != (approval.Reference{}) {
				r.body.References = []approval.Reference{ref}
			}
		},
		write: func(w *writer, b *approval.Body) {
			var ref approval.Reference
			if len(b.References) > 0 {
				ref = b.References[0]
			}
			w.number(ref)
		},
	}
}

// numberAsReference reads the 發文字號 of a 簽, which the format does not have
// there, where no 文號 is given.
func numberAsReference() element {
	return element{
		names: []string{"發文字號"},
		read: func(r *reader, n *node) {
			r.warn(n, "not an element of 簽; read as its 文號")
			if ref := r.reference(n); r.body.References == nil && ref.Number() != "" {
				ref.Word = ""
				r.body.References = []approval.Reference{ref}
			}
		},
		write: func(*writer, *approval.Body) {},
	}
}

// received is 收文字號.
func received() element {
	return element{
		names: []string{"收文字號", "來文字號"},
		read: func(r *reader, n *node) {
			if ref := r.reference(n); ref != (approval.Reference{}) {
				r.body.Received = &ref
			}
		},
		write: func(w *writer, b *approval.Body) {
			var ref approval.Reference
			if b.Received != nil {
				ref = *b.Received
			}
			w.reference("收文字號", ref)
		},
	}
}

// reference reads (字, 文號) or one 文字.
func (r *reader) reference(n *node) approval.Reference {
	var ref approval.Reference
	ref.Text = r.content(n)
	for k := range n.elements() {
		switch k.name {
		case "文字":
		case "字":
			ref.Word = r.leaf(k)
		case "文號":
			r.number(k, &ref)
		default:
			r.unknown(k, n.name)
		}
	}
	if ref.Text != "" && ref != (approval.Reference{Text: ref.Text}) {
		r.warn(n, "both 文字 and 文號; 文字 was left out")
		ref.Text = ""
	}
	return ref
}

// number reads 年度, 流水號, 支號, or one text.
func (r *reader) number(n *node, ref *approval.Reference) {
	ref.Serial = digits(n.own())
	for k := range n.elements() {
		switch k.name {
		case "年度", "年度號":
			ref.Year = digits(r.leaf(k))
		case "流水號":
			ref.Serial = digits(r.leaf(k))
		case "支號":
			ref.Branch = digits(r.leaf(k))
		default:
			r.unknown(k, n.name)
		}
	}
}

func (w *writer) reference(name string, ref approval.Reference) {
	w.open(name)
	if ref.Text != "" {
		w.leaf("文字", ref.Text)
	} else {
		w.leaf("字", ref.Word)
		w.number(ref)
	}
	w.close(name)
}

func (w *writer) number(ref approval.Reference) {
	w.open("文號")
	w.leaf("年度", ref.Year)
	w.leaf("流水號", ref.Serial)
	if ref.Branch != "" {
		w.leaf("支號", ref.Branch)
	}
	w.close("文號")
}

// digits turns full-width digits, which generation 91 uses, into ASCII.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '０' && r <= '９' {
			return r - '０' + '0'
		}
		return r
	}, s)
}
