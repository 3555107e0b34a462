package pgaccess_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

// told keeps the alerts of transactions that were committed.
type told struct {
	mu     sync.Mutex
	alerts []approval.Alert
	over   []approval.AlertKey
}

func (a *told) NotifyTx(_ context.Context, _ pgx.Tx, alerts []approval.Alert) (func(), error) {
	for _, al := range alerts {
		if err := al.Check(); err != nil {
			return nil, err
		}
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.alerts = append(a.alerts, alerts...)
	}, nil
}

func (a *told) WithdrawTx(_ context.Context, _ pgx.Tx, keys []approval.AlertKey, _ string) (func(), error) {
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.over = append(a.over, keys...)
	}, nil
}

// texts gives those of the alerts that are texts.
func (a *told) texts() (out []approval.Alert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, al := range a.alerts {
		if al.Way == approval.AlertText {
			out = append(out, al)
		}
	}
	return out
}

// matters gives what the other alerts were about.
func (a *told) matters() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, al := range a.alerts {
		if al.Way != approval.AlertText {
			out = append(out, strings.TrimSpace(string(al.Person)+" "+al.Matter))
		}
	}
	return strings.Join(out, ", ")
}

// confirming is a bundle whose people have numbers on record.
type confirming struct {
	*bundle
	told *told
}

func newConfirming(t *testing.T, change ...func(*pgaccess.Options)) *confirming {
	t.Helper()
	c := &confirming{told: &told{}}
	c.bundle = setup(t, append([]func(*pgaccess.Options){func(o *pgaccess.Options) {
		o.Policy.Confirming = access.ConfirmNumber
		o.Alerts, o.Texts = c.told, true
	}}, change...)...)
	c.number(t, "p1", 1)
	return c
}

func (c *confirming) number(t *testing.T, person string, n byte) {
	t.Helper()
	hash := make([]byte, 32)
	hash[0] = n
	c.exec(t, `
		insert into channel_link (id, person, channel, address_hash, address, label, created_at, confirmed_at)
		values ($1 || ' ' || $3, $1, 'sms', $2, '', '0900***001', $4, $4)`, person, hash, string(rune('a'+n)), c.clock.now())
}

// trusted signs lin in on a device and confirms it.
func (c *confirming) trusted(t *testing.T) access.SignedIn {
	t.Helper()
	in := c.signIn(t, "lin")
	return c.byCode(t, in)
}

// byCode enters the code of the last text.
func (c *confirming) byCode(t *testing.T, in access.SignedIn) access.SignedIn {
	t.Helper()
	cookie, err := c.EnterCode(t.Context(), in.SessionCookie, c.lastText(t).Code)
	if err != nil {
		t.Fatalf("right code: %v", err)
	}
	in.SessionCookie = cookie
	if in.Session, err = c.Resume(t.Context(), cookie); err != nil {
		t.Fatalf("after the code: %v", err)
	}
	return in
}

func (c *confirming) lastText(t *testing.T) approval.Alert {
	t.Helper()
	texts := c.told.texts()
	if len(texts) == 0 {
		t.Fatal("no text was sent")
	}
	return texts[len(texts)-1]
}

// newDevice signs lin in on a device that waits.
func (c *confirming) newDevice(t *testing.T) (access.SignedIn, access.Wait) {
	t.Helper()
	in := c.signIn(t, "lin", func(in *access.SignIn) { in.UserAgent, in.Network = pc, "outside" })
	return in, c.wait(t, in.SessionCookie)
}

func (c *confirming) wait(t *testing.T, cookie string) access.Wait {
	t.Helper()
	w, err := c.Waiting(t.Context(), cookie)
	if err != nil {
		t.Fatalf("waiting: %v", err)
	}
	return w
}

func (c *confirming) wantWaiting(t *testing.T, cookie, name string) {
	t.Helper()
	if _, err := c.Resume(t.Context(), cookie); !errors.Is(err, access.ErrWaiting) {
		t.Errorf("%s: %v, want ErrWaiting", name, err)
	}
}

func TestFirstDeviceByText(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	in := c.signIn(t, "lin")
	w := c.wait(t, in.SessionCookie)
	if in.Session.Standing != access.Waiting || w.Number != 0 || w.Phone != "0900***001" || w.Texts != 1 || !w.CodeGood || w.Left != access.MaxTries || !w.CanText {
		t.Errorf("got %s, %+v", in.Session.Standing, w)
	}
	text := c.lastText(t)
	if text.Person != "p1" || len(text.Code) != 6 || len(text.Deny) != 8 || text.Link != "" || text.Device != "mobile" || !text.Until.Equal(c.clock.now().Add(10*time.Minute)) {
		t.Errorf("text: %+v", text)
	}
	full := c.byCode(t, in)
	if s := full.Session; s.Standing != access.Full || s.ID != in.Session.ID || len(s.Methods) != 2 || s.Methods[1] != access.BySMS || s.ExpiresAt.Sub(s.CreatedAt) != 7*24*time.Hour {
		t.Errorf("session: %+v", s)
	}
	c.wantNoSession(t, in.SessionCookie, "the cookie of before")
	_, err := c.EnterCode(t.Context(), full.SessionCookie, text.Code)
	wantError(t, err, access.ErrAnswered, "code twice")
	if got := c.signIn(t, "lin", with(full)).Session.Standing; got != access.Full {
		t.Errorf("next sign-in: %s", got)
	}
	if got, want := c.told.matters(), "p1 waiting"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	// wang has no number: the first device is trusted, the next one waits without
	// a text.
	if got := c.signIn(t, "wang").Session.Standing; got != access.Full {
		t.Errorf("first device without a number: %s", got)
	}
	next := c.signIn(t, "wang")
	if w := c.wait(t, next.SessionCookie); next.Session.Standing != access.Waiting || w.CanText || w.Phone != "" || w.Number == 0 {
		t.Errorf("next device without a number: %s, %+v", next.Session.Standing, w)
	}
	wantError(t, c.SendText(t.Context(), next.SessionCookie, office), access.ErrNoNumber, "text without a number")
}

func TestPickNumber(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	phone := c.trusted(t)
	desk, w := c.newDevice(t)
	if n := len(c.told.texts()); n != 1 {
		t.Errorf("%d texts, want that of the first device: there is a device to confirm on", n)
	}
	if w.Number < 10 || w.Number > 99 || !w.CanText || w.Texts != 0 {
		t.Errorf("waits as %+v", w)
	}
	list, err := c.Newcomers(t.Context(), phone.Session)
	if err != nil || len(list) != 1 || list[0].ID != w.Challenge || len(list[0].Choices) != 3 || list[0].Device != "Windows · Edge" || list[0].Network != "outside" {
		t.Fatalf("newcomers: %+v, %v", list, err)
	}
	_, err = c.PickNumber(t.Context(), desk.Session, w.Challenge, w.Number)
	wantError(t, err, access.ErrTrusted, "the new device itself")
	wang := c.signIn(t, "wang")
	_, err = c.PickNumber(t.Context(), wang.Session, w.Challenge, w.Number)
	wantError(t, err, approval.ErrNotFound, "somebody else")
	if _, err := c.PickNumber(t.Context(), phone.Session, w.Challenge, w.Number); err != nil {
		t.Fatal(err)
	}
	if got := c.wantSession(t, desk.SessionCookie, "confirmed").Standing; got != access.Full {
		t.Errorf("confirmed: %s", got)
	}
	if w := c.wait(t, desk.SessionCookie); w.State != access.Confirmed {
		t.Errorf("its page: %+v", w)
	}
	c.told.mu.Lock()
	defer c.told.mu.Unlock()
	if len(c.told.over) == 0 {
		t.Error("what asked for an answer was not withdrawn")
	}
}

func TestWrongNumberDenies(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	phone := c.trusted(t)
	desk, w := c.newDevice(t)
	other, _ := c.newDevice(t)
	_, err := c.PickNumber(t.Context(), phone.Session, w.Challenge, w.Number+1)
	wantError(t, err, access.ErrWrongNumber, "wrong number")
	c.wantNoSession(t, desk.SessionCookie, "denied")
	c.wantNoSession(t, other.SessionCookie, "whatever else waits")
	if w := c.wait(t, desk.SessionCookie); w.State != access.Denied {
		t.Errorf("its page: %+v", w)
	}
	if !c.wantSession(t, phone.SessionCookie, "device that is trusted").MustChange {
		t.Error("the password need not be changed")
	}
	if got, want := c.told.matters(), "p1 waiting, p1 waiting, p1 waiting, p1 denied"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}

	// New devices are refused for a day, also this one; the trusted one is not.
	for name, change := range map[string]func(*access.SignIn){"new": func(*access.SignIn) {}, "denied": with(desk)} {
		refused, ok := errors.AsType[*access.RefusedError](c.try(t, "lin", right, office, change))
		if !ok || !refused.Until.Equal(c.clock.now().Add(24*time.Hour)) {
			t.Errorf("%s device: %v", name, refused)
		}
	}
	wantError(t, c.try(t, "lin", wrong, office), access.ErrCredentials, "who does not know the password hears nothing of it")
	if got := c.signIn(t, "lin", with(phone)).Session.Standing; got != access.Full {
		t.Errorf("trusted device: %s", got)
	}
	c.clock.pass(24 * time.Hour)
	if got, _ := c.newDevice(t); got.Session.Standing != access.Waiting {
		t.Errorf("a day later: %s", got.Session.Standing)
	}
}

// TestTakeOverByText: who has password and telephone number may read, and the
// owner of the device before has time to object.
func TestTakeOverByText(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	phone := c.trusted(t)
	take := func() access.SignedIn {
		desk, _ := c.newDevice(t)
		if err := c.SendText(t.Context(), desk.SessionCookie, office); err != nil {
			t.Fatal(err)
		}
		return c.byCode(t, desk)
	}
	desk := take()
	if s := desk.Session; s.Standing != access.Reading || !s.ReadingUntil.Equal(c.clock.now().Add(12*time.Hour)) {
		t.Errorf("taken over: %s until %s", s.Standing, s.ReadingUntil)
	}
	if got := c.told.matters(); !strings.HasSuffix(got, "p1 reading") {
		t.Errorf("told %q", got)
	}
	list, err := c.Newcomers(t.Context(), phone.Session)
	if err != nil || len(list) != 1 || !list[0].Undoable || len(list[0].Choices) != 0 {
		t.Fatalf("newcomers: %+v, %v", list, err)
	}
	_, err = c.RefuseNewcomer(t.Context(), desk.Session, list[0].ID)
	wantError(t, err, access.ErrTrusted, "by itself")
	if got, err := c.Newcomers(t.Context(), desk.Session); err != nil || len(got) != 0 {
		t.Errorf("who may only read sees %+v, %v", got, err)
	}

	// Twelve hours later it may decide, and can still be taken back.
	c.clock.pass(12 * time.Hour)
	phone = c.signIn(t, "lin", with(phone))
	desk = c.signIn(t, "lin", with(desk))
	if desk.Session.Standing != access.Full {
		t.Errorf("twelve hours later: %s", desk.Session.Standing)
	}
	out, err := c.RefuseNewcomer(t.Context(), phone.Session, list[0].ID)
	if err != nil || out.State != access.Denied || len(out.Ended) != 2 {
		t.Errorf("taken back: %+v, %v", out, err)
	}
	c.wantNoSession(t, desk.SessionCookie, "taken back")
	c.wantSession(t, phone.SessionCookie, "who has taken it back")
	devices, err := c.Devices(t.Context(), phone.Session.Account, "")
	if err != nil || len(devices) != 1 {
		t.Errorf("devices: %+v, %v", devices, err)
	}
	_, err = c.RefuseNewcomer(t.Context(), phone.Session, list[0].ID)
	wantError(t, err, access.ErrAnswered, "once more")

	// A day after it is too late.
	c.clock.pass(25 * time.Hour)
	phone = c.signIn(t, "lin", with(phone))
	take()
	list, err = c.Newcomers(t.Context(), phone.Session)
	if err != nil || len(list) != 1 {
		t.Fatalf("newcomers: %+v, %v", list, err)
	}
	c.clock.pass(24 * time.Hour)
	phone = c.signIn(t, "lin", with(phone))
	_, err = c.RefuseNewcomer(t.Context(), phone.Session, list[0].ID)
	wantError(t, err, access.ErrAnswered, "a day later")
}

// TestCodeGuessedInParallel: on two nodes at once no more than five guesses are
// looked at.
func TestCodeGuessedInParallel(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	in := c.signIn(t, "lin")
	code := c.lastText(t).Code
	guess := "000000"
	if code == guess {
		guess = "000001"
	}
	nodes := []*pgaccess.Store{c.Store, c.another()}
	errs := together(24, func(i int) error {
		_, err := nodes[i%2].EnterCode(t.Context(), in.SessionCookie, guess)
		return err
	})
	looked := 0
	for _, err := range errs {
		switch {
		case errors.Is(err, access.ErrCode):
			looked++
		case !errors.Is(err, access.ErrCodeSpent):
			t.Errorf("guess: %v", err)
		}
	}
	if looked != access.MaxTries {
		t.Errorf("%d guesses were looked at, want %d", looked, access.MaxTries)
	}
	_, err := c.EnterCode(t.Context(), in.SessionCookie, code)
	wantError(t, err, access.ErrCodeSpent, "right code after them")
	wantError(t, c.SendText(t.Context(), in.SessionCookie, office), access.ErrCodeSpent, "another text for it")
	c.wantWaiting(t, in.SessionCookie, "after the guesses")
}

// TestTwoAnswersAtOnce: whoever is first has answered, on whichever node.
func TestTwoAnswersAtOnce(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	c.exec(t, `update person set roles = '{registry}' where id = 'p2'`)
	phone, wang := c.trusted(t), c.signIn(t, "wang")
	desk, w := c.newDevice(t)
	if err := c.SendText(t.Context(), desk.SessionCookie, office); err != nil {
		t.Fatal(err)
	}
	text := c.lastText(t)
	other := c.another()
	errs := together(6, func(i int) (err error) {
		switch i {
		case 0:
			_, err = c.PickNumber(t.Context(), phone.Session, w.Challenge, w.Number)
		case 1:
			_, err = other.PickNumber(t.Context(), phone.Session, w.Challenge, w.Number)
		case 2:
			_, err = other.EnterCode(t.Context(), desk.SessionCookie, text.Code)
			if errors.Is(err, access.ErrNoSession) { // the cookie has its name by now
				err = access.ErrAnswered
			}
		case 3:
			_, err = c.RefuseNewcomer(t.Context(), phone.Session, w.Challenge)
		case 4:
			_, err = other.RefuseByCode(t.Context(), text.Deny, office)
		case 5:
			_, err = c.Vouch(t.Context(), wang.Session, w.Challenge)
		}
		return err
	})
	var first string
	if err := c.pool.QueryRow(t.Context(), `select state || ' by ' || answerer from challenge where id = $1`, w.Challenge).Scan(&first); err != nil {
		t.Fatal(err)
	}
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, access.ErrAnswered) {
			t.Errorf("answer %d: %v", i, err)
		}
	}
	// What a text has confirmed can be taken back, or vouched for, by who comes after.
	if won != 1 && !(won == 2 && errs[2] == nil || won == 3 && errs[2] == nil && errs[5] == nil) {
		t.Errorf("%d answers counted, %s: %v", won, first, errs)
	}
}

func TestRefuseByCode(t *testing.T) {
	t.Parallel()
	c := newConfirming(t, func(o *pgaccess.Options) { o.Policy.DenyCodes = []access.Rule{{Max: 3, Within: time.Hour}} })
	phone := c.trusted(t)
	desk, _ := c.newDevice(t)
	if err := c.SendText(t.Context(), desk.SessionCookie, office); err != nil {
		t.Fatal(err)
	}
	text := c.lastText(t)
	_, err := c.RefuseByCode(t.Context(), text.Code, office)
	wantError(t, err, access.ErrCode, "the code that confirms")
	if out, err := c.RefuseByCode(t.Context(), text.Deny[:4]+" "+text.Deny[4:], office); err != nil || out.State != access.Denied {
		t.Errorf("deny code: %+v, %v", out, err)
	}
	c.wantNoSession(t, desk.SessionCookie, "denied")
	c.wantSession(t, phone.SessionCookie, "device that is trusted")

	// Said again it does nothing: the day does not begin anew.
	until := c.count(t, `select extract(epoch from refused_until)::int from account where login = 'lin'`)
	c.clock.pass(time.Minute)
	_, err = c.RefuseByCode(t.Context(), text.Deny, office)
	wantError(t, err, access.ErrAnswered, "replayed")
	if got := c.count(t, `select extract(epoch from refused_until)::int from account where login = 'lin'`); got != until {
		t.Errorf("refused until %d, want %d as before", got, until)
	}

	for range 2 { // the replay was one
		_, err = c.RefuseByCode(t.Context(), "12345678", office)
		wantError(t, err, access.ErrCode, "guess")
	}
	_, err = c.RefuseByCode(t.Context(), "12345678", office)
	wantLimited(t, err, "guesses from one address")
	_, err = c.RefuseByCode(t.Context(), "12345678", "198.51.100.9")
	wantError(t, err, access.ErrCode, "guess from elsewhere")
}

// TestStolenTextEvictsNobody: what a text carries ends what waits and what may
// only read, and nothing that is trusted.
func TestStolenTextEvictsNobody(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	first := c.signIn(t, "lin")
	deny := c.lastText(t).Deny
	phone := c.byCode(t, first)
	_, err := c.RefuseByCode(t.Context(), deny, office)
	wantError(t, err, access.ErrAnswered, "deny code of the first device")

	desk, _ := c.newDevice(t)
	if err := c.SendText(t.Context(), desk.SessionCookie, office); err != nil {
		t.Fatal(err)
	}
	desk = c.byCode(t, desk)
	deny = c.lastText(t).Deny
	c.clock.pass(12 * time.Hour)
	desk, phone = c.signIn(t, "lin", with(desk)), c.signIn(t, "lin", with(phone))
	_, err = c.RefuseByCode(t.Context(), deny, office)
	wantError(t, err, access.ErrAnswered, "deny code of a device that is trusted by now")

	other, _ := c.newDevice(t)
	if err := c.SendText(t.Context(), other.SessionCookie, office); err != nil {
		t.Fatal(err)
	}
	other = c.byCode(t, other)
	if _, err := c.RefuseByCode(t.Context(), c.lastText(t).Deny, office); err != nil {
		t.Errorf("deny code: %v", err)
	}
	c.wantNoSession(t, other.SessionCookie, "device that may only read")
	c.wantSession(t, phone.SessionCookie, "first device")
	c.wantSession(t, desk.SessionCookie, "second device")
}

// TestTextsAreLimited: nobody has a person, or a number, flooded with texts, nor
// many people from one address (SMS pumping).
func TestTextsAreLimited(t *testing.T) {
	t.Parallel()
	c := newConfirming(t, func(o *pgaccess.Options) {
		o.Policy.Texts = []access.Rule{{Max: 4, Within: time.Hour}}
		o.Policy.TextSource = []access.Rule{{Max: 6, Within: time.Hour}}
	})
	nodes := []*pgaccess.Store{c.Store, c.another()}
	// Each sign-in sends a text, from many addresses and on two nodes.
	together(12, func(i int) error {
		_, err := nodes[i%2].SignIn(t.Context(), access.SignIn{Login: "lin", Password: right, Address: "198.51.100." + string(rune('0'+i%10))})
		return err
	})
	if got := len(c.told.texts()); got != 4 {
		t.Errorf("one person: %d texts, want 4", got)
	}
	in := c.signIn(t, "lin")
	if w := c.wait(t, in.SessionCookie); w.Texts != 0 || w.CodeGood {
		t.Errorf("over the limit: %+v", w)
	}
	wantLimited(t, c.SendText(t.Context(), in.SessionCookie, office), "one more")

	// The same number is on record for somebody else too.
	c.exec(t, `update channel_link set disabled_at = now() where person = 'p1'`)
	c.number(t, "p2", 1)
	c.signIn(t, "wang")
	if got := len(c.told.texts()); got != 4 {
		t.Errorf("one number: %d texts, want 4", got)
	}
	c.clock.pass(time.Hour)

	for i := range 6 {
		c.exec(t, `delete from channel_link where person = 'p2'`)
		c.number(t, "p2", byte(10+i))
		c.exec(t, `delete from sign_in_attempt where login = $1`, key(access.CountKey("texts to person", "p2")))
		c.signIn(t, "wang")
	}
	if got := len(c.told.texts()); got != 10 {
		t.Fatalf("one address: %d texts, want 10", got)
	}
	c.number(t, "p1", 2)
	c.exec(t, `delete from sign_in_attempt where login = $1`, key(access.CountKey("texts to person", "p1")))
	c.signIn(t, "lin")
	if got := len(c.told.texts()); got != 10 {
		t.Errorf("one address: %d texts, want 10", got)
	}
}

func key(k [32]byte) []byte { return k[:] }

// TestNoTextWithoutPassword: who does not know the password causes no text, and
// cannot tell by it whether an account exists.
func TestNoTextWithoutPassword(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	before := c.hasher.verified.Load()
	for _, login := range []string{"lin", "wang", "nobody"} {
		wantError(t, c.try(t, login, wrong, office), access.ErrCredentials, login)
	}
	if got := c.hasher.verified.Load() - before; got != 3 {
		t.Errorf("%d passwords were compared, want 3", got)
	}
	if len(c.told.alerts) > 0 {
		t.Errorf("told %+v", c.told.alerts)
	}
}

// TestCodeIsSealed: a copy of the database gives no code away, and the text can
// still be sent again as it was.
func TestCodeIsSealed(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	in := c.signIn(t, "lin")
	text := c.lastText(t)
	if err := c.SendText(t.Context(), in.SessionCookie, office); err != nil {
		t.Fatal(err)
	}
	if again := c.lastText(t); again.Code != text.Code || again.Deny != text.Deny || again.Key == text.Key || !again.Until.Equal(text.Until) {
		t.Errorf("sent again: %+v, want %+v", again, text)
	}
	for _, table := range []string{"challenge", "session", "device", "account", "sign_in_attempt"} {
		rows, err := collectText(t, c, `select to_jsonb(x)::text from `+table+` x`)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if strings.Contains(row, text.Code) || strings.Contains(row, text.Deny) {
				t.Errorf("%s has it: %s", table, row)
			}
		}
	}
}

func collectText(t *testing.T, c *confirming, query string) ([]string, error) {
	t.Helper()
	rows, err := c.pool.Query(t.Context(), query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// TestWaitingSessionIsReplaced: whoever signs in again has one sign-in that
// waits, and answers to the one before come to nothing.
func TestWaitingSessionIsReplaced(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	phone := c.trusted(t)
	desk, w := c.newDevice(t)
	again := c.signIn(t, "lin", with(desk))
	_, err := c.PickNumber(t.Context(), phone.Session, w.Challenge, w.Number)
	wantError(t, err, access.ErrAnswered, "the one before")
	c.wantWaiting(t, again.SessionCookie, "the one that waits")
	if list, err := c.Newcomers(t.Context(), phone.Session); err != nil || len(list) != 1 {
		t.Errorf("newcomers: %+v, %v", list, err)
	}
	// It ends by itself.
	c.clock.pass(time.Hour)
	c.wantNoSession(t, again.SessionCookie, "an hour later")
	w = c.wait(t, again.SessionCookie)
	phone = c.signIn(t, "lin", with(phone))
	_, err = c.PickNumber(t.Context(), phone.Session, w.Challenge, w.Number)
	wantError(t, err, access.ErrAnswered, "an hour later")
	if w.CanText || w.CodeGood {
		t.Errorf("an hour later: %+v", w)
	}
}

func TestVouch(t *testing.T) {
	t.Parallel()
	c := newConfirming(t, func(o *pgaccess.Options) { o.Policy.Confirming = access.ConfirmAlways })
	c.exec(t, `delete from channel_link`)
	in := c.signIn(t, "lin")
	w := c.wait(t, in.SessionCookie)
	if in.Session.Standing != access.Waiting || w.Number != 0 || w.CanText || len(c.told.texts()) > 0 {
		t.Errorf("no number: %s, %+v", in.Session.Standing, w)
	}
	desk := access.Session{Account: "desk", Standing: access.Full, Person: approval.Person{ID: "p2", Roles: []approval.Role{approval.RoleRegistry}}}
	for name, s := range map[string]access.Session{
		"handler":              {Account: "a", Standing: access.Full, Person: approval.Person{Roles: []approval.Role{approval.RoleHandler}}},
		"registry, reads only": {Account: "a", Standing: access.Reading, Person: approval.Person{Roles: []approval.Role{approval.RoleRegistry}}},
		"oneself":              {Account: in.Session.Account, Standing: access.Full, Person: approval.Person{Roles: []approval.Role{approval.RoleAdmin}}},
	} {
		_, err := c.Vouch(t.Context(), s, w.Challenge)
		wantError(t, err, approval.ErrForbidden, name)
	}
	list, err := c.Desk(t.Context(), desk)
	if err != nil || len(list) != 1 || list[0].Login != "lin" || list[0].Name != "林美惠" || list[0].Unit != "水利科" || len(list[0].Choices) > 0 {
		t.Errorf("desk: %+v, %v", list, err)
	}
	if _, err := c.Vouch(t.Context(), desk, w.Challenge); err != nil {
		t.Fatal(err)
	}
	if got := c.wantSession(t, in.SessionCookie, "vouched for").Standing; got != access.Full {
		t.Errorf("vouched for: %s", got)
	}
	_, err = c.Vouch(t.Context(), desk, w.Challenge)
	wantError(t, err, access.ErrAnswered, "twice")
	if list, err := c.Desk(t.Context(), desk); err != nil || len(list) > 0 {
		t.Errorf("desk afterwards: %+v, %v", list, err)
	}

	// What a text has confirmed is vouched for afterwards.
	c.number(t, "p1", 1)
	next, w := c.newDevice(t)
	if err := c.SendText(t.Context(), next.SessionCookie, office); err != nil {
		t.Fatal(err)
	}
	next = c.byCode(t, next)
	if _, err := c.Vouch(t.Context(), desk, w.Challenge); err != nil || next.Session.Standing != access.Reading {
		t.Fatalf("after the text: %v, %s", err, next.Session.Standing)
	}
	if got := c.wantSession(t, next.SessionCookie, "vouched for after the text").Standing; got != access.Full {
		t.Errorf("vouched for after the text: %s", got)
	}
	if got := c.told.matters(); !strings.HasSuffix(got, "p1 reading, p1 vouched") {
		t.Errorf("told %q", got)
	}
}

// TestDeniedWithoutPassword: where there is no password of ours to change, a
// text confirms nothing more until somebody else has.
func TestDeniedWithoutPassword(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	phone := c.trusted(t)
	c.exec(t, `update account set password_hash = '' where login = 'lin'`)
	enter := func() (access.SignedIn, error) {
		return c.Admit(t.Context(), access.Proven{Account: phone.Session.Account, Methods: []access.Method{access.ByOIDC}, At: c.clock.now()}, access.Browser{Address: office})
	}
	desk, err := enter()
	if err != nil {
		t.Fatal(err)
	}
	w := c.wait(t, desk.SessionCookie)
	if err := c.SendText(t.Context(), desk.SessionCookie, office); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RefuseNewcomer(t.Context(), phone.Session, w.Challenge); err != nil {
		t.Fatal(err)
	}
	if c.wantSession(t, phone.SessionCookie, "trusted").MustChange {
		t.Error("a password that there is not must be changed")
	}
	c.clock.pass(25 * time.Hour)
	if desk, err = enter(); err != nil {
		t.Fatal(err)
	}
	if w = c.wait(t, desk.SessionCookie); w.CanText || w.Phone != "" {
		t.Errorf("a day later: %+v", w)
	}
	wantError(t, c.SendText(t.Context(), desk.SessionCookie, office), access.ErrNoNumber, "text")
	admin := access.Session{Account: "desk", Standing: access.Full, Person: approval.Person{ID: "p2", Roles: []approval.Role{approval.RoleAdmin}}}
	if _, err := c.Vouch(t.Context(), admin, w.Challenge); err != nil {
		t.Fatal(err)
	}
	if got := c.wantSession(t, desk.SessionCookie, "vouched for").Standing; got != access.Full {
		t.Errorf("vouched for: %s", got)
	}
	// Refused again, and an administrator takes that back.
	if desk, err = enter(); err != nil {
		t.Fatal(err)
	}
	phone = c.wantSignIn(t, phone)
	if _, err := c.RefuseNewcomer(t.Context(), phone.Session, c.wait(t, desk.SessionCookie).Challenge); err != nil {
		t.Fatal(err)
	}
	if _, err := enter(); err == nil {
		t.Error("refused, and yet entered")
	}
	if err := c.AcceptDevices(t.Context(), admin, phone.Session.Account); err != nil {
		t.Fatal(err)
	}
	if desk, err = enter(); err != nil || !c.wait(t, desk.SessionCookie).CanText {
		t.Errorf("accepted again: %v", err)
	}
	wantError(t, c.AcceptDevices(t.Context(), admin, "nobody"), approval.ErrNotFound, "no such account")
	wantError(t, c.AcceptDevices(t.Context(), phone.Session, phone.Session.Account), approval.ErrForbidden, "oneself")
}

// wantSignIn signs in on a device that is trusted, without a password.
func (c *confirming) wantSignIn(t *testing.T, on access.SignedIn) access.SignedIn {
	t.Helper()
	out, err := c.Admit(t.Context(), access.Proven{Account: on.Session.Account, At: c.clock.now(), Methods: []access.Method{access.ByOIDC}},
		access.Browser{Address: office, DeviceCookie: on.DeviceCookie, SessionCookie: on.SessionCookie})
	if err != nil || out.Session.Standing != access.Full {
		t.Fatalf("sign in: %v, %s", err, out.Session.Standing)
	}
	return out
}

// TestNewNumberCoolsOff: a number that took the place of another confirms nothing
// for a day.
func TestNewNumberCoolsOff(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	c.clock.pass(time.Hour)
	c.exec(t, `update channel_link set disabled_at = $1 where person = 'p1'`, c.clock.now())
	c.number(t, "p1", 2)
	in, w := c.newDevice(t)
	if in.Session.Standing != access.Waiting || w.CanText || w.Texts != 0 {
		t.Errorf("at once: %+v", w)
	}
	wantError(t, c.SendText(t.Context(), in.SessionCookie, office), access.ErrNoNumber, "text to the new number")
	c.clock.pass(24 * time.Hour)
	if _, w := c.newDevice(t); w.Texts != 1 {
		t.Errorf("a day later: %+v", w)
	}
}
