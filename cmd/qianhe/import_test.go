package main

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"qianhe/migrations/localpg/pgtest"
)

// TestImportStatus: the exit status of an import is the number of documents
// that failed.
func TestImportStatus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".di"), []byte("<函>"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	vars := []string{"QIANHE_DATABASE_URL=" + pgtest.NewDSN(t), "QIANHE_SECRET=" + strings.Repeat("A", 43) + "="}
	var said strings.Builder
	got := run(t.Context(), env{strings.NewReader(""), io.Discard, &said, vars}, []string{"import", "-to", "lin", dir})
	if got != 3 {
		t.Errorf("exit status %d, want 3:\n%s", got, said.String())
	}
}
