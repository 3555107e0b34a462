//go:build unix

package pdfview_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"qianhe/web/pdfview"
)

func TestNewRefusesDirectoryOfOthers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "code")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { // Mkdir is subject to the umask
		t.Fatal(err)
	}
	if _, err := pdfview.New(pdfview.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a directory that everybody may write to was taken")
	}
}
