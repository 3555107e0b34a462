package web

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"qianhe/approval"
)

// fileView is one file of a document.
type fileView struct {
	Name  string
	Kind  string // PDF, ODS ...
	Size  string
	URL   string // gives the original
	View  string // shows it here: pages of a PDF; "" when it cannot be shown
	Image string // shows it here as an image, or ""
}

// addFile puts a file where the page shows it.
func (p *documentPage) addFile(w *words, pages bool, f approval.File) {
	view := fileView{Name: f.Name, Kind: fileKind(f), Size: w.size(f.Size), URL: p.URL + "/files/" + string(f.ID)}
	switch {
	case f.Role != approval.FileAttachment:
		p.Sources = append(p.Sources, view)
		return
	case isImage(f):
		view.Image = view.URL + "/image"
		p.Images = append(p.Images, view)
	case pages && f.MediaType == "application/pdf":
		view.View = view.URL + "/view"
	}
	p.Files = append(p.Files, view)
}

// isImage reports whether a browser may show a file as an image. SVG is not
// among them: it is a program.
func isImage(f approval.File) bool {
	return slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp"}, f.MediaType)
}

// fileKind is what people call the type of a file.
func fileKind(f approval.File) string {
	ext := strings.ToUpper(strings.TrimPrefix(path.Ext(f.Name), "."))
	if ext == "" || len(ext) > 5 || strings.ContainsFunc(ext, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		return ""
	}
	return ext
}

// size writes a number of bytes, in kB and MB of 1000.
func (w *words) size(n int64) string {
	switch {
	case n < 1000:
		return w.T("size.bytes", n)
	case n < 1000*1000:
		return w.T("size.kilobytes", (n+500)/1000)
	}
	return w.T("size.megabytes", strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64))
}

// download gives the original, to be kept and never to be shown as a page of
// ours.
func (s *Server) download(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, b, err := s.Documents.File(r.Context(), fileID(r), v.session.Person.ID)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", filePolicy)
	h.Set("Content-Disposition", attachment(f.Name))
	h.Set("Content-Type", "application/octet-stream")
	if f.MediaType == "application/pdf" || isImage(f) {
		h.Set("Content-Type", f.MediaType) // phones choose the viewer by it
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	return nil
}

// image shows an attachment that is an image.
func (s *Server) image(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, me := r.Context(), v.session.Person.ID
	f, err := s.Documents.FileInfo(ctx, fileID(r), me)
	if err != nil {
		return err
	}
	if !isImage(f) {
		return approval.ErrNotFound
	}
	if kept(w, r, hex.EncodeToString(f.SHA256[:16])) {
		return nil
	}
	_, b, err := s.Documents.File(ctx, f.ID, me)
	if err != nil {
		return err
	}
	return writeImage(w, r, f.MediaType, b)
}

// kept lets a browser keep a picture, but not use it without asking: whether
// this person may see it is looked at each time. It reports whether the
// browser has it already.
func kept(w http.ResponseWriter, r *http.Request, tag string) bool {
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("ETag", `"`+tag+`"`)
	if r.Header.Get("If-None-Match") == `"`+tag+`"` {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	return false
}

func writeImage(w http.ResponseWriter, r *http.Request, mediaType string, b []byte) error {
	h := w.Header()
	h.Set("Content-Security-Policy", filePolicy)
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(b)
	return err
}

// fileID is the file that the address names. One that cannot be is not found
// by the store either.
func fileID(r *http.Request) approval.FileID {
	if id := r.PathValue("file"); approval.ValidID(id) {
		return approval.FileID(id)
	}
	return ""
}

// maxFileName is the longest file name that is given to a browser, in bytes:
// file systems take 255.
const maxFileName = 200

// attachment is a Content-Disposition for a name of any kind: as it is in
// RFC 8187 form, and in ASCII for those who do not read that (RFC 6266 §4.3).
func attachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`/\:*?"<>|`, r) || unicode.Is(unicode.Cf, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	name = strings.Trim(name, ". ")
	if len(name) > maxFileName {
		ext := path.Ext(name)
		if len(ext) > 16 {
			ext = ""
		}
		name = strings.ToValidUTF8(name[:maxFileName-len(ext)], "") + ext
	}
	if name == "" {
		name = "file"
	}
	ascii := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || r == '%' {
			return '_'
		}
		return r
	}, name)
	return fmt.Sprintf(`attachment; filename="%s"; filename*=UTF-8''%s`, ascii, extended(name))
}

// extended writes a text in the characters of RFC 8187 §3.2.1 (attr-char).
func extended(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
