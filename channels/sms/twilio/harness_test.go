package twilio_test

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
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/twilio"
	"qianhe/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stand is a stand-in Twilio and a channel that talks to it.
type stand struct {
	*sandbox.Sandbox
	url     string
	sender  *twilio.Sender
	channel *sms.Channel
	numbers int
}

const (
	patience = 1500 * time.Millisecond
	hook     = "https://sign.example.gov.tw/hooks/sms"
	delivery = "01hzzzzzzzzzzzzzzzzzzzzzzz"
)

// newStand makes them. change may alter the sender's configuration; the clock,
// when it is not nil, is that of both.
func newStand(t *testing.T, now func() time.Time, change func(*twilio.Config)) *stand {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	st := &stand{url: "http://" + srv.Listener.Addr().String()}
	account := sandbox.DefaultTwilio()
	account.Registered = []string{"sign.example.gov.tw"}
	var err error
	st.Sandbox, err = sandbox.New(sandbox.Options{URL: st.url, Now: now, Twilio: account, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = st.Handler()
	srv.Start()
	cfg := config()
	cfg.BaseURL, cfg.Now = st.url, now
	if change != nil {
		change(&cfg)
	}
	if st.sender, err = twilio.New(cfg); err != nil {
		t.Fatal(err)
	}
	if st.channel, err = sms.New(sms.Config{Sender: st.sender, Agency: "青川市政府", LinkHosts: []string{"sign.example.gov.tw"}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		st.channel.Close()
		st.Close()
		srv.Close()
	})
	return st
}

// config is a good one of the account that the sandbox plays.
func config() twilio.Config {
	a := sandbox.DefaultTwilio()
	return twilio.Config{
		AccountSID: a.AccountSID, APIKey: a.APIKey, APISecret: a.APISecret, AuthToken: a.AuthToken,
		From: a.From, CallbackURL: hook,
	}
}

// address makes up a telephone.
func (st *stand) address() hub.Address {
	st.numbers++
	return hub.Address{Value: fmt.Sprintf("+8869000%05d", st.numbers)}
}

func message(to hub.Address) hub.Message {
	m := channeltest.Message(to, delivery)
	m.Ref = "A7K2"
	return m
}

func TestConformance(t *testing.T) {
	st := newStand(t, nil, func(c *twilio.Config) { c.Timeout = patience })
	faulty := func(f sandbox.Fault) func(hub.Address) {
		return func(to hub.Address) { st.SetFault(to.Value, f) }
	}
	limited := sandbox.TwilioError(http.StatusTooManyRequests, 20429, "Too Many Requests")
	later := limited
	later.Header = limited.Header.Clone()
	later.Header.Set("Retry-After", "7")
	channeltest.Run(t, channeltest.Harness{
		Channel: st.channel,
		Address: st.address,
		Arrived: func(ctx context.Context, to hub.Address, n int) (int, error) {
			list, err := st.Wait(ctx, to.Value, n)
			return len(list), err
		},
		Faults: map[channeltest.Fault]func(hub.Address){
			channeltest.Throttled:     faulty(later),
			channeltest.ThrottledBare: faulty(limited),
			channeltest.Gone:          func(to hub.Address) { st.TwilioRefuses(to.Value, 21610) },
			channeltest.Refused: func(to hub.Address) {
				st.SetFault(to.Value, sandbox.TwilioError(http.StatusBadRequest, 21999, "Something about "+to.Value+" in https://sign.example.gov.tw/inbox"))
			},
			channeltest.Credentials: faulty(sandbox.TwilioError(http.StatusUnauthorized, 20003, "Authenticate")),
			channeltest.Quota:       func(hub.Address) { st.TwilioLimit(1); st.exhaust(t) },
			channeltest.ErrorAfter:  faulty(sandbox.FailAfterAccept()),
			channeltest.HangAfter:   faulty(sandbox.HangAfterAccept()),
			channeltest.CutAfter:    faulty(sandbox.CutAfterAccept()),
			channeltest.Slow:        faulty(sandbox.Slow(patience / 3)),
			channeltest.WrongBody:   faulty(sandbox.WrongBody()),
			channeltest.Hang:        faulty(sandbox.Hang()),
			channeltest.Blocked:     func(to hub.Address) { st.TwilioFails(to.Value, 30004) },
			channeltest.Redirected: func(to hub.Address) {
				st.SetFault(to.Value, sandbox.Redirect(st.url+"/2010-04-01/Accounts/"+st.Twilio().AccountSID+"/Messages.json").Once())
			},
		},
		Secrets:  []string{st.Twilio().APISecret, st.Twilio().AuthToken, st.Twilio().AccountSID},
		Patience: patience,
		Close:    st.channel.Close,
	})
}

// exhaust sends until the account's limit is reached.
func (st *stand) exhaust(t *testing.T) {
	t.Helper()
	if _, err := st.channel.Send(t.Context(), message(st.address())); err != nil {
		t.Fatal(err)
	}
}
