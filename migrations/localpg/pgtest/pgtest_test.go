package pgtest_test

import (
	"fmt"
	"testing"

	"qianhe/migrations"
	"qianhe/migrations/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestDatabasesAreMigratedAndSeparate(t *testing.T) {
	t.Parallel()
	for i := range 6 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			if err := migrations.Check(t.Context(), pool); err != nil {
				t.Errorf("schema of a test's database: %v", err)
			}
			if _, err := pool.Exec(t.Context(), `insert into unit (id, name) values ('u', '青川市政府')`); err != nil {
				t.Errorf("insert: %v; every test must start from an empty database", err)
			}
		})
	}
}
