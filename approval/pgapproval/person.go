package pgapproval

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// CreateUnit enters a unit; those above it must be there.
func (s *Store) CreateUnit(ctx context.Context, u approval.Unit) error {
	_, err := s.pool.Exec(ctx, `
		insert into unit (
			id,
			parent,
			name,
			code
		) values (
			@id,
			@parent,
			@name,
			@code
		)`, pgx.NamedArgs{"id": string(u.ID), "parent": some(u.Parent), "name": u.Name, "code": u.Code})
	return fail("create unit", err)
}

// Units gives all units, those above before those below.
func (r *Reader) Units(ctx context.Context) ([]approval.Unit, error) {
	rows, err := r.pool.Query(ctx, `
		with recursive tree as (
			select u.*, 0 as depth from unit u where parent is null
			union all
			select u.*, t.depth + 1 from unit u join tree t on u.parent = t.id
		)
		select
			id,
			coalesce(parent, ''),
			name,
			code
		from tree
		order by
			depth,
			id`)
	if err != nil {
		return nil, fail("units", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (approval.Unit, error) {
		var u approval.Unit
		err := row.Scan(&u.ID, &u.Parent, &u.Name, &u.Code)
		return u, err
	})
	return list, fail("units", err)
}

// UnitName gives the name of a unit, or [approval.ErrNotFound].
func (r *Reader) UnitName(ctx context.Context, id approval.UnitID) (string, error) {
	var name string
	err := r.pool.QueryRow(ctx, `select name from unit where id = $1`, string(id)).Scan(&name)
	return name, fail("unit", err)
}

// AgencyName gives the 全銜 of the agency: the name of the unit above all
// others. Returns [approval.ErrNotFound] when none was entered.
func (r *Reader) AgencyName(ctx context.Context) (string, error) {
	var name string
	err := r.pool.QueryRow(ctx, `select name from unit where parent is null order by id limit 1`).Scan(&name)
	return name, fail("agency", err)
}

// CreatePerson enters a person; the unit must be there.
func (s *Store) CreatePerson(ctx context.Context, p approval.Person, at time.Time) error {
	_, err := s.pool.Exec(ctx, `
		insert into person (
			id,
			name,
			title,
			unit,
			roles,
			created_at
		) values (
			@id,
			@name,
			@title,
			@unit,
			@roles,
			@at
		)`, pgx.NamedArgs{"id": string(p.ID), "name": p.Name, "title": p.Title, "unit": string(p.Unit), "roles": texts(p.Roles), "at": at})
	return fail("create person", err)
}

// Person finds a person, also one who has left. Returns [approval.ErrNotFound]
// when there is none.
func (r *Reader) Person(ctx context.Context, id approval.PersonID) (approval.Person, error) {
	rows, err := r.pool.Query(ctx, selectPerson+`where p.id = $1`, string(id))
	if err != nil {
		return approval.Person{}, fail("person", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanPerson)
	return p, fail("person", err)
}

// selectPerson wants a where clause.
const selectPerson = `
	select
		p.id,
		p.name,
		p.title,
		p.unit,
		p.roles
	from person p `

func scanPerson(row pgx.CollectableRow) (approval.Person, error) {
	var p approval.Person
	var roles []string
	err := row.Scan(
		&p.ID,
		&p.Name,
		&p.Title,
		&p.Unit,
		&roles,
	)
	p.Roles = words[approval.Role](roles)
	return p, err
}
