package pgaccess

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// Alerter tells people what happens to their accounts, and brings the texts
// with codes; pghub.Hub is one. It works inside the transaction that causes it;
// after is to be called once that has been committed.
type Alerter interface {
	NotifyTx(ctx context.Context, tx pgx.Tx, alerts []approval.Alert) (after func(), err error)
	WithdrawTx(ctx context.Context, tx pgx.Tx, alerts []approval.AlertKey, reason string) (after func(), err error)
}

// telling is what a transaction tells.
type telling struct {
	alerts []approval.Alert
	over   []approval.AlertKey
	ended  []string // sessions that are over, with all that hangs on them
}

// telling runs fn in a transaction and tells what it has collected.
func (s *Store) telling(ctx context.Context, fn func(tx pgx.Tx, t *telling) error) error {
	var after []func()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		t := &telling{}
		after = nil
		if err := fn(tx, t); err != nil || s.alerts == nil {
			return err
		}
		withdrawn, err := s.alerts.WithdrawTx(ctx, tx, t.over, "answered")
		if err != nil {
			return err
		}
		told, err := s.alerts.NotifyTx(ctx, tx, t.alerts)
		if err != nil {
			return err
		}
		after = []func(){withdrawn, told}
		if e, ok := s.alerts.(Ender); ok && len(t.ended) > 0 {
			over, err := e.EndSessionsTx(ctx, tx, t.ended)
			if err != nil {
				return err
			}
			after = append(after, over)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range after {
		if f != nil {
			f()
		}
	}
	return nil
}

// alert tells of a challenge by every way but the text, whose one use is its
// code. The tap leads to where it can be answered.
func (t *telling) alert(r *challengeRow, matter string, now time.Time) {
	a := r.about(matter, now)
	a.Key = r.ID + " " + matter
	a.Way = approval.AlertNoText
	a.Path = "/newdevice/" + r.ID
	if matter == approval.MatterWaiting {
		a.Until = r.Challenge.ExpiresAt
	}
	t.alerts = append(t.alerts, a)
}

// text brings the code.
func (t *telling) text(r *challengeRow, now time.Time) {
	a := r.about(approval.MatterWaiting, now)
	a.Key = r.textKey(r.Challenge.Texts)
	a.Way = approval.AlertText
	a.Until = r.Challenge.CodeUntil
	a.Code, a.Deny = r.Code, r.Deny
	t.alerts = append(t.alerts, a)
}

// withdraw ends what asks for an answer.
func (t *telling) withdraw(r *challengeRow) {
	t.over = append(t.over, approval.AlertKey{Person: r.Person, Kind: approval.AlertNewDevice, Key: r.ID + " " + approval.MatterWaiting})
	for n := 1; n <= r.Challenge.Texts; n++ {
		t.over = append(t.over, approval.AlertKey{Person: r.Person, Kind: approval.AlertNewDevice, Key: r.textKey(n)})
	}
}

// newDevice tells of a device that was trusted without anybody's doing.
func (t *telling) newDevice(p approval.PersonID, device string, class access.Class, network string, now time.Time) {
	t.alerts = append(t.alerts, approval.Alert{
		Person: p, Kind: approval.AlertNewDevice, Key: "device " + device, At: now, Device: string(class), Network: network, Way: approval.AlertNoText,
	})
}

func (r *challengeRow) about(matter string, now time.Time) approval.Alert {
	return approval.Alert{Person: r.Person, Kind: approval.AlertNewDevice, Matter: matter, At: now, Device: string(r.Class), Network: r.Network}
}

func (r *challengeRow) textKey(n int) string { return r.ID + " text " + strconv.Itoa(n) }
