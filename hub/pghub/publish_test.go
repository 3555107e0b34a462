package pghub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// form is a notice of the token "hr".
func form(key string, to ...string) hub.Notice {
	return hub.Notice{
		Token: "hr", Key: key, Kind: hub.KindForm, Title: "差勤申請單待審核", URL: "https://hr.example.gov.tw/forms/" + key,
		Speed: approval.SpeedNormal, To: to,
	}
}

// newPublishing is a fixture with a token, whose bus runs.
func newPublishing(t testing.TB) *fixture {
	f := newFixture(t)
	f.token("hr")
	f.token("assets")
	if err := f.ownBus.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.ownBus.stop)
	return f
}

func (f *fixture) publish(n hub.Notice) hub.Publication {
	f.t.Helper()
	p, err := f.Publish(f.t.Context(), n)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func TestPublish(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	f.link("ben", hub.LINE)
	f.exec(`update account set disabled_at = now() where login = 'cid'`)
	f.exec(`update person set left_at = now() where id = 'dan'`)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	n := form("k1", "amy", "nobody", "ben", "cid", "dan", "a,b")
	n.Speed, n.Due = approval.SpeedHighest, morning.Add(38*time.Hour)
	got := f.publish(n)
	if got.Notice == "" || got.Duplicate || got.Told() != 2 {
		t.Errorf("got %+v", got)
	}
	var lines []string
	for _, to := range got.To {
		lines = append(lines, strings.Join([]string{to.Account, string(to.Person), string(to.Refused)}, " "))
		if (to.Notification == "") != (to.Refused != "") {
			t.Errorf("%+v has a notification and is refused, or neither", to)
		}
	}
	if diff := cmp.Diff([]string{"amy amy ", "nobody  unknown", "ben ben ", "cid  disabled", "dan  disabled", "a,b  unknown"}, lines); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	lines = query[string](f, `select concat_ws(' ', person, seq, kind, speed, due at time zone 'utc', notice = $1, routed_at is null) from notification where notice is not null order by person`, got.Notice)
	want := []string{"amy 2 form.pending 最速件 2026-11-24 16:00:00 t f", "ben 1 form.pending 最速件 2026-11-24 16:00:00 t t"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	if got := query[string](f, `select concat_ws(' ', person, seq, rev) from inbox order by person`); !slices.Equal(got, []string{"amy 2 2", "ben 1 1"}) {
		t.Errorf("inboxes are at %q", got)
	}
	inJob := query[string](f, `select jsonb_array_elements_text(args -> 'notifications') from river_job where kind = 'route' order by id desc limit 1`)
	if !slices.Equal(inJob, []string{got.To[2].Notification}) {
		t.Errorf("to be planned: %q, want only that of whom a channel reaches", inJob)
	}
	if got := one[string](f, `select concat_ws(' ', token, key, kind, title, url, refused, done_at) from notice`); got !=
		`hr k1 form.pending 差勤申請單待審核 https://hr.example.gov.tw/forms/k1 {"a,b": "unknown", "cid": "disabled", "dan": "disabled", "nobody": "unknown"}` {
		t.Errorf("notice is %s", got)
	}
	if got := value(t, f.metrics.notifications.WithLabelValues(string(hub.KindForm))); got != 2 {
		t.Errorf("forms counted: %v, want 2", got)
	}
}

func TestPublishToNobody(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	for range 2 {
		p := f.publish(form("k", "nobody"))
		if p.Notice != "" || p.Duplicate || p.Told() != 0 || len(p.To) != 1 {
			t.Errorf("got %+v", p)
		}
	}
	if p := f.publish(form("k", "amy")); p.Notice == "" || p.Duplicate {
		t.Errorf("the key was used up by what was not written: %+v", p)
	}
}

func TestPublishAgain(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	first := f.publish(form("k", "amy", "nobody", "ben"))
	f.exec(`insert into account (id, person, login, password_hash, created_at) values ('nobody', 'cid2', 'nobody', '', $1)`,
		f.newPerson("cid2"))
	f.exec(`update account set disabled_at = now() where login = 'ben'`)
	want := first
	want.Duplicate = true
	if diff := cmp.Diff(want, f.publish(form("k", "amy", "nobody", "ben"))); diff != "" {
		t.Errorf("the same again (-want +got):\n%s", diff)
	}
	again := f.publish(form("k", "nobody", "ben", "amy"))
	if !again.Duplicate || again.Notice != first.Notice || again.To[2] != first.To[0] {
		t.Errorf("the same in another order: %+v", again)
	}
	f.exec(`update account set disabled_at = now()`)
	if diff := cmp.Diff(want, f.publish(form("k", "amy", "nobody", "ben"))); diff != "" {
		t.Errorf("the same when nobody can be told any more (-want +got):\n%s", diff)
	}
	f.exec(`update account set disabled_at = null`)
	for name, change := range map[string]func(*hub.Notice){
		"kind":       func(n *hub.Notice) { n.Kind = hub.KindAnnouncement },
		"title":      func(n *hub.Notice) { n.Title += "2" },
		"url":        func(n *hub.Notice) { n.URL += "2" },
		"speed":      func(n *hub.Notice) { n.Speed = approval.SpeedUrgent },
		"due":        func(n *hub.Notice) { n.Due = morning },
		"recipients": func(n *hub.Notice) { n.To = n.To[:2] },
	} {
		n := form("k", "amy", "nobody", "ben")
		change(&n)
		if p, err := f.Publish(t.Context(), n); !errors.Is(err, hub.ErrKeyTaken) {
			t.Errorf("another %s under the same key: got %+v, %v", name, p, err)
		}
	}
	other := form("k", "amy", "nobody", "ben")
	other.Token = "assets"
	if p := f.publish(other); p.Duplicate || p.Notice == first.Notice {
		t.Errorf("the same key of another token: %+v", p)
	}
	if a, b := f.publish(form("", "amy")), f.publish(form("", "amy")); a.Duplicate || b.Duplicate || a.Notice == b.Notice {
		t.Errorf("without a key: %+v, %+v", a, b)
	}
	if got := query[string](f, `select concat_ws(' ', person, seq, rev) from inbox order by person`); !slices.Equal(got, []string{"amy 4 4", "ben 2 2", "cid2 1 1"}) {
		t.Errorf("inboxes are at %q", got)
	}
}

// newPerson makes a person without an account and gives the time.
func (f *fixture) newPerson(id string) time.Time {
	f.t.Helper()
	f.exec(`insert into person (id, name, unit, created_at) values ($1, 'x', 'u', $2)`, id, morning)
	return morning
}

// Two processes on one database, a hundred tries at the same moment under one
// key, and the same with contents that differ.
func TestOneKeyAtOnce(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	hubs := []*Hub{f.Hub, f.another()}
	for round := range 10 {
		var all sync.WaitGroup
		var mu sync.Mutex
		ids, written, taken := map[string]bool{}, 0, 0
		for i := range 20 {
			all.Go(func() {
				n := form(fmt.Sprint("key", round), "amy", "ben", "cid")
				if i >= 16 {
					n.Title = "別的"
				}
				p, err := hubs[i%2].Publish(t.Context(), n)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, hub.ErrKeyTaken):
					taken++
				case err != nil:
					t.Error(err)
				default:
					ids[p.Notice] = true
					if !p.Duplicate {
						written++
					}
				}
			})
		}
		all.Wait()
		if len(ids) != 1 || written != 1 || taken != 4 && taken != 16 {
			t.Errorf("%d notices, %d answers that say it is new, %d refused", len(ids), written, taken)
		}
	}
	want := []string{"amy 10 10", "ben 10 10", "cid 10 10"}
	if got := query[string](f, `select concat_ws(' ', person, count(*), max(seq)) from notification group by person order by 1`); !slices.Equal(got, want) {
		t.Errorf("notifications and last seq are %q, want %q", got, want)
	}
}

// A member that the database cannot take does not take the others with it.
func TestABadMemberFailsAlone(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	var batch []*publishing
	for i := range 5 {
		n := form(fmt.Sprint(i), "amy")
		if i == 2 {
			n.Title = "a\x00b"
		}
		if i == 3 {
			n.To = []string{"amy\x00"}
		}
		batch = append(batch, &publishing{ctx: t.Context(), id: f.newID(), key: n.Key, content: contentOf(n), notice: n, done: make(chan struct{})})
	}
	left, cancel := context.WithCancel(t.Context())
	cancel()
	gone := form("gone", "amy")
	batch = append(batch, &publishing{ctx: left, id: f.newID(), key: "gone", content: contentOf(gone), notice: gone, done: make(chan struct{})})
	all := slices.Clone(batch)
	f.publishBatch(batch)
	for i, p := range all {
		<-p.done
		if failed := i == 2 || i == 3 || i == 5; (p.err != nil) != failed || !failed && p.result.Told() != 1 {
			t.Errorf("%d: got %+v, %v", i, p.result, p.err)
		}
	}
	if got := query[string](f, `select seq || ' ' || key from notification n join notice t on t.id = n.notice order by seq`); !slices.Equal(got, []string{"1 0", "2 1", "3 4"}) {
		t.Errorf("written: %q", got)
	}
}

// Whoever did not hear of its own commit gets the answer of it, and it is no
// duplicate.
func TestALostAnswer(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	for _, key := range []string{"k", ""} {
		n := form(key, "amy", "nobody")
		p := &publishing{ctx: t.Context(), id: f.newID(), key: key, content: contentOf(n), notice: n}
		if key == "" {
			p.key = p.id
		}
		if err := f.writeNotices(t.Context(), []*publishing{p}); err != nil || p.err != nil {
			t.Fatal(err, p.err)
		}
		first := p.result
		if err := f.writeNotices(t.Context(), []*publishing{p}); err != nil || p.err != nil {
			t.Fatal(err, p.err)
		}
		if diff := cmp.Diff(first, p.result); diff != "" || first.Duplicate {
			t.Errorf("second answer (-first +second):\n%s", diff)
		}
	}
}

// Many at once over the same few people, among decisions: numbers without gaps
// in the order of the answers, and everybody is told of every change.
func TestPublishAtOnce(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	hubs := []*Hub{f.Hub, f.another()}
	people := []string{"amy", "ben", "cid", "dan"}
	const writers, each = 24, 15
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			last := map[string]int64{}
			for i := range each {
				if w%6 == 5 {
					e := f.event(approval.EventArrived, "doc", people[i%4])
					e.Step = approval.StepID(fmt.Sprintf("doc-%s", people[i%4]))
					if err := f.enqueueWith(hubs[w%2], e, f.event(approval.EventLeft, "cls", people[w%4])); err != nil {
						t.Error(err)
					}
					continue
				}
				to := []string{people[(w+i)%4], people[(w+i+1)%4], people[(w+i+2)%4]}
				p, err := hubs[w%2].Publish(t.Context(), form(fmt.Sprintf("%d-%d", w, i), to...))
				if err != nil {
					t.Error(err)
					continue
				}
				for _, to := range p.To {
					seq := one[int64](f, `select seq from notification where id = $1`, to.Notification)
					if seq <= last[to.Account] {
						t.Errorf("%s got %d after %d", to.Account, seq, last[to.Account])
					}
					last[to.Account] = seq
				}
			}
		})
	}
	all.Wait()
	for _, p := range people {
		list := query[int64](f, `select seq from notification where person = $1 order by seq`, p)
		for i, seq := range list {
			if seq != int64(i+1) {
				t.Fatalf("%s has the numbers %v", p, list)
			}
		}
		if seq := one[int64](f, `select seq from inbox where person = $1`, p); seq != int64(len(list)) {
			t.Errorf("inbox of %s is at %d, and has %d", p, seq, len(list))
		}
	}
	if got := one[int](f, `select count(*) from notification where notice is not null`); got != writers/6*5*each*3 {
		t.Errorf("%d notifications of notices, want %d", got, writers/6*5*each*3)
	}
}

func TestPublishTellsTheNodes(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan hub.Change, 100)
	var done sync.WaitGroup
	done.Go(func() {
		_ = f.Bus().Subscribe(ctx, func(changes []hub.Change) {
			for _, c := range changes {
				heard <- c
			}
		})
	})
	defer done.Wait()
	defer cancel()
	// Whoever is not subscribed yet may miss the first.
	next := func(rev int64) {
		t.Helper()
		for {
			select {
			case c := <-heard:
				if c.Person == "amy" && c.Rev >= rev {
					return
				}
			case <-time.After(patience):
				t.Fatalf("nobody said that the inbox is at %d", rev)
			}
		}
	}
	f.publish(form("1", "amy"))
	f.publish(form("2", "amy"))
	p := f.publish(form("3", "amy"))
	next(3)
	if _, err := f.Done(t.Context(), "hr", p.Notice, nil); err != nil {
		t.Fatal(err)
	}
	next(4)
	// A process whose bus does not run tells with its commit.
	command := f.another()
	if _, err := command.Publish(t.Context(), form("4", "amy")); err != nil {
		t.Fatal(err)
	}
	next(5)
	if _, err := command.Done(t.Context(), "hr", p.Notice, nil); err != nil {
		t.Fatal(err)
	}
}

func TestPublishEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newPublishing(t)
	hold, err := f.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Rollback(context.Background())
	f.publish(form("first", "amy"))
	if _, err := hold.Exec(t.Context(), `select from inbox where person = 'amy' for update`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := f.Publish(ctx, form("k", "amy"))
		failed <- err
	}()
	for one[int](f, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) == 0 {
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
	if err := hold.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := f.publish(form("k", "amy")); p.Told() != 1 {
		t.Errorf("the same under its key: %+v", p)
	}
	if got := one[int](f, `select count(*) from notice`); got != 2 {
		t.Errorf("%d notices, want 2", got)
	}
}

func TestTooManyWait(t *testing.T) {
	t.Parallel()
	var q publisher
	q.atWork = committers
	for range waitingNotices {
		if !q.add(&publishing{}, func() {}) {
			t.Fatal("refused too early")
		}
	}
	if q.add(&publishing{}, func() {}) {
		t.Error("there is no limit")
	}
	for n := waitingNotices; n > 0; {
		batch := q.take()
		if len(batch) == 0 || len(batch) > batchNotices {
			t.Fatalf("batch of %d", len(batch))
		}
		n -= len(batch)
	}
	if q.take() != nil || q.atWork != committers-1 {
		t.Error("the committer does not end")
	}
	big := hub.Notice{To: make([]string, hub.MaxRecipients)}
	for range 5 {
		q.add(&publishing{notice: big}, func() {})
	}
	if got := len(q.take()); got != 2 {
		t.Errorf("%d notices to 1,000 people in one transaction, want 2", got)
	}
}
