package localpg

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestReap(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	old := time.Now().Add(-time.Hour)
	directory := func(name string, lock bool, modified time.Time) string {
		dir := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		if lock {
			if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(dir, modified, modified); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	killed := directory(prefix+"killed", true, old)
	young := directory(prefix+"young", true, time.Now())
	unlocked := directory(prefix+"unlocked", false, old)
	other := directory("letters", true, old)
	running := directory(prefix+"running", true, old)
	held, err := lockExisting(filepath.Join(running, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	elsewhere := t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(base, prefix+"link")); err != nil {
		t.Fatal(err)
	}

	reap(base, nil, slog.New(slog.DiscardHandler))
	for dir, kept := range map[string]bool{killed: false, young: true, unlocked: true, other: true, running: true, elsewhere: true} {
		if exists(dir) != kept {
			t.Errorf("%s: there %t, want %t", filepath.Base(dir), exists(dir), kept)
		}
	}
}
