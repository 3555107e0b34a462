package migrations_test

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/migrations/localpg/pgtest"
)

var update = flag.Bool("update", false, "accept the migration files as they are: go test ./migrations -run TestMergedFilesAreNotEdited -update")

// A database that has a file does not run it again: an edit of a merged file
// would reach new databases only. Write a new file instead.
func TestMergedFilesAreNotEdited(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("no migration files: %v", err)
	}
	var got strings.Builder
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		got.WriteString(hex.EncodeToString(sum[:]) + "  " + name + "\n")
	}
	const golden = "testdata/sha256sums.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("migration files have changed (-merged +now); never edit a merged one. For one that is not merged yet:\ngo test ./migrations -run TestMergedFilesAreNotEdited -update\n%s", diff)
	}
}

// ours leaves out the tables of goose and River.
const ours = `c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
	and c.relname <> 'goose_db_version' and not starts_with(c.relname::text, 'river_')`

func TestEverythingHasAComment(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	tests := []struct{ what, sql string }{
		{"tables", `select c.relname::text from pg_class c
			where ` + ours + ` and coalesce(obj_description(c.oid, 'pg_class'), '') = '' order by 1`},
		{"columns", `select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
			where ` + ours + ` and a.attnum > 0 and not a.attisdropped and coalesce(col_description(c.oid, a.attnum), '') = '' order by 1`},
		{"functions", `select p.proname::text from pg_proc p
			where p.pronamespace = 'public'::regnamespace and not starts_with(p.proname::text, 'river_')
			and coalesce(obj_description(p.oid, 'pg_proc'), '') = '' order by 1`},
	}
	for _, tt := range tests {
		if got := column[string](t, pool, tt.sql); len(got) > 0 {
			t.Errorf("%s without a comment: %s", tt.what, strings.Join(got, ", "))
		}
	}
	if got := column[string](t, pool, `select c.relname::text from pg_class c where `+ours); len(got) < 20 {
		t.Errorf("the test sees only %d tables: %v", len(got), got)
	}
}
