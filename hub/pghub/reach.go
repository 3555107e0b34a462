package pghub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"qianhe/hub"
)

// LINE takes a message to somebody who has blocked the account, bills it, and
// shows it to nobody. The event that says so may be lost: callbacks were switched
// off, we were away for longer than it is repeated. So a share of the links is
// asked for in every run, those first that were not for the longest time; what is
// not reachable ends as by that event.

const (
	reachEvery = 24 * time.Hour // about so often each
	reachRuns  = 96             // a day
	reachLeast = 20             // links of a run, if there are that many
	reachMost  = 1000
	reachCalls = 4 // at the same time: it is nobody's hurry
	// Where more than half of at least so many are not reachable, it is the
	// account that is another, and nobody has blocked it.
	reachDoubt = 10
)

// reachArgs: ask providers whether messages reach people.
type reachArgs struct{}

func (reachArgs) Kind() string { return "reach" }

func (reachArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueUpkeep, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()}}
}

type reachWorker struct {
	river.WorkerDefaults[reachArgs]
	hub *Hub
}

func (w *reachWorker) Work(ctx context.Context, _ *river.Job[reachArgs]) error {
	return w.hub.reach(ctx)
}

// reach asks for a share of the links of each channel that can be asked.
func (h *Hub) reach(ctx context.Context) error {
	var errs []error
	for _, name := range h.names() {
		if r, ok := h.channels[name].(hub.Reacher); ok {
			errs = append(errs, h.reachOf(ctx, name, r))
		}
	}
	return errors.Join(errs...)
}

// reached is what was asked of a link.
type reached struct {
	link    string
	address hub.Address
	tried   bool
	gone    bool      // it said so
	at      time.Time // before the call
}

func (h *Hub) reachOf(ctx context.Context, name hub.ChannelName, r hub.Reacher) error {
	list, err := h.toReach(ctx, name)
	if err != nil || len(list) == 0 {
		return err
	}
	h.askAll(ctx, name, r, list)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var asked []string
	var gone []reached
	for _, l := range list {
		if l.tried {
			asked = append(asked, l.link)
		}
		if l.gone {
			gone = append(gone, l)
		}
	}
	if len(asked) >= reachDoubt && 2*len(gone) > len(asked) {
		h.log.ErrorContext(ctx, "most people seem to be out of reach: is this another account? Nobody was unlinked", "channel", name, "asked", len(asked), "gone", len(gone))
		gone = nil
	}
	for _, l := range gone {
		if err := h.outOfReach(ctx, name, l); err != nil {
			return fmt.Errorf("pghub: reach: %w", err)
		}
	}
	if _, err := h.pool.Exec(ctx, `update channel_link set reached_at = $2 where id = any($1)`, asked, h.now()); err != nil {
		return fmt.Errorf("pghub: reach: %w", err)
	}
	return nil
}

// toReach are the links of a run.
func (h *Hub) toReach(ctx context.Context, name hub.ChannelName) ([]reached, error) {
	now := h.now()
	rows, _ := h.pool.Query(ctx, `
		select l.id, l.address, l.keys
		from channel_link l
		left join session s on s.id = l.session
		left join account a on a.person = l.person
		where l.channel = @channel and (l.reached_at is null or l.reached_at <= @since) and `+linkInForce+`
		order by l.reached_at nulls first
		limit least(@most::int, greatest(@least::int, (
			select (count(*) + @runs::int - 1) / @runs::int
			from channel_link
			where channel = @channel and disabled_at is null
		)))`, pgx.NamedArgs{"channel": name, "now": now, "since": now.Add(-reachEvery), "most": reachMost, "least": reachLeast, "runs": reachRuns})
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l reached, err error) {
		var address, keys []byte
		if err := row.Scan(&l.link, &address, &keys); err != nil {
			return l, err
		}
		if l.address, err = h.open(l.link, address, keys); err != nil {
			l.tried = true // sealed under another secret: nobody can ask
		}
		return l, nil
	})
}

// askAll asks for each of them. A provider that does not answer, or wants less
// of it, is left alone until the next run; what it was asked for goes behind.
func (h *Hub) askAll(ctx context.Context, name hub.ChannelName, r hub.Reacher, list []reached) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := make(chan *reached)
	var asking sync.WaitGroup
	for range reachCalls {
		asking.Go(func() {
			for l := range next {
				if err := h.askReach(ctx, r, l); err != nil && ctx.Err() == nil {
					h.log.WarnContext(ctx, "provider does not say whom messages reach", "channel", name, "reason", hub.TransportWords(err))
					cancel()
				}
			}
		})
	}
	for i := range list {
		if list[i].tried {
			continue
		}
		select {
		case next <- &list[i]:
		case <-ctx.Done():
		}
	}
	close(next)
	asking.Wait()
}

// ask asks for one. A channel that panics takes nobody with it.
func (h *Hub) askReach(ctx context.Context, r hub.Reacher, l *reached) (err error) {
	ctx, cancel := context.WithTimeout(ctx, h.sendTimeout)
	defer cancel()
	defer func() {
		if recover() != nil {
			err = errors.New("we failed inside")
		}
	}()
	l.at, l.tried = h.now(), true
	yes, err := r.Reachable(ctx, l.address)
	l.gone = err == nil && !yes
	return err
}

// outOfReach ends a link as if its owner's block had been told. Whoever was heard
// from since it was asked is in reach.
func (h *Hub) outOfReach(ctx context.Context, name hub.ChannelName, l reached) error {
	t := &turn{Hub: h, now: h.now()}
	t.event.Inbound = hub.Inbound{Channel: name, Kind: hub.InUnfollow, From: l.address.Value, At: l.at}
	err := h.inTx(ctx, func(tx pgx.Tx) (err error) {
		t.tx = tx
		if t.sender, err = t.correspondent(ctx); err != nil || t.sender.link != l.link {
			return err
		}
		return t.unfollow(ctx)
	})
	if err == nil {
		t.over(ctx)
	}
	return err
}
