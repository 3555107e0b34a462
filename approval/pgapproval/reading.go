package pgapproval

import (
	"context"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// Open gives everything that the page of a document shows to p, all of one
// moment. Returns [approval.ErrNotFound] unless p may open it. Of a classified
// document only the flow comes: no content, nothing that names it.
func (r *Reader) Open(ctx context.Context, id approval.DocumentID, p approval.PersonID) (*approval.Reading, error) {
	var reading approval.Reading
	d := &reading.Document
	var body []byte
	err := r.snapshot(ctx, func(b *pgx.Batch) {
		b.Queue(selectDocument+`where id = $1`, string(id)).QueryRow(func(row pgx.Row) error { return scanDocument(row, d) })
		queueSteps(b, id, &d.Route)
		queueBody(b, id, p, &body)
		queueFiles(b, id, p, &reading.Content.Files)
		queuePeople(b, id, &reading)
	})
	if err != nil {
		return nil, fail("open document "+string(id), err)
	}
	if !d.VisibleTo(p) {
		return nil, approval.ErrNotFound
	}
	if d.Grade.Classified() {
		hide(d)
		reading.Content = approval.Content{}
		return &reading, nil
	}
	reading.Content.Document, reading.Content.Version = d.ID, d.Version
	if reading.Content.Body, err = decodeBody(body); err != nil {
		return nil, fail("open document "+string(id), err)
	}
	return &reading, nil
}

// queueBody reads the text in force, unless the document is classified or not
// p's to read.
func queueBody(b *pgx.Batch, id approval.DocumentID, p approval.PersonID, into *[]byte) {
	b.Queue(`
		select v.body
		from document d
		join document_version v on v.document = d.id and v.version = d.version
		where d.id = @id
		and   d.grade = ''
		and   `+visible, pgx.NamedArgs{"id": string(id), "person": string(p)}).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(into); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

func queueFiles(b *pgx.Batch, id approval.DocumentID, p approval.PersonID, into *[]approval.File) {
	b.Queue(`
		select
			f.id,
			f.name,
			f.media_type,
			f.size,
			f.sha256,
			f.role,
			f.position
		from document d
		join file f on f.document = d.id and f.version = d.version
		where d.id = @id
		and   d.grade = ''
		and   `+visible+`
		order by
			array_position(array['source', 'roster', 'attachment'], f.role),
			f.position`, pgx.NamedArgs{"id": string(id), "person": string(p)}).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, scanFile)
		return err
	})
}

// queuePeople reads the handler and all whom the route names, with the names
// of their units.
func queuePeople(b *pgx.Batch, id approval.DocumentID, into *approval.Reading) {
	b.Queue(`
		select
			p.id,
			p.name,
			p.title,
			p.unit,
			p.roles,
			u.name
		from person p
		join unit u on u.id = p.unit
		where p.id in (
			select handler from document where id = $1
			union
			select x.person
			from step s
			cross join lateral (values (s.person), (s.principal), (s.acted_by)) as x (person)
			where s.document = $1
		)`, string(id)).Query(func(rows pgx.Rows) error {
		into.People, into.Units = map[approval.PersonID]approval.Person{}, map[approval.UnitID]string{}
		for rows.Next() {
			var p approval.Person
			var roles []string
			var unit string
			if err := rows.Scan(&p.ID, &p.Name, &p.Title, &p.Unit, &roles, &unit); err != nil {
				return err
			}
			p.Roles = words[approval.Role](roles)
			into.People[p.ID], into.Units[p.Unit] = p, unit
		}
		return rows.Err()
	})
}
