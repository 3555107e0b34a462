package line_test

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
	"qianhe/channels/line"
	"qianhe/channels/sandbox"
	"qianhe/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stand is a stand-in LINE and a channel that talks to it.
type stand struct {
	*sandbox.Sandbox
	url     string
	channel *line.Channel
	users   int
}

const patience = 1500 * time.Millisecond

// newStand makes them. change may alter the channel's configuration; the
// clock, when it is not nil, is that of both.
func newStand(t *testing.T, now func() time.Time, change func(*line.Config)) *stand {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	st := &stand{url: "http://" + srv.Listener.Addr().String()}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	var err error
	st.Sandbox, err = sandbox.New(sandbox.Options{URL: st.url, Now: now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = st.Handler()
	srv.Start()
	account := st.LINE()
	cfg := line.Config{
		ChannelID: account.ChannelID, ChannelSecret: account.ChannelSecret, BotID: account.BotID,
		BaseURL: st.url, Agency: "青川市政府", Timeout: patience, Now: now, Log: log,
	}
	if change != nil {
		change(&cfg)
	}
	if st.channel, err = line.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		st.channel.Close()
		st.Close()
		srv.Close()
	})
	return st
}

// address makes a friend of the account.
func (st *stand) address() hub.Address {
	st.users++
	user := fmt.Sprintf("U%032x", st.users)
	st.Befriend(user)
	return hub.Address{Value: user}
}

func TestConformance(t *testing.T) {
	st := newStand(t, nil, nil)
	faulty := func(f sandbox.Fault) func(hub.Address) {
		return func(to hub.Address) { st.SetFault(to.Value, f) }
	}
	once := func(f sandbox.Fault) func(hub.Address) { return faulty(f.Once()) }
	channeltest.Run(t, channeltest.Harness{
		Channel: st.channel,
		Address: st.address,
		Arrived: func(ctx context.Context, to hub.Address, n int) (int, error) {
			list, err := st.Wait(ctx, to.Value, n)
			return len(list), err
		},
		Faults: map[channeltest.Fault]func(hub.Address){
			channeltest.Throttled:     faulty(sandbox.RateLimited(7 * time.Second)),
			channeltest.ThrottledBare: faulty(sandbox.RateLimited(0)),
			channeltest.Gone:          faulty(sandbox.Answer(http.StatusBadRequest, `{"message":"Failed to send messages"}`)),
			channeltest.Refused: func(to hub.Address) {
				st.SetFault(to.Value, sandbox.Answer(http.StatusBadRequest, `{"message":"The request body has 1 error(s)","details":[{"message":"invalid value `+to.Value+`","property":"to"}]}`))
			},
			channeltest.Credentials: faulty(sandbox.Answer(http.StatusUnauthorized, `{"message":"Authentication failed due to the following reason: invalid token."}`)),
			channeltest.Quota:       func(hub.Address) { st.SetQuota(200, 200) },
			channeltest.ErrorAfter:  once(sandbox.FailAfterAccept()),
			channeltest.HangAfter:   once(sandbox.HangAfterAccept()),
			channeltest.CutAfter:    once(sandbox.CutAfterAccept()),
			channeltest.Slow:        faulty(sandbox.Slow(patience / 3)),
			channeltest.WrongBody:   faulty(sandbox.WrongBody()),
			channeltest.Hang:        faulty(sandbox.Hang()),
			channeltest.Blocked:     func(to hub.Address) { st.Block(to.Value) },
			channeltest.Redirected: func(to hub.Address) {
				st.SetFault(to.Value, sandbox.Redirect(st.url+"/v2/bot/message/push").Once())
			},
		},
		Secrets:  []string{st.LINE().Token, st.LINE().ChannelSecret},
		Patience: patience,
		Close:    st.channel.Close,
	})
}

// message to an address, always of the same delivery.
func message(to hub.Address) hub.Message { return channeltest.Message(to, "dlv-1") }
