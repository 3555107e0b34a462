package workday

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/traditionalchinese"

	"qianhe/approval"
)

// Year is the official calendar of one year.
type Year struct {
	number  int
	off     []bool // by day of the year, from 0
	version string
}

// Number is the year, such as 2026.
func (y Year) Number() int { return y.number }

// Version tells this file from another of the same year (修正版): the first
// digits of its SHA-256.
func (y Year) Version() string { return y.version }

// DaysOff counts the days that are not worked.
func (y Year) DaysOff() (n int) {
	for _, off := range y.off {
		if off {
			n++
		}
	}
	return n
}

// CSVError says why a file is not an official calendar.
type CSVError struct {
	Line   int // from 1
	Reason string
}

func (e *CSVError) Error() string {
	return fmt.Sprintf("office calendar, line %d: %s", e.Line, e.Reason)
}

const (
	maxBytes = 1 << 20 // a year has about 6,500

	// leastOff: the weekends of a year are 104 days at least, of which 補班 has
	// never taken more than ten.
	leastOff = 94
)

// ParseCSV reads a calendar as data.gov.tw publishes it: UTF-8 with or without
// a byte order mark, or Big5 as in older years; a header; then every day of one
// year in order. It believes nothing: what is wrong is a [*CSVError], as a
// calendar that is half right would set wrong deadlines for a year.
func ParseCSV(b []byte) (Year, error) {
	if len(b) > maxBytes {
		return Year{}, &CSVError{1, fmt.Sprintf("%d bytes are too many for a calendar", len(b))}
	}
	text, err := decode(b)
	if err != nil {
		return Year{}, err
	}
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		return Year{}, &CSVError{1, "this is a web page, not the CSV file"}
	}
	p := parser{csv: csv.NewReader(strings.NewReader(text))}
	p.csv.FieldsPerRecord = len(header)
	if err := p.header(); err != nil {
		return Year{}, err
	}
	if err := p.days(); err != nil {
		return Year{}, err
	}
	p.year.version = digest(b)
	return p.year, nil
}

// decode finds out which of the encodings in use it is. A file that begins like
// UTF-8 is not read as Big5 for one bad byte.
func decode(b []byte) (string, error) {
	rest, marked := bytes.CutPrefix(b, []byte("\xef\xbb\xbf"))
	name, text := "UTF-8", rest
	if !marked && !utf8.Valid(rest) && !bytes.HasPrefix(rest, []byte(header[0])) {
		var err error
		if text, err = traditionalchinese.Big5.NewDecoder().Bytes(rest); err != nil {
			return "", &CSVError{1, err.Error()}
		}
		name = "Big5"
	}
	// The decoder writes U+FFFD for what it cannot read, as ToValidUTF8 does.
	valid := strings.ToValidUTF8(string(text), string(utf8.RuneError))
	if before, _, bad := strings.Cut(valid, string(utf8.RuneError)); bad {
		return "", &CSVError{1 + strings.Count(before, "\n"), "this is not " + name}
	}
	return valid, nil
}

var header = [...]string{"西元日期", "星期", "是否放假", "備註"}

// weekdays are the words of the second column, by time.Weekday.
var weekdays = [...]string{"日", "一", "二", "三", "四", "五", "六"}

type parser struct {
	csv  *csv.Reader
	line int // of the row that was read last
	year Year
}

// row gives the next row, io.EOF at the end.
func (p *parser) row() ([]string, error) {
	row, err := p.csv.Read()
	var syntax *csv.ParseError
	switch {
	case errors.As(err, &syntax):
		return nil, &CSVError{syntax.StartLine, syntax.Err.Error()}
	case err != nil:
		return nil, err
	}
	p.line, _ = p.csv.FieldPos(0)
	return row, nil
}

func (p *parser) fail(format string, args ...any) error {
	return &CSVError{max(p.line, 1), fmt.Sprintf(format, args...)}
}

func (p *parser) header() error {
	row, err := p.row()
	if errors.Is(err, io.EOF) {
		return p.fail("the file is empty")
	}
	if err != nil {
		return err
	}
	if [len(header)]string(row) != header {
		return p.fail("the header is %q, not %q", strings.Join(row, ","), strings.Join(header[:], ","))
	}
	return nil
}

// days reads one row for every day of the year, in order.
func (p *parser) days() error {
	var next time.Time
	for {
		row, err := p.row()
		if errors.Is(err, io.EOF) {
			return p.end(next)
		}
		if err != nil {
			return err
		}
		day, err := time.ParseInLocation("20060102", row[0], approval.Zone)
		if err != nil {
			return p.fail("%q is not a date such as 20260101", row[0])
		}
		if next.IsZero() {
			p.year.number = day.Year()
			next = time.Date(day.Year(), time.January, 1, 0, 0, 0, 0, approval.Zone)
		}
		switch {
		case day.Year() != p.year.number:
			return p.fail("%s is not in %d", row[0], p.year.number)
		case day.Before(next):
			return p.fail("%s is there twice, or out of order", row[0])
		case day.After(next):
			return p.fail("%s is missing before %s", next.Format("20060102"), row[0])
		}
		if want := weekdays[day.Weekday()]; row[1] != want {
			return p.fail("%s is a %q, not a %q", row[0], want, row[1])
		}
		if row[2] != "0" && row[2] != "2" {
			return p.fail("是否放假 is %q, neither 0 (worked) nor 2 (off)", row[2])
		}
		p.year.off = append(p.year.off, row[2] == "2")
		next = day.AddDate(0, 0, 1)
	}
}

// end checks what can be known only when all rows were read.
func (p *parser) end(next time.Time) error {
	if next.IsZero() {
		return p.fail("there are no days")
	}
	if next.Year() == p.year.number {
		return p.fail("the year ends before %s", next.Format("20060102"))
	}
	if n := p.year.DaysOff(); n < leastOff {
		return p.fail("only %d days of the year are off, fewer than the weekends", n)
	}
	return nil
}
