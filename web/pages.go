package web

import (
	"encoding/hex"
	"net/http"
	"strconv"

	"qianhe/approval"
	"qianhe/web/pdfview"
)

// viewPage shows the pages of a PDF file as images.
type viewPage struct {
	base
	Name   string
	Kind   string
	Size   string
	Back   string // the document
	URL    string // the original
	Pages  []pageView
	Failed string // why there are no pages
}

// pageView is the image of one page.
type pageView struct {
	Number        int
	URL           string
	Width, Height int
	Alt           string
}

// pageWidth is the width in pixels by which pages are laid out.
const pageWidth = 1080

// view shows a PDF file page by page, for phones without a viewer. It stands
// apart from the document: drawing may take seconds, and nobody waits for it
// who only wants to decide.
func (s *Server) view(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Pages == nil {
		return approval.ErrNotFound
	}
	ctx, me := r.Context(), v.session.Person.ID
	f, err := s.Documents.FileInfo(ctx, fileID(r), me)
	if err != nil {
		return err
	}
	back := documentOf(r.URL.Path)
	p := &viewPage{base: s.base(v, v.words.T("view.title"), ""), Name: f.Name, Kind: fileKind(f), Size: v.words.size(f.Size), Back: back, URL: back + "/files/" + string(f.ID)}
	status := http.StatusOK
	sizes, err := s.Pages.PageSizes(ctx, f.SHA256, s.bytesOf(r, v, f))
	switch {
	case err == nil:
		for i, size := range sizes {
			width, height := size.Pixels(pageWidth)
			p.Pages = append(p.Pages, pageView{
				Number: i + 1, URL: p.URL + "/pages/" + strconv.Itoa(i+1), Width: width, Height: height,
				Alt: v.words.T("view.alt", f.Name, i+1, len(sizes)),
			})
		}
	case ctx.Err() != nil:
		return err
	default:
		fl := s.classify(v, err)
		if fl.status == http.StatusInternalServerError {
			return err
		}
		fl.setHeaders(w.Header())
		status, p.Failed, v.record.err = fl.status, fl.text, err
	}
	return s.render(w, r, status, "view", p)
}

// pageImage gives one page of a PDF file, counted from 1, as a JPEG.
func (s *Server) pageImage(w http.ResponseWriter, r *http.Request, v *visit) error {
	n, err := strconv.Atoi(r.PathValue("page"))
	if err != nil || n < 1 || s.Pages == nil {
		return approval.ErrNotFound
	}
	width, err := strconv.Atoi(r.URL.Query().Get("w"))
	if err != nil {
		width = pageWidth
	}
	width = pdfview.Snap(width)
	f, err := s.Documents.FileInfo(r.Context(), fileID(r), v.session.Person.ID)
	if err != nil {
		return err
	}
	if kept(w, r, hex.EncodeToString(f.SHA256[:16])+"-"+strconv.Itoa(n)+"-"+strconv.Itoa(width)) {
		return nil
	}
	b, err := s.Pages.Page(r.Context(), f.SHA256, n-1, width, s.bytesOf(r, v, f))
	if err != nil {
		w.Header().Del("ETag")
		w.Header().Set("Cache-Control", "no-store")
		return err
	}
	return writeImage(w, r, "image/jpeg", b)
}

// bytesOf fetches a file when its bytes are needed.
func (s *Server) bytesOf(r *http.Request, v *visit, f approval.File) func() ([]byte, error) {
	return func() ([]byte, error) {
		_, b, err := s.Documents.File(r.Context(), f.ID, v.session.Person.ID)
		return b, err
	}
}
