package di

import "qianhe/approval"

// sections is 段落.
func sections() element {
	return element{
		names: []string{"段落"},
		many:  true,
		read: func(r *reader, n *node) {
			if s, ok := r.section(n); ok {
				r.body.Sections = append(r.body.Sections, s)
			}
		},
		write: func(w *writer, b *approval.Body) { w.sections(b.Sections) },
	}
}

// section reads one 段落; one that says nothing is none.
func (r *reader) section(n *node) (approval.Section, bool) {
	s := approval.Section{Heading: n.attr("段名"), Text: r.content(n), Items: r.items(n)}
	return s, s.Heading != "" || s.Text != "" || s.Items != nil
}

// items reads the 條列 inside a 段落 or 條列, at any depth.
func (r *reader) items(n *node) []approval.Item {
	var items []approval.Item
	for k := range n.elements() {
		switch k.name {
		case "文字":
		case "條列":
			if i, ok := r.item(k); ok {
				items = append(items, i)
			}
		default:
			r.unknown(k, n.name)
		}
	}
	return items
}

func (r *reader) item(n *node) (approval.Item, bool) {
	i := approval.Item{Ordinal: n.attr("序號"), Text: r.content(n), Items: r.items(n)}
	return i, i.Ordinal != "" || i.Text != "" || i.Items != nil
}

func (w *writer) sections(all []approval.Section) {
	for _, s := range all {
		w.section(s)
	}
}

func (w *writer) section(s approval.Section) {
	w.open("段落", "段名", s.Heading)
	if s.Text != "" || len(s.Items) == 0 {
		w.leaf("文字", s.Text)
	}
	w.items(s.Items)
	w.close("段落")
}

func (w *writer) items(items []approval.Item) {
	for _, i := range items {
		w.open("條列", "序號", i.Ordinal)
		w.leaf("文字", i.Text)
		w.items(i.Items)
		w.close("條列")
	}
}

// remarks is 備註: 條列, by themselves or in a 段落.
func remarks() element {
	return element{
		names: []string{"備註"},
		read: func(r *reader, n *node) {
			add := func(text string) {
				if text != "" {
					r.body.Remarks = append(r.body.Remarks, approval.Item{Text: text})
				}
			}
			add(n.own())
			for k := range n.elements() {
				switch k.name {
				case "文字":
					add(r.leaf(k))
				case "條列":
					if i, ok := r.item(k); ok {
						r.body.Remarks = append(r.body.Remarks, i)
					}
				case "段落":
					s, _ := r.section(k)
					add(s.Heading)
					add(s.Text)
					r.body.Remarks = append(r.body.Remarks, s.Items...)
				default:
					r.unknown(k, n.name)
				}
			}
		},
		write: func(w *writer, b *approval.Body) {
			if len(b.Remarks) == 0 {
				return
			}
			w.open("備註")
			w.section(approval.Section{Items: b.Remarks})
			w.close("備註")
		},
	}
}
