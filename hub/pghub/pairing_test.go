package pghub

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
)

// newPairFixture has sessions of amy and ben, and nobody linked.
func newPairFixture(t testing.TB, set ...func(*Options)) *chatFixture {
	t.Helper()
	f := newChatFixture(t, set...)
	f.exec(`delete from channel_link`)
	for _, s := range []string{"amy", "ben"} {
		f.session("s-"+s, s)
		f.exec(`update session set expires_at = $1`, morning.Add(12*time.Hour))
	}
	return f
}

func (f *chatFixture) begin(person string, c hub.ChannelName) hub.Pairing {
	f.t.Helper()
	p, err := f.BeginPairing(f.t.Context(), approval.PersonID(person), "s-"+person, c)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *chatFixture) wantPairing(person string, c hub.ChannelName, want hub.PairingState) {
	f.t.Helper()
	p, err := f.Pairing(f.t.Context(), approval.PersonID(person), c)
	if err != nil || p.State != want {
		f.t.Errorf("pairing of %s stands at %q (%v), want %s", person, p.State, err, want)
	}
}

func (f *chatFixture) messenger() *chat { return f.channels[hub.Messenger].(*chat) }

// meet comes to the Messenger chat with a ref, and gives the code that is shown
// there, "" for none.
func (f *chatFixture) meet(psid, ref string) string {
	f.t.Helper()
	in := f.in(hub.InReferral, psid, ref)
	in.Channel = hub.Messenger
	f.receive(in)
	for _, s := range f.messenger().titles() {
		if code := regexp.MustCompile(`驗證碼 (\d{6})$`).FindStringSubmatch(s); code != nil {
			return code[1]
		}
	}
	return ""
}

func (f *chatFixture) enter(person, code string) hub.PairingState {
	f.t.Helper()
	p, err := f.EnterCode(f.t.Context(), approval.PersonID(person), "s-"+person, hub.Messenger, code)
	if errors.Is(err, approval.ErrNotFound) {
		return "none"
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return p.State
}

// wrong is a code that this one is not.
func wrong(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestPairLINE(t *testing.T) {
	t.Parallel()
	f := newPairFixture(t)
	p := f.begin("amy", hub.LINE)
	if n := len(p.Secret); n < 22 || n > 255 {
		t.Errorf("nonce has %d characters; LINE wants 10 to 255, of 128 bits at least", n)
	}
	if one[int](f.fixture, `select count(*) from pairing where position(convert_to($1, 'UTF8') in secret_hash) > 0 or reason like '%' || $1 || '%'`, p.Secret) != 0 {
		t.Error("the nonce is stored as it is")
	}
	f.wantPairing("amy", hub.LINE, hub.PairingWaiting)
	f.clock.add(time.Minute)
	f.says(f.in(hub.InLinked, "U-amy", p.Secret), "已綁定")
	f.wantPairing("amy", hub.LINE, hub.PairingDone)
	l, err := f.LinkByAddress(t.Context(), hub.LINE, "U-amy")
	if err != nil || l.Person != "amy" || l.Address.Value != "U-amy" {
		t.Errorf("link is %+v, %v", l, err)
	}
	if diff := cmp.Diff([]string{"amy channel.linked line"}, f.notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	// The nonce is spent.
	f.says(f.in(hub.InLinked, "U-thief", p.Secret), "請再綁定一次")
	if _, err := f.LinkByAddress(t.Context(), hub.LINE, "U-thief"); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("a nonce was used twice: %v", err)
	}
	// The same once more is nothing new.
	again := f.begin("amy", hub.LINE)
	f.says(f.in(hub.InLinked, "U-amy", again.Secret), "已綁定")
	if diff := cmp.Diff([]string{"amy in force"}, f.linksOf(hub.LINE)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if got := f.notices(); len(got) != 1 {
		t.Errorf("notices are %q", got)
	}
}

// An attempt ends in many ways, and then its nonce is worth nothing.
func TestPairLINEEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(f *chatFixture, p hub.Pairing)
		want hub.PairingState
	}{
		{"LINE says that it failed", func(f *chatFixture, p hub.Pairing) { f.receive(f.in(hub.InLinkFailed, "", p.Secret)) }, hub.PairingFailed},
		{"LINE says nothing", func(f *chatFixture, _ hub.Pairing) { f.clock.add(linePairing) }, hub.PairingExpired},
		{"signed out", func(f *chatFixture, _ hub.Pairing) { f.exec(`update session set revoked_at = $1`, morning) }, hub.PairingExpired},
		{"suspended", func(f *chatFixture, _ hub.Pairing) { f.exec(`update account set disabled_at = $1`, morning) }, hub.PairingExpired},
		{"cancelled", func(f *chatFixture, _ hub.Pairing) {
			if err := f.CancelPairing(f.t.Context(), "amy", hub.LINE); err != nil {
				f.t.Error(err)
			}
		}, hub.PairingFailed},
		{"begun anew", func(f *chatFixture, _ hub.Pairing) { f.clock.add(time.Second); f.begin("amy", hub.LINE) }, hub.PairingWaiting},
		{"swept", func(f *chatFixture, _ hub.Pairing) {
			f.clock.add(linePairing)
			if err := f.sweepPairings(f.t.Context(), f.clock.Now()); err != nil {
				f.t.Error(err)
			}
		}, hub.PairingExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newPairFixture(t)
			p := f.begin("amy", hub.LINE)
			tt.end(f, p)
			f.wantPairing("amy", hub.LINE, tt.want)
			f.says(f.in(hub.InLinked, "U-amy", p.Secret), "請再綁定一次")
			if got := f.linksOf(hub.LINE); len(got) != 0 {
				t.Errorf("links are %q", got)
			}
		})
	}
}

func TestBeginPairingRefuses(t *testing.T) {
	t.Parallel()
	f := newPairFixture(t)
	for _, tt := range []struct {
		person  approval.PersonID
		session string
		channel hub.ChannelName
	}{{"amy", "s-ben", hub.LINE}, {"amy", "none", hub.LINE}, {"nobody", "s-amy", hub.LINE}, {"amy", "s-amy", hub.SMS}, {"amy", "s-amy", hub.WebPush}} {
		if _, err := f.BeginPairing(t.Context(), tt.person, tt.session, tt.channel); !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("%v: got %v, want ErrNotFound", tt, err)
		}
	}
	for range pairingsAnHour {
		f.clock.add(time.Second)
		f.begin("amy", hub.LINE)
	}
	var limited *access.LimitedError
	if _, err := f.BeginPairing(t.Context(), "amy", "s-amy", hub.LINE); !errors.As(err, &limited) || limited.RetryAfter <= 0 || limited.RetryAfter > time.Hour {
		t.Errorf("too often: got %v, want a LimitedError", err)
	}
	f.begin("amy", hub.Messenger)
	f.begin("ben", hub.LINE)
	f.clock.add(time.Hour)
	f.begin("amy", hub.LINE)
	if _, err := f.Pairing(t.Context(), "cid", hub.LINE); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("who never began has %v", err)
	}
}

func TestPairMessenger(t *testing.T) {
	t.Parallel()
	f := newPairFixture(t)
	p := f.begin("amy", hub.Messenger)
	if f.enter("amy", "123456") != "none" {
		t.Error("a code before there is one does something")
	}
	f.clock.add(time.Minute)
	code := f.meet("psid-amy", p.Secret)
	if code == "" {
		t.Fatal("no code was shown")
	}
	f.wantPairing("amy", hub.Messenger, hub.PairingMet)
	stored := fmt.Sprint(query[string](f.fixture, `select concat_ws(' ', encode(secret_hash, 'escape'), encode(code_hash, 'escape'), encode(address, 'escape'), reason) from pairing`))
	if strings.Contains(stored, code) || strings.Contains(stored, "psid-amy") || strings.Contains(stored, p.Secret) {
		t.Errorf("stored in the clear: %s", stored)
	}
	if got := f.enter("amy", code); got != hub.PairingDone {
		t.Errorf("with the code it stands at %s", got)
	}
	if l, err := f.LinkByAddress(t.Context(), hub.Messenger, "psid-amy"); err != nil || l.Person != "amy" {
		t.Errorf("link is %+v, %v", l, err)
	}
	if got := one[int](f.fixture, `select count(*) from channel_link where last_inbound_at is not null`); got != 1 {
		t.Error("the window of the chat is not open")
	}
	if diff := cmp.Diff([]string{"amy channel.linked messenger"}, f.notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if got := f.enter("amy", code); got != "none" {
		t.Errorf("the code once more: %s", got)
	}
	if code := f.meet("psid-thief", p.Secret); code != "" {
		t.Error("the ref was used twice")
	}
}

// The two sides that have to be proved: who holds the chat, and who is signed
// in.
func TestPairMessengerTwoSides(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		try  func(t *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState
		want hub.PairingState
		says hub.PairingState // how the page then finds it
	}{
		{"a leaked ref: the thief's chat has the code, and not the session", func(_ *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			return f.enter("ben", f.meet("psid-thief", p.Secret))
		}, "none", hub.PairingMet},
		{"a second one with the ref gets no code", func(t *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			f.meet("psid-thief", p.Secret)
			if code := f.meet("psid-amy", p.Secret); code != "" {
				t.Errorf("the second one has the code %s", code)
			}
			return f.enter("amy", "000000")
		}, hub.PairingMet, hub.PairingMet},
		{"another session of the same person", func(_ *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			code := f.meet("psid-amy", p.Secret)
			f.session("s-other", "amy")
			_, err := f.EnterCode(f.t.Context(), "amy", "s-other", hub.Messenger, code)
			if errors.Is(err, approval.ErrNotFound) {
				return "none"
			}
			return "taken"
		}, "none", hub.PairingMet},
		{"five wrong codes", func(t *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			code := f.meet("psid-amy", p.Secret)
			for range codeTries - 1 {
				if got := f.enter("amy", wrong(code)); got != hub.PairingMet {
					t.Errorf("a wrong code: %s", got)
				}
			}
			if got := f.enter("amy", wrong(code)); got != hub.PairingFailed {
				t.Errorf("the fifth wrong code: %s", got)
			}
			return f.enter("amy", code)
		}, "none", hub.PairingFailed},
		{"a new code does not give new tries", func(_ *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			for range codeTries - 1 {
				f.enter("amy", wrong(f.meet("psid-amy", p.Secret)))
				f.clock.add(time.Minute)
			}
			return f.enter("amy", wrong(f.meet("psid-amy", p.Secret)))
		}, hub.PairingFailed, hub.PairingFailed},
		{"the code of an earlier visit", func(_ *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			old := f.meet("psid-amy", p.Secret)
			if f.meet("psid-amy", p.Secret) == old {
				return hub.PairingMet // one in a million
			}
			return f.enter("amy", old)
		}, hub.PairingMet, hub.PairingMet},
		{"the ref after its time", func(t *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			f.clock.add(messengerPairing)
			if code := f.meet("psid-amy", p.Secret); code != "" {
				t.Errorf("it gives the code %s", code)
			}
			return f.enter("amy", "000000")
		}, "none", hub.PairingExpired},
		{"the code after its time", func(_ *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			code := f.meet("psid-amy", p.Secret)
			f.clock.add(codeLife)
			return f.enter("amy", code)
		}, hub.PairingExpired, hub.PairingExpired},
		{"signed out before the code", func(_ *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			code := f.meet("psid-amy", p.Secret)
			f.exec(`update session set revoked_at = $1 where id = 's-amy'`, morning)
			return f.enter("amy", code)
		}, "none", hub.PairingExpired},
		{"no code", func(_ *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			f.meet("psid-amy", p.Secret)
			return f.enter("amy", "")
		}, hub.PairingMet, hub.PairingMet},
		{"the ref as a nonce of LINE", func(_ *testing.T, f *chatFixture, p hub.Pairing) hub.PairingState {
			f.receive(f.in(hub.InLinked, "U-amy", p.Secret))
			in := f.in(hub.InLinked, "psid-amy", p.Secret)
			in.Channel = hub.Messenger
			f.receive(in)
			return f.enter("amy", "000000")
		}, "none", hub.PairingWaiting},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newPairFixture(t)
			p := f.begin("amy", hub.Messenger)
			if got := tt.try(t, f, p); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			f.wantPairing("amy", hub.Messenger, tt.says)
			if got := append(f.linksOf(hub.Messenger), f.linksOf(hub.LINE)...); len(got) != 0 {
				t.Errorf("links are %q", got)
			}
		})
	}
}

// An address moves to who has proved it last: everybody concerned is told
// elsewhere, and each has one on a channel.
func TestLinksMove(t *testing.T) {
	t.Parallel()
	f := newPairFixture(t)
	link := func(person, address string) {
		f.clock.add(time.Minute)
		f.says(f.in(hub.InLinked, address, f.begin(person, hub.LINE).Secret), "已綁定")
	}
	link("amy", "U-1")
	link("amy", "U-2")
	link("ben", "U-2")
	link("ben", "U-1")
	if diff := cmp.Diff([]string{"amy another was linked", "amy linked to somebody else", "ben another was linked", "ben in force"}, f.linksOf(hub.LINE)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	want := []string{
		"amy channel.linked line", "amy channel.linked line", "amy channel.unlinked line",
		"ben channel.linked line", "ben channel.linked line",
	}
	if diff := cmp.Diff(want, f.notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

// Two nodes at once, two people at once: one address, one link, and whoever was
// told that they are linked was, at that moment.
func TestPairingAtTwoNodes(t *testing.T) {
	t.Parallel()
	f := newPairFixture(t)
	nodes := []*Hub{f.another(), f.another()}
	for range 5 {
		f.clock.add(20 * time.Minute)
		amy, ben := f.begin("amy", hub.LINE), f.begin("ben", hub.LINE)
		events := []hub.Inbound{f.in(hub.InLinked, "U-1", amy.Secret), f.in(hub.InLinked, "U-1", ben.Secret), f.in(hub.InLinked, "U-2", ben.Secret)}
		var wg sync.WaitGroup
		for i, h := range nodes {
			wg.Go(func() {
				for j := range events {
					in := events[(i+j)%len(events)]
					if err := h.Receive(t.Context(), []hub.Inbound{in}); err != nil {
						t.Error(err)
					}
					if _, err := h.attend(t.Context(), hub.LINE, senderOf(in)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		f.attendAll()
		f.chat.titles()
		if got := one[int](f.fixture, `select count(*) from channel_link where disabled_at is null`); got < 1 || got > 2 {
			t.Errorf("%d links in force", got)
		}
		if got := one[int](f.fixture, `select count(*) from inbound where done_at is null`); got != 0 {
			t.Errorf("%d events are left", got)
		}
	}
	// One code, many nodes: it is good once.
	f.clock.add(time.Hour)
	p := f.begin("amy", hub.Messenger)
	code := f.meet("psid", p.Secret)
	states := make(chan hub.PairingState, 2)
	var wg sync.WaitGroup
	for _, h := range nodes {
		wg.Go(func() {
			p, err := h.EnterCode(t.Context(), "amy", "s-amy", hub.Messenger, code)
			if err != nil && !errors.Is(err, approval.ErrNotFound) {
				t.Error(err)
			}
			states <- p.State
		})
	}
	wg.Wait()
	if a, b := <-states, <-states; (a == hub.PairingDone) == (b == hub.PairingDone) {
		t.Errorf("the code was good for %q and %q", a, b)
	}
}

// Who has proved both sides is linked at once; once more is nothing new.
func TestLinkProved(t *testing.T) {
	t.Parallel()
	f := newPairFixture(t)
	one, err := f.LinkProved(t.Context(), "amy", hub.LINE, "U-1", f.proof("p1"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.LinkProved(t.Context(), "amy", hub.LINE, "U-1", f.proof("p2")); err != nil || again != one {
		t.Errorf("once more: %s, %v", again, err)
	}
	if _, err := f.LinkProved(t.Context(), "ben", hub.LINE, "U-1", f.proof("p3")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"amy channel.linked line", "amy channel.unlinked line", "ben channel.linked line"}, f.notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}
