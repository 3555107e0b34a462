package pgapproval

import (
	"encoding/base64"
	"errors"
	"math/rand"
	"reflect"
	"testing"
	"testing/quick"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

func TestBodyRoundTrip(t *testing.T) {
	t.Parallel()
	full := approvaltest.Body(200)
	full.Received = &approval.Reference{Text: "青工水字第7號"}
	full.Meeting = &approval.Meeting{Times: []string{"115年11月20日"}, Attendees: []approval.Addressee{}, Observers: nil}
	full.Reviews = []approval.Review{{Unit: approval.Organization{Name: "會計室", IsUnit: true}, Opinions: []approval.Section{{Text: "無意見"}}}}
	full.Recipient.Roster, full.Recipient.RosterText = "表單", "如正副本行文單位"
	full.Remarks = []approval.Item{{Text: "<b>&\"\u2028\\u0000\U0001f3ef 𠮷　"}}
	for _, want := range []approval.Body{{}, {Options: map[string]string{}, Contacts: []string{}}, full} {
		text, err := encodeBody(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeBody(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
	}
}

// Whatever a body is made of, it comes back the same or is refused.
func TestBodyRoundTripAtRandom(t *testing.T) {
	t.Parallel()
	same := func(want approval.Body) bool {
		text, err := encodeBody(want)
		if err != nil {
			_, ok := errors.AsType[*approval.InvalidError](err)
			return ok
		}
		got, err := decodeBody(text)
		return err == nil && reflect.DeepEqual(want, got)
	}
	config := &quick.Config{MaxCount: 200, Rand: rand.New(rand.NewSource(1)), Values: func(args []reflect.Value, r *rand.Rand) {
		v, _ := quick.Value(reflect.TypeFor[flatBody](), r)
		f := v.Interface().(flatBody)
		b := approval.Body{Type: f.Type, Contacts: f.Contacts, References: f.References, Files: f.Files, Primary: f.Primary, Meeting: f.Meeting, Options: f.Options}
		b.Sections = []approval.Section{{Heading: f.Heading, Items: []approval.Item{{Text: f.Text}}}}
		args[0] = reflect.ValueOf(b)
	}}
	if err := quick.Check(same, config); err != nil {
		t.Error(err)
	}
}

// flatBody is of a body what does not nest without end.
type flatBody struct {
	Type          approval.DocumentType
	Contacts      []string
	References    []approval.Reference
	Files         []approval.FileRef
	Primary       []approval.Addressee
	Meeting       *approval.Meeting
	Options       map[string]string
	Heading, Text string
}

func TestBodyRefuses(t *testing.T) {
	t.Parallel()
	_, err := encodeBody(approval.Body{Subject: "主\xff旨"})
	if _, ok := errors.AsType[*approval.InvalidError](err); !ok {
		t.Errorf("error = %v, want an InvalidError", err)
	}
	if _, err := decodeBody([]byte(`{"Subject": 7}`)); err == nil {
		t.Error("a body that is none was read")
	}
}

// A cursor is refused, or is the one that would be made of what it says.
func FuzzCursor(f *testing.F) {
	const scope = "tray"
	now := approvaltest.Now()
	full := trayKey{now: now, late: 1, rank: 2, due: now, arrived: now.Add(-time.Hour), step: "01arys7aj10000000000000000"}
	f.Add(full.seal(scope))
	f.Add(full.seal(scope)[:9] + "\r\n" + full.seal(scope)[9:]) // which package base64 reads over
	full.due = time.Time{}
	f.Add(full.seal(scope))
	f.Add(sealCursor(scope, nil))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		// With the right checksum too: it is no secret.
		raw, _ := base64.RawURLEncoding.DecodeString(s)
		for _, c := range []string{s, sealCursor(scope, raw)} {
			k, err := openTrayKey(scope, c, now)
			if err != nil {
				if _, ok := errors.AsType[*approval.InvalidError](err); !ok {
					t.Fatalf("error = %v", err)
				}
				continue
			}
			if got := k.seal(scope); got != c {
				t.Fatalf("%+v is sealed as %q, and was read from %q", k, got, c)
			}
			if !utf8.ValidString(k.step) || k.step == "" {
				t.Fatalf("step %q", k.step)
			}
		}
		if k, err := openDoneKey(scope, s); err == nil && k.seal(scope) != s {
			t.Fatalf("%+v is sealed as %q, and was read from %q", k, k.seal(scope), s)
		}
	})
}
