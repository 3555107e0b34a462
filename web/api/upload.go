package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strconv"
	"strings"

	"qianhe/approval"
	"qianhe/approval/intake"
)

// Limits of the small parts, in bytes. A DI is a few kilobytes.
const (
	maxDI    = 1 << 20
	maxOrder = 64 << 10
)

// upload is what a request holds.
type upload struct {
	files intake.Package
	order intake.Order
	seen  map[string]int
}

// readUpload reads the parts of a request as they come, each against its
// limit. It returns a *problem for everything that is not as described.
func (a *API) readUpload(w http.ResponseWriter, r *http.Request) (*upload, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return nil, &problem{code: "media_type"}
	}
	if r.ContentLength > a.opt.MaxBody {
		return nil, tooLarge("", a.opt.MaxBody)
	}
	r.Body = http.MaxBytesReader(w, r.Body, a.opt.MaxBody)
	parts := multipart.NewReader(r.Body, params["boundary"])
	u := &upload{seen: map[string]int{}}
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, a.readError("", err)
		}
		if err := a.readPart(u, part); err != nil {
			return nil, err
		}
	}
	var missing []fault
	for _, name := range []string{"di", "order"} {
		if u.seen[name] == 0 {
			missing = append(missing, fault{Field: name, Reason: "part.missing"})
		}
	}
	if missing != nil {
		return nil, &problem{code: "malformed", errors: missing}
	}
	return u, nil
}

func (a *API) readPart(u *upload, part *multipart.Part) error {
	name := part.FormName()
	u.seen[name]++
	limit, several := a.opt.MaxFile, false
	switch name {
	case "di", "roster":
		limit = maxDI
	case "order":
		limit = maxOrder
	case "attachment":
		several = true
		if u.seen[name] > approval.MaxAttachments {
			return &problem{code: "invalid", errors: []fault{{Field: name, Reason: "attachments.many", Detail: strconv.Itoa(approval.MaxAttachments)}}}
		}
	default:
		return &problem{code: "malformed", errors: []fault{{Field: name, Reason: "part.unknown"}}}
	}
	if u.seen[name] > 1 && !several {
		return &problem{code: "malformed", errors: []fault{{Field: name, Reason: "part.repeated"}}}
	}
	file := fileName(part)
	if name != "order" && file == "" {
		return &problem{code: "malformed", errors: []fault{{Field: name, Reason: "part.filename.missing"}}}
	}
	b, err := io.ReadAll(io.LimitReader(part, limit+1))
	if err != nil {
		return a.readError(file, err)
	}
	if int64(len(b)) > limit {
		return tooLarge(file, limit)
	}
	f := intake.File{Name: file, Bytes: b}
	switch name {
	case "di":
		u.files.DI = f
	case "roster":
		u.files.Roster = &f
	case "attachment":
		u.files.Attachments = append(u.files.Attachments, f)
	case "order":
		return readOrder(b, &u.order)
	}
	return nil
}

// fileName gives the name without any path that the sender put before it.
func fileName(part *multipart.Part) string {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	name := path.Base(strings.ReplaceAll(params["filename"], `\`, "/"))
	if name == "." || name == "/" || name == ".." {
		return ""
	}
	return name
}

func readOrder(b []byte, o *intake.Order) error {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	err := d.Decode(o)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if err == nil {
		return nil
	}
	f := fault{Field: "order", Reason: "order.json", Detail: err.Error()}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		f.Field, f.Detail = "order."+wrong.Field, "must be "+wrong.Type.String()
	}
	return &problem{code: "malformed", errors: []fault{f}}
}

func (a *API) readError(file string, err error) error {
	if limit, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(file, limit.Limit)
	}
	return &problem{code: "malformed", errors: []fault{{File: file, Reason: "multipart"}}, cause: err}
}

func tooLarge(file string, limit int64) *problem {
	return &problem{code: "too_large", errors: []fault{{File: file, Reason: "size", Detail: fmt.Sprintf("at most %d bytes", limit)}}}
}
