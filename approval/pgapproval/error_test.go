package pgapproval_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"qianhe/approval"
)

// The record, the texts and the originals cannot be changed, not even by this
// program's own account.
func TestAppendOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	must(t, b.store.Update(t.Context(), d.ID, func(d *approval.Document) ([]approval.Event, error) {
		return b.o.Pass(d, d.Active(b.o.Handler.ID), 1, b.newID)
	}))
	before := b.rows(t)
	for _, sql := range []string{
		`update decision set opinion = '不同意'`,
		`delete from decision`,
		`update document_version set body = '{}'`,
		`delete from document_version`,
		`update blob set bytes = ''`,
		`delete from blob`, // refused as long as a file refers to it
		`delete from step`,
		`delete from document`,
	} {
		_, err := b.pool.Exec(t.Context(), sql)
		pg, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || pg.Code != "23001" && pg.Code != "23503" {
			t.Errorf("%s: %v, want a violation of a restriction", sql, err)
		}
	}
	if got := b.rows(t); got != before {
		t.Errorf("rows: %s, before %s", got, before)
	}
}

// A database that does not answer is no answer: its error stays to be seen.
func TestUnknownErrorsStay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.pool.Exec(t.Context(), `alter table phrase rename to gone`)
	must(t, err)
	_, err = b.store.Phrases(t.Context(), b.o.Chief.ID)
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "42P01" || errors.Is(err, approval.ErrNotFound) {
		t.Errorf("error = %v, want that of PostgreSQL", err)
	}
}
