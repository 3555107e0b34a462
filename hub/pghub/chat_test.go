package pghub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// chat is a channel with a chat: it takes answers and gives link pages.
type chat struct {
	*channel
	replied chan struct{}

	mu       sync.Mutex
	said     []said
	failing  error
	linkFail error
}

// said is an answer and whom it was given.
type said struct {
	to hub.Inbound
	m  hub.Message
}

func (c *chat) Reply(_ context.Context, to hub.Inbound, m hub.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, said{to, m})
	select {
	case c.replied <- struct{}{}:
	default:
	}
	return c.failing
}

func (c *chat) LinkPage(_ context.Context, user, base string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return base + "/link/line?linkToken=token-of-" + user, c.linkFail
}

func (c *chat) ParseInbound(hub.Callback) ([]hub.Inbound, error) { return nil, errors.New("not here") }

// titles gives what was said since the last call, and to whom.
func (c *chat) titles() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, s := range c.said {
		list = append(list, s.to.From+": "+s.m.Title)
	}
	c.said = nil
	return list
}

// chatFixture is a hub whose LINE has a chat; amy is linked as U-amy.
type chatFixture struct {
	*fixture
	chat *chat
	link string // amy's
	n    int
}

func newChatFixture(t testing.TB, set ...func(*Options)) *chatFixture {
	t.Helper()
	c := &chat{channel: newChannel(hub.LINE), replied: make(chan struct{}, 1)}
	messenger := &chat{channel: newChannel(hub.Messenger)}
	f := &chatFixture{chat: c}
	f.fixture = newFixture(t, append([]func(*Options){func(opt *Options) {
		opt.Channels = []hub.Channel{opt.Channels[0], c, messenger}
	}}, set...)...)
	f.line = c.channel
	f.link = f.linked("amy", "U-amy")
	return f
}

// linked links an address of LINE by hand.
func (f *chatFixture) linked(person, address string) string {
	f.t.Helper()
	id, err := f.AddLink(f.t.Context(), hub.Link{Person: approval.PersonID(person), Channel: hub.LINE, Address: hub.Address{Value: address}})
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

// in makes an event of now.
func (f *chatFixture) in(kind hub.InboundKind, from, data string) hub.Inbound {
	f.n++
	return hub.Inbound{Channel: hub.LINE, ID: fmt.Sprintf("event-%04d", f.n), Kind: kind, From: from, Data: data, Reply: fmt.Sprintf("reply-%d", f.n), At: f.clock.Now()}
}

// receive stores events and deals with all that is open, as the jobs would.
func (f *chatFixture) receive(events ...hub.Inbound) {
	f.t.Helper()
	if err := f.Receive(f.t.Context(), events); err != nil {
		f.t.Fatal(err)
	}
	f.attendAll()
}

func (f *chatFixture) attendAll() {
	f.t.Helper()
	type of struct {
		Channel hub.ChannelName
		Sender  []byte
	}
	rows, _ := f.pool.Query(f.t.Context(), `select distinct channel, sender from inbound where done_at is null and parked_at is null`)
	list, err := collect[of](rows)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range list {
		if _, err := f.attend(f.t.Context(), s.Channel, s.Sender); err != nil {
			f.t.Fatal(err)
		}
	}
}

// says receives an event and compares the titles of what was answered.
func (f *chatFixture) says(in hub.Inbound, want ...string) {
	f.t.Helper()
	f.receive(in)
	got := f.chat.titles()
	for i := range want {
		want[i] = in.From + ": " + want[i]
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.t.Errorf("%s %q is answered with %q, want %q", in.Kind, in.Data, got, want)
	}
}

// notices gives "person kind about" of what was told of links.
func (f *chatFixture) notices() []string {
	f.t.Helper()
	return query[string](f.fixture, `select person || ' ' || kind || ' ' || about from notification where kind like 'channel.%' order by person, seq`)
}

// linksOf gives "person channel reason" of all links, oldest first.
func (f *chatFixture) linksOf(channel hub.ChannelName) []string {
	f.t.Helper()
	return query[string](f.fixture, `select person || ' ' || case when disabled_at is null then 'in force' else reason end from channel_link where channel = $1 order by person, created_at, id`, channel)
}

func collect[T any](rows pgx.Rows) ([]T, error) {
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}
