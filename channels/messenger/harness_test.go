package messenger_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"qianhe/channels/channeltest"
	"qianhe/channels/messenger"
	"qianhe/channels/sandbox"
	"qianhe/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stand is a stand-in Graph API and a channel that talks to it.
type stand struct {
	*sandbox.Sandbox
	url     string
	channel *messenger.Channel
	now     func() time.Time
	people  int
}

const patience = 1500 * time.Millisecond

// newStand makes them. change may alter the channel's configuration; the
// clock, when it is not nil, is that of both.
func newStand(t *testing.T, now func() time.Time, change func(*messenger.Config)) *stand {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	st := &stand{url: "http://" + srv.Listener.Addr().String(), now: now}
	if now == nil {
		st.now = time.Now
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	var err error
	st.Sandbox, err = sandbox.New(sandbox.Options{URL: st.url, Now: now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = st.Handler()
	srv.Start()
	page := st.Page()
	cfg := messenger.Config{
		PageID: page.ID, Token: page.Token, AppSecret: page.AppSecret, VerifyToken: page.VerifyToken,
		BaseURL: st.url + "/graph", Timeout: patience, Now: now, Log: log,
	}
	if change != nil {
		change(&cfg)
	}
	if st.channel, err = messenger.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		st.channel.Close()
		st.Close()
		srv.Close()
	})
	return st
}

// address makes somebody who has just written to the Page.
func (st *stand) address() hub.Address {
	st.people++
	psid := fmt.Sprintf("24%014d", st.people)
	st.Say(psid, "您好")
	return hub.Address{Value: psid, Heard: st.now()}
}

func (st *stand) faulty(f sandbox.Fault) func(hub.Address) {
	return func(to hub.Address) { st.SetFault(to.Value, f) }
}

func TestConformance(t *testing.T) {
	st := newStand(t, nil, nil)
	channeltest.Run(t, channeltest.Harness{
		Channel: st.channel,
		Address: st.address,
		Arrived: func(ctx context.Context, to hub.Address, n int) (int, error) {
			list, err := st.Wait(ctx, to.Value, n)
			return len(list), err
		},
		Faults: map[channeltest.Fault]func(hub.Address){
			channeltest.Throttled:     st.faulty(sandbox.GraphLimited(613, 7*time.Second)),
			channeltest.ThrottledBare: st.faulty(sandbox.GraphLimited(4, 0)),
			channeltest.Gone:          st.faulty(sandbox.GraphError(http.StatusBadRequest, 100, 2018001, "No matching user found")),
			channeltest.Refused: func(to hub.Address) {
				st.SetFault(to.Value, sandbox.GraphError(http.StatusBadRequest, 100, 0, "Invalid parameter recipient "+to.Value))
			},
			channeltest.Credentials: st.faulty(sandbox.GraphError(http.StatusUnauthorized, 190, 463, "Error validating access token: Session has expired")),
			channeltest.Quota:       st.faulty(sandbox.GraphLimited(80006, time.Hour)),
			channeltest.ErrorAfter:  st.faulty(sandbox.FailAfterAccept()),
			channeltest.HangAfter:   st.faulty(sandbox.HangAfterAccept()),
			channeltest.CutAfter:    st.faulty(sandbox.CutAfterAccept()),
			channeltest.Slow:        st.faulty(sandbox.Slow(patience / 3)),
			channeltest.WrongBody:   st.faulty(sandbox.WrongBody()),
			channeltest.Hang:        st.faulty(sandbox.Hang()),
			channeltest.Redirected: func(to hub.Address) {
				st.SetFault(to.Value, sandbox.Redirect(st.url+"/graph/v26.0/"+st.Page().ID+"/messages").Once())
			},
		},
		Secrets:  []string{st.Page().Token, st.Page().AppSecret},
		Patience: patience,
		Close:    st.channel.Close,
	})
}

// message to an address, always of the same delivery, with a button 已讀.
func message(to hub.Address) hub.Message {
	m := channeltest.Message(to, "01kat3fj5wd8h9vxe2qn7rzm4c")
	m.Acts = []hub.Act{{Label: "已讀", Verb: "seen"}}
	return m
}
