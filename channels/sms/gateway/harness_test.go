package gateway_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"qianhe/channels/channeltest"
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/gateway"
	"qianhe/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 1500 * time.Millisecond
	delivery = "01hzzzzzzzzzzzzzzzzzzzzzzz"
	hook     = "https://sign.example.gov.tw/hooks/sms"
)

// stand is a stand-in gateway and a channel that talks to it.
type stand struct {
	*sandbox.Sandbox
	url     string
	sender  *gateway.Sender
	channel *sms.Channel
	numbers int
}

// standOptions are what a test sets differently.
type standOptions struct {
	hook    string
	log     io.Writer
	account sandbox.GatewayAccount
	change  func(*gateway.Config)
	now     func() time.Time
}

// newStand makes them, with a configuration of testdata.
func newStand(t *testing.T, file string, o standOptions) *stand {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	st := &stand{url: "http://" + srv.Listener.Addr().String()}
	var err error
	o.account.Hosts = []string{"sign.example.gov.tw"}
	st.Sandbox, err = sandbox.New(sandbox.Options{URL: st.url, Gateway: o.account, Now: o.now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = st.Handler()
	srv.Start()
	cfg := read(t, file, st.url)
	cfg.Timeout = 0 // the default: machines that test are slow
	if o.change != nil {
		o.change(&cfg)
	}
	if o.hook == "" {
		o.hook = hook
	}
	if o.log == nil {
		o.log = t.Output()
	}
	secret := st.Gateway().Password
	if file == "gov111.json" {
		secret = st.Gateway().Token
	}
	st.sender, err = gateway.New(cfg, gateway.Options{Secret: secret, CallbackURL: o.hook, Now: o.now, Log: slog.New(slog.NewTextHandler(o.log, nil))})
	if err != nil {
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

// read reads a configuration of testdata for a provider at an address.
func read(t *testing.T, file, url string) gateway.Config {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := gateway.Read(strings.NewReader(strings.ReplaceAll(string(b), "{URL}", url)))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func (st *stand) address() hub.Address {
	st.numbers++
	return hub.Address{Value: fmt.Sprintf("+8869000%05d", st.numbers)}
}

func message(to hub.Address) hub.Message {
	m := channeltest.Message(to, delivery)
	m.Ref = "A7K2"
	return m
}

// TestConformance: the plain gateway says everything with status 200, 111 says
// it with statuses too. An answer that cannot be read is left out: a provider
// that says no with a 200 must be understood before it is believed.
func TestConformance(t *testing.T) {
	for _, file := range []string{"plain.json", "gov111.json"} {
		t.Run(file, func(t *testing.T) {
			st := newStand(t, file, standOptions{change: func(c *gateway.Config) { c.Timeout = gateway.Duration(patience) }})
			faulty := func(f sandbox.Fault) func(hub.Address) {
				return func(to hub.Address) { st.SetFault(to.Value, f) }
			}
			refused := sandbox.Answer(http.StatusBadRequest, `{"code":"E205","message":"無法送達 +886900000001"}`)
			credentials := sandbox.Answer(http.StatusUnauthorized, `{"code":"E001","message":"憑證無效"}`)
			path := "/111/messages"
			if file == "plain.json" {
				refused = sandbox.Answer(http.StatusOK, "[1]\r\nstatuscode=t\r\n")
				credentials = sandbox.Answer(http.StatusOK, "[1]\r\nstatuscode=e\r\n")
				path = "/gateway/send"
			}
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
					channeltest.Gone:          func(to hub.Address) { st.GatewayOptOut(to.Value) },
					channeltest.Refused:       faulty(refused),
					channeltest.Credentials:   faulty(credentials),
					channeltest.Quota:         func(hub.Address) { st.GatewayLimit(1); st.exhaust(t) },
					channeltest.ErrorAfter:    faulty(sandbox.FailAfterAccept()),
					channeltest.HangAfter:     faulty(sandbox.HangAfterAccept()),
					channeltest.CutAfter:      faulty(sandbox.CutAfterAccept()),
					channeltest.Slow:          faulty(sandbox.Slow(patience / 3)),
					channeltest.Hang:          faulty(sandbox.Hang()),
					channeltest.Blocked:       func(to hub.Address) { st.GatewayFails(to.Value, "UNDELIV") },
					channeltest.Redirected:    func(to hub.Address) { st.SetFault(to.Value, sandbox.Redirect(st.url+path).Once()) },
				},
				Secrets:  []string{st.Gateway().Token, st.Gateway().Password},
				Patience: patience,
				Close:    st.channel.Close,
			})
		})
	}
}

// exhaust sends until the limit is reached.
func (st *stand) exhaust(t *testing.T) {
	t.Helper()
	m := message(st.address())
	m.Text = m.Title
	if _, err := st.channel.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}
