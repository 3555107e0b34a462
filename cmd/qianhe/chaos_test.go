//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/approval/pgapproval"
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/webpush"
	"qianhe/hub"
	"qianhe/hub/pghub"
	"qianhe/migrations"
	"qianhe/migrations/localpg"
)

var (
	chaosSize = flag.Int("chaos", 600, "notifications of the chaos test; 20000 is its full size")
	chaosSeed = flag.Uint64("chaos.seed", 1, "what happens when")
)

// The child of TestChaos is this program again, told by these.
const (
	chaosDSN   = "QIANHE_TEST_CHAOS_DSN"
	chaosURL   = "QIANHE_TEST_CHAOS_URL"
	chaosKeys  = "QIANHE_TEST_CHAOS_KEYS"
	chaosAhead = "QIANHE_TEST_CHAOS_AHEAD"
)

// chaosSteps: whatever a person is reached by, and LINE when that has failed;
// hours count as far as clocks of nodes run ahead, so it is many.
func chaosSteps() []hub.Step {
	return []hub.Step{{Channel: hub.WebPush}, {Channel: hub.Messenger}, {Channel: hub.SMS}, {Channel: hub.LINE, After: 15 * time.Hour}}
}

// chaosHub is a hub of the test's agency.
func chaosHub(ctx context.Context, dsn string, channels []hub.Channel, ahead time.Duration, log *slog.Logger) (*pgxpool.Pool, *pghub.Hub, error) {
	c, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, nil, err
	}
	c.MaxConns = 12
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	opt := bedOptions(channels, pool, chaosSteps(), log)
	rule := opt.Policy.Rules[hub.KindAnnouncement]
	rule.TTL = 20 * time.Hour
	opt.Policy.Rules[hub.KindAnnouncement] = rule
	opt.Retries.Attempts = 1000
	opt.Now = func() time.Time { return time.Now().Add(ahead) }
	h, err := pghub.New(pool, opt)
	return pool, h, err
}

// chaosChild is a node that delivers until it is killed.
func chaosChild() int {
	fail := func(err error) int {
		fmt.Println(err)
		return 2
	}
	ctx := context.Background()
	var keys webpush.Keys
	if err := json.Unmarshal([]byte(os.Getenv(chaosKeys)), &keys); err != nil {
		return fail(err)
	}
	ahead, err := time.ParseDuration(os.Getenv(chaosAhead))
	if err != nil {
		return fail(err)
	}
	channels, err := sandboxChannels(os.Getenv(chaosURL), keys, bedPatience, func(s sms.Sender) sms.Sender { return early{s, ahead} })
	if err != nil {
		return fail(err)
	}
	_, h, err := chaosHub(ctx, os.Getenv(chaosDSN), channels, ahead, slog.New(slog.DiscardHandler))
	if err != nil {
		return fail(err)
	}
	for h.Start(ctx) != nil { // the database is being restarted
		pauseOr(ctx.Done(), 50*time.Millisecond)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or its parent is
	return 0
}

// early asks a provider for texts since a time that a node has written whose
// clock was ahead; the provider's is not.
type early struct {
	sms.Sender
	by time.Duration
}

func (e early) Find(ctx context.Context, t sms.Text, since time.Time) (hub.Receipt, bool, error) {
	return e.Sender.Find(ctx, t, since.Add(-e.by))
}

// chaos is a run of the test.
type chaos struct {
	t      *testing.T
	dir    string
	dsn    string
	url    string
	phones *sandbox.Sandbox
	keys   webpush.Keys

	mu     sync.Mutex
	server *localpg.Server
}

// TestChaos publishes while the node that delivers is killed at random (-9),
// PostgreSQL crashes and comes back, and providers have bad days. In the end
// none is lost; none has come twice where the provider knows a repetition by
// its key (LINE), or where nobody can know (Messenger); an SMS has come twice
// at most, and only after a doubt in which the provider said that it has none;
// a push has come again under the same tag, once an attempt at most.
//
//	go test ./cmd/qianhe -run TestChaos -chaos 20000 -timeout 40m -v
func TestChaos(t *testing.T) {
	t.Parallel()
	c := &chaos{t: t}
	c.url, c.phones = newPhones(t)
	c.phones.SetQuota(0, 0) // LINE's free 3,000 a month are too few
	var err error
	if c.keys, err = webpush.NewKeys(); err != nil {
		t.Fatal(err)
	}
	if c.dir, err = os.MkdirTemp("", "qh-chaos-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(c.dir) })
	c.startPostgres()
	t.Cleanup(func() {
		if err := c.server.Stop(); err != nil {
			t.Error(err)
		}
	})
	c.dsn = c.server.DSN("postgres")
	pool, h, err := chaosHub(t.Context(), c.dsn, nil, 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := migrations.Up(t.Context(), pool, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	sender := newSender(t, pool)
	total := *chaosSize
	addresses := c.enterPeople(pool, h, total/8)

	var published atomic.Int64
	publishing := make(chan struct{})
	go func() {
		defer close(publishing)
		c.publish(h, sender, len(addresses), total, &published)
	}()
	days := make(chan struct{})
	go func() {
		defer close(days)
		c.badDays(publishing)
	}()
	kills, crashes := c.killNodes(publishing)
	<-days
	if got := int(published.Load()); got != total {
		t.Fatalf("%d of %d notices were published", got, total)
	}

	// Now everything is well, and the last node does what there is to do.
	node := c.startNode(kills + 1)
	defer node.kill()
	c.awaitDone(pool, total)
	c.compare(pool, addresses, total)
	t.Logf("%d notifications, %d kills, %d crashes of PostgreSQL", total, kills, crashes)
}

func (c *chaos) startPostgres() {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if c.server, err = localpg.Start(ctx, localpg.Options{Dir: c.dir, Durable: true}); err != nil {
		c.t.Error(err)
	}
}

// crashPostgres ends the server as a crash would (immediate shutdown: it comes
// back by recovery from its log) and starts it again.
func (c *chaos) crashPostgres() {
	pid, err := os.ReadFile(filepath.Join(c.dir, "data", "postmaster.pid"))
	if err != nil {
		c.t.Error(err)
		return
	}
	line, _, _ := strings.Cut(string(pid), "\n")
	n, err := strconv.Atoi(line)
	if err != nil {
		c.t.Error(err)
		return
	}
	_ = syscall.Kill(n, syscall.SIGQUIT)
	<-c.server.Done()
	_ = c.server.Stop() // says that it has ended by itself
	c.startPostgres()
}

// reached is how somebody is reached.
type reached struct {
	channel hub.ChannelName
	to      string
	line    string // where LINE stands in
}

// enterPeople makes people, a quarter for each channel. There are so many that
// the stand-ins keep all messages of each, and that no two of one number have
// the same reference.
func (c *chaos) enterPeople(pool *pgxpool.Pool, h *pghub.Hub, people int) []reached {
	b := &bed{t: c.t, phones: c.phones, pool: pool, hub: h, keys: c.keys, store: pgapproval.New(pool, h)}
	list := make([]reached, people)
	for i := range list {
		list[i].channel = []hub.ChannelName{hub.LINE, hub.WebPush, hub.Messenger, hub.SMS}[i%4]
		links := map[hub.ChannelName]hub.Address{hub.LINE: b.address(hub.LINE)}
		list[i].line = links[hub.LINE].Value
		if list[i].channel != hub.LINE {
			links[list[i].channel] = b.address(list[i].channel)
		}
		list[i].to = links[list[i].channel].Value
		b.people = i // their accounts are person1 ...
		login := b.person(links)
		if list[i].channel == hub.LINE {
			c.preferLINE(pool, h, login)
		}
		b.people = people + 2*i + 2
	}
	return list
}

// preferLINE: for this person LINE comes first, at once.
func (c *chaos) preferLINE(pool *pgxpool.Pool, h *pghub.Hub, login string) {
	c.t.Helper()
	var person approval.PersonID
	err := pool.QueryRow(c.t.Context(), `select person from account where login = $1`, login).Scan(&person)
	if err == nil {
		err = h.SetPreferences(c.t.Context(), person, hub.Preferences{First: hub.LINE})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// publish publishes everything, each as often as it takes to hear that it is
// committed, by a key under which it is one.
func (c *chaos) publish(h *pghub.Hub, sender string, people, total int, published *atomic.Int64) {
	var next atomic.Int64
	var publishers sync.WaitGroup
	for range 8 {
		publishers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= total {
					return
				}
				n := hub.Notice{
					Token: sender, Key: fmt.Sprint("notice-", i), Kind: hub.KindAnnouncement, Title: "系統維護公告",
					Speed: approval.SpeedNormal, To: []string{fmt.Sprint("person", i%people+1)},
				}
				for c.t.Context().Err() == nil {
					ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
					_, err := h.Publish(ctx, n)
					cancel()
					if err == nil {
						published.Add(1)
						break
					}
					pauseOr(c.t.Context().Done(), 20*time.Millisecond)
				}
				// So that there is something to publish all the time.
				pauseOr(c.t.Context().Done(), time.Duration(40+i%40)*time.Millisecond)
			}
		})
	}
	publishers.Wait()
}

// badDays lets providers flap until everything is published.
func (c *chaos) badDays(until <-chan struct{}) {
	random := rand.New(rand.NewPCG(*chaosSeed, 1))
	faults := []sandbox.Fault{
		sandbox.FailAfterAccept(), sandbox.HangAfterAccept(), sandbox.CutAfterAccept(), sandbox.Hang(), sandbox.RateLimited(0),
		sandbox.Answer(503, "Service Unavailable"), sandbox.WrongBody(), sandbox.Slow(100 * time.Millisecond),
	}
	for {
		c.phones.SetFault("", faults[random.IntN(len(faults))])
		over := pauseOr(until, time.Duration(50+random.IntN(200))*time.Millisecond)
		c.phones.ClearFault("")
		if over || pauseOr(until, time.Duration(100+random.IntN(300))*time.Millisecond) {
			return
		}
	}
}

// killNodes runs one node after the other until everything is published, and
// now and then lets PostgreSQL crash under it.
func (c *chaos) killNodes(until <-chan struct{}) (kills, crashes int) {
	random := rand.New(rand.NewPCG(*chaosSeed, 2))
	for {
		node := c.startNode(kills)
		over := pauseOr(until, time.Duration(200+random.IntN(1300))*time.Millisecond)
		if !over && kills%3 == 1 {
			c.crashPostgres()
			crashes++
			over = pauseOr(until, time.Duration(random.IntN(500))*time.Millisecond)
		}
		node.kill()
		kills++
		if over {
			return kills, crashes
		}
	}
}

type node struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

// startNode starts the nth node. Its clock is ahead of the one before by more
// than a lease, so that what that one was at is found at once.
func (c *chaos) startNode(nth int) node {
	keys, err := json.Marshal(c.keys)
	if err != nil {
		c.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), chaosDSN+"="+c.dsn, chaosURL+"="+c.url, chaosKeys+"="+string(keys),
		chaosAhead+"="+(time.Duration(nth)*time.Minute).String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		c.t.Errorf("node %d says %q", nth, lines.Text())
	}
	return node{cmd, in}
}

func (n node) kill() {
	_ = n.cmd.Process.Signal(syscall.SIGKILL)
	_ = n.cmd.Wait()
	_ = n.stdin.Close()
}

// awaitDone waits until every notification is planned and every delivery has
// come to its end, but for the LINE messages that nobody needs. Where a process
// died between a failure and the next channel, that takes until the sweep of
// the next minute.
func (c *chaos) awaitDone(pool *pgxpool.Pool, total int) {
	c.t.Helper()
	b := &bed{t: c.t}
	var open, planned int
	limit := time.Now().Add(10 * time.Minute)
	for !b.t.Failed() {
		err := pool.QueryRow(c.t.Context(), `
			select count(*) filter (where d.done_at is null and not (d.channel = 'line' and d.attempts = 0 and exists (
					select from delivery o where o.notification = d.notification and o.channel <> 'line' and o.state = 'accepted'))),
				count(distinct d.notification)
			from delivery d`).Scan(&open, &planned)
		if err == nil && open == 0 && planned == total {
			return
		}
		if time.Now().After(limit) {
			c.t.Fatalf("%d deliveries are still open, %d of %d notifications planned, %v", open, planned, total, err)
		}
		pauseOr(c.t.Context().Done(), 100*time.Millisecond)
	}
}

// delivered is a delivery in the ledger.
type delivered struct {
	id, ref  string
	channel  hub.ChannelName
	state    hub.State
	reason   string
	attempts []string
}

// compare holds the ledger against what the providers have really taken.
func (c *chaos) compare(pool *pgxpool.Pool, addresses []reached, total int) {
	c.t.Helper()
	var notices, told int
	err := pool.QueryRow(c.t.Context(), `select (select count(*) from notice), (select count(*) from notification)`).Scan(&notices, &told)
	if err != nil {
		c.t.Fatal(err)
	}
	if notices != total || told != total {
		c.t.Errorf("%d notices and %d notifications in the database, want %d of each", notices, told, total)
	}
	taken := c.taken(addresses)
	rows, _ := pool.Query(c.t.Context(), `
		select n.id, substr(a.login, length('person') + 1)::int - 1, d.id, d.ref, d.channel, d.state, d.reason, array(select t.outcome from attempt t where t.delivery = d.id order by t.number)
		from notification n
		join delivery d on d.notification = n.id
		join account a on a.person = n.person
		order by n.id`)
	reached := map[string]bool{}
	counts := map[string]int{}
	all := map[string]bool{}
	var n string
	var person int
	var d delivered
	for rows.Next() {
		if err := rows.Scan(&n, &person, &d.id, &d.ref, &d.channel, &d.state, &d.reason, &d.attempts); err != nil {
			c.t.Fatal(err)
		}
		all[n] = true
		times := taken[d.channel][d.id]
		if d.channel == hub.SMS {
			times = taken[d.channel][addresses[person].to+d.ref]
		}
		doubts := 0
		for _, o := range d.attempts {
			if o == "unknown" {
				doubts++
			}
		}
		counts[strings.TrimSpace(fmt.Sprintf("%s %s %dx %s", d.channel, d.state, times, d.reason))]++
		if times > 0 {
			reached[n] = true
		}
		switch {
		case d.state == hub.StateAccepted && times == 0:
			c.t.Errorf("%s delivery %s is accepted (%v) and the provider has nothing", d.channel, d.id, d.attempts)
		case (d.channel == hub.LINE || d.channel == hub.Messenger) && times > 1:
			c.t.Errorf("%s delivery %s came %d times (%v)", d.channel, d.id, times, d.attempts)
		case d.channel == hub.SMS && (times > 2 || times == 2 && doubts == 0):
			c.t.Errorf("SMS %s came %d times (%v)", d.id, times, d.attempts)
		case d.channel == hub.WebPush && times > len(d.attempts):
			c.t.Errorf("push %s came %d times (%v)", d.id, times, d.attempts)
		}
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	if len(reached) != len(all) || len(all) != total {
		c.t.Errorf("%d of %d notifications came to somebody through some channel", len(reached), total)
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		c.t.Logf("%-40s %d", what, counts[what])
	}
}

var refInText = regexp.MustCompile(`〔([2-9A-Z]{4})〕`)

// taken counts what the providers have, by delivery; SMS by the number and the
// reference in the text.
func (c *chaos) taken(addresses []reached) map[hub.ChannelName]map[string]int {
	c.t.Helper()
	all := map[hub.ChannelName]map[string]int{hub.LINE: {}, hub.WebPush: {}, hub.Messenger: {}, hub.SMS: {}}
	add := func(channel hub.ChannelName, to string) {
		for _, m := range c.phones.Messages(to) {
			switch channel {
			case hub.LINE, hub.Messenger:
				if id := deliveryIn.FindString(string(m.JSON)); id != "" {
					all[channel][id[len("seen:"):]]++
				}
			case hub.WebPush:
				var push struct {
					Notification struct {
						Data struct {
							Delivery string `json:"delivery"`
						} `json:"data"`
					} `json:"notification"`
				}
				if err := json.Unmarshal(m.JSON, &push); err != nil {
					c.t.Fatal(err)
				}
				all[channel][push.Notification.Data.Delivery]++
			case hub.SMS:
				if ref := refInText.FindStringSubmatch(m.Body); ref != nil {
					all[channel][to+ref[1]]++
				}
			}
		}
	}
	for _, a := range addresses {
		add(a.channel, a.to)
		if a.channel != hub.LINE {
			add(hub.LINE, a.line)
		}
	}
	return all
}

var deliveryIn = regexp.MustCompile(`seen:[0-9a-z]{26}`)
