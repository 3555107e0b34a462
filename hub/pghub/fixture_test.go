package pghub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/migrations/localpg/pgtest"
)

// morning is 10:00 of a Monday.
var morning = time.Date(2026, 11, 23, 10, 0, 0, 0, approval.Zone)

const (
	secretSubject = "關於王小明先生陳情一案"
	secretNumber  = "1150099999"
	secretName    = "王小明"
)

// patience is how long any one thing may take on a slow machine.
const patience = time.Minute

// fixture is a hub on a database of its own, with a few people, two documents
// and stand-ins for everything around it.
type fixture struct {
	*Hub
	t     testing.TB
	pool  *pgxpool.Pool
	clock *clock
	trays *trays
	push  *channel
	line  *channel
	opt   Options
}

func newFixture(t testing.TB, set ...func(*Options)) *fixture {
	t.Helper()
	return newFixtureOn(t, pgtest.New(t), set...)
}

func newFixtureOn(t testing.TB, pool *pgxpool.Pool, set ...func(*Options)) *fixture {
	t.Helper()
	f := &fixture{
		t: t, pool: pool, clock: &clock{now: morning}, trays: &trays{counts: map[approval.PersonID]approval.TrayCounts{}},
		push: newChannel(hub.WebPush), line: newChannel(hub.LINE),
	}
	f.opt = Options{
		Channels: []hub.Channel{f.push, f.line},
		Trays:    f.trays,
		Sealer:   sealer{},
		BaseURL:  "https://sign.example.gov.tw",
		Agency:   "青川市政府",
		Workdays: weekdays{},
		Policy:   awake(hub.DefaultUnseen),
		Now:      f.clock.Now,
		Log:      slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	}
	for _, fn := range set {
		fn(&f.opt)
	}
	f.Hub = f.another()
	f.exec(`insert into unit (id, name) values ('u', '青川市政府')`)
	for _, p := range []string{"amy", "ben", "cid", "dan"} {
		f.exec(`insert into person (id, name, unit, created_at) values ($1, $2, 'u', $3)`, p, secretName+p, morning)
		f.exec(`insert into account (id, person, login, password_hash, created_at) values ($1, $1, $1, '', $2)`, p, morning)
		f.trays.counts[approval.PersonID(p)] = approval.TrayCounts{All: 5, Highest: 1, Overdue: 1}
	}
	f.document("doc", "")
	f.document("cls", approval.GradeSecret)
	return f
}

// another gives a second hub on the same database: another process.
func (f *fixture) another() *Hub {
	f.t.Helper()
	opt := f.opt
	opt.Registerer = prometheus.NewRegistry()
	h, err := New(f.pool, opt)
	if err != nil {
		f.t.Fatal(err)
	}
	return h
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.pool.Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
}

// document makes one with a step for each person, all active.
func (f *fixture) document(id string, grade approval.Grade) {
	f.t.Helper()
	f.exec(`insert into document (id, number, type, subject, speed, grade, state, version, handler, received_at, source_sha256, created_at, updated_at)
		values ($1::text, $2, '函', $3, '普通件', $4, 'circulating', 1, 'dan', $5, sha256(convert_to($1::text, 'UTF8')), $5, $5)`,
		id, secretNumber+id, secretSubject, grade, morning)
	for i, p := range []string{"amy", "ben", "cid", "dan"} {
		f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at) values ($1, $2, $3, 'review', $4, 'active', 'planned', $5)`,
			id+"-"+p, id, i, p, morning)
	}
}

// event concerns person's step of a document.
func (f *fixture) event(kind approval.EventKind, doc, person string, set ...func(*approval.Event)) approval.Event {
	e := approval.Event{
		Kind: kind, Document: approval.DocumentID(doc), Step: approval.StepID(doc + "-" + person),
		Person: approval.PersonID(person), By: "somebody", At: f.clock.Now(), Speed: approval.SpeedNormal,
	}
	if doc == "cls" {
		e.Grade = approval.GradeSecret
	}
	for _, fn := range set {
		fn(&e)
	}
	return e
}

func highest(e *approval.Event) { e.Speed = approval.SpeedHighest }

// enqueue commits events through h.
func (f *fixture) enqueueWith(h *Hub, events ...approval.Event) error {
	var after func()
	err := pgx.BeginFunc(f.t.Context(), f.pool, func(tx pgx.Tx) (err error) {
		after, err = h.EnqueueTx(f.t.Context(), tx, events)
		return err
	})
	if err == nil {
		after()
	}
	return err
}

func (f *fixture) enqueue(events ...approval.Event) {
	f.t.Helper()
	if err := f.enqueueWith(f.Hub, events...); err != nil {
		f.t.Fatal(err)
	}
}

// link gives a person an address on a channel.
func (f *fixture) link(person string, c hub.ChannelName) string {
	f.t.Helper()
	id, err := f.AddLink(f.t.Context(), hub.Link{
		Person: approval.PersonID(person), Channel: c,
		Address: hub.Address{Value: "address of " + person + " on " + string(c), Keys: map[string]string{"auth": "k"}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

// routeAll plans everything that is not planned, as the job would.
func (f *fixture) routeAll() {
	f.t.Helper()
	if err := f.route(f.t.Context(), query[string](f, `select id from notification where routed_at is null`)); err != nil {
		f.t.Fatal(err)
	}
}

// deliverAll does all that is due now, as the pumps would, and says how long
// each channel waits for what is due later.
func (f *fixture) deliverAll() map[hub.ChannelName]time.Duration {
	f.t.Helper()
	return f.deliverWith(f.Hub)
}

func (f *fixture) deliverWith(h *Hub) map[hub.ChannelName]time.Duration {
	f.t.Helper()
	waits := map[hub.ChannelName]time.Duration{}
	for name, p := range h.pumps {
		if wait := p.drain(f.t.Context()); wait != lookAgain {
			waits[name] = wait
		}
	}
	return waits
}

// states gives "channel state (reason)" of every delivery.
func (f *fixture) states() []string {
	f.t.Helper()
	return query[string](f, `select channel || ' ' || state || case when reason = '' then '' else ' (' || reason || ')' end from delivery order by 1`)
}

func query[T any](f *fixture, sql string, args ...any) []T {
	f.t.Helper()
	rows, _ := f.pool.Query(f.t.Context(), sql, args...)
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
	return list
}

func one[T any](f *fixture, sql string, args ...any) T {
	f.t.Helper()
	list := query[T](f, sql, args...)
	if len(list) != 1 {
		f.t.Fatalf("%s: %d rows, want 1", sql, len(list))
	}
	return list[0]
}

// start runs the hub's workers until the test has ended.
func (f *fixture) start(h *Hub) {
	f.t.Helper()
	if err := h.Start(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { stop(f.t, h) })
}

func stop(t testing.TB, h *Hub) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.Stop(ctx); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

// awake is a policy under which every notification goes out by itself, at any
// hour, for tests of the delivery.
func awake(unseen time.Duration) hub.Policy {
	p := hub.Policy{Unseen: unseen, Quiet: &hub.Quiet{}, Cap: 1 << 20, Refresh: new(false), Rules: map[hub.Kind]hub.Rule{}}
	for _, k := range hub.Kinds() {
		rule := hub.House(k, unseen)
		rule.Group = ""
		p.Rules[k] = rule
	}
	return p
}

// house puts the house's own policy in force.
func house(o *Options) { o.Policy = hub.Policy{} }

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// channel records what it is to send, and answers what it is told.
type channel struct {
	name hub.ChannelName
	sent chan hub.Message

	mu     sync.Mutex
	answer func(context.Context, hub.Message) (hub.Receipt, error)
}

func newChannel(name hub.ChannelName) *channel {
	return &channel{name: name, sent: make(chan hub.Message, 1000)}
}

func (c *channel) Name() hub.ChannelName { return c.name }

func (c *channel) Send(ctx context.Context, m hub.Message) (hub.Receipt, error) {
	c.sent <- m
	c.mu.Lock()
	answer := c.answer
	c.mu.Unlock()
	if answer == nil {
		return hub.Receipt{ProviderID: "taken " + m.Delivery}, nil
	}
	return answer(ctx, m)
}

// fails makes every further send end with err; nil mends it.
func (c *channel) fails(err error) {
	c.answers(func(context.Context, hub.Message) (hub.Receipt, error) { return hub.Receipt{ProviderID: "p"}, err })
}

func (c *channel) answers(fn func(context.Context, hub.Message) (hub.Receipt, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = fn
}

// next waits for a send.
func (c *channel) next(t *testing.T) hub.Message {
	t.Helper()
	select {
	case m := <-c.sent:
		return m
	case <-time.After(patience):
		t.Fatalf("nothing was sent through %s", c.name)
		return hub.Message{}
	}
}

// none fails when something was sent.
func (c *channel) none(t *testing.T) {
	t.Helper()
	select {
	case m := <-c.sent:
		t.Errorf("%s was sent %q", c.name, m.Title)
	default:
	}
}

// limited is a channel whose provider has a rate.
type limited struct {
	*channel
	perSecond float64
	burst     int
}

func (c limited) Rate() (float64, int) { return c.perSecond, c.burst }

// asked is a channel whose provider can be asked whether it has a message, and
// wants to be paid for two segments each.
type asked struct {
	*channel
	find func(m hub.Message, since time.Time) (hub.Receipt, bool, error)
}

func (c asked) Find(_ context.Context, m hub.Message, since time.Time) (hub.Receipt, bool, error) {
	return c.find(m, since)
}

func (c asked) Cost(hub.Message) int { return 2 }

// trays says what is pending.
type trays struct {
	mu     sync.Mutex
	counts map[approval.PersonID]approval.TrayCounts
	err    error
}

func (s *trays) TrayCounts(_ context.Context, p approval.PersonID, _ time.Time) (approval.TrayCounts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[p], s.err
}

func (s *trays) TrayCountsOf(_ context.Context, people []approval.PersonID, _ time.Time) (map[approval.PersonID]approval.TrayCounts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[approval.PersonID]approval.TrayCounts{}
	for _, p := range people {
		if c, ok := s.counts[p]; ok {
			counts[p] = c
		}
	}
	return counts, s.err
}

func (s *trays) Waiting(context.Context) ([]approval.PersonID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []approval.PersonID
	for p, c := range s.counts {
		if c.All > 0 {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list, s.err
}

func (s *trays) set(p approval.PersonID, c approval.TrayCounts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[p] = c
}

// sealer hides texts from a glance, and checks the context.
type sealer struct{}

func (sealer) Seal(plain []byte, context string) []byte {
	out := append([]byte(context+"|"), plain...)
	for i := range out {
		out[i] ^= 0x5a
	}
	return out
}

func (sealer) Open(sealed []byte, context string) ([]byte, error) {
	out := bytes.Clone(sealed)
	for i := range out {
		out[i] ^= 0x5a
	}
	plain, ok := bytes.CutPrefix(out, []byte(context+"|"))
	if !ok {
		return nil, errors.New("sealed for something else")
	}
	return plain, nil
}

// weekdays is a calendar without holidays.
type weekdays struct{ approval.Calendar }

func (weekdays) Workday(t time.Time) bool {
	d := t.In(approval.Zone).Weekday()
	return d != time.Saturday && d != time.Sunday
}

// shown is everything of a message that a provider gets to see.
func shown(m hub.Message) string {
	return strings.Join([]string{m.Title, m.Text, fmt.Sprint(m.Facts), m.Button, m.URL, m.Tag, m.Lang, m.Agency}, "\n")
}

// value reads a counter.
func value(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// quietLog is for tests in which things go wrong on purpose.
func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// token makes an API token; its name is its id.
func (f *fixture) token(id string) {
	f.t.Helper()
	f.exec(`insert into api_token (id, name, secret_hash, scopes, created_at) values ($1::text, $1, sha256(convert_to($1::text, 'UTF8')), '{notifications:write}', $2)`, id, morning)
}
