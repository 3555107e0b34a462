package pgapproval

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// NewDocument is a document on its way that is not stored yet, with everything
// that belongs to it.
type NewDocument struct {
	Document *approval.Document
	Events   []approval.Event
	Body     approval.Body
	Files    []approval.File
	Blobs    map[[32]byte][]byte // the bytes of Files by SHA-256
	Source   [32]byte            // SHA-256 of the DI as it came
	At       time.Time           // of the import
}

// Create stores a new document whole or not at all. Returns an
// [*approval.DuplicateError] when the same DI was stored before, or when its
// issuer has used its number, and an [*approval.InvalidError] when its route
// names somebody whom nobody knows.
func (s *Store) Create(ctx context.Context, n NewDocument) error {
	body, err := encodeBody(n.Body)
	if err != nil {
		return err
	}
	for sum, b := range n.Blobs {
		if sha256.Sum256(b) != sum {
			return fmt.Errorf("pgapproval: create document: a blob is not what its digest says")
		}
	}
	d := n.Document
	var after func()
	err = s.inTx(ctx, pgx.TxOptions{}, func(b *pgx.Batch) {
		insertBlobs(b, n.Blobs)
		insertDocument(b, d, n.Source, n.At)
		b.Queue(`
			insert into document_version (
				document,
				version,
				body,
				created_at
			) values (
				@document,
				@version,
				@body,
				@at
			)`, pgx.NamedArgs{"document": string(d.ID), "version": d.Version, "body": body, "at": n.At})
		for _, f := range n.Files {
			insertFile(b, d, f)
		}
		for i, step := range d.Route.Steps {
			insertStep(b, d.ID, i, step)
		}
		for _, e := range d.Decisions {
			insertDecision(b, d.ID, e)
		}
	}, func(tx pgx.Tx) (err error) {
		after, err = s.enqueue(ctx, tx, n.Events)
		return err
	})
	if err != nil {
		err = fail("create document "+string(d.ID), err)
		if errors.Is(err, approval.ErrDuplicate) {
			return s.duplicate(ctx, n, err)
		}
		return err
	}
	if after != nil {
		after()
	}
	return nil
}

// insertBlobs stores what is not there yet, always in the same order, so that
// two imports of the same files wait for each other and do not lock up.
func insertBlobs(b *pgx.Batch, blobs map[[32]byte][]byte) {
	sums := slices.SortedFunc(maps.Keys(blobs), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	for _, sum := range sums {
		b.Queue(`insert into blob (sha256, bytes) values ($1, $2) on conflict do nothing`, sum[:], blobs[sum])
	}
}

// duplicate says which document stands in the way of n.
func (s *Store) duplicate(ctx context.Context, n NewDocument, was error) error {
	var found approval.DuplicateError
	err := s.pool.QueryRow(ctx, `
		select
			id,
			source_sha256 = @source
		from document
		where source_sha256 = @source
		or    (issuer = @issuer and number = @number)
		order by 2 desc
		limit 1`, pgx.NamedArgs{"source": n.Source[:], "issuer": n.Document.Issuer, "number": n.Document.Number}).
		Scan(&found.Existing, &found.SameFile)
	if err != nil {
		return errors.Join(was, fail("find what is in the way of document "+string(n.Document.ID), err))
	}
	return &found
}
