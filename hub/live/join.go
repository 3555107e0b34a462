package live

import (
	"context"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"qianhe/hub"
)

// maxTries is how often the inbox is read for a hello, when it has moved on
// each time before the page could be let in.
const maxTries = 5

// greeting is a hello that waits for its answer.
type greeting struct {
	conn  *conn
	since *position // nil: the page was just rendered
	tries int
}

// greetAll answers hellos until ctx ends: where the inbox stands, what the page
// has missed, or that it has to begin anew. Until then a page gets nothing, and
// from then on everything. However many say hello at once, few of them are with
// the database at a time, and the others wait without costing it anything.
func (s *Server) greetAll(ctx context.Context) {
	for {
		batch := s.hellos.take(ctx, greeters, lookUps)
		if batch == nil {
			return
		}
		marks := make([]hub.Mark, len(batch))
		for i, g := range batch {
			marks[i] = hub.Mark{Person: g.conn.person}
			if g.since != nil {
				// An epoch that is none is that of no inbox.
				marks[i].Epoch, marks[i].Seq = orNone(g.since.Epoch), g.since.Seq
			}
		}
		news, err := s.news(ctx, marks)
		if err != nil && ctx.Err() == nil {
			s.opt.Log.WarnContext(ctx, "live: pages cannot be welcomed", "pages", len(batch), "err", err)
		}
		for i, g := range batch {
			switch {
			case err != nil || news[i].Epoch == "":
				g.conn.closeFor(websocket.CloseTryAgainLater, s.stayAway(tryAgain))
			case s.admit(g.conn, &news[i]):
			case g.tries < maxTries:
				g.tries++
				s.hellos.push(g)
			default: // the inbox does not come to rest
				g.conn.closeFor(websocket.CloseTryAgainLater, s.stayAway(tryAgain))
			}
		}
	}
}

func orNone(epoch string) string {
	if epoch == "" {
		return "-"
	}
	return epoch
}

// admit makes a page ready at the end of its news, unless others have been told
// of more meanwhile.
func (s *Server) admit(c *conn, n *hub.News) bool {
	frames := make([][]byte, 0, 1+len(n.Missed))
	frames = append(frames, welcomeFrame(n.Head))
	pos := n.Seq
	for _, m := range n.Missed {
		frames = append(frames, eventFrame(m))
		pos = max(pos, m.Seq)
	}
	if n.Gap {
		frames = append(frames, resyncFrame(n.Epoch, n.Seq))
	}
	e := c.entry
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.known {
		e.known, e.epoch, e.seq, e.rev, e.counts = true, n.Epoch, pos, n.Rev, n.Counts
	}
	if e.epoch != n.Epoch {
		s.enqueue(e)
		return false
	}
	if e.seq > pos {
		return false
	}
	var counts []byte
	c.ready, c.pos, c.rev, c.last = true, pos, n.Rev, n.Counts
	if n.Rev < e.rev {
		if c.rev = e.rev; e.counts != n.Counts {
			c.last = e.counts
			counts = countsFrame(e.counts)
		}
	}
	c.send(frames, counts)
	if n.Rev > e.rev || pos > e.seq || e.heard > e.rev {
		s.enqueue(e)
	}
	return true
}

const (
	tryAgain = 5 * time.Second // within which a page comes back that could not be served
	// comeBack is how many pages may come back to other nodes in a second when
	// this one goes, and away the longest that one of them waits for it.
	comeBack = 500
	away     = 30 * time.Second
)

// stayAway draws how long a page is to wait before it comes back, as it stands
// in the reason of a close frame: those who are sent away together are not to
// come back together.
func (s *Server) stayAway(most time.Duration) string {
	return "after=" + strconv.FormatInt(int64((s.jitter()-0.5)*float64(most.Milliseconds())), 10)
}
