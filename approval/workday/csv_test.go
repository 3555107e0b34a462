package workday_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/encoding/traditionalchinese"

	"qianhe/approval/workday"
)

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func big5(tb testing.TB, b []byte) []byte {
	tb.Helper()
	out, err := traditionalchinese.Big5.NewEncoder().Bytes(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestParseCSVEncodings(t *testing.T) {
	t.Parallel()
	published := read(t, "data/calendar-2026.csv")
	tests := map[string][]byte{
		"as published":         published,
		"without a mark":       bytes.TrimPrefix(published, []byte("\xef\xbb\xbf")),
		"Big5":                 big5(t, published),
		"line feeds only":      bytes.ReplaceAll(published, []byte("\r\n"), []byte("\n")),
		"blank lines":          append(bytes.Clone(published), "\r\n\r\n"...),
		"no end of last line":  bytes.TrimSuffix(published, []byte("\r\n")),
		"quoted, with a comma": bytes.Replace(published, []byte("開國紀念日"), []byte(`"開國紀念日,元旦"`), 1),
	}
	versions := map[string]string{}
	for name, b := range tests {
		y, err := workday.ParseCSV(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if y.Number() != 2026 || y.DaysOff() != 120 {
			t.Errorf("%s: got year %d with %d days off, want 2026 with 120", name, y.Number(), y.DaysOff())
		}
		if other, ok := versions[y.Version()]; ok {
			t.Errorf("%s and %s differ and have the same version %s", name, other, y.Version())
		}
		versions[y.Version()] = name
	}
}

func TestParseCSVRefuses(t *testing.T) {
	t.Parallel()
	published := strings.ReplaceAll(strings.TrimPrefix(string(read(t, "data/calendar-2026.csv")), "\ufeff"), "\r\n", "\n")
	change := func(old, replacement string) string {
		if !strings.Contains(published, old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(published, old, replacement, 1)
	}
	broken := []byte(published)
	broken[strings.Index(published, "開國")] = 0xff
	tests := []struct {
		name string
		text string
		line int
		want string
	}{
		{"nothing", "", 1, "empty"},
		{"only a header", published[:strings.Index(published, "\n")+1], 1, "no days"},
		{"a web page", "\ufeff\n<!DOCTYPE html><html></html>", 1, "web page"},
		{"other columns", change("是否放假", "放假"), 1, "header"},
		{"the export for Google", "Subject,Start Date,Start Time,End Date\n", 1, "header"},
		{"a column too many", change("20260102,五,0,", "20260102,五,0,,"), 3, "fields"},
		{"an open quote", change("開國紀念日", `"開國紀念日`), 2, `"`},
		{"no date", change("20260105,", "2026/1/5,"), 6, "not a date"},
		{"no such date", change("20260228,", "20260229,"), 60, "not a date"},
		{"another year", change("20260105,", "20270105,"), 6, "not in 2026"},
		{"a day twice", change("20260106,二,0,\n", "20260106,二,0,\n20260106,二,0,\n"), 8, "twice"},
		{"a day missing", change("20260106,二,0,\n", ""), 7, "20260106 is missing"},
		{"the first day missing", change("20260101,四,2,開國紀念日\n", ""), 2, "20260101 is missing"},
		{"the last day missing", change("20261231,四,0,\n", ""), 365, "ends before 20261231"},
		{"a wrong weekday", change("20260106,二", "20260106,三"), 7, "not a \"三\""},
		{"a flag of another kind", change("20260106,二,0", "20260106,二,1"), 7, "是否放假"},
		{"an empty flag", change("20260106,二,0", "20260106,二,"), 7, "是否放假"},
		{"weekends worked", strings.ReplaceAll(published, ",2,", ",0,"), 366, "fewer than the weekends"},
		{"broken UTF-8", string(broken), 2, "not UTF-8"},
		{"broken Big5", string(bytes.Replace(big5(t, []byte(published)), big5(t, []byte("開國")), []byte{0xff, 0xff}, 1)), 2, "not Big5"},
		{"no text", "\xff\x00\x01\x02", 1, "not Big5"},
		{"marked as UTF-8", "\ufeff" + string(broken), 2, "not UTF-8"},
		{"a file without end", strings.Repeat("x", 2<<20), 1, "too many"},
	}
	for _, tt := range tests {
		y, err := workday.ParseCSV([]byte(tt.text))
		var bad *workday.CSVError
		if !errors.As(err, &bad) {
			t.Errorf("%s: got year %d and error %v, want a *CSVError", tt.name, y.Number(), err)
			continue
		}
		if bad.Line != tt.line || !strings.Contains(bad.Reason, tt.want) {
			t.Errorf("%s: got line %d, %q; want line %d, something about %q", tt.name, bad.Line, bad.Reason, tt.line, tt.want)
		}
	}
}

// Whatever bytes come, ParseCSV returns a whole year or a CSVError.
func FuzzParseCSV(f *testing.F) {
	for _, name := range []string{"data/calendar-2024.csv", "data/calendar-2027.csv"} {
		b := read(f, name)
		f.Add(b)
		f.Add(big5(f, b))
	}
	f.Add([]byte("西元日期,星期,是否放假,備註\n20260101,四,2,\"\n"))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		y, err := workday.ParseCSV(b)
		var bad *workday.CSVError
		switch {
		case err != nil && !errors.As(err, &bad):
			t.Errorf("error %v is no *CSVError", err)
		case bad != nil && bad.Line < 1:
			t.Errorf("error %v names no line", err)
		case err == nil && (y.Version() == "" || y.DaysOff() < 94):
			t.Errorf("accepted year %d with version %q and %d days off", y.Number(), y.Version(), y.DaysOff())
		case err == nil && !workday.New(y).Covers(y.Number()):
			t.Errorf("year %d is not covered by a calendar of it", y.Number())
		}
	})
}
