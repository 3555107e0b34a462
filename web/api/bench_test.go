package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"qianhe/hub"
	"qianhe/web/api"
)

// atOnce is Notices that has written before it is asked.
type atOnce struct{ notices }

func (*atOnce) Publish(_ context.Context, n hub.Notice) (hub.Publication, error) {
	p := hub.Publication{Notice: someID, To: make([]hub.Published, len(n.To))}
	for i, to := range n.To {
		p.To[i] = hub.Published{Account: to, Person: "p", Notification: someID}
	}
	return p, nil
}

// BenchmarkNotify is what a call costs on top of the store and the connection:
// token, reading, checking, answering.
//
//	go test ./web/api -run '^$' -bench Notify -benchmem
func BenchmarkNotify(b *testing.B) {
	a := newAPI(&importer{}, func(o *api.Options) {
		o.Notices, o.Log, o.NoticesPerMinute = &atOnce{}, slog.New(slog.DiscardHandler), 1<<40
	})
	body := []byte(`{"kind":"announcement","title":"系統維護公告：今晚十時起停機一小時","recipients":["p01234"]}`)
	r := httptest.NewRequest(http.MethodPost, "/api/v1/notifications", nil)
	r.Header.Set("Authorization", "Bearer hr")
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = int64(len(body))
	in := bytes.NewReader(nil)
	r.Body = io.NopCloser(in)
	b.ReportAllocs()
	for b.Loop() {
		in.Reset(body)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != http.StatusCreated && w.Code != http.StatusTooManyRequests {
			b.Fatalf("%d: %s", w.Code, w.Body)
		}
	}
}
