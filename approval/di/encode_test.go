package di_test

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/di"
)

var update = flag.Bool("update", false, "write the golden files of this package anew")

// rosterOf is the roster that a sample is written with.
func rosterOf(b approval.Body) di.EncodeOptions {
	if b.Recipient.Roster == "" {
		return di.EncodeOptions{}
	}
	return di.EncodeOptions{Roster: "1150012345.sw"}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", name, diff)
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	all := samples()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := all[name]
			b, err := di.Encode(want, rosterOf(want))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, b)
			got, err := di.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if got.Generation != "104" || got.Encoding != di.UTF8 || got.Roster != rosterOf(want).Roster || len(got.Warnings) != 0 {
				t.Errorf("got generation %q, encoding %q, roster %q, warnings %q", got.Generation, got.Encoding, got.Roster, got.Warnings)
			}
		})
	}
}

// An empty body of every type can be written and read.
func TestEncodeEmpty(t *testing.T) {
	t.Parallel()
	for _, b := range samples() {
		empty := approval.Body{Type: b.Type, Category: b.Category}
		out, err := di.Encode(empty, di.EncodeOptions{})
		if err != nil {
			t.Errorf("%s: %v", b.Type, err)
			continue
		}
		got, err := di.Decode(out)
		if err != nil {
			t.Errorf("%s: %v", b.Type, err)
			continue
		}
		got.Body.Meeting = nil // a notice always has one
		if diff := cmp.Diff(empty, got.Body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", b.Type, diff)
		}
	}
}

func TestEncodeForm(t *testing.T) {
	t.Parallel()
	b, err := di.Encode(samples()["letter-104.di"], di.EncodeOptions{Roster: "A.sw"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!DOCTYPE 函 SYSTEM \"104_2_utf8.dtd\" [\r\n",
		"<!ENTITY 表單 SYSTEM \"A.sw\" NDATA DI>\r\n",
		"<!ENTITY ATTCH1 SYSTEM '防汛 \"甲\" 檢查表.pdf' NDATA _X>\r\n",
		"<!ENTITY 附件二 SYSTEM \"a&b's.ods\" NDATA _X>\r\n",
	} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("missing %q in:\n%s", want, b)
		}
	}
	if n := strings.Count(strings.ReplaceAll(string(b), "\r\n", ""), "\n"); n > 0 {
		t.Errorf("got %d line ends without a carriage return", n)
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*approval.Body)
		field  string
	}{
		{"unknown type", func(b *approval.Body) { b.Type = "便簽" }, "type"},
		{"no category", func(b *approval.Body) { b.Category = "" }, "category"},
		{"field of another type", func(b *approval.Body) { b.Submit = []approval.Addressee{{Kind: approval.ByTitle, Title: "科長"}} }, "submit"},
		{"meeting of a letter", func(b *approval.Body) { b.Meeting = &approval.Meeting{Place: "會議室"} }, "meeting"},
		{"option of another type", func(b *approval.Body) { b.Options = map[string]string{"擬辦方式": "1"} }, "options"},
		{"padded text", func(b *approval.Body) { b.Subject = " 主旨" }, "subject"},
		{"control character", func(b *approval.Body) { b.Subject = "主\x00旨" }, "body"},
		{"invalid UTF-8", func(b *approval.Body) { b.Subject = "主\xff旨" }, "body"},
		{"too large", func(b *approval.Body) { b.Subject = strings.Repeat("字", di.MaxBytes/3) }, "body"},
		{"unknown speed", func(b *approval.Body) { b.Speed = "特急件" }, "speed"},
		{"unknown addressee", func(b *approval.Body) { b.Primary[0].Kind = "機關" }, "addressee"},
		{"release without grade", func(b *approval.Body) { b.Grade = "" }, "grade"},
		{"file with a path", func(b *approval.Body) { b.Files[0].Name = "../a.pdf" }, "files"},
		{"file with both quotes", func(b *approval.Body) { b.Files[0].Name = `a"b'c.pdf` }, "files"},
		{"entity that is no name", func(b *approval.Body) { b.Files[0].Entity = "1 2" }, "files"},
		{"entity twice with two files", func(b *approval.Body) { b.Files[1].Entity = b.Files[0].Entity }, "body"},
		{"empty contact", func(b *approval.Body) { b.Contacts = append(b.Contacts, "") }, "contacts"},
		{"both forms of a number", func(b *approval.Body) { b.References[0].Text = "青工字第1號" }, "references"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := samples()["letter-104.di"]
			tt.change(&b)
			_, err := di.Encode(b, di.EncodeOptions{Roster: "A.sw"})
			invalid, ok := errors.AsType[*approval.InvalidError](err)
			if !ok || invalid.Field != tt.field {
				t.Errorf("got error %v, want one of field %q", err, tt.field)
			}
		})
	}
	if _, err := di.Encode(samples()["letter-104.di"], di.EncodeOptions{}); err == nil {
		t.Error("roster is referred to but not given: got no error")
	}
	if _, err := di.Encode(samples()["letter-104.di"], di.EncodeOptions{Roster: "a/b.sw"}); err == nil {
		t.Error("roster with a path: got no error")
	}
}
