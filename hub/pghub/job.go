package pghub

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"qianhe/hub"
)

// Queues. Each channel has one of its own: a provider that hangs must not keep
// another waiting.
const (
	queueRoute = "route"
	queueBulk  = "route_bulk" // see lane
	queueSweep = "sweep"
)

func queueOf(c hub.ChannelName) string { return "deliver_" + string(c) }

func inboundQueueOf(c hub.ChannelName) string { return "inbound_" + string(c) }

// softStop is how long running jobs and calls may go on after Stop; together with the
// end of a call it stays below what a process manager waits for.
const softStop = 6 * time.Second

// stuckAfter is when River takes a job for dead whose process has died.
const stuckAfter = 3 * time.Minute

// newInserter makes the client that adds jobs. River notifies inside the
// transaction that adds one, but not more often than its cooldown; see coalesce
// for why that must be seldom. A job that falls into a cooldown waits for the
// next notification or the next poll.
func newInserter(pool *pgxpool.Pool, log *slog.Logger) (*river.Client[pgx.Tx], error) {
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: log, FetchCooldown: coalesce})
	if err != nil {
		return nil, fmt.Errorf("pghub: jobs: %w", err)
	}
	return client, nil
}

// newWorkers makes the client that works jobs, and adds the periodic ones.
func (h *Hub) newWorkers() (*river.Client[pgx.Tx], error) {
	w := river.NewWorkers()
	river.AddWorker(w, &routeWorker{hub: h})
	river.AddWorker(w, &wakeWorker{hub: h})
	river.AddWorker(w, &sweepWorker{hub: h})
	river.AddWorker(w, &archiveWorker{hub: h})
	river.AddWorker(w, &quotaWorker{hub: h})
	river.AddWorker(w, &probeWorker{hub: h})
	river.AddWorker(w, &reachWorker{hub: h})
	river.AddWorker(w, &inboundWorker{hub: h})
	river.AddWorker(w, &webhookWorker{hub: h})
	queues := map[string]river.QueueConfig{
		queueRoute:  {MaxWorkers: 8},
		queueBulk:   {MaxWorkers: 2},
		queueSweep:  {MaxWorkers: 1},
		queueUpkeep: {MaxWorkers: 1},
	}
	if h.webhooks != nil {
		queues[queueWebhook] = river.QueueConfig{MaxWorkers: 16}
	}
	for name := range h.channels {
		queues[queueOf(name)] = river.QueueConfig{MaxWorkers: 2} // each only wakes a pump
		queues[inboundQueueOf(name)] = river.QueueConfig{MaxWorkers: 4}
	}
	jobs, err := periodic()
	if err != nil {
		return nil, err
	}
	client, err := river.NewClient(riverpgxv5.New(h.pool), &river.Config{
		Queues:                      queues,
		Workers:                     w,
		Logger:                      h.log,
		FetchCooldown:               time.Millisecond,
		FetchPollInterval:           200 * time.Millisecond,
		SoftStopTimeout:             softStop,
		JobTimeout:                  time.Minute,
		RescueStuckJobsAfter:        stuckAfter,
		CompletedJobRetentionPeriod: time.Hour,
		PeriodicJobs:                jobs,
	})
	if err != nil {
		return nil, fmt.Errorf("pghub: workers: %w", err)
	}
	return client, nil
}

// unfinished are the states of a job that still comes: the same is not added a
// second time.
func unfinished() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}
}

// routeArgs: plan the deliveries of these notifications.
type routeArgs struct {
	Notifications []string `json:"notifications"`
}

func (routeArgs) Kind() string { return "route" }

func (routeArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueRoute} }

type routeWorker struct {
	river.WorkerDefaults[routeArgs]
	hub *Hub
}

func (w *routeWorker) Work(ctx context.Context, job *river.Job[routeArgs]) error {
	return w.hub.route(ctx, job.Args.Notifications)
}

// sweepArgs: look for whatever is due or was left behind.
type sweepArgs struct{}

func (sweepArgs) Kind() string { return "sweep" }

func (sweepArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueSweep, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()}}
}

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	hub *Hub
}

func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	return w.hub.sweep(ctx, w.hub.now())
}
