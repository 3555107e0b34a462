package pgapproval

import (
	"context"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

func insertFile(b *pgx.Batch, d *approval.Document, f approval.File) {
	b.Queue(`
		insert into file (
			id,
			document,
			version,
			position,
			role,
			name,
			media_type,
			size,
			sha256
		) values (
			@id,
			@document,
			@version,
			@position,
			@role,
			@name,
			@media_type,
			@size,
			@sha256
		)`, pgx.NamedArgs{
		"id":         string(f.ID),
		"document":   string(d.ID),
		"version":    d.Version,
		"position":   f.Position,
		"role":       string(f.Role),
		"name":       f.Name,
		"media_type": f.MediaType,
		"size":       f.Size,
		"sha256":     f.SHA256[:],
	})
}

func scanFile(row pgx.CollectableRow) (approval.File, error) {
	var f approval.File
	err := scanFileAnd(row, &f)
	return f, err
}

func scanFileAnd(row pgx.Row, f *approval.File, more ...any) error {
	var sum []byte
	err := row.Scan(append([]any{
		&f.ID,
		&f.Name,
		&f.MediaType,
		&f.Size,
		&sum,
		&f.Role,
		&f.Position,
	}, more...)...)
	copy(f.SHA256[:], sum)
	return err
}

// visible is the rule of approval.Document.VisibleTo, for queries that do not
// load the document: d is the document, @person the one who asks.
const visible = `(
	d.handler = @person
	or exists (
		select from step s
		where s.document = d.id
		and   s.state in ('active', 'closed')
		and   (s.person = @person or s.acted_by = @person)
	))`

// File gives a file with its bytes. Returns [approval.ErrNotFound] unless p may
// open the document, and [approval.ErrClassified] when it is classified.
func (r *Reader) File(ctx context.Context, id approval.FileID, p approval.PersonID) (approval.File, []byte, error) {
	var content []byte
	f, err := r.file(ctx, id, p, `case when d.grade = '' then (select b.bytes from blob b where b.sha256 = f.sha256) end`, &content)
	return f, content, err
}

// FileInfo is [Reader.File] without the bytes: for a page image, or when the
// client has the file already.
func (r *Reader) FileInfo(ctx context.Context, id approval.FileID, p approval.PersonID) (approval.File, error) {
	var none []byte
	return r.file(ctx, id, p, `null::bytea`, &none)
}

func (r *Reader) file(ctx context.Context, id approval.FileID, p approval.PersonID, column string, content *[]byte) (approval.File, error) {
	var f approval.File
	var grade approval.Grade
	err := scanFileAnd(r.pool.QueryRow(ctx, `
		select
			f.id,
			f.name,
			f.media_type,
			f.size,
			f.sha256,
			f.role,
			f.position,
			d.grade,
			`+column+`
		from file f
		join document d on d.id = f.document
		where f.id = @id
		and   `+visible, pgx.NamedArgs{"id": string(id), "person": string(p)}), &f, &grade, content)
	switch {
	case err != nil:
		return approval.File{}, fail("file "+string(id), err)
	case grade.Classified():
		return approval.File{}, approval.ErrClassified
	}
	return f, nil
}

// PageImage gives the image of a PDF's page, from 0, at a width in pixels.
// Returns [approval.ErrNotFound] when it was not rendered yet. It asks nobody
// who they are: the caller has the digest from [Reader.FileInfo].
func (r *Reader) PageImage(ctx context.Context, sha [32]byte, page, width int) ([]byte, error) {
	var b []byte
	err := r.pool.QueryRow(ctx, `
		select bytes
		from page_image
		where sha256 = @sha256
		and   page   = @page
		and   width  = @width`, pgx.NamedArgs{"sha256": sha[:], "page": page, "width": width}).Scan(&b)
	if err != nil {
		return nil, fail("page image", err)
	}
	return b, nil
}

// SavePageImage keeps the image of a page; one that is there already stays.
func (s *Store) SavePageImage(ctx context.Context, sha [32]byte, page, width int, image []byte) error {
	_, err := s.pool.Exec(ctx, `
		insert into page_image (
			sha256,
			page,
			width,
			bytes
		) values (
			@sha256,
			@page,
			@width,
			@bytes
		)
		on conflict do nothing`, pgx.NamedArgs{"sha256": sha[:], "page": page, "width": width, "bytes": image})
	return fail("save page image", err)
}
