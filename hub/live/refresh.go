package live

import (
	"context"
	"math"

	"qianhe/approval"
	"qianhe/hub"
)

const (
	// lookUps is how many people or sessions one question to the database is
	// about, at most.
	lookUps = 256
	// greeters is how many answer hellos.
	greeters = 2
	// maxAdded is how much of what was added is kept for a person until it is
	// passed on; who is behind further is read.
	maxAdded = 16
)

// ask puts a question to the inbox or the sessions. Few are asked at a time,
// whatever happens: the database has decisions to take as well.
func (s *Server) ask(ctx context.Context, question func(ctx context.Context) error) error {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.slots }()
	ctx, cancel := context.WithTimeout(ctx, s.opt.QueryTimeout)
	defer cancel()
	return question(ctx)
}

func (s *Server) news(ctx context.Context, marks []hub.Mark) (news []hub.News, err error) {
	err = s.ask(ctx, func(ctx context.Context) error {
		news, err = s.inbox.News(ctx, marks)
		return err
	})
	return news, err
}

// always is a revision that is news to everybody.
const always = math.MaxInt64

// mark has a person's pages told of what is new, if that person has pages here
// and was not told of rev yet. What is heard while the first page says hello is
// kept: that page may have looked a moment too early.
func (s *Server) mark(p approval.PersonID, rev int64, added *hub.Added) bool {
	e := s.registry.find(p)
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = max(e.heard, rev)
	if e.known && rev > e.rev {
		if added != nil && len(e.added) < maxAdded {
			e.added = append(e.added, added)
		}
		s.enqueue(e)
	}
	return len(e.conns) > 0
}

// enqueue puts e into the queue of work once. Called with e.mu held.
func (s *Server) enqueue(e *entry) {
	switch {
	case e.busy:
		e.again = true
	case !e.queued:
		e.queued = true
		s.work.push(e)
	}
}

// refreshAll is a worker: it tells the pages of those who are queued until ctx
// ends. A person is with one worker at a time.
func (s *Server) refreshAll(ctx context.Context) {
	for {
		batch := s.work.take(ctx, s.opt.Workers, lookUps)
		if batch == nil {
			return
		}
		s.refresh(ctx, batch)
	}
}

// refresh passes on what was added, and reads the inboxes of those with whom
// that was not all.
func (s *Server) refresh(ctx context.Context, batch []*entry) {
	var read []*entry
	var marks []hub.Mark
	for _, e := range batch {
		e.mu.Lock()
		e.queued = false
		if s.passOn(e); e.known && e.heard > e.rev {
			e.busy, e.again = true, false
			read = append(read, e)
			marks = append(marks, hub.Mark{Person: e.person, Epoch: e.epoch, Seq: e.seq})
		}
		e.mu.Unlock()
	}
	if len(read) == 0 {
		return
	}
	news, err := s.news(ctx, marks)
	if err != nil && ctx.Err() == nil {
		// The revisions stay what they were, so the sweep comes back to them.
		s.opt.Log.WarnContext(ctx, "live: inboxes cannot be read", "people", len(read), "err", err)
	}
	for i, e := range read {
		e.mu.Lock()
		if err == nil {
			s.apply(e, &news[i])
		}
		e.busy = false
		if e.again {
			e.again = false
			s.enqueue(e)
		}
		e.mu.Unlock()
	}
}

// passOn tells the pages what was added to what they know, as far as one follows
// the other. Called with e.mu held.
func (s *Server) passOn(e *entry) {
	for moved := true; moved && len(e.added) > 0; {
		moved = false
		for i, a := range e.added {
			if a == nil || a.From != e.rev || a.Epoch != e.epoch || len(a.Notifications) == 0 || a.Notifications[0].Seq != e.seq+1 {
				continue
			}
			s.tell(e, a.Notifications)
			e.seq, e.rev = a.Notifications[len(a.Notifications)-1].Seq, e.rev+1
			e.added[i], moved = nil, true
		}
	}
	e.added = nil
}

// tell sends events to the pages that do not have them yet. Called with e.mu
// held.
func (s *Server) tell(e *entry, list []hub.Notification) {
	frames := make([][]byte, len(list))
	for i, n := range list {
		frames[i] = eventFrame(n)
	}
	for _, c := range e.conns {
		if c.ready {
			c.send(after(c.pos, list, frames), nil)
			c.pos = max(c.pos, list[len(list)-1].Seq)
		}
	}
}

// after gives the frames of what comes after pos.
func after(pos int64, list []hub.Notification, frames [][]byte) [][]byte {
	for i, n := range list {
		if n.Seq > pos {
			return frames[i:]
		}
	}
	return nil
}

// apply passes on what was read. Called with e.mu held.
func (s *Server) apply(e *entry, n *hub.News) {
	switch {
	case n.Epoch == "":
		return // there is no such person any more
	case n.Epoch == e.epoch && n.Rev < e.rev:
		return // more than that was passed on meanwhile
	}
	frames := make([][]byte, len(n.Missed))
	pos := n.Seq
	for i, m := range n.Missed {
		frames[i] = eventFrame(m)
		pos = max(pos, m.Seq)
	}
	var counts, resync []byte
	for _, c := range e.conns {
		if !c.ready {
			continue
		}
		var due [][]byte
		switch {
		case n.Gap && (n.Epoch != e.epoch || c.pos < n.Seq):
			if resync == nil {
				resync = resyncFrame(n.Epoch, n.Seq)
			}
			due = [][]byte{resync}
			if c.pos = n.Seq; n.Epoch != e.epoch {
				c.acked, c.seen, c.rev = 0, 0, 0
			}
		case !n.Gap:
			due = after(c.pos, n.Missed, frames)
			c.pos = max(c.pos, pos)
		}
		var changed []byte
		if c.last != n.Counts && n.Rev >= c.rev {
			if counts == nil {
				counts = countsFrame(n.Counts)
			}
			changed = counts
			c.last = n.Counts
		}
		c.rev = max(c.rev, n.Rev)
		c.send(due, changed)
	}
	if !n.Gap || n.Epoch != e.epoch {
		e.seq = pos
	} else {
		e.seq = max(e.seq, n.Seq)
	}
	e.epoch, e.rev, e.counts = n.Epoch, n.Rev, n.Counts
	if e.heard == always {
		e.heard = n.Rev
	}
}
