package corpus

import (
	"bytes"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/di"
)

func load(t *testing.T) *Plan {
	t.Helper()
	p, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// decode reads the DI of a document.
func decode(t *testing.T, d Document) *di.Document {
	t.Helper()
	files, err := d.Package()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := di.Decode(files.DI.Bytes)
	if err != nil {
		t.Fatalf("%s: %v", d.Dir, err)
	}
	return doc
}

// number is the 文號 under which a document is stored.
func number(d Document, b approval.Body) string {
	if d.Order.Number == "" && len(b.References) > 0 {
		return b.References[0].Number()
	}
	return d.Order.Number
}

// spacing finds the closing formula of a letter without its honorific space.
var spacing = regexp.MustCompile(`請(查照|鑒核|核示|惠復)`)

func TestDocuments(t *testing.T) {
	t.Parallel()
	p := load(t)
	generations, types, grades := map[string]int{}, map[approval.DocumentType]int{}, map[approval.Grade]int{}
	speeds, numbers := map[approval.Speed]int{}, map[string]string{}
	deepest := 0
	for _, d := range p.Documents {
		doc := decode(t, d)
		b := doc.Body
		generations[doc.Generation+" "+doc.Encoding]++
		types[b.Type]++
		grades[b.Grade]++
		speeds[b.Speed]++
		for _, w := range doc.Warnings {
			t.Errorf("%s: warning %s", d.Dir, w)
		}
		n := number(d, b)
		if n == "" {
			t.Errorf("%s has no number", d.Dir)
		}
		if other, ok := numbers[n]; ok {
			t.Errorf("%s and %s have the number %s", d.Dir, other, n)
		}
		numbers[n] = d.Dir
		if b.Subject == "" || !strings.HasSuffix(b.Subject, "。") && b.Meeting == nil {
			t.Errorf("%s: the subject is no sentence: %s", d.Dir, b.Subject)
		}
		for _, s := range b.Sections {
			deepest = max(deepest, depth(s.Items))
		}
		if found := spacing.FindString(b.Subject); found != "" {
			t.Errorf("%s: %q lacks its space", d.Dir, found)
		}
	}
	if diff := cmp.Diff(map[string]int{"104 UTF-8": 15, "99 Big5": 1, "91 Big5": 1}, generations); diff != "" {
		t.Errorf("generations (-want +got):\n%s", diff)
	}
	wantTypes := map[approval.DocumentType]int{
		approval.TypeLetter: 8, approval.TypeMemo: 3, approval.TypeMeeting: 2, approval.TypeInspection: 1,
		approval.TypeReview: 1, approval.TypeOrder: 1, approval.TypeNotice: 1,
	}
	if diff := cmp.Diff(wantTypes, types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[approval.Grade]int{approval.GradeNone: 16, approval.GradeConfidential: 1}, grades); diff != "" {
		t.Errorf("grades (-want +got):\n%s", diff)
	}
	if speeds[approval.SpeedHighest] != 1 || speeds[approval.SpeedUrgent] < 3 {
		t.Errorf("speeds: %v", speeds)
	}
	if deepest != 4 {
		t.Errorf("items nest %d deep, want 4", deepest)
	}
}

func depth(items []approval.Item) (n int) {
	for _, i := range items {
		n = max(n, 1+depth(i.Items))
	}
	return n
}

// TestFiles: the attachments are those that the DI declares, and what their
// names say.
func TestFiles(t *testing.T) {
	t.Parallel()
	magic := map[string]string{".pdf": "%PDF-", ".png": "\x89PNG", ".jpg": "\xff\xd8\xff", ".ods": "PK\x03\x04", ".docx": "PK\x03\x04"}
	total, rosters := 0, 0
	for _, d := range load(t).Documents {
		files, err := d.Package()
		if err != nil {
			t.Fatal(err)
		}
		doc := decode(t, d)
		var want, got []string
		for _, f := range doc.Body.Files {
			want = append(want, f.Name)
		}
		for _, f := range files.Attachments {
			got = append(got, f.Name)
			total += len(f.Bytes)
			if m := magic[path.Ext(f.Name)]; m == "" || !bytes.HasPrefix(f.Bytes, []byte(m)) {
				t.Errorf("%s/%s is not what its name says", d.Dir, f.Name)
			}
			if len(f.Bytes) > 80<<10 {
				t.Errorf("%s/%s: %d bytes", d.Dir, f.Name, len(f.Bytes))
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: declared and there (-want +got):\n%s", d.Dir, diff)
		}
		if (doc.Roster != "") != (files.Roster != nil) {
			t.Errorf("%s: declares the roster %q, has one: %t", d.Dir, doc.Roster, files.Roster != nil)
		}
		if files.Roster != nil {
			rosters++
			if files.Roster.Name != doc.Roster {
				t.Errorf("%s: roster %s, declared %s", d.Dir, files.Roster.Name, doc.Roster)
			}
			if list, err := di.DecodeRoster(files.Roster.Bytes); err != nil || len(list) < 2 {
				t.Errorf("%s: roster of %d, %v", d.Dir, len(list), err)
			}
		}
	}
	if rosters != 2 {
		t.Errorf("%d rosters, want 2", rosters)
	}
	if total > 3<<19 {
		t.Errorf("attachments have %d bytes, want at most 1.5 MB", total)
	}
}

// TestNothingIsForgotten: every directory is in the plan.
func TestNothingIsForgotten(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(Files(), ".")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, e := range entries {
		want = append(want, e.Name())
	}
	for _, d := range load(t).Documents {
		got = append(got, d.Dir)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("directories and plan (-want +got):\n%s", diff)
	}
}

func TestPlanRefused(t *testing.T) {
	t.Parallel()
	const people = `"people":[{"account":"a","name":"甲","title":"科長","unit":["府"],"roles":["official"]}]`
	document := func(s string) string {
		return `{` + people + `,"documents":[{"dir":"x","order":{"handler":"a","route":[{"account":"a"}]},"received_at":"09:00",` + s + `}]}`
	}
	tests := map[string]string{
		"not JSON":            `{`,
		"unknown field":       `{"pepole":[]}`,
		"person without name": `{"people":[{"account":"a"}]}`,
		"person twice":        `{"people":[` + strings.Repeat(`{"account":"a","name":"甲","title":"科長","unit":["府"],"roles":["official"]},`, 2) + `{"account":"b"}]}`,
		"unknown handler":     `{` + people + `,"documents":[{"dir":"x","order":{"handler":"b","route":[{"account":"a"}]},"received_at":"09:00"}]}`,
		"unknown on route":    `{` + people + `,"documents":[{"dir":"x","order":{"handler":"a","route":[{"account":"b"}]},"received_at":"09:00"}]}`,
		"no route":            `{` + people + `,"documents":[{"dir":"x","order":{"handler":"a"},"received_at":"09:00"}]}`,
		"fixed receipt":       `{` + people + `,"documents":[{"dir":"x","order":{"handler":"a","received":"2026-11-20","route":[{"account":"a"}]},"received_at":"09:00"}]}`,
		"bad time":            `{` + people + `,"documents":[{"dir":"x","order":{"handler":"a","route":[{"account":"a"}]},"received_at":"9 o'clock"}]}`,
		"received tomorrow":   document(`"received_workdays_ago":-1`),
		"unknown actor":       document(`"actions":[{"account":"b","action":"submit","after_hours":1}]`),
		"unknown action":      document(`"actions":[{"account":"a","action":"burn","after_hours":1}]`),
		"back in time":        document(`"actions":[{"account":"a","action":"submit","after_hours":2},{"account":"a","action":"decide","after_hours":1}]`),
		"return to nobody":    document(`"actions":[{"account":"a","action":"return","after_hours":1}]`),
		"document twice":      `{` + people + `,"documents":[` + strings.Repeat(`{"dir":"x","order":{"handler":"a","route":[{"account":"a"}]},"received_at":"09:00"},`, 2) + `{"dir":"y"}]}`,
	}
	for name, in := range tests {
		if _, err := parse([]byte(in)); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	if _, err := parse([]byte(document(`"actions":[{"account":"a","action":"decide","after_hours":1}]`))); err != nil {
		t.Errorf("a good plan: %v", err)
	}
}
