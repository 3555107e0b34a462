package pgaccess

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// memberPage is how many people a page has at most.
const memberPage = 100

const selectMembers = `
	select p.id, p.name, p.title, p.unit, p.roles, u.name as unit_name, p.version, p.left_at,
	       coalesce(a.id, '') as account, coalesce(a.login, '') as login, coalesce(a.locale, '') as locale, coalesce(a.must_change, false) as must_change,
	       coalesce(a.password_hash, '') <> '' as local, a.disabled_at as locked_at, coalesce(a.created_at, p.created_at) as created_at,
	       d.last_seen_at, coalesce(d.devices, 0)::int as devices, coalesce(s.sessions, 0)::int as sessions
	from   person p
	join   unit u on u.id = p.unit
	left join account a on a.person = p.id
	left join lateral (
		select max(d.last_seen_at) as last_seen_at, count(*) filter (where d.revoked_at is null and d.last_seen_at > @known) as devices
		from   device d
		where  d.account = a.id
	) d on true
	left join lateral (
		select count(*) as sessions
		from   session s
		where  s.account = a.id
		and    s.revoked_at is null
		and    s.expires_at > @now
		and    s.last_seen_at > @idle
	) s on true
`

type memberRow struct {
	ID         approval.PersonID
	Name       string
	Title      string
	Unit       approval.UnitID
	Roles      []approval.Role
	UnitName   string
	Version    int
	LeftAt     *time.Time
	Account    string
	Login      string
	Locale     string
	MustChange bool
	Local      bool
	LockedAt   *time.Time
	CreatedAt  time.Time
	LastSeenAt *time.Time
	Devices    int
	Sessions   int
}

func (r memberRow) member() access.Member {
	return access.Member{
		Person:   approval.Person{ID: r.ID, Name: r.Name, Title: r.Title, Unit: r.Unit, Roles: r.Roles},
		UnitName: r.UnitName, Version: r.Version, LeftAt: zeroTime(r.LeftAt),
		Account: r.Account, Login: r.Login, Locale: r.Locale, MustChange: r.MustChange, Local: r.Local, LockedAt: zeroTime(r.LockedAt),
		CreatedAt: r.CreatedAt.UTC(), LastSeenAt: zeroTime(r.LastSeenAt), Devices: r.Devices, Sessions: r.Sessions,
	}
}

func (s *Store) memberArgs() pgx.NamedArgs {
	now := s.now()
	return pgx.NamedArgs{"now": now, "idle": now.Add(-s.policy.Idle), "known": now.Add(-s.policy.Device)}
}

// Members gives a page of the people, by name; who has left is found when asked
// for. The cursor is where the page before ended.
func (s *Store) Members(ctx context.Context, f access.MemberFilter, cursor string, limit int) (access.MemberPage, error) {
	if limit < 1 || limit > memberPage {
		limit = memberPage
	}
	place, err := base64.RawURLEncoding.DecodeString(cursor)
	name, id, ok := strings.Cut(string(place), "\x1f")
	if cursor != "" && (err != nil || !ok || id == "" || hasNUL(name) || hasNUL(id) || !utf8.ValidString(name)) {
		return access.MemberPage{}, &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"}
	}
	args := s.memberArgs()
	for k, v := range map[string]any{
		"find": strings.TrimSpace(f.Find), "login": access.FoldLogin(f.Find), "unit": string(f.Unit), "role": string(f.Role), "state": string(f.State),
		"name": name, "id": id, "limit": limit + 1,
	} {
		args[k] = v
	}
	rows, err := s.pool.Query(ctx, selectMembers+`
		where    (@find = '' or position(@find in p.name) > 0 or position(@find in p.title) > 0 or @login <> '' and starts_with(a.login, @login))
		and      (@unit = '' or p.unit = @unit)
		and      (@role = '' or @role = any (p.roles))
		and      case @state
		         when 'left' then p.left_at is not null
		         when 'locked' then p.left_at is null and a.disabled_at is not null
		         when 'none' then p.left_at is null and a.id is null
		         when 'active' then p.left_at is null and a.id is not null and a.disabled_at is null
		         else p.left_at is null
		         end
		and      (@id = '' or (p.name, p.id) > (@name, @id))
		order by p.name, p.id
		limit    @limit`, args)
	var list []memberRow
	if err == nil {
		list, err = pgx.CollectRows(rows, pgx.RowToStructByName[memberRow])
	}
	if err != nil {
		return access.MemberPage{}, fmt.Errorf("list people: %w", err)
	}
	var page access.MemberPage
	if len(list) > limit {
		list = list[:limit]
		last := list[limit-1]
		page.Next = base64.RawURLEncoding.EncodeToString([]byte(last.Name + "\x1f" + string(last.ID)))
	}
	for _, r := range list {
		page.Members = append(page.Members, r.member())
	}
	return page, nil
}

// Member gives one person, approval.ErrNotFound when there is none.
func (s *Store) Member(ctx context.Context, id approval.PersonID) (access.Member, error) {
	return s.member(ctx, s.pool, id)
}

// MemberByLogin gives the person of an account, also of one that is closed.
func (s *Store) MemberByLogin(ctx context.Context, login string) (access.Member, error) {
	login, err := access.CheckLogin(login)
	if err != nil {
		return access.Member{}, approval.ErrNotFound
	}
	var id approval.PersonID
	if err := s.pool.QueryRow(ctx, `select person from account where login = $1`, login).Scan(&id); err != nil {
		return access.Member{}, fmt.Errorf("find account: %w", notFound(err))
	}
	return s.member(ctx, s.pool, id)
}

func (s *Store) member(ctx context.Context, q querier, id approval.PersonID) (access.Member, error) {
	args := s.memberArgs()
	args["id"] = id
	rows, err := q.Query(ctx, selectMembers+`where p.id = @id`, args)
	var r memberRow
	if err == nil {
		r, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[memberRow])
	}
	if err != nil {
		return access.Member{}, fmt.Errorf("find person: %w", notFound(err))
	}
	return r.member(), nil
}

// change is one change of a person's access, in a transaction of its own.
type change struct {
	tx     pgx.Tx
	now    time.Time
	by     approval.PersonID // "" for the command line
	before access.Member
	out    *access.Changed
	told   *telling
}

// tell has the person told, each change once.
func (c *change) tell(matter string) {
	c.told.alerts = append(c.told.alerts, approval.Alert{
		Person: c.before.Person.ID, Kind: approval.AlertAccount, Key: matter + " " + strconv.Itoa(c.before.Version), At: c.now, Matter: matter,
	})
}

// changeMember locks a person as they were when the form was made, has fn change
// them, and sees to it that somebody is left to administer.
func (s *Store) changeMember(ctx context.Context, what string, id approval.PersonID, version int, fn func(*change) error) (access.Changed, error) {
	var out access.Changed

	err := s.telling(ctx, func(tx pgx.Tx, t *telling) error {
		c := &change{tx: tx, now: s.now(), by: access.OriginOf(ctx).Person, out: &out, told: t}
		// Changes of who administers follow each other: of two administrators who
		// take each other's role away, one is the last.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('qianhe administrators', 0))`); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `update person set version = version + 1 where id = $1 and version = $2`, id, version)
		if err != nil {
			return err
		}
		if c.before, err = s.member(ctx, tx, id); err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return access.ErrMemberChanged
		}
		if c.before.Account != "" {
			if _, _, err := lockAccount(ctx, tx, c.before.Account); err != nil {
				return err
			}
		}
		if err := fn(c); err != nil {
			return err
		}
		if err := c.someoneAdministers(ctx); err != nil {
			return err
		}
		out.Member, err = s.member(ctx, tx, id)
		return err
	})
	if err != nil {
		return access.Changed{}, memberError(what, err)
	}
	s.log.InfoContext(ctx, what, "person", id)
	return out, nil
}

// memberError leaves what an administrator may hear as it is.
func memberError(what string, err error) error {
	for _, known := range []error{access.ErrMemberChanged, access.ErrLastAdmin, access.ErrOwnAccess, approval.ErrNotFound} {
		if errors.Is(err, known) {
			return known
		}
	}
	if invalid, ok := errors.AsType[*approval.InvalidError](err); ok {
		return invalid
	}
	return fmt.Errorf("%s: %w", what, err)
}

// someoneAdministers refuses to take away the last one who can, if there was any.
func (c *change) someoneAdministers(ctx context.Context) error {
	if !c.before.Person.Has(approval.RoleAdmin) || c.before.Account == "" || !c.before.LockedAt.IsZero() || !c.before.LeftAt.IsZero() {
		return nil
	}
	var any bool
	err := c.tx.QueryRow(ctx, `
		select exists (
			select
			from   person p
			join   account a on a.person = p.id
			where  'admin' = any (p.roles)
			and    p.left_at is null
			and    a.disabled_at is null)`).Scan(&any)
	if err == nil && !any {
		return access.ErrLastAdmin
	}
	return err
}

// notOwn refuses what would lock whoever does it out.
func (c *change) notOwn() error {
	if c.by != "" && c.by == c.before.Person.ID {
		return access.ErrOwnAccess
	}
	return nil
}

// hasAccount refuses what only an account can have done to it.
func (c *change) hasAccount() error {
	if c.before.Account == "" {
		return &approval.InvalidError{Field: "account", Reason: "account.missing"}
	}
	return nil
}

func (s *Store) recordChange(ctx context.Context, c *change, kind access.EventKind, detail map[string]string) error {
	return s.record(ctx, c.tx, access.Event{At: c.now, Kind: kind, Person: c.before.Person.ID, Account: c.before.Account, Detail: detail})
}

// endSessions ends all sessions, and gives all that are on record.
func (c *change) endSessions(ctx context.Context) error {
	if c.before.Account == "" {
		return nil
	}
	_, err := c.tx.Exec(ctx, `update session set revoked_at = $2 where account = $1 and revoked_at is null`, c.before.Account, c.now)
	if err != nil {
		return err
	}
	c.out.Ended, err = collect[string](c.tx.Query(ctx, `select id from session where account = $1 order by id`, c.before.Account))
	return err
}
