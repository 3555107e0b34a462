package twilio_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"qianhe/channels/sandbox"
	"qianhe/channels/sms/twilio"
	"qianhe/hub"
)

// heard is an address for callbacks that keeps what came.
type heard struct {
	url  string
	list chan hub.Callback
}

func listen(t *testing.T) *heard {
	t.Helper()
	h := &heard{list: make(chan hub.Callback, 100)}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h.list <- hub.Callback{Header: r.Header.Clone(), Query: r.URL.RawQuery, Body: body}
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL + "/hooks/sms"
	return h
}

// TestCallbacks: what the stand-in signs is believed, in whatever order it
// comes, and nothing else is.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(*stand, hub.Address)
		want    []string
		code    string
		refused bool
	}{
		"delivered":       {func(*stand, hub.Address) {}, []string{"queued", "sent", "delivered"}, "", false},
		"out of order":    {func(st *stand, _ hub.Address) { st.TwilioReverse(true) }, []string{"delivered", "sent", "queued"}, "", false},
		"undelivered":     {func(st *stand, to hub.Address) { st.TwilioFails(to.Value, 30005) }, []string{"queued", "sent", "undelivered"}, "30005", false},
		"wrong signature": {func(st *stand, _ hub.Address) { st.SetCallbackFault("twilio", sandbox.CallbackFault{Forged: true}) }, []string{"queued", "sent", "delivered"}, "", true},
	} {
		h := listen(t)
		st := newStand(t, nil, func(c *twilio.Config) { c.CallbackURL = h.url })
		to := st.address()
		tt.prepare(st, to)
		receipt, err := st.channel.Send(t.Context(), message(to))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range tt.want {
			list, err := st.channel.ParseInbound(<-h.list)
			if tt.refused {
				if !errors.Is(err, hub.ErrSignature) {
					t.Errorf("%s: %+v, %v", name, list, err)
				}
				continue
			}
			if err != nil || len(list) != 1 {
				t.Fatalf("%s: %+v, %v", name, list, err)
			}
			in := list[0]
			got = append(got, in.Data)
			if in.Delivery != delivery || in.Provider[0] != receipt.ProviderID {
				t.Errorf("%s: about %s, %v, want %s, %s", name, in.Delivery, in.Provider, delivery, receipt.ProviderID)
			}
			if in.Data == "undelivered" && in.Code != tt.code {
				t.Errorf("%s: code %q, want %q", name, in.Code, tt.code)
			}
		}
		if !tt.refused && !slices.Equal(got, tt.want) {
			t.Errorf("%s: heard %v, want %v", name, got, tt.want)
		}
	}
}
