package main

import (
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/channels/messenger"
	"qianhe/channels/sandbox"
	"qianhe/hub"
	"qianhe/web/hooks"
)

// TestMessengerEndToEnd: a chat is linked by an m.me link and a code, is asked
// and answers, gets messages while its window is open, has them delivered and
// read, and is passed over when the window has closed, until its owner comes
// back. Everything goes over the wire, signed, in both directions.
func TestMessengerEndToEnd(t *testing.T) {
	t.Parallel()
	b := newBed(t, hub.Step{Channel: hub.Messenger}, hub.Step{Channel: hub.LINE, After: time.Hour})
	page := sandbox.DefaultPage()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	ch, err := messenger.New(messenger.Config{
		PageID: page.ID, Token: page.Token, AppSecret: page.AppSecret, VerifyToken: page.VerifyToken,
		BaseURL: b.url + "/graph", LinkURL: b.url + "/m.me", Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ch.Close)
	callbacks, err := hooks.New(hooks.Options{Inbox: b.hub, Channels: []hub.Channel{ch}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(callbacks)
	t.Cleanup(srv.Close)
	b.phones.SetPageCallback(srv.URL + "/hooks/messenger")
	if _, err := ch.Setup(t.Context(), "https://sign.example.gov.tw"); err != nil {
		t.Fatal(err)
	}

	const psid = "2400000000009999"
	login := b.person(map[hub.ChannelName]hub.Address{hub.LINE: b.address(hub.LINE)})
	var person approval.PersonID
	if err := b.pool.QueryRow(t.Context(), `select person from account where login = $1`, login).Scan(&person); err != nil {
		t.Fatal(err)
	}
	b.session("s1", person)
	said := func(n int, what string) string {
		t.Helper()
		list, err := b.phones.Wait(t.Context(), psid, n)
		if err != nil || !strings.Contains(string(list[n-1].JSON), what) {
			t.Fatalf("message %d: %v\n%s\nwant %s", n, err, list[len(list)-1].JSON, what)
		}
		return string(list[n-1].JSON)
	}

	// The link opens a new chat, in which the ref comes with the first tap.
	pairing, err := b.hub.BeginPairing(t.Context(), person, "s1", hub.Messenger)
	if err != nil {
		t.Fatal(err)
	}
	link := ch.LinkURL(pairing.Secret)
	_, ref, ok := strings.Cut(link, "/m.me/"+page.ID+"?ref=")
	if !ok {
		t.Fatalf("link is %q", link)
	}
	b.phones.OpenLink(psid, ref)
	b.phones.GetStarted(psid)
	code := regexp.MustCompile(`驗證碼 (\d{6})`).FindStringSubmatch(said(1, "驗證碼"))
	if code == nil {
		t.Fatal("no code in the chat")
	}
	// Who else has the link gets nothing of worth.
	const thief = "2400000000008888"
	b.phones.OpenLink(thief, ref)
	b.phones.GetStarted(thief)
	if list, err := b.phones.Wait(t.Context(), thief, 1); err != nil || strings.Contains(string(list[0].JSON), "驗證碼") {
		t.Errorf("the second to come: %v %s", err, list[0].JSON)
	}
	wrong := "000000"
	if code[1] == wrong {
		wrong = "000001"
	}
	if got, err := b.hub.EnterCode(t.Context(), person, "s1", hub.Messenger, wrong); err != nil || got.State != hub.PairingMet {
		t.Fatalf("a wrong code: %+v, %v", got, err)
	}
	if got, err := b.hub.EnterCode(t.Context(), person, "s1", hub.Messenger, code[1]); err != nil || got.State != hub.PairingDone {
		t.Fatalf("the code: %+v, %v", got, err)
	}
	linked, err := b.hub.LinkByAddress(t.Context(), hub.Messenger, psid)
	if err != nil || linked.Person != person {
		t.Fatalf("linked: %+v, %v", linked, err)
	}

	// Asked, it answers; told, it says so.
	have := len(b.phones.Messages(psid))
	b.phones.TapMenu(psid, "查詢待辦件數")
	b.until("an answer to 查詢", func() bool { return len(b.phones.Messages(psid)) > have })
	told := func(want hub.State) string {
		t.Helper()
		n := b.announce(login)
		b.until("the announcement to end "+string(want), func() bool { return b.record(n, hub.Messenger).Done })
		if got := b.record(n, hub.Messenger); got.State != want {
			t.Errorf("told: %+v, want %s", got, want)
		}
		return n
	}
	is := func(notification, column string) bool {
		var set bool
		err := b.pool.QueryRow(t.Context(), `select `+column+` is not null from delivery where notification = $1 and channel = 'messenger'`, notification).Scan(&set)
		return err == nil && set
	}
	n := told(hub.StateAccepted)
	b.until("the phone to have it", func() bool { return is(n, "delivered_at") })
	b.phones.ReadChat(psid)
	b.until("its owner to have read it", func() bool {
		var status string
		err := b.pool.QueryRow(t.Context(), `select reported from delivery where notification = $1 and channel = 'messenger'`, n).Scan(&status)
		return err == nil && status == "read"
	})

	// Meta says that the window has closed, although our row does not: the next
	// channel has its turn at once, though it would come in an hour.
	b.phones.SetFault(psid, sandbox.GraphError(403, 10, 2018278, "This message is sent outside of allowed window.").Once())
	n = told(hub.StateFailed)
	b.until("LINE to be told instead", func() bool { return b.record(n, hub.LINE).State == hub.StateAccepted })
	var reason string
	if err := b.pool.QueryRow(t.Context(), `select reason from delivery where notification = $1 and channel = 'messenger'`, n).Scan(&reason); err != nil || !strings.Contains(reason, "24-hour window is closed") {
		t.Errorf("reason %q, %v", reason, err)
	}
	// A day without a word: the plan leaves Messenger out.
	if _, err := b.pool.Exec(t.Context(), `update channel_link set last_inbound_at = now() - interval '1 day' where id = $1`, linked.ID); err != nil {
		t.Fatal(err)
	}
	n = b.announce(login)
	b.until("LINE to be planned", func() bool { return b.record(n, hub.LINE).State == hub.StatePending })
	if got := b.record(n, hub.Messenger); got.State == hub.StatePending || got.Done {
		t.Errorf("Messenger with a closed window: %+v", got)
	}
	// Coming back through the link opens it.
	b.phones.OpenLink(psid, "")
	b.until("the window to open", func() bool {
		var open bool
		err := b.pool.QueryRow(t.Context(), `select last_inbound_at > now() - interval '1 hour' from channel_link where id = $1`, linked.ID).Scan(&open)
		return err == nil && open
	})
	told(hub.StateAccepted)
}

// session makes one of a person that ends in an hour.
func (b *bed) session(id string, p approval.PersonID) {
	b.t.Helper()
	now := time.Now()
	for _, statement := range []string{
		`insert into device (id, account, secret_hash, label, created_at, last_seen_at) select $1::text, id, sha256(convert_to($1::text, 'UTF8')), 'phone', $3, $3 from account where person = $2`,
		`insert into session (id, account, device, secret_hash, created_at, last_seen_at, proven_at, expires_at) select $1::text, id, $1::text, sha256(convert_to($1::text, 'UTF8')), $3::timestamptz, $3, $3, $3::timestamptz + interval '1 hour' from account where person = $2`,
	} {
		if _, err := b.pool.Exec(b.t.Context(), statement, id, p, now); err != nil {
			b.t.Fatal(err)
		}
	}
}
