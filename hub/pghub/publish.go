package pghub

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// Whoever publishes waits for the disk, and one wait is enough for many. So
// those who publish at the same time are gathered, and a committer writes what
// has gathered while it wrote the last. Nobody waits for a batch to fill. A
// second committer helps when there is enough for two large batches: what a
// batch costs by itself is as much as ten notices.
const (
	committers     = 2
	enoughForTwo   = 128  // notices that wait
	batchNotices   = 256  // at most in one transaction
	batchPeople    = 2000 // the same; one notice may have that many alone
	waitingNotices = 8192 // at most; more are refused
	commitTimeout  = 15 * time.Second
)

// publisher holds the notices that wait for a committer.
type publisher struct {
	mu      sync.Mutex
	waiting []*publishing
	atWork  int // committers
}

// publishing is one call of [Hub.Publish].
type publishing struct {
	ctx     context.Context // whose end means that nobody waits
	id      string
	key     string
	content [32]byte
	notice  hub.Notice

	done   chan struct{} // closed when the rest is there
	result hub.Publication
	err    error
}

// Publish tells people of a notice: committed before it returns. A recipient
// that there is no account for, or a closed one, does not keep the others from
// being told. The same notice again, by its key, writes nothing and gives the
// answer of the first time; another one under the same key is
// [hub.ErrKeyTaken]. When ctx ends, whether it was written is not known, and a
// repetition under the same key finds out.
func (h *Hub) Publish(ctx context.Context, n hub.Notice) (hub.Publication, error) {
	p := &publishing{ctx: ctx, id: h.newID(), key: n.Key, content: contentOf(n), notice: n, done: make(chan struct{})}
	if p.key == "" {
		p.key = p.id
	}
	if !h.publisher.add(p, h.publishWaiting) {
		return hub.Publication{}, fmt.Errorf("pghub: publish: %w", hub.ErrBusy)
	}
	select {
	case <-p.done:
		if p.err != nil {
			return hub.Publication{}, fmt.Errorf("pghub: publish: %w", p.err)
		}
		return p.result, nil
	case <-ctx.Done():
		return hub.Publication{}, fmt.Errorf("pghub: publish: %w", ctx.Err())
	}
}

// contentOf is what makes two notices of one key the same. The order of the
// recipients is nothing.
func contentOf(n hub.Notice) [32]byte {
	h := sha256.New()
	field := func(s string) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		h.Write([]byte(s))
	}
	due := ""
	if !n.Due.IsZero() {
		due = n.Due.UTC().Format(time.RFC3339Nano)
	}
	for _, s := range []string{string(n.Kind), n.Title, n.URL, string(n.Speed), due} {
		field(s)
	}
	for _, to := range slices.Sorted(slices.Values(n.To)) {
		field(to)
	}
	return [32]byte(h.Sum(nil))
}

// add queues p and has a committer begin where there is one to spare. false
// means that too many wait.
func (q *publisher) add(p *publishing, commit func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= waitingNotices {
		return false
	}
	q.waiting = append(q.waiting, p)
	if q.atWork == 0 || q.atWork < committers && len(q.waiting) >= enoughForTwo {
		q.atWork++
		go commit()
	}
	return true
}

// take gives the notices of one transaction; none means that the committer is
// to end.
func (q *publisher) take() []*publishing {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, people := 0, 0
	for n < len(q.waiting) && n < batchNotices {
		people += len(q.waiting[n].notice.To)
		if n > 0 && people > batchPeople {
			break
		}
		n++
	}
	if n == 0 {
		q.atWork--
		q.waiting = nil
		return nil
	}
	batch := slices.Clone(q.waiting[:n])
	clear(q.waiting[:n])
	q.waiting = q.waiting[n:]
	return batch
}

// publishWaiting is a committer: it lives as long as there is something to
// write, and every call of Publish waits for it.
func (h *Hub) publishWaiting() {
	for batch := h.publisher.take(); batch != nil; batch = h.publisher.take() {
		h.publishBatch(batch)
	}
}

// publishBatch writes what can be written of a batch and answers everybody. A
// member that the database refuses takes nobody with it.
func (h *Hub) publishBatch(batch []*publishing) {
	batch = slices.DeleteFunc(batch, func(p *publishing) bool {
		if p.err = p.ctx.Err(); p.err != nil {
			close(p.done)
		}
		return p.err != nil
	})
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].ctx), commitTimeout)
	defer cancel()
	err := h.writeNotices(ctx, batch)
	if err != nil && len(batch) > 1 {
		for _, p := range batch {
			p.err = h.writeNotices(ctx, []*publishing{p})
		}
	} else if err != nil {
		batch[0].err = err
	}
	for _, p := range batch {
		close(p.done)
	}
}

// recipient is an account that a notice names.
type recipient struct {
	person approval.PersonID
	closed bool
	linked bool // a channel reaches them
}

// separator stands between account names, none of which holds it.
const separator = "\x1f"

// selectRecipients takes the names as one text: with an array PostgreSQL finds
// that a plan for just so many is better than one for any number, and makes it
// each time, which costs more than running it.
const selectRecipients = `
	select q.login, r.*
	from string_to_table($1, chr(31)) as q (login)
	cross join lateral (
		select a.person, a.disabled_at is not null or p.left_at is not null,
			exists (select from channel_link l where l.person = a.person and l.disabled_at is null)
		from account a
		join person p on p.id = a.person
		where a.login = q.login
		limit 1
	) r`

// lookUp finds everybody whom a batch names, once.
func (h *Hub) lookUp(ctx context.Context, batch []*publishing) (map[string]recipient, error) {
	var logins []string
	for _, p := range batch {
		logins = append(logins, p.notice.To...)
	}
	if len(batch) > 1 {
		slices.Sort(logins)
		logins = slices.Compact(logins)
	}
	found := make(map[string]recipient, len(logins))
	rows, _ := h.pool.Query(ctx, selectRecipients, strings.Join(logins, separator))
	var (
		login string
		r     recipient
	)
	_, err := pgx.ForEachRow(rows, []any{&login, &r.person, &r.closed, &r.linked}, func() error {
		found[login] = r
		return nil
	})
	return found, err
}

// insertNotices does everything in one statement, hence in one round trip and,
// alone, in one transaction. Keys are locked in their order, then inboxes in
// the order of people, as everywhere; a notice that was there before has its
// own transaction's rows and gets none here. No table is read: a plan that was
// made while they were small is as good when they are large.
const insertNotices = `
	with fresh as (
		insert into notice (id, token, key, content, kind, title, url, speed, due, refused, created_at)
		select id, token, key, content, kind, title, url, speed, due, refused::jsonb, $1
		from unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::text[])
			as n (id, token, key, content, kind, title, url, speed, due, refused)
		order by token, key
		on conflict (token, key) do nothing
		returning id, kind, speed, due
	), told as (
		select r.id, r.person, r.routed, f.id as notice, f.kind, f.speed, f.due,
			row_number() over (partition by r.person order by r.position) as nth,
			count(*) over (partition by r.person) as many
		from unnest($12::text[], $13::text[], $14::text[], $15::timestamptz[])
			with ordinality as r (id, person, notice, routed, position)
		join fresh f on f.id = r.notice
	), moved as (
		insert into inbox (person, epoch, seq, rev)
		select person, min(id), count(*), 1
		from told
		group by person
		order by person
		on conflict (person) do update set seq = inbox.seq + excluded.seq, rev = inbox.rev + 1
		returning person, epoch, seq, rev
	), written as (
		insert into notification (id, person, seq, kind, dedup, notice, speed, due, created_at, routed_at)
		select t.id, t.person, m.seq - t.many + t.nth, t.kind, 'notice:' || t.notice, t.notice, t.speed, t.due, $1, t.routed
		from told t
		join moved m on m.person = t.person
	)
	select array(select id from fresh), array_agg(person), array_agg(epoch), array_agg(seq), array_agg(rev)
	from moved`

// noticeRows are the parameters of insertNotices.
type noticeRows struct {
	ids, tokens, keys, kinds, titles, urls, speeds, refused []string
	contents                                                [][]byte
	dues                                                    []*time.Time

	notifications, people, notices []string
	routed                         []*time.Time

	linked []linkedRow // those of people whom a channel reaches
}

// linkedRow is a notification that is to be planned, if its notice is written.
type linkedRow struct {
	notice, notification string
	lane                 lane
}

// toRoute gives what is to be planned when these notices were written.
func (r *noticeRows) toRoute(fresh []string) toPlan {
	var p toPlan
	all, written := len(fresh) == len(r.ids), map[string]bool{}
	for _, id := range fresh {
		written[id] = true
	}
	for _, l := range r.linked {
		if all || written[l.notice] {
			p.add(l.lane, l.notification)
		}
	}
	return p
}

func (r *noticeRows) args(now time.Time) []any {
	return []any{
		now, r.ids, r.tokens, r.keys, r.contents, r.kinds, r.titles, r.urls, r.speeds, r.dues, r.refused,
		r.notifications, r.people, r.notices, r.routed,
	}
}

// add puts a notice into the rows, and its answer into p as far as it is known.
// One that reaches nobody gets no row. There is nothing to plan for somebody
// whom no channel reaches: their notification is written as planned, which
// spares a job and a second version of the row.
func (h *Hub) add(r *noticeRows, p *publishing, found map[string]recipient, now time.Time) {
	n, refused := p.notice, map[string]hub.Refusal{}
	p.result = hub.Publication{To: make([]hub.Published, 0, len(n.To))}
	for _, login := range n.To {
		to, ok := found[login]
		out := hub.Published{Account: login, Person: to.person}
		switch {
		case !ok:
			out.Refused = hub.RefusedUnknown
		case to.closed:
			out.Person, out.Refused = "", hub.RefusedDisabled
		default:
			out.Notification = h.newID()
			r.notifications = append(r.notifications, out.Notification)
			r.people = append(r.people, string(to.person))
			r.notices = append(r.notices, p.id)
			if to.linked {
				r.routed = append(r.routed, nil)
				r.linked = append(r.linked, linkedRow{p.id, out.Notification, laneOf(n.Kind, n.Speed)})
			} else {
				r.routed = append(r.routed, &now)
			}
		}
		if out.Refused != "" {
			refused[login] = out.Refused
		}
		p.result.To = append(p.result.To, out)
	}
	if len(refused) == len(n.To) {
		return
	}
	text := "{}"
	if len(refused) > 0 {
		b, _ := json.Marshal(refused) // a map of strings
		text = string(b)
	}
	p.result.Notice = p.id
	r.ids, r.tokens, r.keys, r.contents = append(r.ids, p.id), append(r.tokens, n.Token), append(r.keys, p.key), append(r.contents, p.content[:])
	r.kinds, r.titles, r.urls = append(r.kinds, string(n.Kind)), append(r.titles, n.Title), append(r.urls, n.URL)
	r.speeds, r.dues, r.refused = append(r.speeds, string(n.Speed)), append(r.dues, orNullTime(n.Due)), append(r.refused, text)
}

// writeNotices writes a batch in one transaction, tells the nodes, and gives
// everybody in it their answer. An error is everybody's: nothing was written,
// or nobody knows.
func (h *Hub) writeNotices(ctx context.Context, batch []*publishing) error {
	found, err := h.lookUp(ctx, batch)
	if err != nil {
		return err
	}
	var rows noticeRows
	now := h.now()
	for _, p := range batch {
		p.err = nil
		h.add(&rows, p, found, now)
	}
	fresh, changes, err := h.insertNotices(ctx, &rows, now)
	if err != nil {
		return err
	}
	h.bus.Publish(changes...)
	for _, p := range batch {
		if len(fresh) == len(batch) || slices.Contains(fresh, p.id) {
			h.metrics.notifications.WithLabelValues(string(p.notice.Kind)).Add(float64(p.result.Told()))
			continue
		}
		if p.err = h.sentBefore(ctx, p); p.err != nil {
			p.result = hub.Publication{}
		}
	}
	return nil
}

// insertNotices commits rows, and the job that plans what is to be planned. It
// gives the notices that were not there before, and whose inboxes have moved.
func (h *Hub) insertNotices(ctx context.Context, rows *noticeRows, now time.Time) (fresh []string, changes []hub.Change, err error) {
	if len(rows.ids) == 0 {
		return nil, nil, nil
	}
	insert := func(q interface {
		QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	}) error {
		var m movedInboxes
		if err := q.QueryRow(ctx, insertNotices, rows.args(now)...).Scan(&fresh, &m.people, &m.epochs, &m.seqs, &m.revs); err != nil {
			return err
		}
		changes = m.changes(rows, fresh)
		return nil
	}
	if len(rows.linked) == 0 && !h.silent() {
		err = insert(h.pool)
		return fresh, changes, err
	}
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		if err := insert(tx); err != nil {
			return err
		}
		if err := h.addRoutes(ctx, tx, rows.toRoute(fresh)); err != nil || !h.silent() {
			return err
		}
		return h.ownBus.notifyTx(ctx, tx, changes)
	})
	return fresh, changes, err
}

// sentBefore gives p the answer of the notice that has its key. Where that is
// p's own, written by a try whose end was never heard of, it is no duplicate.
func (h *Hub) sentBefore(ctx context.Context, p *publishing) error {
	if p.notice.Key == "" && p.result.Notice == "" {
		return nil // there was nobody to tell
	}
	var (
		id      string
		content []byte
		refused map[string]hub.Refusal
	)
	err := h.pool.QueryRow(ctx, `select id, content, refused from notice where token = $1 and key = $2`, p.notice.Token, p.key).
		Scan(&id, &content, &refused)
	switch {
	case errors.Is(err, pgx.ErrNoRows) && p.result.Notice == "":
		return nil // the same, with a key that nobody has used
	case err != nil:
		return err
	case [32]byte(content) != p.content:
		return hub.ErrKeyTaken
	}
	rows, _ := h.pool.Query(ctx, `
		select a.login, n.person, n.id
		from notification n
		join account a on a.person = n.person
		where n.dedup = 'notice:' || $1::text`, id)
	told := map[string]hub.Published{}
	var to hub.Published
	_, err = pgx.ForEachRow(rows, []any{&to.Account, &to.Person, &to.Notification}, func() error {
		told[to.Account] = to
		return nil
	})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(p.notice.To, func(login string) bool { return told[login].Notification == "" && refused[login] == "" }) {
		p.result = answerAgain(id, p, told, refused)
		return nil
	}
	archived, err := h.archivedRecipients(ctx, id)
	if err != nil {
		return err
	}
	for _, to := range archived {
		told[to.Account] = hub.Published{Notification: to.Notification}
	}
	p.result = answerAgain(id, p, told, refused)
	return nil
}

// answerAgain puts together the answer that a notice got when it was written.
func answerAgain(id string, p *publishing, told map[string]hub.Published, refused map[string]hub.Refusal) hub.Publication {
	again := hub.Publication{Notice: id, Duplicate: id != p.id}
	for _, login := range p.notice.To {
		to := told[login]
		to.Account, to.Refused = login, refused[login]
		again.To = append(again.To, to)
	}
	return again
}
