package di

import (
	"slices"
	"strings"

	"qianhe/approval"
)

// issuers is 發文機關, once or for a joint letter several times. A 簽 may have a
// 單位 instead.
func issuers(more ...string) element {
	return element{
		names: append([]string{"發文機關"}, more...),
		many:  true,
		read: func(r *reader, n *node) {
			r.body.Issuers = append(r.body.Issuers, r.organizations(n)...)
		},
		write: func(w *writer, b *approval.Body) {
			for _, o := range b.Issuers {
				if slices.Contains(more, "單位") && o.IsUnit && o.Code == "" {
					w.organization("單位", o)
				} else {
					w.organization("發文機關", o)
				}
			}
			if len(b.Issuers) == 0 {
				w.organization("發文機關", approval.Organization{})
			}
		},
	}
}

// organizations reads (全銜 | 單位名), 機關代碼, 單位代碼. One that says nothing
// is none.
func (r *reader) organizations(n *node) []approval.Organization {
	var list []approval.Organization
	if s := n.own(); s != "" {
		list = append(list, approval.Organization{Name: s, IsUnit: strings.HasSuffix(n.name, "單位")})
	}
	for k := range n.elements() {
		switch k.name {
		case "全銜", "單位名":
			list = append(list, approval.Organization{Name: r.leaf(k), IsUnit: k.name == "單位名"})
			continue
		case "機關代碼", "單位代碼":
		default:
			r.unknown(k, n.name)
			continue
		}
		if len(list) == 0 {
			list = append(list, approval.Organization{})
		}
		if o := &list[len(list)-1]; k.name == "機關代碼" {
			o.Code = r.leaf(k)
		} else {
			o.UnitCode = r.leaf(k)
		}
	}
	return slices.DeleteFunc(list, func(o approval.Organization) bool {
		return o == approval.Organization{IsUnit: o.IsUnit}
	})
}

func (w *writer) organization(name string, o approval.Organization) {
	w.open(name)
	if o.IsUnit {
		w.leaf("單位名", o.Name)
	} else {
		w.leaf("全銜", o.Name)
	}
	if name == "發文機關" || o.Code != "" {
		w.leaf("機關代碼", o.Code)
	}
	if name == "發文機關" && o.IsUnit || o.UnitCode != "" {
		w.leaf("單位代碼", o.UnitCode)
	}
	w.close(name)
}

// handling is 承辦單位.
func handling() element {
	return element{
		names: []string{"承辦單位"},
		read: func(r *reader, n *node) {
			list := r.organizations(n)
			if len(list) > 1 {
				r.warn(n, "only the first of %d units was kept", len(list))
			}
			if len(list) > 0 {
				r.body.Handling = &list[0]
			}
		},
		write: func(w *writer, b *approval.Body) {
			o := approval.Organization{IsUnit: true}
			if b.Handling != nil {
				o = *b.Handling
			}
			w.organization("承辦單位", o)
		},
	}
}
