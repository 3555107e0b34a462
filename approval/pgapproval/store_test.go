package pgapproval_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
	"qianhe/approval/pgapproval"
	"qianhe/migrations/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// bundle is a database with an office in it.
type bundle struct {
	pool  *pgxpool.Pool
	store *pgapproval.Store
	queue *queue
	o     approvaltest.Office
	newID func() string
}

func setup(t testing.TB) *bundle {
	t.Helper()
	newID := approvaltest.IDs(1)
	b := &bundle{pool: pgtest.New(t), queue: &queue{}, o: approvaltest.NewOffice(newID), newID: newID}
	b.store = pgapproval.New(b.pool, b.queue)
	for _, u := range b.o.Units() {
		must(t, b.store.CreateUnit(t.Context(), u))
	}
	for _, p := range b.o.People() {
		must(t, b.store.CreatePerson(t.Context(), p, approvaltest.Now()))
	}
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// new makes a document as the importer does, without storing it.
func (b *bundle) new(in approval.Draft) pgapproval.NewDocument {
	d, events := approvaltest.Start(in, b.newID)
	files, blobs := approvaltest.Attachments(b.newID, 2, 100)
	return pgapproval.NewDocument{Document: d, Events: events, Body: in.Body, Files: files, Blobs: blobs, Source: files[0].SHA256, At: approvaltest.Now()}
}

// create stores a document and gives it.
func (b *bundle) create(t testing.TB, in approval.Draft) *approval.Document {
	t.Helper()
	n := b.new(in)
	must(t, b.store.Create(t.Context(), n))
	return n.Document
}

// forward passes a stored document on until it is in the hands of p.
func (b *bundle) forward(t testing.TB, id approval.DocumentID, p approval.PersonID) {
	t.Helper()
	must(t, b.store.Update(t.Context(), id, func(d *approval.Document) ([]approval.Event, error) {
		b.o.Forward(d, p, b.newID)
		return nil, nil
	}))
}

// load reads a document as Update does, and changes nothing.
func (b *bundle) load(t testing.TB, id approval.DocumentID) approval.Document {
	t.Helper()
	var got approval.Document
	must(t, b.store.Update(t.Context(), id, func(d *approval.Document) ([]approval.Event, error) {
		got = *d
		return nil, nil
	}))
	return got
}

func token(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// column runs a query of one column.
func column[T any](t testing.TB, pool *pgxpool.Pool, sql string, args ...any) []T {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql, args...)
	must(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	must(t, err)
	return list
}

// rows is what the tables of documents hold, so that a test can say that
// nothing was left behind.
func (b *bundle) rows(t testing.TB) string {
	t.Helper()
	return column[string](t, b.pool, `
		select format('document %s, version %s, file %s, blob %s, step %s, decision %s, token %s, told %s',
			(select count(*) from document), (select count(*) from document_version), (select count(*) from file), (select count(*) from blob),
			(select count(*) from step), (select count(*) from decision), (select count(*) from form_token), (select count(*) from phrase))`)[0]
}

// queue is an Enqueuer that leaves a row (a phrase, for want of a table) in
// the transaction for every event, and notes what was committed.
type queue struct {
	mu    sync.Mutex
	err   error
	after func() // when set, called by the function that is called after a commit
	told  []approval.Event
}

func (q *queue) EnqueueTx(ctx context.Context, tx pgx.Tx, events []approval.Event) (func(), error) {
	for _, e := range events {
		if _, err := tx.Exec(ctx, `insert into phrase (position, text) values (0, $1)`, fmt.Sprint(e.Kind, " ", e.Step)); err != nil {
			return nil, err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.told = append(q.told, events...)
		if q.after != nil {
			q.after()
		}
	}, q.err
}

// take gives what was told since the last call.
func (q *queue) take() []approval.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	told := q.told
	q.told = nil
	return told
}

// seedPending puts n documents into p's hands by SQL: of all speeds, duties
// and due dates, with many that are equal but for their identifiers. Every
// 37th is classified, every eleventh was returned.
func (b *bundle) seedPending(t testing.TB, p approval.PersonID, n int) {
	t.Helper()
	sender := b.o.Handler
	_, err := b.pool.Exec(t.Context(), `
		with n as (
			select
				i,
				lpad(to_hex(i), 26, '0') as id
			from generate_series(1, @n::int) i
		), documents as (
			insert into document (id, number, type, reference, issuer, subject, speed, grade, state, version, handler, received_at,
				due, due_rule, due_calendar, source_sha256, created_at, updated_at)
			select
				id, (1150000000 + i)::text, '函', '青工水字第' || i || '號', '青川市政府', '檢送「青川溪護岸改善工程」審查意見一份，請查照。' || i,
				(array['普通件', '普通件', '普通件', '速件', '最速件'])[1 + i % 5], case when i % 37 = 0 then '密' else '' end, 'circulating', 1, @sender, @now::timestamptz,
				case when i % 7 <> 0 then @day::timestamptz + (i % 23 - 11) * interval '1 day' end, 'speed', 'sample', sha256(i::text::bytea), @now, @now
			from n
		), versions as (
			insert into document_version (document, version, body, created_at)
			select id, 1, '{}', @now from n
		), sent as (
			insert into step (id, document, position, duty, person, state, origin, arrived_at, closed_at, action, acted_by, acted_name)
			select 'a' || id, id, 0, 'handle', @sender, 'closed', 'planned', @now, @now, 'submit', @sender, @name
			from n
		)
		insert into step (id, document, position, after, duty, person, state, origin, cause, arrived_at)
		select
			'b' || id, id, 1, array['a' || id], (array['decide', 'review', 'consult'])[1 + i % 3], @person, 'active',
			case when i % 11 = 0 then 'returned' else 'planned' end, case when i % 11 = 0 then 'a' || id end,
			@now::timestamptz - (i % 40) * interval '1 minute'
		from n`, pgx.NamedArgs{
		"n": n, "person": string(p), "sender": string(sender.ID), "name": sender.Title + " " + sender.Name,
		"now": approvaltest.Now(), "day": approval.Midnight(approvaltest.Now()),
	})
	must(t, err)
	_, err = b.pool.Exec(t.Context(), `analyze`)
	must(t, err)
}

func minutes(n int) time.Time { return approvaltest.Now().Add(time.Duration(n) * time.Minute) }
