package pghub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

const (
	alertCode = "483920"
	alertLink = "/c/AAAAAAAAAAAAAAAAAAAAAA"
)

// notify commits alerts.
func (f *fixture) notify(alerts ...approval.Alert) {
	f.t.Helper()
	var after func()
	err := pgx.BeginFunc(f.t.Context(), f.pool, func(tx pgx.Tx) (err error) {
		after, err = f.NotifyTx(f.t.Context(), tx, alerts)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	after()
}

func (f *fixture) withdraw(reason string, keys ...approval.AlertKey) {
	f.t.Helper()
	var after func()
	err := pgx.BeginFunc(f.t.Context(), f.pool, func(tx pgx.Tx) (err error) {
		after, err = f.WithdrawTx(f.t.Context(), tx, keys, reason)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	after()
}

// waitingDevice is a sign-in that waits to be confirmed.
func (f *fixture) waitingDevice(set ...func(*approval.Alert)) approval.Alert {
	at := f.clock.Now()
	a := approval.Alert{
		Person: "amy", Kind: approval.AlertNewDevice, Key: "w1", At: at, Until: at.Add(10 * time.Minute), Matter: approval.MatterWaiting,
		Device: "mobile", Network: "outside", Path: "/me/devices/w1", Code: alertCode, Deny: "7Q4M",
	}
	for _, fn := range set {
		fn(&a)
	}
	return a
}

// alertFixture has amy with a browser, LINE and a number.
func alertFixture(t *testing.T, c hub.Channel, set ...func(*Options)) *fixture {
	f := newFixture(t, append([]func(*Options){house, func(o *Options) { o.Channels = append(o.Channels, c) }}, set...)...)
	f.link("amy", hub.WebPush)
	f.link("amy", hub.LINE)
	f.link("amy", hub.SMS)
	f.clock.add(time.Second)
	return f
}

func says(m hub.Message) string { return fmt.Sprint(m.Title, m.Text, m.Facts, m.URL, m.Button) }

// TestNewDeviceIsToldEverywhere: at once through every channel that was linked
// before, but the code by text alone; it stands sealed in the database, and
// neither in the ledger nor in any log.
func TestNewDeviceIsToldEverywhere(t *testing.T) {
	t.Parallel()
	texts := newChannel(hub.SMS)
	var log bytes.Buffer
	f := alertFixture(t, texts, func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	f.notify(f.waitingDevice())
	f.clock.add(time.Second)
	if _, err := f.AddLink(t.Context(), hub.Link{Person: "amy", Channel: hub.WebPush, Address: hub.Address{Value: "the intruder's own"}}); err != nil {
		t.Fatal(err)
	}
	f.routeAll()
	f.deliverAll()

	if got := says(texts.next(t)); !strings.Contains(got, alertCode) || !strings.Contains(got, "7Q4M") || !strings.Contains(got, "11/23 10:00") {
		t.Errorf("the text says %q", got)
	}
	for _, c := range []*channel{f.push, f.line} {
		m := c.next(t)
		if got := says(m); strings.Contains(got, alertCode) || strings.Contains(got, "7Q4M") || !strings.Contains(got, "手機、外部網路") || m.URL != "https://sign.example.gov.tw/me/devices/w1" {
			t.Errorf("%s says %q", c.name, got)
		}
		c.none(t)
	}

	id := one[string](f, `select id from notification`)
	for _, row := range query[string](f, `select n::text from notification n union all select d::text from delivery d union all select a::text from attempt a union all select args::text from river_job`) {
		if strings.Contains(row, alertCode) || strings.Contains(row, "7Q4M") {
			t.Errorf("a row holds the code: %s", row)
		}
	}
	e, err := f.LedgerEntry(t.Context(), id, "amy")
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(e); strings.Contains(string(text), alertCode) || e.Alert.Matter != approval.MatterWaiting || len(e.Deliveries) != 3 {
		t.Errorf("her own ledger says %s", text)
	}
	if strings.Contains(log.String(), alertCode) {
		t.Errorf("a log holds the code: %s", &log)
	}
}

// TestAlertIsToldOnce: the same key is the same, whoever writes it again;
// nothing is told of a transaction that was rolled back.
func TestAlertIsToldOnce(t *testing.T) {
	t.Parallel()
	f := alertFixture(t, newChannel(hub.SMS))
	f.notify(f.waitingDevice(), f.waitingDevice())
	f.notify(f.waitingDevice())
	again := f.waitingDevice(func(a *approval.Alert) { a.Key = "w1:2" })
	rolledBack := errors.New("rolled back")
	err := pgx.BeginFunc(t.Context(), f.pool, func(tx pgx.Tx) error {
		if _, err := f.NotifyTx(t.Context(), tx, []approval.Alert{again}); err != nil {
			return err
		}
		return rolledBack
	})
	if !errors.Is(err, rolledBack) {
		t.Fatal(err)
	}
	if got := one[int](f, `select count(*)::int from notification`); got != 1 {
		t.Errorf("%d notifications, want 1", got)
	}
	for _, bad := range []approval.Alert{{}, f.waitingDevice(func(a *approval.Alert) { a.Kind = "gossip" }), f.waitingDevice(func(a *approval.Alert) { a.Path = "//evil.example" })} {
		err := pgx.BeginFunc(t.Context(), f.pool, func(tx pgx.Tx) error {
			_, err := f.NotifyTx(t.Context(), tx, []approval.Alert{bad})
			return err
		})
		var invalid *approval.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%+v: error %v", bad, err)
		}
	}
}

// TestTextSentAgainSaysTheSame: a provider that has to be tried twice gets the
// same code, and the second text of a person who asked for it has it too.
func TestTextSentAgainSaysTheSame(t *testing.T) {
	t.Parallel()
	texts := newChannel(hub.SMS)
	f := alertFixture(t, texts)
	f.notify(f.waitingDevice())
	texts.fails(&hub.Retry{Reason: "busy"})
	f.routeAll()
	f.deliverAll()
	first := says(texts.next(t))
	texts.fails(nil)
	f.clock.add(2 * time.Minute)
	f.deliverAll()
	if second := says(texts.next(t)); second != first || !strings.Contains(second, alertCode) {
		t.Errorf("first %q, then %q", first, second)
	}
	f.push.next(t)
	f.line.next(t)

	f.notify(f.waitingDevice(func(a *approval.Alert) { a.Key, a.Way = "w1:2", approval.AlertText }))
	f.routeAll()
	f.deliverAll()
	if m := texts.next(t); !strings.Contains(m.Text, alertCode) {
		t.Errorf("the second text says %q", m.Text)
	}
	f.push.none(t)
	f.line.none(t)
}

// TestLinkOrCode: the provider's own setting says which.
func TestLinkOrCode(t *testing.T) {
	t.Parallel()
	for _, links := range []bool{true, false} {
		texts := &linkTaker{newChannel(hub.SMS), links}
		f := alertFixture(t, texts)
		f.notify(f.waitingDevice(func(a *approval.Alert) { a.Link = alertLink }))
		f.routeAll()
		f.deliverAll()
		m := texts.next(t)
		if has := strings.Contains(m.Text, "https://sign.example.gov.tw"+alertLink); has != links || strings.Contains(m.Text, alertCode) == links {
			t.Errorf("links %t: %q", links, m.Text)
		}
	}
}

type linkTaker struct {
	*channel
	links bool
}

func (c *linkTaker) TakesLink(string) bool { return c.links }

// TestSeenEndsNothingOfSecurity: who has broken in sees it first; what is still
// to be sent to its owner is sent.
func TestSeenEndsNothingOfSecurity(t *testing.T) {
	t.Parallel()
	texts := newChannel(hub.SMS)
	f := alertFixture(t, texts)
	f.notify(approval.Alert{Person: "amy", Kind: approval.AlertReplaced, Key: "d2", At: f.clock.Now(), Device: "mobile"})
	if err := f.SeenUpTo(t.Context(), "amy", 99, hub.Live); err != nil {
		t.Fatal(err)
	}
	f.routeAll()
	f.line.fails(&hub.Retry{Reason: "busy"})
	f.deliverAll()
	f.push.next(t)
	f.line.next(t)
	if err := f.SeenUpTo(t.Context(), "amy", 99, hub.Live); err != nil {
		t.Fatal(err)
	}
	f.line.fails(nil)
	f.clock.add(40 * time.Minute)
	f.deliverAll()
	if m := f.line.next(t); m.Kind != hub.KindReplaced {
		t.Errorf("LINE says %q", m.Title)
	}
	if m := texts.next(t); m.Kind != hub.KindReplaced || m.Whole {
		t.Errorf("the text says %q", m.Title)
	}
}

// TestWithdrawnAlert: answered, its texts are not sent, the code is forgotten,
// and open pages hear of it; others of the same person go on.
func TestWithdrawnAlert(t *testing.T) {
	t.Parallel()
	texts := newChannel(hub.SMS)
	f := alertFixture(t, texts)
	f.notify(f.waitingDevice(), f.waitingDevice(func(a *approval.Alert) { a.Key, a.Code = "w2", "111111" }))
	f.routeAll()
	rev := one[int64](f, `select rev from inbox where person = 'amy'`)
	f.withdraw("confirmed", approval.AlertKey{Person: "amy", Kind: approval.AlertNewDevice, Key: "w1"}, approval.AlertKey{Person: "ben", Kind: approval.AlertNewDevice, Key: "w1"})
	f.deliverAll()
	if m := texts.next(t); !strings.Contains(m.Text, "111111") {
		t.Errorf("the text says %q", m.Text)
	}
	texts.none(t)
	f.push.next(t)
	f.push.none(t)
	if got := one[int64](f, `select rev from inbox where person = 'amy'`); got != rev+1 {
		t.Errorf("revision %d after %d", got, rev)
	}
	if got := query[string](f, `select dedup || ' ' || cancel_reason || ' ' || (secret is null) from notification order by 1`); fmt.Sprint(got) != "[login.new_device:w1 confirmed true login.new_device:w2  false]" {
		t.Errorf("notifications are %q", got)
	}
}

// TestSecretsAreForgotten: when they are worth nothing any more; what was not
// sent by then is not sent.
func TestSecretsAreForgotten(t *testing.T) {
	t.Parallel()
	texts := newChannel(hub.SMS)
	f := alertFixture(t, texts)
	f.notify(f.waitingDevice())
	f.routeAll()
	f.clock.add(5 * time.Minute)
	if err := f.sweepSecrets(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := one[int](f, `select count(*)::int from notification where secret is not null`); got != 1 {
		t.Errorf("%d secrets while it is waited for, want 1", got)
	}
	f.clock.add(6 * time.Minute)
	if err := f.sweepSecrets(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.deliverAll()
	texts.none(t)
	if got := one[int](f, `select count(*)::int from notification where secret is not null`); got != 0 {
		t.Errorf("%d secrets when it is over", got)
	}
}

// TestAlertIsArchived: with what it said, and without its code.
func TestAlertIsArchived(t *testing.T) {
	t.Parallel()
	texts := newChannel(hub.SMS)
	f := alertFixture(t, texts)
	f.notify(f.waitingDevice())
	f.routeAll()
	f.deliverAll()
	id := one[string](f, `select id from notification`)
	f.clock.add(20 * 24 * time.Hour)
	if err := f.archive(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := one[int](f, `select count(*)::int from notification`); got != 0 {
		t.Fatalf("%d are not archived", got)
	}
	e, err := f.LedgerEntry(t.Context(), id, "amy")
	if err != nil || e.Alert.Matter != approval.MatterWaiting || e.Alert.Network != "outside" {
		t.Errorf("entry %+v, error %v", e, err)
	}
	for _, row := range query[string](f, `select l::text from ledger l`) {
		if strings.Contains(row, alertCode) {
			t.Errorf("the ledger holds the code: %s", row)
		}
	}
}

// TestSecurityKinds: SQL and Go agree on which they are.
func TestSecurityKinds(t *testing.T) {
	t.Parallel()
	for _, k := range append(hub.Kinds(), hub.KindRefresh) {
		if strings.Contains(securityKinds, "'"+string(k)+"'") != k.Security() {
			t.Errorf("%s: security %t, %s", k, k.Security(), securityKinds)
		}
	}
}
