package pgapproval

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"qianhe/approval"
)

func queueSteps(b *pgx.Batch, id approval.DocumentID, into *approval.Route) {
	b.Queue(`
		select
			id,
			after,
			duty,
			person,
			coalesce(principal, ''),
			state,
			origin,
			coalesce(cause, ''),
			coalesce(redoes, ''),
			arrived_at,
			closed_at,
			action,
			opinion,
			coalesce(acted_by, ''),
			acted_name
		from step
		where document = $1
		order by position`, string(id)).Query(func(rows pgx.Rows) (err error) {
		into.Steps, err = pgx.CollectRows(rows, scanStep)
		return err
	})
}

func scanStep(row pgx.CollectableRow) (approval.Step, error) {
	var s approval.Step
	var after []string
	var arrived, closed *time.Time
	err := row.Scan(
		&s.ID,
		&after,
		&s.Duty,
		&s.Person,
		&s.Principal,
		&s.State,
		&s.Origin,
		&s.From,
		&s.Redoes,
		&arrived,
		&closed,
		&s.Action,
		&s.Opinion,
		&s.ActedBy,
		&s.ActedName,
	)
	s.After, s.ArrivedAt, s.ClosedAt = words[approval.StepID](after), taipei(arrived), taipei(closed)
	return s, err
}

func insertStep(b *pgx.Batch, id approval.DocumentID, position int, s approval.Step) {
	b.Queue(`
		insert into step (
			id,
			document,
			position,
			after,
			duty,
			person,
			principal,
			state,
			origin,
			cause,
			redoes,
			arrived_at,
			closed_at,
			action,
			opinion,
			acted_by,
			acted_name
		) values (
			@id,
			@document,
			@position,
			@after,
			@duty,
			@person,
			@principal,
			@state,
			@origin,
			@cause,
			@redoes,
			@arrived_at,
			@closed_at,
			@action,
			@opinion,
			@acted_by,
			@acted_name
		)`, stepArgs(id, position, s))
}

// updateStep writes a step, unless it was closed before: then missed is called.
func updateStep(b *pgx.Batch, id approval.DocumentID, position int, s approval.Step, missed func() error) {
	b.Queue(`
		update step
		set
			after      = @after,
			duty       = @duty,
			person     = @person,
			principal  = @principal,
			state      = @state,
			origin     = @origin,
			cause      = @cause,
			redoes     = @redoes,
			arrived_at = @arrived_at,
			closed_at  = @closed_at,
			action     = @action,
			opinion    = @opinion,
			acted_by   = @acted_by,
			acted_name = @acted_name
		where id     = @id
		and document = @document
		and position = @position
		and state   <> 'closed'`, stepArgs(id, position, s)).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != 1 {
			return missed()
		}
		return nil
	})
}

func stepArgs(id approval.DocumentID, position int, s approval.Step) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id":         string(s.ID),
		"document":   string(id),
		"position":   position,
		"after":      texts(s.After),
		"duty":       string(s.Duty),
		"person":     string(s.Person),
		"principal":  some(s.Principal),
		"state":      string(s.State),
		"origin":     string(s.Origin),
		"cause":      some(s.From),
		"redoes":     some(s.Redoes),
		"arrived_at": stamp(s.ArrivedAt),
		"closed_at":  stamp(s.ClosedAt),
		"action":     string(s.Action),
		"opinion":    s.Opinion,
		"acted_by":   some(s.ActedBy),
		"acted_name": s.ActedName,
	}
}

func insertDecision(b *pgx.Batch, id approval.DocumentID, d approval.Decision) {
	b.Queue(`
		insert into decision (
			document,
			step,
			action,
			person,
			on_behalf_of,
			name,
			title,
			unit,
			session,
			address,
			at,
			version,
			opinion
		) values (
			@document,
			@step,
			@action,
			@person,
			@on_behalf_of,
			@name,
			@title,
			@unit,
			@session,
			@address,
			@at,
			@version,
			@opinion
		)`, pgx.NamedArgs{
		"document":     string(id),
		"step":         string(d.Step),
		"action":       string(d.Action),
		"person":       string(d.By.Person),
		"on_behalf_of": some(d.By.OnBehalfOf),
		"name":         d.By.Name,
		"title":        d.By.Title,
		"unit":         d.By.Unit,
		"session":      d.By.Session,
		"address":      d.By.Address,
		"at":           d.At,
		"version":      d.Version,
		"opinion":      d.Opinion,
	})
}
