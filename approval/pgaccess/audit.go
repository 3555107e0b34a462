package pgaccess

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

const (
	// auditPage is how many entries a page has at most.
	auditPage = 100
	// auditBatch is how many an export reads at a time.
	auditBatch = 500
	// maxFound is how many people a part of a name may stand for.
	maxFound = 200
)

// auditPlace is where a page ended. Within one moment events come before
// decisions, and the later entered first.
type auditPlace struct {
	at       time.Time // zero: at the beginning
	decision bool
	id       int64
}

func (p auditPlace) String() string {
	source := "e"
	if p.decision {
		source = "d"
	}
	return fmt.Sprintf("%d.%s.%d", p.at.UnixMicro(), source, p.id)
}

func parsePlace(cursor string) (p auditPlace, err error) {
	if cursor == "" {
		return p, nil
	}
	bad := &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"}
	parts := strings.Split(cursor, ".")
	if len(parts) != 3 || parts[1] != "e" && parts[1] != "d" {
		return p, bad
	}
	at, err1 := strconv.ParseInt(parts[0], 10, 64)
	id, err2 := strconv.ParseInt(parts[2], 10, 64)
	const years200 = 200 * 366 * 24 * int64(time.Hour/time.Microsecond)
	if err1 != nil || err2 != nil || at <= 0 || at > years200 || id <= 0 {
		return p, bad
	}
	return auditPlace{at: time.UnixMicro(at), decision: parts[1] == "d", id: id}, nil
}

// Audit gives a page of the audit trail, latest first: events of access and
// what was done to documents. It has at most limit entries, and never more than
// 100. It gives an [*approval.InvalidError] for a cursor that is none.
func (s *Store) Audit(ctx context.Context, f access.AuditFilter, cursor string, limit int) (access.AuditPage, error) {
	from, err := parsePlace(cursor)
	if err != nil {
		return access.AuditPage{}, err
	}
	if limit < 1 || limit > auditPage {
		limit = auditPage
	}
	list, more, err := s.readAudit(ctx, f, from, limit)
	if err != nil {
		return access.AuditPage{}, fmt.Errorf("audit: %w", err)
	}
	page := access.AuditPage{}
	for _, e := range list {
		page.Entries = append(page.Entries, e.AuditEntry)
	}
	if more {
		page.Next = list[len(list)-1].place.String()
	}
	return page, nil
}

// ExportAudit calls fn for each entry, latest first, until it fails. What is
// added meanwhile is left out.
func (s *Store) ExportAudit(ctx context.Context, f access.AuditFilter, fn func(access.AuditEntry) error) error {
	var from auditPlace
	for more := true; more; {
		var (
			list []audited
			err  error
		)
		if list, more, err = s.readAudit(ctx, f, from, auditBatch); err != nil {
			return fmt.Errorf("export audit: %w", err)
		}
		for _, e := range list {
			if err := fn(e.AuditEntry); err != nil {
				return err
			}
			from = e.place
		}
	}
	return nil
}

// audited is an entry and its place.
type audited struct {
	access.AuditEntry
	place auditPlace
}

// readAudit reads both records from one place on.
func (s *Store) readAudit(ctx context.Context, f access.AuditFilter, from auditPlace, limit int) (list []audited, more bool, err error) {
	args := pgx.NamedArgs{
		"limit": limit + 1, "kind": f.Kind, "address": f.Address, "since": orInfinite(f.From, "-infinity"), "until": orInfinite(f.To, "infinity"),
		"people": []string(nil), "at": orInfinite(from.at, "infinity"), "id": from.id,
	}
	if f.Find != "" {
		people, err := s.findPeople(ctx, f.Find)
		if err != nil || len(people) == 0 {
			return nil, false, err
		}
		args["people"] = people
	}
	documents := f.Kind == "document" || strings.HasPrefix(f.Kind, "document.")
	if f.Kind == "" || !documents {
		args["same"] = !from.decision // entries of the same moment still to come?
		events, err := s.readEvents(ctx, args)
		if err != nil {
			return nil, false, err
		}
		list = append(list, events...)
	}
	if f.Kind == "" || documents {
		args["same"] = true
		if !from.decision && !from.at.IsZero() {
			args["id"] = int64(1) << 62 // all of that moment
		}
		decisions, err := s.readDecisions(ctx, args)
		if err != nil {
			return nil, false, err
		}
		list = append(list, decisions...)
	}
	slices.SortFunc(list, func(a, b audited) int {
		return cmp.Or(b.At.Compare(a.At), boolInt(a.place.decision)-boolInt(b.place.decision), cmp.Compare(b.place.id, a.place.id))
	})
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	return list, more, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// orInfinite writes a time for PostgreSQL, or what stands for none.
func orInfinite(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
}

// findPeople gives whose login it is, or whose name it is part of.
func (s *Store) findPeople(ctx context.Context, find string) ([]string, error) {
	return collect[string](s.pool.Query(ctx, `
		select   p.id
		from     person p
		left join account a on a.person = p.id
		where    a.login = $1
		or       position($2 in p.name) > 0
		order by p.id
		limit    $3`, access.FoldLogin(find), strings.TrimSpace(find), maxFound))
}

func (s *Store) readEvents(ctx context.Context, args pgx.NamedArgs) ([]audited, error) {
	rows, _ := s.pool.Query(ctx, `
		with page as (
			select   e.*
			from     access_event e
			where    e.at >= @since::timestamptz
			and      e.at < @until::timestamptz
			and      (e.at < @at::timestamptz or @same and e.at = @at::timestamptz and e.id < @id)
			and      (@kind = '' or e.kind = @kind or starts_with(e.kind, @kind || '.'))
			and      (@people::text[] is null or e.actor = any (@people::text[]) or e.person = any (@people::text[]))
			and      (@address = '' or starts_with(e.address, @address))
			order by e.at desc, e.id desc
			limit    @limit
		)
		select   e.id, e.at, e.kind, coalesce(e.actor, ''), coalesce(e.person, ''), coalesce(e.account, ''), e.session, e.device, e.address, e.network,
		         e.detail, coalesce(actor.name, ''), coalesce(person.name, ''), coalesce(a.login, ''), coalesce(nullif(e.detail ->> 'browser', ''), d.label, '')
		from     page e
		left join person actor on actor.id = e.actor
		left join person on person.id = e.person
		left join account a on a.id = e.account
		left join device d on d.id = e.device
		order by e.at desc, e.id desc`, args)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a audited, err error) {
		e := &a.AuditEntry
		err = row.Scan(&a.place.id, &e.At, &e.Kind, &e.Actor, &e.Person, &e.Account, &e.Session, &e.Device, &e.Address, &e.Network,
			&e.Detail, &e.ActorName, &e.PersonName, &e.Login, &e.Browser)
		a.place.at, e.At = e.At, e.At.UTC()
		return a, err
	})
}

// readDecisions reads what was done to documents. What was said stays with the
// document, and so does the number of a classified one.
func (s *Store) readDecisions(ctx context.Context, args pgx.NamedArgs) ([]audited, error) {
	rows, _ := s.pool.Query(ctx, `
		with page as (
			select   e.*
			from     decision e
			where    e.at >= @since::timestamptz
			and      e.at < @until::timestamptz
			and      (e.at < @at::timestamptz or @same and e.at = @at::timestamptz and e.id < @id)
			and      (@kind in ('', 'document') or 'document.' || e.action = @kind)
			and      (@people::text[] is null or e.person = any (@people::text[]) or e.on_behalf_of = any (@people::text[]))
			and      (@address = '' or starts_with(e.address, @address))
			order by e.at desc, e.id desc
			limit    @limit
		)
		select   e.id, e.at, 'document.' || e.action, e.person, coalesce(e.on_behalf_of, ''), coalesce(a.id, ''), e.session, coalesce(s.device, ''), e.address,
		         e.name, coalesce(o.name, ''), coalesce(a.login, ''), coalesce(v.label, ''), e.document, case when d.grade = '' then d.number else '' end
		from     page e
		join     document d on d.id = e.document
		left join person o on o.id = e.on_behalf_of
		left join account a on a.person = e.person
		left join session s on s.id = e.session
		left join device v on v.id = s.device
		order by e.at desc, e.id desc`, args)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a audited, err error) {
		e := &a.AuditEntry
		err = row.Scan(&a.place.id, &e.At, &e.Kind, &e.Actor, &e.Person, &e.Account, &e.Session, &e.Device, &e.Address,
			&e.ActorName, &e.PersonName, &e.Login, &e.Browser, &e.Document, &e.Number)
		a.place.decision, a.place.at, e.At = true, e.At, e.At.UTC()
		return a, err
	})
}

// ExpireAudit removes events from before that time, and says how many there
// were. What is younger than six months by the clock of the database stays,
// which would refuse to let go of it.
// Decisions on documents stay with the documents.
func (s *Store) ExpireAudit(ctx context.Context, before time.Time) (n int64, err error) {
	if err := s.pool.QueryRow(ctx, `select expire_access_events(least($1, now() - interval '6 months'))`, before).Scan(&n); err != nil {
		return 0, fmt.Errorf("expire audit: %w", err)
	}
	return n, nil
}
