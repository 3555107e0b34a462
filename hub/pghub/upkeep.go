package pghub

import (
	"context"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/robfig/cron/v3"
)

// queueUpkeep is for what takes its time and need not be now: it must not keep
// the sweep of every minute waiting.
const queueUpkeep = "upkeep"

// archiveArgs: move what is over and done with, drop what was kept long enough.
type archiveArgs struct{}

func (archiveArgs) Kind() string { return "archive" }

func (archiveArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueUpkeep, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()}}
}

type archiveWorker struct {
	river.WorkerDefaults[archiveArgs]
	hub *Hub
}

func (w *archiveWorker) Work(ctx context.Context, _ *river.Job[archiveArgs]) error {
	return w.hub.archive(ctx, w.hub.now())
}

// quotaArgs: ask providers how much of a quota is used.
type quotaArgs struct{}

func (quotaArgs) Kind() string { return "quota" }

func (quotaArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueUpkeep, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()}}
}

type quotaWorker struct {
	river.WorkerDefaults[quotaArgs]
	hub *Hub
}

func (w *quotaWorker) Work(ctx context.Context, _ *river.Job[quotaArgs]) error {
	return w.hub.readQuotas(ctx)
}

// periodic gives what comes by itself, each on one node.
func periodic() ([]*river.PeriodicJob, error) {
	var jobs []*river.PeriodicJob
	for _, p := range []struct {
		id, when string
		args     river.JobArgs
		atStart  bool
	}{
		{"sweep", "* * * * *", sweepArgs{}, true},
		{"quota", "*/5 * * * *", quotaArgs{}, true},
		{"probe", "*/15 * * * *", probeArgs{}, true},
		{"reach", "7-59/15 * * * *", reachArgs{}, false},
		{"archive", "*/10 * * * *", archiveArgs{}, false},
	} {
		when, err := cron.ParseStandard(p.when)
		if err != nil {
			return nil, fmt.Errorf("pghub: schedule of %s: %w", p.id, err)
		}
		jobs = append(jobs, river.NewPeriodicJob(when, func() (river.JobArgs, *river.InsertOpts) {
			return p.args, nil
		}, &river.PeriodicJobOpts{ID: p.id, RunOnStart: p.atStart}))
	}
	return jobs, nil
}
