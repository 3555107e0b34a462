package di

import (
	"strconv"
	"strings"

	"qianhe/approval"
)

// EncodeOptions is what a DI says beyond its body.
type EncodeOptions struct {
	// Roster is the file name of the SW (交換表單), "" for none. It is needed
	// when the recipient refers to the roster.
	Roster string
}

// Encode writes a DI of generation 104 in UTF-8 with a byte order mark and CRLF.
// It then reads it again, and refuses a body that would not come back the same:
// one that uses a field which its type does not have, texts padded with white
// space, characters that XML does not have, file names with a path. Returns an
// [*approval.InvalidError] that names the field.
func Encode(b approval.Body, opt EncodeOptions) ([]byte, error) {
	if !b.Type.Valid() {
		return nil, &approval.InvalidError{Field: "type", Reason: "document.type.unknown", Detail: string(b.Type)}
	}
	w := newWriter()
	w.doctype(b, opt)
	w.open(string(b.Type))
	for _, e := range model(b.Type) {
		e.write(w, &b)
	}
	w.close(string(b.Type))
	return w.finish(func(out []byte) (string, error) {
		again, err := Decode(out)
		if err != nil {
			return "", err
		}
		if again.Roster != opt.Roster {
			return "roster", nil
		}
		return difference(b, again.Body), nil
	})
}

// dtd is the file name of a type's DTD in generation 104.
func dtd(t approval.DocumentType) string {
	number := map[approval.DocumentType]string{
		approval.TypeOrder: "1", approval.TypeLetter: "2", approval.TypeNotice: "3", approval.TypeMeeting: "4",
		approval.TypeMemo: "5", approval.TypeReview: "6", approval.TypeInspection: "B",
	}
	return "104_" + number[t] + "_utf8.dtd"
}

func (w *writer) doctype(b approval.Body, opt EncodeOptions) {
	head := "<!DOCTYPE " + string(b.Type) + ` SYSTEM "` + dtd(b.Type) + `"`
	if opt.Roster == "" && len(b.Files) == 0 {
		if b.Recipient.Roster != "" {
			w.refuse("roster", b.Recipient.Roster)
		}
		w.line(head + ">")
		return
	}
	w.line(head + " [")
	if opt.Roster != "" {
		name := b.Recipient.Roster
		if name == "" {
			name = rosterEntity
		}
		w.entity(name, opt.Roster, "DI")
	} else if b.Recipient.Roster != "" {
		w.refuse("roster", b.Recipient.Roster)
	}
	for _, f := range b.Files {
		w.entity(f.Entity, f.Name, "_X")
	}
	w.line(`<!NOTATION DI SYSTEM "">`)
	w.line(`<!NOTATION _X SYSTEM "">`)
	w.line("]>")
}

// entity declares a file. Such a text knows no references, so a name with both
// kinds of quotes cannot be written.
func (w *writer) entity(name, file, notation string) {
	quote := `"`
	if strings.Contains(file, quote) {
		quote = "'"
	}
	clean, refused := fileName(file)
	if !validName(name) || refused != "" || clean != file || strings.Contains(file, quote) {
		w.refuse("files", strconv.Quote(name)+" "+strconv.Quote(file))
		return
	}
	w.line("<!ENTITY " + name + " SYSTEM " + quote + file + quote + " NDATA " + notation + ">")
}
