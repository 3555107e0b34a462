package localpg

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// install writes a directory that looks like PostgreSQL's.
func install(t *testing.T, dir, says string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"initdb", "postgres"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBinaries(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, v := range []string{"9.6", "15", "17"} {
		install(t, filepath.Join(root, "lib", v, "bin"), "postgres (PostgreSQL) "+v)
	}
	install(t, filepath.Join(root, "local"), "postgres (PostgreSQL) 16.1")
	if err := os.MkdirAll(filepath.Join(root, "lib", "18", "bin"), 0o755); err != nil { // the client only
		t.Fatal(err)
	}
	pattern := filepath.Join(root, "lib", "*", "bin")
	join := func(list ...string) (dirs []string) {
		for _, d := range list {
			dirs = append(dirs, filepath.Join(root, d))
		}
		return dirs
	}
	tests := []struct {
		name, path string
		want       []string
	}{
		{"nothing on the path", "", join("lib/17/bin", "lib/15/bin", "lib/9.6/bin")},
		{"the path first", "/nowhere:" + root + "/local", join("local", "lib/17/bin", "lib/15/bin", "lib/9.6/bin")},
		{"one of them is on the path", root + "/lib/15/bin", join("lib/15/bin", "lib/17/bin", "lib/9.6/bin")},
		{"the working directory is no place for programs", ".:", join("lib/17/bin", "lib/15/bin", "lib/9.6/bin")},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, binaries(tt.path, pattern)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestChooseByData(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	install(t, filepath.Join(root, "a"), "postgres (PostgreSQL) 17.6 (Debian 17.6-1)")
	install(t, filepath.Join(root, "b"), "postgres (PostgreSQL) 15.18")
	install(t, filepath.Join(root, "c"), "postgres (PostgreSQL) 19beta1")
	dirs := []string{filepath.Join(root, "a"), filepath.Join(root, "b"), filepath.Join(root, "c")}
	for want, data := range map[string]string{"a": "", "b": "15", "c": "19"} {
		got, err := choose(t.Context(), dirs, data)
		if err != nil || filepath.Base(got) != want {
			t.Errorf("data of version %q: got %s, %v; want %s", data, got, err, want)
		}
	}
	_, err := choose(t.Context(), dirs, "16")
	if err == nil || !strings.Contains(err.Error(), "made by PostgreSQL 16") || !strings.Contains(err.Error(), "apt-get install -y --no-install-recommends postgresql-16") {
		t.Errorf("data of a version that is not installed: got %v, want what to install", err)
	}
}

// Where PostgreSQL is missing, one line says what to type.
func TestNoBinaries(t *testing.T) {
	t.Parallel()
	none := binaries(t.TempDir(), filepath.Join(t.TempDir(), "*"))
	dir := filepath.Join(t.TempDir(), "pg")
	_, err := startFrom(t.Context(), Options{Dir: dir}, none)
	if !errors.Is(err, ErrNoBinaries) {
		t.Fatalf("got %v, want ErrNoBinaries", err)
	}
	if got := err.Error(); strings.Contains(got, "\n") || !strings.HasSuffix(got, ": apt-get install -y --no-install-recommends postgresql") {
		t.Errorf("got %q, want one line that ends with the command", got)
	}
	if exists(dir) {
		t.Error("a directory was made before anything could run in it")
	}
	if err := Installed(); err != nil {
		t.Errorf("Installed: %v", err)
	}
}
