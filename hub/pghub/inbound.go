package pghub

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"qianhe/hub"
)

const (
	// inboundKept is how long an event is known after it came, so that a
	// repetition has no effect: more than any provider repeats for.
	inboundKept = 8 * 24 * time.Hour
	// parkedKept is how long an event that was given up waits for somebody.
	parkedKept = 30 * 24 * time.Hour
	// clockOff is how far a provider's clock is believed to be away from ours.
	clockOff = 5 * time.Minute
	// maxInboundID is what an id may have, in bytes, to stand in a row as it is.
	maxInboundID = 200
	// unattendedAfter leaves time for the job that should have dealt with an
	// event.
	unattendedAfter = 2 * time.Minute
	// replayedAfter is how old an event may be by the time that its provider has
	// signed: while it is younger, its id is still known here. LINE and Meta
	// give up repeating long before.
	replayedAfter = inboundKept - 2*clockOff
	// receiveAtOnce is how many events one batch of statements writes.
	receiveAtOnce = 500
)

const insertInbound = `
	insert into inbound (channel, id, kind, sender, payload, at, received_at)
	values (@channel, @id, @kind, @sender, @payload, @at, @now)
	on conflict do nothing`

// Receive makes events of a provider durable, with the jobs that deal with
// them, and returns when that is committed: only then may the provider be told
// that they were taken. An event that is known already is nothing new; one that
// is too old to be known any more is somebody's recording, and left out.
func (h *Hub) Receive(ctx context.Context, events []hub.Inbound) error {
	if len(events) == 0 {
		return nil
	}
	now := h.now()
	// In the order of their keys, so that two repetitions wait for each other
	// and never in a circle.
	events = slices.DeleteFunc(slices.Clone(events), func(in hub.Inbound) bool {
		old := !in.At.IsZero() && in.At.Before(now.Add(-replayedAfter))
		if old {
			h.metrics.inbound.WithLabelValues(string(in.Channel), string(in.Kind), "too old").Inc()
			h.log.WarnContext(ctx, "inbound event is too old", "channel", in.Channel, "kind", in.Kind)
		}
		return old
	})
	slices.SortFunc(events, func(a, b hub.Inbound) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(inboundID(a), inboundID(b)))
	})
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		var (
			jobs []river.InsertManyParams
			woke = map[inboundArgs]bool{}
		)
		for part := range slices.Chunk(events, receiveAtOnce) {
			b := &pgx.Batch{}
			for _, in := range part {
				e, err := h.newInbound(in, now)
				if err != nil {
					return err
				}
				b.Queue(insertInbound, pgx.NamedArgs{
					"channel": in.Channel, "id": e.id, "kind": in.Kind, "sender": e.sender, "payload": e.payload, "at": e.at, "now": now,
				})
			}
			results := tx.SendBatch(ctx, b)
			for _, in := range part {
				tag, err := results.Exec()
				if err != nil {
					return errors.Join(err, results.Close())
				}
				args := inboundArgs{Channel: in.Channel, Sender: hex.EncodeToString(senderOf(in))}
				if tag.RowsAffected() > 0 && !woke[args] {
					woke[args] = true
					jobs = append(jobs, args.job())
				}
			}
			if err := results.Close(); err != nil {
				return err
			}
		}
		if len(jobs) == 0 {
			return nil
		}
		_, err := h.jobs.InsertManyTx(ctx, tx, jobs)
		return err
	})
	if err != nil {
		return fmt.Errorf("pghub: receive: %w", err)
	}
	return nil
}

// inboundRow is what is stored of an event.
type inboundRow struct {
	id      string
	sender  []byte
	payload []byte
	at      time.Time
}

// newInbound makes the row. Nothing that a provider sends may keep it from
// being stored, or the provider would send it for ever: what fits into no
// column is cut to measure here.
func (h *Hub) newInbound(in hub.Inbound, now time.Time) (inboundRow, error) {
	row := inboundRow{id: inboundID(in), sender: senderOf(in)}
	in.At = within(in.At, now.Add(-inboundKept), now.Add(clockOff), now)
	in.Until = within(in.Until, now.Add(-parkedKept), now.Add(clockOff), time.Time{})
	row.at = in.At
	plain, err := json.Marshal(in)
	if err != nil {
		return row, fmt.Errorf("event: %w", err)
	}
	row.payload = h.sealer.Seal(plain, inboundContext(in.Channel, row.id))
	return row, nil
}

func inboundContext(c hub.ChannelName, id string) string {
	return "inbound.payload " + string(c) + " " + id
}

// within gives t, or other when it is outside what can be.
func within(t, low, high, other time.Time) time.Time {
	if t.IsZero() || t.Before(low) || t.After(high) {
		return other
	}
	return t
}

// inboundID gives the provider's id of an event, or its digest where it is long
// or not plain. One without an id is known by all it says.
func inboundID(in hub.Inbound) string {
	plain := in.ID != "" && len(in.ID) <= maxInboundID &&
		!strings.ContainsFunc(in.ID, func(r rune) bool { return r <= ' ' || r > '~' })
	if plain {
		return in.ID
	}
	text := in.ID
	if text == "" {
		text = fmt.Sprintf("%q", []any{in.Kind, in.From, in.Data, in.Provider, in.Delivery, in.Code, in.At.UnixMilli(), in.Until.UnixMilli()})
	}
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// senderOf gives the digest of what events are kept in order by: who sent them,
// or else the message that they are about.
func senderOf(in hub.Inbound) []byte {
	by := in.From
	switch {
	case by != "":
	case in.Delivery != "":
		by = "delivery " + in.Delivery
	case len(in.Provider) > 0:
		by = "message " + in.Provider[0]
	default:
		by = "event " + inboundID(in)
	}
	sum := sha256.Sum256([]byte(by))
	return sum[:]
}

// InboundHealth says of each channel that this server has how the events do
// that its provider sends.
func (h *Hub) InboundHealth(ctx context.Context) ([]hub.InboundHealth, error) {
	var names []string
	for name, c := range h.channels {
		if _, ok := c.(hub.InboundParser); ok {
			names = append(names, string(name))
		}
	}
	rows, _ := h.pool.Query(ctx, `
		select c.name,
			(select max(received_at) from inbound where channel = c.name),
			(select count(*) from inbound where channel = c.name and done_at is null and parked_at is null),
			(select min(received_at) from inbound where channel = c.name and done_at is null and parked_at is null),
			(select count(*) from inbound where channel = c.name and parked_at is not null),
			coalesce(p.error, ''), p.parked_at
		from unnest($1::text[]) as c (name)
		left join lateral (
			select error, parked_at
			from inbound
			where channel = c.name and parked_at is not null
			order by parked_at desc
			limit 1
		) p on true
		order by c.name`, names)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (hub.InboundHealth, error) {
		var (
			s                    hub.InboundHealth
			last, oldest, parked *time.Time
		)
		err := row.Scan(&s.Channel, &last, &s.Waiting, &oldest, &s.Parked, &s.LastError, &parked)
		s.Last, s.Oldest, s.ParkedAt = orZero(last), orZero(oldest), orZero(parked)
		return s, err
	})
	return list, translate("pghub: health of inbound events", err)
}

// sweepInbound wakes events whose job is gone, and lets go of old ones.
func (h *Hub) sweepInbound(ctx context.Context, now time.Time) error {
	rows, _ := h.pool.Query(ctx, `
		select distinct channel, encode(sender, 'hex')
		from inbound
		where done_at is null and parked_at is null and received_at < $1 and (claimed_at is null or claimed_at < $1)
		limit $2`, now.Add(-unattendedAfter), sweepAtOnce)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[inboundArgs])
	var jobs []river.InsertManyParams
	for _, args := range list {
		jobs = append(jobs, args.job())
	}
	if err == nil && len(jobs) > 0 {
		_, err = h.jobs.InsertMany(ctx, jobs)
	}
	if err != nil {
		return fmt.Errorf("pghub: sweep inbound events: %w", err)
	}
	_, err = h.pool.Exec(ctx, `
		with old as (
			select channel, id
			from inbound
			where received_at < $1 and done_at is not null or received_at < $2
			limit $3
			for update skip locked
		)
		delete from inbound i
		using old
		where i.channel = old.channel and i.id = old.id`, now.Add(-inboundKept), now.Add(-parkedKept), 10*sweepAtOnce)
	if err != nil {
		return fmt.Errorf("pghub: sweep inbound events: %w", err)
	}
	return nil
}
