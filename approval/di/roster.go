package di

import "qianhe/approval"

const rosterRoot = "交換表單"

// DecodeRoster reads an SW (交換表單). Returns a [*SyntaxError] for what is none.
func DecodeRoster(b []byte) ([]approval.Addressee, error) {
	src, err := parse(b)
	if err != nil {
		return nil, err
	}
	if src.root.name != rosterRoot {
		return nil, &SyntaxError{Line: src.root.line, Element: src.root.name, Reason: "not a roster (交換表單)"}
	}
	r := &reader{doctype: &src.doctype}
	all := r.addressees(src.root, approval.ByAgency)
	return all, r.err
}

// EncodeRoster writes an SW of generation 104 in UTF-8. Returns an
// [*approval.InvalidError] for an empty list, for an addressee that a roster
// cannot name (總稱, 職稱), and for characters that XML does not have.
func EncodeRoster(all []approval.Addressee) ([]byte, error) {
	w := newWriter()
	if len(all) == 0 {
		w.refuse("roster", "")
	}
	w.line(`<!DOCTYPE 交換表單 SYSTEM "104_roster_utf8.dtd">`)
	w.open(rosterRoot)
	for _, a := range all {
		if a.Kind == approval.ByGroup || a.Kind == approval.ByTitle {
			w.refuse("addressee", string(a.Kind))
		}
		w.addressee(a, true)
	}
	w.close(rosterRoot)
	return w.finish(func(b []byte) (string, error) {
		again, err := DecodeRoster(b)
		return difference(all, again), err
	})
}
