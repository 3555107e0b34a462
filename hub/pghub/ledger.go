package pghub

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// The ledger is in two places: what is still of use, in the tables that work
// is done on, and what is over and done with, by day in the table ledger (see
// archive.go). Reading goes over both, so nobody has to know.

const (
	ledgerPage   = 100  // entries of a page, at most
	exportAtOnce = 1000 // entries that an export reads at a time
	foundAtMost  = 1000 // entries that one search may find in the working tables
)

// Ledger gives a page of the ledger, latest first. The cursor of the first page
// is "". What others than reader were reached by is masked. Returns an
// [*approval.InvalidError] for a cursor that is none.
func (h *Hub) Ledger(ctx context.Context, f hub.LedgerFilter, cursor string, limit int, reader approval.PersonID) (hub.LedgerPage, error) {
	from, err := openLedgerPlace(cursor)
	if err != nil {
		return hub.LedgerPage{}, err
	}
	limit = min(max(limit, 1), ledgerPage)
	list, more, err := h.readLedger(ctx, f, from, limit, reader)
	if err != nil {
		return hub.LedgerPage{}, err
	}
	page := hub.LedgerPage{Entries: list}
	if more {
		page.Next = placeOf(list[len(list)-1]).seal()
	}
	return page, nil
}

// LedgerEntry gives one notification with all that was done about it. Returns
// [approval.ErrNotFound] for one that there is not, or no longer.
func (h *Hub) LedgerEntry(ctx context.Context, notification string, reader approval.PersonID) (hub.LedgerEntry, error) {
	args := pgx.NamedArgs{"id": notification, "limit": 1}
	hot, err := h.readHot(ctx, h.pool, `n.id = @id`, args)
	if err == nil && len(hot) == 0 {
		hot, err = h.readArchive(ctx, `n.id = @id`, args)
	}
	if err == nil && len(hot) == 0 {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return hub.LedgerEntry{}, translate("pghub: ledger", err)
	}
	maskOthers(hot, reader)
	return hot[0], nil
}

// ExportLedger calls fn for each entry, latest first, until it fails, and gives
// its error. It reads a part at a time and holds no connection while fn runs.
func (h *Hub) ExportLedger(ctx context.Context, f hub.LedgerFilter, reader approval.PersonID, fn func(hub.LedgerEntry) error) error {
	var from ledgerPlace
	for {
		list, more, err := h.readLedger(ctx, f, from, exportAtOnce, reader)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := fn(e); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		from = placeOf(list[len(list)-1])
	}
}

// readLedger merges what both places have after from. The working tables come
// first: what is moved in between is then found in the other place, or twice.
func (h *Hub) readLedger(ctx context.Context, f hub.LedgerFilter, from ledgerPlace, limit int, reader approval.PersonID) (list []hub.LedgerEntry, more bool, err error) {
	found, err := h.findLedger(ctx, f.Find)
	if err != nil {
		return nil, false, translate("pghub: ledger", err)
	}
	hot, archived, args := ledgerWhere(f, from, found)
	args["limit"] = limit + 1
	list, err = h.readHot(ctx, h.pool, hot, args)
	if err != nil {
		return nil, false, translate("pghub: ledger", err)
	}
	old, err := h.readArchive(ctx, archived, args)
	if err != nil {
		return nil, false, translate("pghub: ledger", err)
	}
	list = append(list, old...)
	slices.SortStableFunc(list, func(a, b hub.LedgerEntry) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID))
	})
	list = slices.CompactFunc(list, func(a, b hub.LedgerEntry) bool { return a.ID == b.ID })
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	maskOthers(list, reader)
	return list, more, nil
}

func maskOthers(list []hub.LedgerEntry, reader approval.PersonID) {
	for _, e := range list {
		if e.Person == reader {
			continue
		}
		for i, d := range e.Deliveries {
			e.Deliveries[i] = d.Mask()
		}
	}
}

// found is what a search has come to: a person, or notifications of the working
// tables. What was archived is found by its keys.
type found struct {
	text   string
	person approval.PersonID
	ids    []string
}

// findLedger looks up an account name, or what a delivery is known by.
func (h *Hub) findLedger(ctx context.Context, text string) (f found, err error) {
	if f.text = strings.ReplaceAll(strings.ToValidUTF8(strings.TrimSpace(text), ""), "\x00", ""); f.text == "" {
		return f, nil
	}
	b := &pgx.Batch{}
	b.Queue(`select person from account where login = lower($1)`, f.text).Query(func(rows pgx.Rows) error {
		people, err := pgx.CollectRows(rows, pgx.RowTo[approval.PersonID])
		if len(people) > 0 {
			f.person = people[0]
		}
		return err
	})
	b.Queue(`
		select d.notification from delivery d where d.id = $1
		union
		select n.id from notification n where n.id = $1
		union
		select d.notification from delivery d where d.ref = upper($1) or d.provider_id = $1
		limit $2`, f.text, foundAtMost).Query(func(rows pgx.Rows) (err error) {
		f.ids, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return f, h.pool.SendBatch(ctx, b).Close()
}

// ledgerWhere gives the conditions for notifications n of the working tables
// and of the archive.
func ledgerWhere(f hub.LedgerFilter, from ledgerPlace, s found) (hot, archived string, args pgx.NamedArgs) {
	args = pgx.NamedArgs{}
	both := []string{"true"}
	add := func(condition, name string, value any) {
		both = append(both, condition)
		args[name] = value
	}
	if f.Person != "" {
		add(`n.person = @person`, "person", f.Person)
	}
	if f.Kind != "" {
		add(`n.kind = @kind`, "kind", f.Kind)
	}
	if !f.From.IsZero() {
		add(`n.created_at >= @from`, "from", f.From)
	}
	if !f.To.IsZero() {
		add(`n.created_at < @to`, "to", f.To)
	}
	if !from.at.IsZero() {
		add(`n.created_at <= @at and (n.created_at, n.id) < (@at, @after)`, "at", from.at)
		args["after"] = from.id
	}
	hots, olds := slices.Clone(both), slices.Clone(both)
	if f.Channel != "" || f.State != "" {
		is := []string{`d.notification = n.id`}
		if f.Channel != "" {
			is = append(is, `d.channel = @channel`)
			args["channel"] = f.Channel
		}
		if f.State != "" {
			is = append(is, `d.state = @state`)
			args["state"] = f.State
		}
		if f.State == hub.StateFailed || f.State == hub.StateUnknown {
			is = append(is, `d.state in ('failed', 'unknown')`) // there are few, and an index of them
		}
		hots = append(hots, `exists (select from delivery d where `+strings.Join(is, " and ")+`)`)
		olds = append(olds, `n.marks @> array[@mark::text]`)
		args["mark"] = strings.TrimSpace(string(f.Channel) + " " + string(f.State))
	}
	if s.text != "" {
		args["found"], args["ids"], args["keys"] = s.person, s.ids, []string{s.text, strings.ToUpper(s.text)}
		hots = append(hots, `(n.id = any(@ids::text[]) or n.person = @found)`)
		olds = append(olds, `(n.keys && @keys::text[] or n.person = @found)`)
	}
	return strings.Join(hots, " and "), strings.Join(olds, " and "), args
}

const ledgerColumns = notificationColumns + `, coalesce(p.name, ''), n.cancelled_at, n.cancel_reason, n.seen_via, n.delivered_at`

func scanEntry(row pgx.CollectableRow, more ...any) (hub.LedgerEntry, error) {
	var (
		e                    hub.LedgerEntry
		cancelled, delivered *time.Time
		err                  error
	)
	e.Notification, err = scanNotification(row, append([]any{&e.Name, &cancelled, &e.Reason, &e.SeenVia, &delivered}, more...)...)
	e.Cancelled, e.Delivered = orZero(cancelled), orZero(delivered)
	return e, err
}

// readHot reads entries of the working tables, their deliveries and attempts.
func (h *Hub) readHot(ctx context.Context, q interface {
	queryer
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}, where string, args pgx.NamedArgs) ([]hub.LedgerEntry, error) {
	rows, _ := q.Query(ctx, `
		select `+ledgerColumns+`
		from notification n
		left join person p on p.id = n.person
		where `+where+`
		order by n.created_at desc, n.id desc
		limit @limit`, args)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (hub.LedgerEntry, error) { return scanEntry(row) })
	if err != nil || len(list) == 0 {
		return nil, err
	}
	ids, at := make([]string, len(list)), map[string]int{}
	for i, e := range list {
		ids[i], at[e.ID] = e.ID, i
	}
	b := &pgx.Batch{}
	deliveries := map[string][2]int{} // where each stands
	b.Queue(`
		select d.notification, d.id, d.channel, l.label, d.state, d.reason, d.provider_id, d.ref, d.cost, d.not_before, d.done_at, d.delivered_at
		from delivery d
		join channel_link l on l.id = d.link
		where d.notification = any($1)
		order by d.created_at, d.id`, ids).Query(func(rows pgx.Rows) error {
		var (
			d               hub.LedgerDelivery
			n               string
			done, delivered *time.Time
		)
		_, err := pgx.ForEachRow(rows, []any{&n, &d.ID, &d.Channel, &d.Label, &d.State, &d.Reason, &d.ProviderID, &d.Ref, &d.Cost, &d.NotBefore, &done, &delivered}, func() error {
			d.Done, d.Delivered = orZero(done), orZero(delivered)
			e := &list[at[n]]
			deliveries[d.ID] = [2]int{at[n], len(e.Deliveries)}
			e.Deliveries = append(e.Deliveries, d)
			return nil
		})
		return err
	})
	b.Queue(`
		select t.delivery, t.number, t.started_at, t.finished_at, t.outcome, t.detail
		from delivery d
		join attempt t on t.delivery = d.id
		where d.notification = any($1)
		order by t.delivery, t.number`, ids).Query(func(rows pgx.Rows) error {
		var (
			t        hub.LedgerAttempt
			d        string
			finished *time.Time
		)
		_, err := pgx.ForEachRow(rows, []any{&d, &t.Number, &t.Started, &finished, &t.Outcome, &t.Detail}, func() error {
			t.Finished = orZero(finished)
			if place, ok := deliveries[d]; ok {
				to := &list[place[0]].Deliveries[place[1]]
				to.Attempts = append(to.Attempts, t)
			}
			return nil
		})
		return err
	})
	return list, q.SendBatch(ctx, b).Close()
}

// readArchive reads entries that were moved. The partitions are read from the
// latest on, as far as the page goes.
func (h *Hub) readArchive(ctx context.Context, where string, args pgx.NamedArgs) ([]hub.LedgerEntry, error) {
	rows, _ := h.pool.Query(ctx, `
		select `+ledgerColumns+`, n.deliveries
		from ledger n
		left join person p on p.id = n.person
		where `+where+`
		order by n.created_at desc, n.id desc
		limit @limit`, args)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (hub.LedgerEntry, error) {
		var text []byte
		e, err := scanEntry(row, &text)
		if err == nil {
			err = json.Unmarshal(text, &e.Deliveries)
		}
		return e, err
	})
}

// ledgerPlace is where a page ended.
type ledgerPlace struct {
	at time.Time
	id string
}

func placeOf(e hub.LedgerEntry) ledgerPlace { return ledgerPlace{e.At, e.ID} }

// seal gives the place as text for a link. It gives nobody anything: what it
// may show is asked of the database again.
func (p ledgerPlace) seal() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", p.at.UnixMicro(), p.id))
}

func openLedgerPlace(cursor string) (ledgerPlace, error) {
	if cursor == "" {
		return ledgerPlace{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	at, id, ok := strings.Cut(string(b), " ")
	micros, perr := strconv.ParseInt(at, 10, 64)
	const most = 7_258_118_400_000_000 // the year 2200
	if err != nil || !ok || perr != nil || micros <= 0 || micros > most || id == "" || len(cursor) > 256 || strings.Contains(id, "\x00") {
		return ledgerPlace{}, &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"}
	}
	return ledgerPlace{time.UnixMicro(micros), id}, nil
}
