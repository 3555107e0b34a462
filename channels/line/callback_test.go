package line_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"qianhe/channels/sandbox"
	"qianhe/hub"
)

// callbacks serves our callback address over the channel's own parser, and
// gives its origin.
func callbacks(t *testing.T, st *stand, got ...chan<- hub.Inbound) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil || r.URL.Path != "/hooks/line" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		list, err := st.channel.ParseInbound(hub.Callback{Header: r.Header, Body: body})
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, in := range list {
			for _, c := range got {
				c <- in
			}
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestSandboxCallbacks: what people do in the stand-in's LINE comes through our
// parser as what it was.
func TestSandboxCallbacks(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	got := make(chan hub.Inbound, 20)
	st.SetLINECallback(callbacks(t, st, got) + "/hooks/line")
	user := st.address().Value
	next := func() hub.Inbound {
		t.Helper()
		select {
		case in := <-got:
			if in.ID == "" || in.At.IsZero() {
				t.Errorf("event without id or time: %+v", in)
			}
			return in
		case <-time.After(time.Minute):
			t.Fatal("no event came")
			return hub.Inbound{}
		}
	}
	want := func(in, want hub.Inbound) {
		t.Helper()
		want.Channel = hub.LINE
		if diff := cmp.Diff(want, in, cmpopts.IgnoreFields(hub.Inbound{}, "ID", "At", "Reply")); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
	}
	st.SayLINE(user, "查詢")
	said := next()
	want(said, hub.Inbound{Kind: hub.InMessage, From: user, Data: "查詢"})
	m := message(hub.Address{Value: user})
	m.Acts = []hub.Act{{Label: "已讀", Verb: "seen"}}
	if err := st.channel.Reply(t.Context(), said, m); err != nil {
		t.Fatal(err)
	}
	card := st.Messages(user)[0].ID
	if !st.TapLINE(user, card, "已讀") {
		t.Fatal("the card has no such button")
	}
	want(next(), hub.Inbound{Kind: hub.InPostback, From: user, Data: "seen:dlv-1"})
	if !st.TapLINE(user, card, "查詢") {
		t.Fatal("the card has no quick reply")
	}
	asked := next()
	want(asked, hub.Inbound{Kind: hub.InMessage, From: user, Data: "查詢"})
	// The same again, as LINE repeats what it thinks was missed.
	st.RepeatLINE()
	if again := next(); again.ID != asked.ID || again.Reply != asked.Reply {
		t.Errorf("repetition is %+v, want %+v", again, asked)
	}
	if st.TapLINE(user, card, "立即處理") || st.TapLINE(user, "none", "已讀") {
		t.Error("a button was tapped that tells nobody anything")
	}
	st.BlockLINE(user)
	want(next(), hub.Inbound{Kind: hub.InUnfollow, From: user})
	st.SayLINE(user, "還在嗎")
	if st.TapLINE(user, card, "已讀") {
		t.Error("who has blocked the account can tap")
	}
	st.AddLINE(user)
	want(next(), hub.Inbound{Kind: hub.InFollow, From: user})

	// Signed by somebody else: refused, and not sent again.
	st.SetCallbackFault("line", sandbox.CallbackFault{Forged: true})
	st.SayLINE(user, "假的")
	list, err := st.WaitCalled(t.Context(), "line", 7)
	if err != nil {
		t.Fatal(err)
	}
	if last := list[len(list)-1]; last.Status != http.StatusUnauthorized {
		t.Errorf("a forged callback got %d", last.Status)
	}
}
