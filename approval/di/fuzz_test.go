package di_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/di"
)

func seed(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("testdata/%s: %d files, %v", pattern, len(files), err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// Whatever comes in, Decode gives a document of a known type or a SyntaxError,
// and no file name holds a path.
func FuzzDecode(f *testing.F) {
	seed(f, "*.di")
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := di.Decode(b)
		if err != nil {
			requireSyntax(t, err)
			return
		}
		if !d.Body.Type.Valid() {
			t.Errorf("type %q", d.Body.Type)
		}
		for _, file := range append(append([]approval.FileRef{{Name: d.Roster}}, d.Body.Files...), d.Others...) {
			if filepath.Base(file.Name) != file.Name && file.Name != "" {
				t.Errorf("file name %q", file.Name)
			}
		}
	})
}

func FuzzDecodeRoster(f *testing.F) {
	seed(f, "*.sw")
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := di.DecodeRoster(b)
		if err != nil {
			requireSyntax(t, err)
			return
		}
		out, err := di.EncodeRoster(all)
		if err != nil {
			if !isInvalid(err) {
				t.Errorf("EncodeRoster: %v", err)
			}
			return
		}
		again, err := di.DecodeRoster(out)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, out)
		}
		if diff := cmp.Diff(all, again); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// What was read and can be written is read again as it was.
func FuzzRoundTrip(f *testing.F) {
	seed(f, "*.di")
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := di.Decode(b)
		if err != nil {
			return
		}
		roster := d.Roster
		if d.Body.Recipient.Roster != "" && roster == "" {
			roster = "1.sw"
		}
		out, err := di.Encode(d.Body, di.EncodeOptions{Roster: roster})
		if err != nil {
			if !isInvalid(err) {
				t.Errorf("Encode: %v", err)
			}
			return
		}
		again, err := di.Decode(out)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, out)
		}
		if diff := cmp.Diff(d.Body, again.Body); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if again.Generation != "104" || again.Roster != roster {
			t.Errorf("got generation %q, roster %q, want 104, %q", again.Generation, again.Roster, roster)
		}
	})
}

func requireSyntax(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*di.SyntaxError](err); !ok {
		t.Errorf("got error %v, want a SyntaxError", err)
	}
}
