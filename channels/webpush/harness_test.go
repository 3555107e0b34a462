package webpush_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"qianhe/channels/channeltest"
	"qianhe/channels/sandbox"
	"qianhe/channels/webpush"
	"qianhe/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stand is a stand-in push service and a channel that may talk to it.
type stand struct {
	*sandbox.Sandbox
	url     string
	keys    webpush.Keys
	channel *webpush.Channel
}

const patience = 1500 * time.Millisecond

func newStand(t *testing.T, change func(*webpush.Config)) *stand {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	st := &stand{url: "http://" + srv.Listener.Addr().String()}
	var err error
	st.Sandbox, err = sandbox.New(sandbox.Options{URL: st.url, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = st.Handler()
	srv.Start()
	if st.keys, err = webpush.NewKeys(); err != nil {
		t.Fatal(err)
	}
	cfg := webpush.Config{
		Keys:       ringOf(st.keys),
		Subscriber: "mailto:it@qingchuan.example", Loopback: []string{st.url}, Timeout: patience,
	}
	if change != nil {
		change(&cfg)
	}
	if st.channel, err = webpush.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		st.channel.Close()
		st.Close()
		srv.Close()
	})
	return st
}

// ringOf makes a ring of pairs, the newest first.
func ringOf(pairs ...webpush.Keys) webpush.Keyring {
	var r webpush.Keyring
	for _, k := range pairs {
		r.Keys = append(r.Keys, webpush.RingKey{Keys: k})
	}
	return r
}

// address makes a browser that subscribed with the channel's key.
func (st *stand) address() hub.Address {
	endpoint, p256dh, auth := st.NewSubscription("")
	st.Bind(endpoint, st.keys.Public)
	return hub.Address{Value: endpoint, Keys: map[string]string{"p256dh": p256dh, "auth": auth, "vapid": st.keys.Public}}
}

func (st *stand) faulty(f sandbox.Fault) func(hub.Address) {
	return func(to hub.Address) { st.SetFault(to.Value, f) }
}

func TestConformance(t *testing.T) {
	st := newStand(t, nil)
	once := func(f sandbox.Fault) func(hub.Address) { return st.faulty(f.Once()) }
	channeltest.Run(t, channeltest.Harness{
		Channel: st.channel,
		Address: st.address,
		Arrived: func(ctx context.Context, to hub.Address, n int) (int, error) {
			_, err := st.Wait(ctx, to.Value, n)
			return len(st.Notifications(to.Value)), err
		},
		Faults: map[channeltest.Fault]func(hub.Address){
			channeltest.Throttled:     st.faulty(sandbox.RateLimited(7 * time.Second)),
			channeltest.ThrottledBare: st.faulty(sandbox.RateLimited(0)),
			channeltest.Gone:          func(to hub.Address) { st.Expire(to.Value) },
			channeltest.Refused: func(to hub.Address) {
				st.SetFault(to.Value, sandbox.Answer(http.StatusBadRequest, `{"reason":"BadTtl","endpoint":"`+to.Value+`"}`))
			},
			channeltest.Credentials: st.faulty(sandbox.Answer(http.StatusForbidden, `{"reason":"BadJwtToken"}`)),
			channeltest.ErrorAfter:  once(sandbox.FailAfterAccept()),
			channeltest.HangAfter:   once(sandbox.HangAfterAccept()),
			channeltest.CutAfter:    once(sandbox.CutAfterAccept()),
			channeltest.Slow:        st.faulty(sandbox.Slow(patience / 3)),
			channeltest.WrongBody:   st.faulty(sandbox.WrongBody()),
			channeltest.Hang:        st.faulty(sandbox.Hang()),
			channeltest.Redirected: func(to hub.Address) {
				st.SetFault(to.Value, sandbox.Redirect(to.Value).Once())
			},
		},
		Secrets:  []string{st.keys.Private},
		Patience: patience,
		Close:    st.channel.Close,
	})
}

// message to an address, always of the same delivery.
func message(to hub.Address) hub.Message { return channeltest.Message(to, "dlv-1") }
