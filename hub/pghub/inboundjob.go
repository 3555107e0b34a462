package pghub

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"qianhe/hub"
)

// inboundTries is how often an event is tried before it is parked.
const inboundTries = 8

// inboundLease is how long one try may take; after that nobody is at it.
const inboundLease = time.Minute

// inboundArgs: deal with what this sender has sent.
type inboundArgs struct {
	Channel hub.ChannelName `json:"channel"`
	Sender  string          `json:"sender"` // senderOf, in hexadecimal
}

func (inboundArgs) Kind() string { return "inbound" }

// job makes the job, in the queue of its channel.
func (a inboundArgs) job() river.InsertManyParams {
	return river.InsertManyParams{Args: a, InsertOpts: &river.InsertOpts{Queue: inboundQueueOf(a.Channel)}}
}

type inboundWorker struct {
	river.WorkerDefaults[inboundArgs]
	hub *Hub
}

func (w *inboundWorker) Work(ctx context.Context, job *river.Job[inboundArgs]) error {
	sender, err := hex.DecodeString(job.Args.Sender)
	if err != nil {
		return river.JobCancel(err)
	}
	again, err := w.hub.attend(ctx, job.Args.Channel, sender)
	if err != nil {
		return err
	}
	if again > 0 {
		return river.JobSnooze(again)
	}
	return nil
}

// received is an event that is being dealt with.
type received struct {
	hub.Inbound
	key    string // of its row; ID is the provider's
	sender []byte
	at     time.Time // when it came
	tries  int
}

// attend deals with the events of a sender in the order in which they happened,
// and says after how long to come again, 0 for never. It may be called at any
// time, any number of times and in several processes at once: one at a time has
// a sender's events, and an event has its effect in the transaction that marks
// it done.
func (h *Hub) attend(ctx context.Context, channel hub.ChannelName, sender []byte) (again time.Duration, err error) {
	for {
		e, wait, err := h.claimInbound(ctx, channel, sender)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return 0, nil
		case err != nil:
			return 0, fmt.Errorf("pghub: inbound: %w", err)
		case wait > 0:
			return wait, nil
		}
		if err := h.deal(ctx, e); err != nil {
			wait, err := h.missed(ctx, e, err)
			if err != nil || wait > 0 {
				return wait, err
			}
		}
	}
}

// deal brings one event to its effect, and then answers its sender.
func (h *Hub) deal(ctx context.Context, e received) (err error) {
	defer func() {
		if v := recover(); v != nil {
			h.log.ErrorContext(ctx, "inbound event made us panic", "channel", e.Channel, "kind", e.Kind, "stack", string(debug.Stack()))
			err = errors.New("we failed inside")
		}
	}()
	a, err := h.effect(ctx, e)
	if err != nil {
		return err
	}
	h.metrics.inbound.WithLabelValues(string(e.Channel), string(e.Kind), "done").Inc()
	h.reply(ctx, e, a)
	return nil
}

// claimInbound takes a sender's oldest open event, or says how long somebody
// else may still be at it. Returns pgx.ErrNoRows when there is none.
func (h *Hub) claimInbound(ctx context.Context, channel hub.ChannelName, sender []byte) (e received, wait time.Duration, err error) {
	now := h.now()
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		var (
			payload []byte
			claimed *time.Time
		)
		err := tx.QueryRow(ctx, `
			select id, payload, received_at, tries, claimed_at
			from inbound
			where channel = $1 and sender = $2 and done_at is null and parked_at is null
			order by at, id
			limit 1
			for update`, channel, sender).Scan(&e.key, &payload, &e.at, &e.tries, &claimed)
		if err != nil {
			return err
		}
		e.sender, e.tries = sender, e.tries+1
		if wait = orZero(claimed).Add(inboundLease).Sub(now); wait > 0 {
			return nil
		}
		plain, err := h.sealer.Open(payload, inboundContext(channel, e.key))
		if err == nil {
			err = json.Unmarshal(plain, &e.Inbound)
		}
		reason := ""
		switch {
		case err != nil: // sealed under another secret: nobody can ever read it
			reason = "event cannot be opened"
		case e.tries > inboundTries:
			reason = "nobody who began has come to an end"
		}
		if reason != "" {
			return parkInbound(ctx, tx, channel, e.key, reason, now)
		}
		_, err = tx.Exec(ctx, `update inbound set tries = $3, claimed_at = $4 where channel = $1 and id = $2`, channel, e.key, e.tries, now)
		return err
	})
	if err == nil && wait <= 0 && e.Kind == "" {
		return h.claimInbound(ctx, channel, sender) // that one was parked
	}
	return e, wait, err
}

func parkInbound(ctx context.Context, tx pgx.Tx, channel hub.ChannelName, key, reason string, now time.Time) error {
	_, err := tx.Exec(ctx, `
		update inbound
		set parked_at = $3, claimed_at = null, error = $4
		where channel = $1 and id = $2`, channel, key, now, hub.Clip(reason, 512))
	return err
}

// missed records that an event had no effect, and says when to try again; at
// the end of its tries it is parked, and the next one has its turn. It does so
// even when ctx has ended.
func (h *Hub) missed(ctx context.Context, e received, why error) (again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	reason, now := why.Error(), h.now()
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		if e.tries >= inboundTries {
			return parkInbound(ctx, tx, e.Channel, e.key, reason, now)
		}
		again = min(time.Second<<e.tries, 5*time.Minute)
		_, err := tx.Exec(ctx, `
			update inbound
			set claimed_at = null, error = $3
			where channel = $1 and id = $2 and done_at is null`, e.Channel, e.key, hub.Clip(reason, 512))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("pghub: inbound: %w", err)
	}
	result := "retry"
	if again == 0 {
		result = "parked"
	}
	h.metrics.inbound.WithLabelValues(string(e.Channel), string(e.Kind), result).Inc()
	h.log.WarnContext(ctx, "inbound event had no effect", "channel", e.Channel, "kind", e.Kind, "try", e.tries, "result", result, "err", why)
	return again, nil
}
