package live

import (
	"context"
	"slices"
	"sync"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// Run serves the connections news until ctx ends, and then closes them. It is
// called once.
func (s *Server) Run(ctx context.Context) {
	var all sync.WaitGroup
	for range s.opt.Workers {
		all.Go(func() { s.refreshAll(ctx) })
	}
	for range greeters {
		all.Go(func() { s.greetAll(ctx) })
	}
	all.Go(func() { s.recordAcks(ctx) })
	all.Go(func() { s.recordSeen(ctx) })
	all.Go(func() {
		if err := s.bus.Subscribe(ctx, s.changed); err != nil {
			s.opt.Log.ErrorContext(ctx, "live: bus has ended; only the sweep tells pages of news", "err", err)
		}
	})
	all.Go(func() { s.pingAll(ctx) })
	all.Go(func() { s.sweepAll(ctx) })
	if s.opt.Alive != nil {
		all.Go(func() { s.checkAll(ctx) })
	}
	<-ctx.Done()
	s.Close()
	all.Wait()
}

// changed is what the bus says.
func (s *Server) changed(changes []hub.Change) {
	if len(changes) == 0 {
		for _, now := range []chan struct{}{s.sweepNow, s.checkNow} {
			select {
			case now <- struct{}{}:
			default:
			}
		}
	}
	var over []string
	for _, c := range changes {
		if c.Ended != "" {
			over = append(over, c.Ended)
		}
	}
	if len(over) > 0 {
		s.end(over)
	}
	for _, c := range changes {
		if c.Ended == "" {
			s.mark(c.Person, c.Rev, c.Added)
		}
	}
}

// sweepAll compares the inboxes of those who are connected with what they were
// told: what the bus has lost comes to light here. At midnight the counts
// change without anybody's doing.
func (s *Server) sweepAll(ctx context.Context) {
	tick := time.NewTicker(s.opt.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.sweepNow:
		}
		today := approval.Midnight(s.opt.Now())
		if err := s.sweep(ctx, !today.Equal(s.day)); err != nil {
			if ctx.Err() == nil {
				s.opt.Log.WarnContext(ctx, "live: sweep", "err", err)
			}
			continue
		}
		s.day = today
	}
}

func (s *Server) sweep(ctx context.Context, everybody bool) error {
	for part := range slices.Chunk(s.registry.entries(), lookUps) {
		people, told := make([]approval.PersonID, len(part)), make([]int64, len(part))
		for i, e := range part {
			people[i], told[i] = e.person, e.told()
		}
		var revs map[approval.PersonID]int64
		err := s.ask(ctx, func(ctx context.Context) (err error) { revs, err = s.inbox.Revs(ctx, people); return err })
		if err != nil {
			return err
		}
		for i, p := range people {
			switch rev, ok := revs[p]; {
			case everybody, ok && rev < told[i]: // the inbox has begun anew
				s.mark(p, always, nil)
			case ok:
				s.mark(p, rev, nil) // which the bus may be about to say as well
			}
		}
	}
	return nil
}

// checkAll ends the connections of sessions that have ended elsewhere.
func (s *Server) checkAll(ctx context.Context) {
	tick := time.NewTicker(s.opt.AliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.checkNow:
		}
		if err := s.checkSessions(ctx); err != nil && ctx.Err() == nil {
			// Nobody is cut off for what the database cannot say.
			s.opt.Log.WarnContext(ctx, "live: sessions cannot be checked", "err", err)
		}
	}
}

func (s *Server) checkSessions(ctx context.Context) error {
	pages := map[string][]*conn{}
	var sessions []string
	for _, c := range s.registry.conns() {
		if pages[c.session] == nil {
			sessions = append(sessions, c.session)
		}
		pages[c.session] = append(pages[c.session], c)
	}
	for part := range slices.Chunk(sessions, lookUps) {
		var alive map[string]bool
		err := s.ask(ctx, func(ctx context.Context) (err error) { alive, err = s.opt.Alive(ctx, part); return err })
		if err != nil {
			return err
		}
		for _, id := range part {
			if alive[id] {
				continue
			}
			for _, c := range pages[id] {
				c.close(CloseSignedOut)
			}
		}
	}
	return nil
}

// pingAll asks pages for a sign of life, some of them at a time and never in
// step with another node.
func (s *Server) pingAll(ctx context.Context) {
	step := s.opt.Ping / time.Duration(len(s.registry.shards))
	timer := time.NewTimer(step)
	defer timer.Stop()
	for i := 0; ; i = (i + 1) % len(s.registry.shards) {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		for _, e := range s.registry.shards[i].list() {
			for _, c := range e.pages() {
				c.sendPing()
			}
		}
		timer.Reset(time.Duration(float64(step) * s.jitter()))
	}
}
