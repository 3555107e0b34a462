package line_test

import (
	"context"
	"errors"
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
			channeltest.Refused:       faulty(sandbox.Answer(http.StatusBadRequest, `{"message":"The request body has 1 error(s)","details":[{"message":"invalid uri","property":"messages[0]/contents"}]}`)),
			channeltest.Credentials:   faulty(sandbox.Answer(http.StatusUnauthorized, `{"message":"Authentication failed due to the following reason: invalid token."}`)),
			channeltest.Quota:         func(hub.Address) { st.SetQuota(200, 200) },
			channeltest.ErrorAfter:    once(sandbox.FailAfterAccept()),
			channeltest.HangAfter:     once(sandbox.HangAfterAccept()),
			channeltest.CutAfter:      once(sandbox.CutAfterAccept()),
			channeltest.WrongBody:     faulty(sandbox.WrongBody()),
			channeltest.Hang:          faulty(sandbox.Hang()),
			channeltest.Blocked:       func(to hub.Address) { st.Block(to.Value) },
			channeltest.Redirected: func(to hub.Address) {
				f := sandbox.Answer(http.StatusTemporaryRedirect, "")
				f.Header = http.Header{"Location": {st.url + "/somewhere/else"}}
				st.SetFault(to.Value, f)
			},
		},
		Secrets:  []string{st.LINE().Token, st.LINE().ChannelSecret},
		Patience: patience,
		Close:    st.channel.Close,
	})
}

func message(to hub.Address) hub.Message {
	return hub.Message{
		Delivery: "dlv-1", Person: "p-1", To: to, Kind: hub.KindDigest, Lang: "zh-TW",
		Title: "待處理公文 5 件", Text: "待處理公文 5 件，最速件 1 件，逾期 1 件",
		Facts:  []hub.Fact{{Label: "最速件", Value: "1 件", Alarm: true}, {Label: "今日到期", Value: "2 件"}},
		Counts: hub.Counts{Pending: 5, Highest: 1, DueToday: 2},
		Button: "立即處理", URL: "https://sign.example.gov.tw/inbox", Tag: "inbox", TTL: time.Hour,
		Sent: time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC),
	}
}

// describe names an outcome for a comparison.
func describe(err error) string {
	var (
		retry   *hub.Retry
		unknown *hub.Unknown
		down    *hub.ChannelDown
	)
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &retry):
		return fmt.Sprintf("retry %s", retry.After)
	case errors.As(err, &unknown):
		return fmt.Sprintf("unknown safe=%t", unknown.Safe)
	case errors.As(err, &down):
		return "down"
	default:
		return fmt.Sprintf("%T", err)
	}
}
