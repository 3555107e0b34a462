package pghub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// Kept is how many of a person's latest notifications a page may catch up on.
// Who was away longer reads the in-tray anew.
const Kept = 256

// Head gives where a person's inbox stands. The counts are at least as new as
// the position. Returns [approval.ErrNotFound] for nobody's inbox.
func (h *Hub) Head(ctx context.Context, p approval.PersonID) (hub.Head, error) {
	head, err := h.position(ctx, p)
	if errors.Is(err, pgx.ErrNoRows) {
		// Nothing has happened to this person yet. The epoch must be the same
		// when something does.
		_, err = h.pool.Exec(ctx, `insert into inbox (person, epoch) values ($1, $2) on conflict do nothing`, p, h.newID())
		if err == nil {
			head, err = h.position(ctx, p)
		}
	}
	if err != nil {
		return hub.Head{}, translate("pghub: head", err)
	}
	counts, err := h.trayCounts(ctx, p)
	if err != nil {
		return hub.Head{}, err
	}
	counts.Forms = head.Counts.Forms
	head.Counts = counts
	return head, nil
}

// openForms counts the forms that wait for $1 in other systems.
const openForms = `(select count(*) from notification where person = $1 and kind = 'form.pending' and cancelled_at is null)`

// position gives where an inbox stands, and of the counts the forms.
func (h *Hub) position(ctx context.Context, p approval.PersonID) (hub.Head, error) {
	var head hub.Head
	err := h.pool.QueryRow(ctx, `select epoch, seq, rev, `+openForms+` from inbox where person = $1`, p).
		Scan(&head.Epoch, &head.Seq, &head.Rev, &head.Counts.Forms)
	return head, err
}

func (h *Hub) counts(ctx context.Context, p approval.PersonID) (hub.Counts, error) {
	c, err := h.trayCounts(ctx, p)
	if err == nil {
		err = translate("pghub: counts", h.pool.QueryRow(ctx, `select `+openForms, p).Scan(&c.Forms))
	}
	return c, err
}

// trayCounts counts the documents.
func (h *Hub) trayCounts(ctx context.Context, p approval.PersonID) (hub.Counts, error) {
	c, err := h.trays.TrayCounts(ctx, p, h.now())
	if err != nil {
		return hub.Counts{}, fmt.Errorf("pghub: counts: %w", err)
	}
	return hub.Counts{Pending: c.All, Highest: c.Highest, Overdue: c.Overdue, DueToday: c.DueToday}, nil
}

// notificationColumns are those of scanNotification, of a table called n.
const notificationColumns = `n.id, n.person, n.seq, n.kind, coalesce(n.document, ''), coalesce(n.step, ''), n.speed, n.grade, n.due, n.created_at, n.seen_at, n.about, n.alert`

func scanNotification(row pgx.CollectableRow, more ...any) (hub.Notification, error) {
	var (
		n         hub.Notification
		due, seen *time.Time
		alert     *hub.Alert
	)
	err := row.Scan(append([]any{&n.ID, &n.Person, &n.Seq, &n.Kind, &n.Document, &n.Step, &n.Speed, &n.Grade, &due, &n.At, &seen, &n.About, &alert}, more...)...)
	n.Due, n.Seen = orZero(due), orZero(seen)
	if alert != nil {
		n.Alert = *alert
	}
	return n, err
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Revs gives the revisions of those who have an inbox.
func (h *Hub) Revs(ctx context.Context, people []approval.PersonID) (map[approval.PersonID]int64, error) {
	rows, _ := h.pool.Query(ctx, `select person, rev from inbox where person = any($1)`, people)
	list, err := pgx.CollectRows(rows, scanChange)
	if err != nil {
		return nil, translate("pghub: revisions", err)
	}
	revs := make(map[approval.PersonID]int64, len(list))
	for _, c := range list {
		revs[c.Person] = c.Rev
	}
	return revs, nil
}

// scanChange reads a person and a revision.
func scanChange(row pgx.CollectableRow) (c hub.Change, err error) {
	err = row.Scan(&c.Person, &c.Rev)
	return c, err
}
