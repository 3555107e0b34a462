package live

import (
	"hash/maphash"
	"slices"
	"sync"

	"qianhe/approval"
	"qianhe/hub"
)

// registry finds the pages of a person. It is in parts, so that those who come
// and go do not wait for each other.
type registry struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu      sync.Mutex
	entries map[approval.PersonID]*entry
}

// entry is a person with pages on this node.
type entry struct {
	person approval.PersonID
	places int // pages, also those still at the handshake; under shard.mu

	mu    sync.Mutex
	conns []*conn

	// What was passed on to every ready page. A ready page is never behind
	// seq, so whatever comes after seq is the next it gets.
	known  bool
	epoch  string
	seq    int64
	rev    int64
	counts hub.Counts
	heard  int64        // the latest revision that the bus spoke of
	added  []*hub.Added // what came with it, to be passed on without reading

	queued bool // waits to be refreshed
	busy   bool // is being refreshed
	again  bool // has changed meanwhile
}

func newRegistry() *registry {
	r := &registry{seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].entries = map[approval.PersonID]*entry{}
	}
	return r
}

func (r *registry) shard(p approval.PersonID) *shard {
	return &r.shards[maphash.String(r.seed, string(p))%uint64(len(r.shards))]
}

// reserve takes a place for one more page of p; nil when there are limit.
func (r *registry) reserve(p approval.PersonID, limit int) *entry {
	s := r.shard(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[p]
	if e == nil {
		e = &entry{person: p}
		s.entries[p] = e
	}
	if e.places >= limit {
		return nil
	}
	e.places++
	return e
}

// release gives a place back.
func (r *registry) release(e *entry) {
	s := r.shard(e.person)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.places--; e.places == 0 {
		delete(s.entries, e.person)
	}
}

// find gives the entry of p, or nil.
func (r *registry) find(p approval.PersonID) *entry {
	s := r.shard(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries[p]
}

// list gives the entries of one shard.
func (s *shard) list() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*entry, 0, len(s.entries))
	for _, e := range s.entries {
		list = append(list, e)
	}
	return list
}

// entries gives everybody with pages here.
func (r *registry) entries() []*entry {
	var list []*entry
	for i := range r.shards {
		list = append(list, r.shards[i].list()...)
	}
	return list
}

// conns gives all pages.
func (r *registry) conns() []*conn {
	var list []*conn
	for _, e := range r.entries() {
		list = append(list, e.pages()...)
	}
	return list
}

func (e *entry) pages() []*conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.conns)
}

// told gives the revision that the pages were told of, 0 before any.
func (e *entry) told() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.known {
		return 0
	}
	return e.rev
}

func (e *entry) add(c *conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conns = append(e.conns, c)
}

func (e *entry) remove(c *conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.ready = false
	if i := slices.Index(e.conns, c); i >= 0 {
		e.conns = slices.Delete(e.conns, i, i+1)
	}
}
