package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	wp "github.com/SherClockHolmes/webpush-go"
	"go.uber.org/goleak"

	"qianhe/channels/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	wang = "U0000000000000000000000000000aaaa"
	lin  = "U0000000000000000000000000000bbbb"

	wangPSID = "2400000000000001"
	linPSID  = "2400000000000002"
)

type stand struct {
	*sandbox.Sandbox
	t      *testing.T
	url    string
	client *http.Client
}

// newStand starts a sandbox with two people.
func newStand(t *testing.T, now func() time.Time) *stand {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	url := "http://" + srv.Listener.Addr().String()
	s, err := sandbox.New(sandbox.Options{
		URL: url, AppURL: "http://127.0.0.1:8080", Now: now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		People: []sandbox.Person{
			{Key: "wang", LINE: wang, Phone: wangPhone, PSID: wangPSID, Name: "王大明", Title: "科長", Unit: "工務局水利科"},
			{Key: "lin", LINE: lin, Phone: linPhone, PSID: linPSID, Name: "林以寧", Title: "科員", Unit: "工務局水利科"},
			{Key: "chen", Name: "陳柏宇", Title: "技士", Unit: "工務局水利科"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = s.Handler()
	srv.Start()
	t.Cleanup(func() {
		s.Close()
		srv.Close()
	})
	return &stand{Sandbox: s, t: t, url: url, client: srv.Client()}
}

type reply struct {
	status int
	header http.Header
	body   string
}

// do makes a request; header lines are "Name: value".
func (st *stand) do(method, path, body string, header ...string) reply {
	st.t.Helper()
	req, err := http.NewRequestWithContext(st.t.Context(), method, st.url+path, strings.NewReader(body))
	if err != nil {
		st.t.Fatal(err)
	}
	for _, h := range header {
		k, v, _ := strings.Cut(h, ": ")
		req.Header.Set(k, v)
	}
	res, err := st.client.Do(req)
	if err != nil {
		st.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		st.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(b)}
}

// line makes a call of the Messaging API with a good token.
func (st *stand) line(method, path, body string, header ...string) reply {
	st.t.Helper()
	header = append([]string{"Authorization: Bearer " + st.LINE().Token, "Content-Type: application/json; charset=UTF-8"}, header...)
	return st.do(method, path, body, header...)
}

// browser is a subscription and the server that pushes to it.
type browser struct {
	wp.Subscription
	public, private string
}

func (st *stand) browser(label string) *browser {
	st.t.Helper()
	endpoint, p256dh, auth := st.NewSubscription(label)
	private, public, err := wp.GenerateVAPIDKeys()
	if err != nil {
		st.t.Fatal(err)
	}
	return &browser{wp.Subscription{Endpoint: endpoint, Keys: wp.Keys{P256dh: p256dh, Auth: auth}}, public, private}
}

// payload is a declarative push message.
func payload(title, tag string) string {
	b, err := json.Marshal(map[string]any{
		"web_push": 8030, "app_badge": 3,
		"notification": map[string]any{"title": title, "body": "最速件 1 件", "lang": "zh-TW", "tag": tag, "navigate": "http://127.0.0.1:8080/inbox", "app_badge": "3"},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// push sends with the library that our channel uses, and changes the request
// before it goes.
func (st *stand) push(b *browser, text string, opt wp.Options, change func(*http.Request)) (int, string) {
	st.t.Helper()
	opt.Subscriber, opt.VAPIDPublicKey, opt.VAPIDPrivateKey = "it@qingchuan.example", b.public, b.private
	opt.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		if change != nil {
			change(r)
		}
		return st.client.Do(r)
	})
	res, err := wp.SendNotificationWithContext(st.t.Context(), bytes.Clone([]byte(text)), &b.Subscription, &opt)
	if err != nil {
		st.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		st.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func (st *stand) titles(who string) []string {
	var list []string
	for _, m := range st.Messages(who) {
		list = append(list, m.Title)
	}
	return list
}

func (st *stand) wait(who string, n int) []sandbox.Message {
	st.t.Helper()
	ctx, cancel := context.WithTimeout(st.t.Context(), time.Minute)
	defer cancel()
	list, err := st.Wait(ctx, who, n)
	if err != nil {
		st.t.Fatal(err)
	}
	return list
}
