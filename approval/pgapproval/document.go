package pgapproval

import (
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// selectDocument wants a where clause.
const selectDocument = `
	select
		id,
		number,
		type,
		category,
		reference,
		issuer,
		subject,
		speed,
		grade,
		state,
		version,
		revision,
		handler,
		received_at,
		due,
		due_rule,
		due_calendar,
		due_uncertain,
		decided_at
	from document `

func scanDocument(row pgx.Row, d *approval.Document) error {
	var received, due, decided *time.Time
	err := row.Scan(
		&d.ID,
		&d.Number,
		&d.Type,
		&d.Category,
		&d.Reference,
		&d.Issuer,
		&d.Subject,
		&d.Speed,
		&d.Grade,
		&d.State,
		&d.Version,
		&d.Revision,
		&d.Handler,
		&received,
		&due,
		&d.Deadline.Rule,
		&d.Deadline.Calendar,
		&d.Deadline.Uncertain,
		&decided,
	)
	d.ReceivedAt, d.Deadline.Due, d.DecidedAt = taipei(received), taipei(due), taipei(decided)
	return err
}

func insertDocument(b *pgx.Batch, d *approval.Document, source [32]byte, at time.Time) {
	args := documentArgs(d, at)
	args["source"] = source[:]
	b.Queue(`
		insert into document (
			id,
			number,
			type,
			category,
			reference,
			issuer,
			subject,
			speed,
			grade,
			state,
			version,
			revision,
			handler,
			received_at,
			due,
			due_rule,
			due_calendar,
			due_uncertain,
			decided_at,
			source_sha256,
			created_at,
			updated_at
		) values (
			@id,
			@number,
			@type,
			@category,
			@reference,
			@issuer,
			@subject,
			@speed,
			@grade,
			@state,
			@version,
			@revision,
			@handler,
			@received_at,
			@due,
			@due_rule,
			@due_calendar,
			@due_uncertain,
			@decided_at,
			@source,
			@at,
			@at
		)`, args)
}

// updateDocument writes the row as it is now. What never changes (the source,
// the version without its content) is left out.
func updateDocument(b *pgx.Batch, d *approval.Document, at time.Time) {
	b.Queue(`
		update document
		set
			number        = @number,
			type          = @type,
			category      = @category,
			reference     = @reference,
			issuer        = @issuer,
			subject       = @subject,
			speed         = @speed,
			grade         = @grade,
			state         = @state,
			revision      = @revision,
			handler       = @handler,
			received_at   = @received_at,
			due           = @due,
			due_rule      = @due_rule,
			due_calendar  = @due_calendar,
			due_uncertain = @due_uncertain,
			decided_at    = @decided_at,
			updated_at    = greatest(updated_at, @at)
		where id = @id`, documentArgs(d, at))
}

func documentArgs(d *approval.Document, at time.Time) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id":            string(d.ID),
		"number":        d.Number,
		"type":          string(d.Type),
		"category":      d.Category,
		"reference":     d.Reference,
		"issuer":        d.Issuer,
		"subject":       d.Subject,
		"speed":         string(d.Speed),
		"grade":         string(d.Grade),
		"state":         string(d.State),
		"version":       d.Version,
		"revision":      d.Revision,
		"handler":       string(d.Handler),
		"received_at":   d.ReceivedAt,
		"due":           stamp(d.Deadline.Due),
		"due_rule":      d.Deadline.Rule,
		"due_calendar":  d.Deadline.Calendar,
		"due_uncertain": d.Deadline.Uncertain,
		"decided_at":    stamp(d.DecidedAt),
		"at":            at,
	}
}

// hide takes out of a classified document what a page must not show. The flow
// is left: who has had it, when, and how they closed their steps.
func hide(d *approval.Document) {
	if !d.Grade.Classified() {
		return
	}
	d.Number, d.Reference, d.Issuer, d.Subject = "", "", "", ""
	for i := range d.Route.Steps {
		d.Route.Steps[i].Opinion = ""
	}
}
