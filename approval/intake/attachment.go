package intake

import (
	"fmt"
	"slices"
	"strconv"

	"qianhe/approval/di"
)

// attach checks the files of a package: each that the DI names is there, none
// is there that it does not name, none is encrypted, all are within the limits.
func (r *preparation) attach() {
	r.roster()
	if len(r.p.Attachments) > MaxFiles {
		r.refuse(problem("attachments", "package.files", strconv.Itoa(MaxFiles)))
		return
	}
	r.limits()
	left := map[string]File{}
	var order []string
	for _, f := range r.p.Attachments {
		key := fold(f.Name)
		if _, twice := left[key]; twice {
			r.refuse(problem("attachments", "file.duplicate", baseName(f.Name)))
			continue
		}
		left[key] = f
		order = append(order, key)
	}
	taken := map[string]bool{}
	for _, want := range r.source.Body.Files {
		key := fold(want.Name)
		f, ok := left[key]
		switch {
		case taken[key]:
			r.warn("attachment %s is named more than once", want.Name)
		case !ok:
			r.refuse(problem("attachments", "attachment.missing", want.Name))
		default:
			r.take(want.Name, f)
		}
		taken[key] = true
	}
	for _, key := range order {
		f := left[key]
		switch {
		case taken[key]:
		case r.expected(key):
			r.take(baseName(f.Name), f)
		case extension(key) == ".si":
			r.refuse(problem("attachments", "file.decisions", baseName(f.Name)))
		default:
			r.refuse(problem("attachments", "attachment.stranger", baseName(f.Name)))
		}
	}
}

// take accepts one attachment under the name by which the DI knows it.
func (r *preparation) take(name string, f File) {
	if encrypted(f.Bytes) {
		r.refuse(problem("attachments", "attachment.encrypted", name))
	}
	if len(f.Bytes) == 0 {
		r.warn("attachment %s is empty", name)
	}
	r.attachments = append(r.attachments, File{Name: name, Bytes: f.Bytes})
}

// expected reports whether a file that is no attachment may be there: one that
// the DI declares, or the document as a whole for a recipient.
func (r *preparation) expected(key string) bool {
	for _, f := range r.source.Others {
		if fold(f.Name) == key {
			return true
		}
	}
	b := r.source.Body
	if r.p.Roster != nil {
		if all, err := di.DecodeRoster(r.p.Roster.Bytes); err == nil {
			b.Primary = slices.Concat(b.Primary, all)
		}
	}
	return slices.Contains(portables(b), key)
}

func (r *preparation) limits() {
	total := len(r.p.DI.Bytes)
	if base := baseName(r.p.DI.Name); !acceptable(base) {
		r.refuse(problem("document", "file.name", fmt.Sprintf("%q", base)))
	}
	if r.p.Roster != nil {
		total += len(r.p.Roster.Bytes)
	}
	for _, f := range r.p.Attachments {
		total += len(f.Bytes)
		if len(f.Bytes) > MaxFile {
			r.refuse(problem("attachments", "file.large", baseName(f.Name)))
		}
		if base := baseName(f.Name); !acceptable(base) {
			r.refuse(problem("attachments", "file.name", fmt.Sprintf("%q", base)))
		}
	}
	if total > MaxPackage {
		r.refuse(problem("attachments", "package.large", strconv.Itoa(MaxPackage)))
	}
}

// roster checks the SW. A DI that names one can do without it here: it is for
// the exchange, not for signing off.
func (r *preparation) roster() {
	if r.p.Roster == nil {
		if r.source.Roster != "" {
			r.warn("the roster (交換表單) %s is missing", r.source.Roster)
		}
		return
	}
	name := baseName(r.p.Roster.Name)
	if r.source.Roster != "" && fold(r.source.Roster) != fold(name) {
		r.warn("the roster is called %s, the DI names %s", name, r.source.Roster)
	}
	if !acceptable(name) {
		r.refuse(problem("roster", "file.name", fmt.Sprintf("%q", name)))
	}
	if _, err := di.DecodeRoster(r.p.Roster.Bytes); err != nil {
		r.refuse(fmt.Errorf("%s: %w", name, err))
	}
}
