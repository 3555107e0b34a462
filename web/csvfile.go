package web

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// csvFile is a record on its way to a spreadsheet, written while it is being
// read.
type csvFile struct {
	w       http.ResponseWriter
	control *http.ResponseController
	name    string
	head    []string
	csv     *csv.Writer // nil before the first line
	lines   int
}

// bom tells Excel that a text is UTF-8.
const bom = "\ufeff"

// flushEvery is how many lines are kept back; exportPause how long a client may
// take for as many.
const (
	flushEvery  = 200
	exportPause = time.Minute
)

// newCSVFile names the file by what it is and when it was made.
func newCSVFile(w http.ResponseWriter, v *visit, what string, head []string) *csvFile {
	return &csvFile{w: w, control: http.NewResponseController(w), name: what + "-" + v.now.In(approval.Zone).Format("20060102-1504") + ".csv", head: head}
}

func (f *csvFile) begin() error {
	h := f.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
	if _, err := io.WriteString(f.w, bom); err != nil {
		return err
	}
	f.csv = csv.NewWriter(f.w)
	f.csv.UseCRLF = true
	return f.csv.Write(f.head)
}

// line writes one, each cell as text and never as a formula.
func (f *csvFile) line(cells []string) error {
	if f.csv == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	for i, c := range cells {
		cells[i] = inert(c)
	}
	if err := f.csv.Write(cells); err != nil {
		return err
	}
	if f.lines++; f.lines%flushEvery == 0 {
		return f.flush()
	}
	return nil
}

func (f *csvFile) flush() error {
	// A test's recorder knows no deadlines; a server does.
	_ = f.control.SetWriteDeadline(time.Now().Add(exportPause))
	f.csv.Flush()
	if err := f.csv.Error(); err != nil {
		return err
	}
	_ = f.control.Flush()
	return nil
}

func (f *csvFile) end() error {
	if f.csv == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	return f.flush()
}

// endCSV ends a file. When the reading, or the writing, has failed on the way
// the connection is cut, so that nobody takes a part for the whole.
func (s *Server) endCSV(ctx context.Context, v *visit, f *csvFile, err error) error {
	if err == nil {
		err = f.end()
	}
	if err != nil && f.csv != nil {
		s.warn(context.WithoutCancel(ctx), v, "a file was not written to its end", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// recordExport puts on record that a record leaves the system, before it does.
func (s *Server) recordExport(ctx context.Context, kind access.EventKind, query url.Values) error {
	if s.Audit == nil {
		return nil
	}
	detail := map[string]string{}
	if q := query.Encode(); q != "" {
		detail["query"] = q
	}
	return s.Audit.Record(ctx, access.Event{Kind: kind, Detail: detail})
}

// inert keeps a cell from being a formula in a spreadsheet (CWE-1236): an
// apostrophe before what would begin one makes it text.
func inert(cell string) string {
	if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") || strings.HasPrefix(cell, "＝") || strings.HasPrefix(cell, "＋") || strings.HasPrefix(cell, "－") || strings.HasPrefix(cell, "＠") {
		return "'" + cell
	}
	return cell
}

// stamp writes a time as spreadsheets read it, in Taipei.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(approval.Zone).Format("2006-01-02 15:04:05")
}
