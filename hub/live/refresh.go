package live

import (
	"context"
	"errors"
	"math"
	"sync"

	"qianhe/approval"
	"qianhe/hub"
)

const (
	// page is how many notifications are read at once.
	page = 100
	// maxMissed is how many are sent one by one to a page that has missed
	// them; who has missed more reads the in-tray anew. It leaves room in the
	// page's queue for what happens meanwhile.
	maxMissed = 256
)

// errRestless: the inbox has moved on during every try to catch up with it.
var errRestless = errors.New("inbox does not come to rest")

// join answers the hello of a page: where the inbox stands, what the page has
// missed, or that it has to begin anew. Until then the page gets nothing, and
// from then on everything.
func (s *Server) join(c *conn, since *position) error {
	ctx, cancel := s.timeout()
	defer cancel()
	for range 5 {
		head, err := s.inbox.Head(ctx, c.person)
		if err != nil {
			return err
		}
		frames := [][]byte{welcomeFrame(head)}
		pos, complete := head.Seq, true
		if since != nil {
			var missed []hub.Notification
			if complete = since.Epoch == head.Epoch; complete {
				missed, complete, err = s.catchUp(ctx, c.person, since.Seq, head.Seq)
				if err != nil {
					return err
				}
			}
			for _, n := range missed {
				frames = append(frames, eventFrame(n))
				pos = max(pos, n.Seq)
			}
		}
		if !complete {
			frames = [][]byte{welcomeFrame(head), resyncFrame(head.Epoch, head.Seq)}
			pos = head.Seq
		}
		if s.admit(c, head, pos, frames) {
			return nil
		}
	}
	return errRestless
}

// admit makes a page ready at pos, unless others have been told of more
// meanwhile.
func (s *Server) admit(c *conn, head hub.Head, pos int64, frames [][]byte) bool {
	e := c.entry
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.known {
		e.known, e.epoch, e.seq, e.rev, e.counts = true, head.Epoch, pos, head.Rev, head.Counts
	}
	if e.epoch != head.Epoch {
		s.enqueue(e)
		return false
	}
	if e.seq > pos {
		return false
	}
	c.send(frames...)
	c.ready, c.pos, c.last = true, pos, head.Counts
	if head.Rev < e.rev && e.counts != head.Counts {
		c.last = e.counts
		c.sendCounts(countsFrame(e.counts))
	}
	if head.Rev > e.rev || pos > e.seq || e.heard > e.rev {
		s.enqueue(e)
	}
	return true
}

// catchUp reads what came after seq, at least up to head; complete is false
// when that is too much or not there any more.
func (s *Server) catchUp(ctx context.Context, p approval.PersonID, seq, head int64) (list []hub.Notification, complete bool, err error) {
	if head-seq > maxMissed {
		return nil, false, nil
	}
	for first := true; first || seq < head; first = false {
		part, complete, err := s.inbox.Since(ctx, p, seq, page)
		if err != nil || !complete {
			return nil, false, err
		}
		if len(part) == 0 {
			break
		}
		list = append(list, part...)
		seq = part[len(part)-1].Seq
	}
	return list, seq >= head, nil
}

// refresh reads a person's inbox and passes on what is new to all their pages.
func (s *Server) refresh(e *entry) error {
	ctx, cancel := s.timeout()
	defer cancel()
	e.mu.Lock()
	known, epoch, seq := e.known, e.epoch, e.seq
	e.mu.Unlock()
	if !known {
		return nil // whoever says hello reads it then
	}
	head, err := s.inbox.Head(ctx, e.person)
	if err != nil {
		return err
	}
	var (
		events   []hub.Notification
		complete = head.Epoch == epoch
	)
	if complete && head.Seq != seq {
		if events, complete, err = s.catchUp(ctx, e.person, seq, head.Seq); err != nil {
			return err
		}
	}
	frames := make([][]byte, len(events))
	for i, n := range events {
		frames[i] = eventFrame(n)
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	pos := head.Seq
	if n := len(events); n > 0 {
		pos = max(pos, events[n-1].Seq)
	}
	for _, c := range e.conns {
		switch {
		case !c.ready:
			continue
		case !complete:
			c.send(resyncFrame(head.Epoch, head.Seq))
			c.pos = head.Seq
			if head.Epoch != epoch {
				c.acked, c.seen = 0, 0
			}
		default:
			for i, n := range events {
				if n.Seq > c.pos {
					c.send(frames[i:]...)
					c.pos = pos
					break
				}
			}
		}
		if c.last != head.Counts {
			c.last = head.Counts
			c.sendCounts(countsFrame(head.Counts))
		}
	}
	e.epoch, e.seq, e.rev, e.counts = head.Epoch, pos, head.Rev, head.Counts
	if e.heard == always {
		e.heard = head.Rev
	}
	return nil
}

// always is a revision that is news to everybody.
const always = math.MaxInt64

// mark has a person's inbox read again, if that person has pages here and was
// not told of rev yet. What is heard while the first page says hello is kept:
// that page may have looked a moment too early.
func (s *Server) mark(p approval.PersonID, rev int64) bool {
	e := s.registry.find(p)
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = max(e.heard, rev)
	if e.known && rev > e.rev {
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

// refreshAll is a worker: it refreshes what is queued until ctx ends. A person
// is with one worker at a time.
func (s *Server) refreshAll(ctx context.Context) {
	for {
		e := s.work.pop(ctx)
		if e == nil {
			return
		}
		e.mu.Lock()
		e.queued, e.busy, e.again = false, true, false
		e.mu.Unlock()
		err := s.refresh(e)
		if err != nil && ctx.Err() == nil {
			// The revision stays what it was, so the sweep comes back to it.
			s.opt.Log.WarnContext(ctx, "live: inbox cannot be read", "err", err)
		}
		e.mu.Lock()
		e.busy = false
		if e.again {
			e.again = false
			s.enqueue(e)
		}
		e.mu.Unlock()
	}
}

// queue holds those who are to be refreshed, each at most once; it is never
// longer than the number of people with pages.
type queue struct {
	mu    sync.Mutex
	items []*entry
	wake  chan struct{}
}

func (q *queue) push(e *entry) {
	q.mu.Lock()
	q.items = append(q.items, e)
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// pop waits for the next; nil when ctx has ended.
func (q *queue) pop(ctx context.Context) *entry {
	for {
		if ctx.Err() != nil {
			return nil
		}
		q.mu.Lock()
		if len(q.items) > 0 {
			e := q.items[0]
			q.items[0] = nil
			q.items = q.items[1:]
			more := len(q.items) > 0
			q.mu.Unlock()
			if more {
				q.signal() // another worker may help
			}
			return e
		}
		q.items = nil
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-q.wake:
		}
	}
}
