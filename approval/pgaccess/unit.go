package pgaccess

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// UnitTree gives the agency and its parts, each followed by what belongs to it.
func (s *Store) UnitTree(ctx context.Context) ([]access.UnitNode, error) {
	rows, err := s.pool.Query(ctx, `
		select   u.id, coalesce(u.parent, ''), u.name, u.code, u.version, (select count(*) from person p where p.unit = u.id and p.left_at is null)::int
		from     unit u
		order by u.name, u.id`)
	if err != nil {
		return nil, fmt.Errorf("list units: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n access.UnitNode, err error) {
		err = row.Scan(&n.ID, &n.Parent, &n.Name, &n.Code, &n.Version, &n.Members)
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("list units: %w", err)
	}
	heads, err := s.heads(ctx, list)
	if err != nil {
		return nil, fmt.Errorf("list heads of units: %w", err)
	}
	below := map[approval.UnitID][]access.UnitNode{}
	for _, n := range list {
		n.Heads = heads[n.ID]
		below[n.Parent] = append(below[n.Parent], n)
	}
	var out []access.UnitNode
	var walk func(approval.UnitID, int)
	walk = func(parent approval.UnitID, depth int) {
		for _, n := range below[parent] {
			n.Depth = depth
			out = append(out, n)
			walk(n.ID, depth+1)
		}
	}
	walk("", 0)
	return out, nil
}

// heads names 單位主管 of each unit.
func (s *Store) heads(ctx context.Context, nodes []access.UnitNode) (map[approval.UnitID][]string, error) {
	rows, err := s.pool.Query(ctx, `select id, name, title, unit, roles from person where left_at is null and 'official' = any (roles)`)
	if err != nil {
		return nil, err
	}
	people, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p approval.Person, err error) {
		err = row.Scan(&p.ID, &p.Name, &p.Title, &p.Unit, &p.Roles)
		return p, err
	})
	if err != nil {
		return nil, err
	}
	units := make([]approval.Unit, len(nodes))
	for i, n := range nodes {
		units[i] = n.Unit
	}
	staff := approval.NewStaff(units, people)
	out := map[approval.UnitID][]string{}
	for _, u := range units {
		for _, id := range staff.Heads(u.ID) {
			i := slices.IndexFunc(people, func(p approval.Person) bool { return p.ID == id })
			out[u.ID] = append(out[u.ID], strings.TrimSpace(people[i].Title+" "+people[i].Name))
		}
	}
	return out, nil
}

// lockUnits lets changes of the tree follow each other: two moves that are fine
// one by one may make a circle together.
func lockUnits(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('qianhe units', 0))`)
	return err
}

// AddUnit enters a unit and gives its identifier. Within one unit names differ;
// the agency itself is there once.
func (s *Store) AddUnit(ctx context.Context, d access.UnitDraft) (approval.UnitID, error) {
	d, err := d.Check()
	if err != nil {
		return "", err
	}
	now := s.now()
	id := approval.UnitID(approval.NewID(now, s.random))
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := checkPlace(ctx, tx, id, d); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into unit (id, parent, name, code) values ($1, nullif($2, ''), $3, $4)`, id, string(d.Parent), d.Name, d.Code)
		if err != nil {
			return err
		}
		return s.record(ctx, tx, access.Event{At: now, Kind: access.EventUnitCreated, Detail: map[string]string{"unit": string(id), "name": d.Name}})
	})
	if err != nil {
		return "", memberError("add unit", err)
	}
	return id, nil
}

// ChangeUnit renames or moves a unit, with all that belongs to it. It gives
// [access.ErrMemberChanged] when the version is not the last.
func (s *Store) ChangeUnit(ctx context.Context, id approval.UnitID, version int, d access.UnitDraft) error {
	d, err := d.Check()
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := checkPlace(ctx, tx, id, d); err != nil {
			return err
		}
		var name, parent string
		err := tx.QueryRow(ctx, `select name, coalesce(parent, '') from unit where id = $1 for update`, id).Scan(&name, &parent)
		if err != nil {
			return notFound(err)
		}
		if (parent == "") != (d.Parent == "") {
			return &approval.InvalidError{Field: "parent", Reason: "unit.root"}
		}
		tag, err := tx.Exec(ctx, `
			update unit
			set    name = $3, code = $4, parent = nullif($5, ''), version = version + 1
			where  id = $1
			and    version = $2`, id, version, d.Name, d.Code, string(d.Parent))
		if err == nil && tag.RowsAffected() == 0 {
			err = access.ErrMemberChanged
		}
		if err != nil {
			return err
		}
		detail := map[string]string{"unit": string(id), "name": d.Name}
		if name != d.Name {
			detail["name_before"] = name
		}
		if parent != string(d.Parent) {
			detail["parent_before"], detail["parent"] = parent, string(d.Parent)
		}
		return s.record(ctx, tx, access.Event{At: s.now(), Kind: access.EventUnitChanged, Detail: detail})
	})
	if err != nil {
		return memberError("change unit", err)
	}
	return nil
}

// checkPlace locks the tree and refuses a place that a unit may not have: below
// itself, below nothing that there is, beside another of its name.
func checkPlace(ctx context.Context, tx pgx.Tx, id approval.UnitID, d access.UnitDraft) error {
	if err := lockUnits(ctx, tx); err != nil {
		return err
	}
	var there, circle, taken bool
	err := tx.QueryRow(ctx, `
		with recursive up as (
			select id, parent from unit where id = $2
			union
			select u.id, u.parent from unit u join up on u.id = up.parent
		)
		select $2 = '' or exists (select from up), exists (select from up where id = $1),
		       exists (select from unit where coalesce(parent, '') = $2 and (name = $3 or $2 = '') and id <> $1)`,
		string(id), string(d.Parent), d.Name).Scan(&there, &circle, &taken)
	switch {
	case err != nil:
		return err
	case !there:
		return &approval.InvalidError{Field: "parent", Reason: "unit.missing"}
	case circle:
		return &approval.InvalidError{Field: "parent", Reason: "unit.circle"}
	case taken && d.Parent == "":
		return &approval.InvalidError{Field: "parent", Reason: "unit.root"}
	case taken:
		return &approval.InvalidError{Field: "name", Reason: "unit.taken"}
	}
	return nil
}
