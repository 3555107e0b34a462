package messenger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"qianhe/channels/sandbox"
	"qianhe/hub"
)

// TestEvents: what people do in the sandbox reaches us signed, once per thing,
// and opens what it should open: both shapes of a link, menu, tap, receipts.
func TestEvents(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	if _, err := st.channel.Setup(t.Context(), "https://sign.example.gov.tw"); err != nil {
		t.Fatal(err)
	}
	type received struct {
		in  []hub.Inbound
		err error
	}
	events := make(chan received, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body); err != nil {
			t.Error(err)
		}
		in, err := st.channel.ParseInbound(hub.Callback{Header: r.Header, Body: body.Bytes()})
		if err != nil {
			w.WriteHeader(http.StatusForbidden)
		}
		events <- received{in, err}
	}))
	t.Cleanup(hook.Close)
	st.SetPageCallback(hook.URL)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	next := func() hub.Inbound {
		t.Helper()
		select {
		case r := <-events:
			if r.err != nil || len(r.in) != 1 {
				t.Fatalf("received %+v", r)
			}
			return r.in[0]
		case <-ctx.Done():
			t.Fatal("no event came")
		}
		return hub.Inbound{}
	}
	want := func(kind hub.InboundKind, data string) hub.Inbound {
		t.Helper()
		in := next()
		if in.Kind != kind || in.Data != data || in.From != psid || in.ID == "" {
			t.Fatalf("got %+v, want %s %q", in, kind, data)
		}
		return in
	}
	st.OpenLink(psid, "first")
	st.GetStarted(psid)
	want(hub.InReferral, "first")
	st.OpenLink(psid, "second")
	started := want(hub.InReferral, "second")
	st.TapMenu(psid, "查詢待辦件數")
	want(hub.InMessage, "查詢")
	st.Say(psid, "什麼是公文？")
	want(hub.InMessage, "什麼是公文？")

	m := message(hub.Address{Value: psid, Heard: started.At})
	r, err := st.channel.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if in := want(hub.InDelivered, ""); len(in.Provider) != 1 || in.Provider[0] != r.ProviderID {
		t.Errorf("delivered: %+v, want %s", in, r.ProviderID)
	}
	st.ReadChat(psid)
	if in := want(hub.InRead, ""); in.Until.IsZero() {
		t.Errorf("read: %+v", in)
	}
	st.Tap(psid, r.ProviderID, "已讀")
	tapped := want(hub.InPostback, "seen:"+m.Delivery)
	if verb, delivery, ok := hub.ParsePostback(tapped.Data); !ok || verb != "seen" || delivery != m.Delivery {
		t.Errorf("postback %q", tapped.Data)
	}
	// Sent twice it is the same event; forged it is none.
	st.SetCallbackFault("messenger", sandbox.CallbackFault{Twice: true})
	st.Say(psid, "再")
	if one, two := want(hub.InMessage, "再"), want(hub.InMessage, "再"); one.ID != two.ID {
		t.Errorf("repeated under another ID: %s, %s", one.ID, two.ID)
	}
	st.SetCallbackFault("messenger", sandbox.CallbackFault{Forged: true})
	st.Say(psid, "假")
	if r := <-events; !errors.Is(r.err, hub.ErrSignature) {
		t.Errorf("forged: %+v", r)
	}
	called, err := st.WaitCalled(ctx, "messenger", 10)
	if err != nil || called[len(called)-1].Status != http.StatusForbidden || called[0].Status != http.StatusOK {
		t.Errorf("called: %v %+v", err, called)
	}
	if !json.Valid(called[3].Body) || !bytes.Contains(called[3].Body, []byte(`\u4ec0\u9ebc`)) {
		t.Errorf("Meta escapes what is not ASCII: %s", called[3].Body)
	}
}
