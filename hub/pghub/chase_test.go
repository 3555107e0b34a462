package pghub

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/pgapproval"
	"qianhe/approval/workday"
	"qianhe/hub"
)

// chaseFixture is an office with 登記桌, 科長, 局長 and 研考 around the people of
// the fixture, on the official calendar.
type chaseFixture struct {
	*fixture
}

func newChaseFixture(t testing.TB, set ...func(*Options)) *chaseFixture {
	t.Helper()
	f := &chaseFixture{newFixture(t, append([]func(*Options){func(o *Options) {
		o.Policy = hub.Policy{}
		o.Workdays = workday.Official()
	}}, set...)...)}
	f.opt.Chaser = pgapproval.NewReader(f.pool)
	f.Hub = f.another()
	f.exec(`insert into unit (id, parent, name) values ('bureau', 'u', '工務局'), ('rivers', 'bureau', '水利科')`)
	f.exec(`update person set unit = 'rivers'`)
	for _, p := range [][4]string{{"desk", "書記", "rivers", "registry"}, {"chief", "科長", "rivers", "official"}, {"head", "局長", "bureau", "official"}, {"audit", "專員", "u", "auditor"}} {
		f.exec(`insert into person (id, name, title, unit, roles, created_at) values ($1, $1, $2, $3, array[$4], $5)`, p[0], p[1], p[2], p[3], morning)
		f.exec(`insert into account (id, person, login, password_hash, created_at) values ($1, $1, $1, '', $2)`, p[0], morning)
		f.trays.counts[approval.PersonID(p[0])] = approval.TrayCounts{All: 1}
	}
	f.exec(`update step set state = 'waiting', arrived_at = null`)
	return f
}

// late makes a document of dan's that is due at the end of a day of November,
// in the hands of people.
func (f *chaseFixture) late(doc string, day int, people ...string) {
	f.t.Helper()
	f.document(doc, "")
	f.exec(`update document set due = $2 where id = $1`, doc, at(day+1, 0, 0))
	f.exec(`update step set state = 'waiting', arrived_at = null where document = $1 and not person = any($2)`, doc, people)
}

func (f *chaseFixture) chase(h *Hub, now time.Time) int {
	f.t.Helper()
	f.clock.set(now)
	n, err := h.Chase(f.t.Context(), now)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

// told gives "person kind documents" of each message since the last call.
func (f *chaseFixture) told() []string {
	f.t.Helper()
	list := query[string](f.fixture, `
		select concat_ws(' ', n.person, n.kind, (select string_agg(c.document || ':' || c.rung, ' ' order by c.document, c.rung) from chase c where c.notification = n.id))
		from notification n
		where n.cancel_reason = ''
		order by n.person, n.kind, n.seq`)
	f.exec(`update notification set cancel_reason = 'read by the test'`)
	return list
}

func (f *chaseFixture) wantTold(when string, want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, f.told()...)); diff != "" {
		f.t.Errorf("%s: told (-want +got):\n%s", when, diff)
	}
}

// TestChaseLadder walks one document up the ladder, with the sweep of every hour
// of two weeks.
func TestChaseLadder(t *testing.T) {
	t.Parallel()
	f := newChaseFixture(t)
	f.late("a", 24, "amy") // a Tuesday
	want := map[string][]string{
		"23 09:00": {"amy overdue.soon a:soon", "dan overdue.soon a:soon"},
		"24 09:00": {"amy overdue.reminder a:due", "dan overdue.reminder a:due"},
		"25 09:00": {"audit overdue.escalation a:weekly", "dan overdue.escalation a:desk", "desk overdue.escalation a:desk"},
		"27 09:00": {"chief overdue.escalation a:head"},
		"30 09:00": {"audit overdue.escalation a:weekly"},
		"01 09:00": {"amy overdue.reminder a:due", "dan overdue.reminder a:due", "head overdue.escalation a:monthly"},
	}
	seen := 0
	for now := at(20, 10, 0); now.Before(at(34, 0, 0)); now = now.Add(time.Hour) {
		f.chase(f.Hub, now)
		if list := f.told(); len(list) > 0 || len(want[now.Format("02 15:04")]) > 0 {
			seen++
			if diff := cmp.Diff(want[now.Format("02 15:04")], list); diff != "" {
				t.Errorf("%s: told (-want +got):\n%s", now.Format("02 15:04"), diff)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("told on %d days, want %d", seen, len(want))
	}
}

// However many processes chase at the same time, and wherever one of them ends,
// everybody is told once, by one message of all their documents.
func TestChaseOnceOverNodes(t *testing.T) {
	t.Parallel()
	f := newChaseFixture(t)
	for i := range 30 {
		f.late(fmt.Sprintf("d%02d", i), 18+i%3, "amy", "ben")
	}
	f.clock.set(at(24, 9, 0))
	hubs := []*Hub{f.Hub, f.another(), f.another()}
	var wg sync.WaitGroup
	for i := range 9 {
		wg.Go(func() {
			if _, err := hubs[i%3].Chase(t.Context(), at(24, 9, 0)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := query[string](f.fixture, `select person || ' ' || kind || ' ' || dedup from notification order by 1`)
	want := []string{
		"amy overdue.reminder chase:due:2026-11-24", "audit overdue.escalation chase:weekly:20261123", "ben overdue.reminder chase:due:2026-11-24",
		"chief overdue.escalation chase:head:2026-11-24", "dan overdue.escalation chase:desk:2026-11-24", "desk overdue.escalation chase:desk:2026-11-24",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	// A process that died before the end of the day's work is made up for.
	f.exec(`update chase_run set done_at = null`)
	f.late("new", 24, "cid")
	if n := f.chase(hubs[2], at(24, 9, 1)); n != 2 {
		t.Errorf("the work that was left told %d, want cid and dan", n)
	}
	if n := f.chase(hubs[1], at(24, 9, 2)); n != 0 {
		t.Errorf("a day that is done told %d again", n)
	}
}

// What was missed while no server ran is one message, and the next day none.
func TestChaseCatchesUpWithOneMessage(t *testing.T) {
	t.Parallel()
	f := newChaseFixture(t)
	f.late("a", 23, "amy")
	f.late("b", 24, "amy")
	f.late("c", 30, "amy")
	f.chase(f.Hub, at(27, 11, 0)) // nothing since the 20th
	f.wantTold("after a week",
		"amy overdue.reminder a:due b:due c:soon", "audit overdue.escalation a:weekly b:weekly", "chief overdue.escalation a:head b:head",
		"dan overdue.escalation a:desk a:due b:desk b:due c:soon", "desk overdue.escalation a:desk b:desk")
	f.chase(f.Hub, at(30, 9, 0))
	f.wantTold("the next working day", "amy overdue.reminder a:due c:due", "audit overdue.escalation a:weekly b:weekly", "dan overdue.reminder a:due c:due")
}

// A day off that the agency has entered moves the ladder.
func TestChaseFollowsTheCalendar(t *testing.T) {
	t.Parallel()
	f := newChaseFixture(t, func(o *Options) {
		o.Workdays = workday.Official().With([]workday.Override{{Day: at(24, 0, 0), Off: true, Note: "停班"}})
	})
	f.late("a", 24, "amy")
	f.chase(f.Hub, at(23, 9, 0))
	f.wantTold("the day before a typhoon", "amy overdue.reminder a:due", "dan overdue.reminder a:due")
	f.chase(f.Hub, at(24, 9, 0))
	f.wantTold("on the day off")
	f.chase(f.Hub, at(25, 9, 0))
	f.wantTold("after it", "audit overdue.escalation a:weekly", "dan overdue.escalation a:desk", "desk overdue.escalation a:desk")
}

// The moment a document moves nothing more is sent about it: the messages that
// wait say less, or nothing.
func TestChaseStopsWhenTheDocumentMoves(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		move func(f *chaseFixture)
		want string // of amy's message; "" when it is not sent
	}{
		{"nothing moves", func(*chaseFixture) {}, "逾期公文 2 件"},
		{"one is decided", func(f *chaseFixture) {
			f.exec(`update document set state = 'decided', decided_at = now() where id = 'a'`)
		}, "逾期公文 1 件"},
		{"one has left her hands", func(f *chaseFixture) {
			f.exec(`update step set state = 'closed', closed_at = now(), acted_by = person, action = 'approve' where id = 'a-amy'`)
		}, "逾期公文 1 件"},
		{"one has more time", func(f *chaseFixture) {
			f.exec(`update document set due = due + interval '5 days' where id = 'b'`)
		}, "逾期公文 1 件"},
		{"both have moved", func(f *chaseFixture) {
			f.exec(`update document set state = 'decided', decided_at = now()`)
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newChaseFixture(t)
			f.link("amy", hub.LINE)
			f.late("a", 19, "amy")
			f.late("b", 19, "amy")
			f.chase(f.Hub, at(23, 9, 0))
			f.routeAll()
			f.deliverAll()
			f.line.none(t)
			f.clock.set(at(23, 9, 15))
			tt.move(f)
			f.deliverAll()
			if tt.want == "" {
				f.line.none(t)
				if diff := cmp.Diff([]string{"line cancelled (all of it has moved)"}, f.states()); diff != "" {
					t.Errorf("deliveries (-want +got):\n%s", diff)
				}
				return
			}
			if m := f.line.next(t); m.Text != tt.want || m.Kind != hub.KindOverdue || !strings.HasSuffix(m.URL, "/overdue") {
				t.Errorf("LINE says %q and leads to %s, want %q", m.Text, m.URL, tt.want)
			}
		})
	}
}

// One document of one's own is one tap away, a classified one is not named.
func TestChaseLeadsToTheDocument(t *testing.T) {
	t.Parallel()
	f := newChaseFixture(t)
	f.late("a", 23, "amy")
	f.late("b", 23, "ben")
	f.exec(`update document set grade = '密' where id = 'b'`)
	f.link("amy", hub.WebPush)
	f.link("ben", hub.WebPush)
	f.link("desk", hub.WebPush)
	f.chase(f.Hub, at(24, 9, 0))
	f.routeAll()
	f.deliverAll()
	want := map[string]string{"amy": "/d/a 逾期公文 1 件", "ben": "/overdue 逾期公文 1 件", "desk": "/overdue 稽催：逾期公文 2 件 · 所屬逾期公文 2 件"}
	for range want {
		m := f.push.next(t)
		if got := strings.TrimPrefix(m.URL, "https://sign.example.gov.tw") + " " + m.Text; got != want[string(m.Person)] {
			t.Errorf("%s is sent %q, want %q", m.Person, got, want[string(m.Person)])
		}
	}
}

// A digest of the same morning does not take the place of what is late, nor the
// other way round, and one sweep does both.
func TestSweepChasesAndDigests(t *testing.T) {
	t.Parallel()
	f := newChaseFixture(t)
	f.late("a", 23, "amy")
	f.clock.set(at(24, 9, 5))
	if err := f.sweep(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	got := query[string](f.fixture, `select kind from notification where person = 'amy' order by kind`)
	if diff := cmp.Diff([]string{"overdue.reminder", "pending.digest"}, got); diff != "" {
		t.Errorf("amy is told (-want +got):\n%s", diff)
	}
}

func TestForgetChased(t *testing.T) {
	t.Parallel()
	f := newChaseFixture(t)
	f.late("a", 23, "amy")
	f.chase(f.Hub, at(24, 9, 0))
	before := one[int](f.fixture, `select count(*) from chase`)
	for _, days := range []int{399, 401} {
		if err := f.forgetChased(t.Context(), at(24, 9, 0).AddDate(0, 0, days)); err != nil {
			t.Fatal(err)
		}
		got := one[string](f.fixture, `select (select count(*) from chase) || ' ' || (select count(*) from chase_run)`)
		want := fmt.Sprint(before, " 1")
		if days > 400 {
			want = "0 0"
		}
		if got != want {
			t.Errorf("after %d days there are %s, want %s", days, got, want)
		}
	}
}

// An office with many late documents is chased in a few seconds.
func BenchmarkChase(b *testing.B) {
	f := newChaseFixture(b)
	f.exec(`insert into person (id, name, unit, created_at) select 'p' || i, 'p' || i, 'rivers', $1 from generate_series(1, 2000) i`, morning)
	f.exec(`insert into document (id, number, type, subject, speed, state, version, handler, received_at, due, source_sha256, created_at, updated_at)
		select 'x' || i, 'x' || i, '函', '主旨', '普通件', 'circulating', 1, 'p' || 1 + i % 2000, $1, $2, sha256(convert_to('x' || i, 'UTF8')), $1, $1 from generate_series(1, 20000) i`, morning, at(21, 0, 0))
	f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at)
		select 's' || i, 'x' || i, 0, 'review', 'p' || 1 + (i * 7) % 2000, 'active', 'planned', $1 from generate_series(1, 20000) i`, morning)
	f.exec(`analyze person, document, step`) // as autovacuum does
	b.ResetTimer()
	for range b.N {
		if _, err := f.pool.Exec(b.Context(), `truncate chase, chase_run, notification, delivery, attempt, inbox cascade`); err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		n := f.chase(f.Hub, at(24, 9, 0))
		b.ReportMetric(float64(n), "people")
		b.ReportMetric(time.Since(begun).Seconds(), "s")
	}
}
