package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/approvaltest"
	"qianhe/approval/pgapproval"
	"qianhe/migrations/localpg/pgtest"
)

// BenchmarkPages measures the server's own time for the two pages that matter
// at their worst: an in-tray of 2,000 pending documents, its last page, and a
// document of 200 paragraphs and 30 attachments; the whole way from session to
// HTML, on a real PostgreSQL. The bar is a p95 below 50 ms on two cores.
func BenchmarkPages(b *testing.B) {
	c := &Config{DatabaseURL: pgtest.NewDSN(b), MaxConns: 8, LogFormat: "json", Digest: "30 8 * * *", LINEAfter: time.Hour}
	c.BaseURL, _ = url.Parse("https://sign.example.gov.tw")
	ids := approvaltest.IDs(7)
	office := approvaltest.NewOffice(ids)
	var large approval.DocumentID
	a, err := newApp(b.Context(), env{strings.NewReader(""), io.Discard, io.Discard, nil}, c, world{seed: func(ctx context.Context, s *stores) error {
		var err error
		large, err = fill(ctx, s, office, ids)
		return err
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(a.close)
	in, err := a.accounts.SignIn(b.Context(), access.SignIn{Login: "chief", Password: demoPassword, Address: "192.0.2.1"})
	if err != nil {
		b.Fatal(err)
	}
	session, _ := access.CookieNames(true)
	handler := a.web.Handler()
	for name, path := range map[string]string{"inbox2000": "/inbox", "document200x30": "/d/" + string(large)} {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			size := 0
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, "https://sign.example.gov.tw"+path, nil)
				r.AddCookie(&http.Cookie{Name: session, Value: in.SessionCookie})
				w := httptest.NewRecorder()
				begin := time.Now()
				handler.ServeHTTP(w, r)
				times = append(times, time.Since(begin))
				if w.Code != http.StatusOK {
					b.Fatalf("GET %s: %d", path, w.Code)
				}
				size = w.Body.Len()
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

// fill enters an office whose chief has 2,000 documents pending, one of them
// large.
func fill(ctx context.Context, s *stores, office approvaltest.Office, ids func() string) (approval.DocumentID, error) {
	store := pgapproval.New(s.pool, silent{})
	for _, u := range office.Units() {
		if err := store.CreateUnit(ctx, u); err != nil {
			return "", err
		}
	}
	for _, p := range office.People() {
		if err := store.CreatePerson(ctx, p, approvaltest.Now()); err != nil {
			return "", err
		}
	}
	err := s.accounts.CreateAccount(ctx, access.NewAccount{Login: "chief", Password: demoPassword, Person: office.Chief.ID, Locale: "zh-TW"})
	if err != nil {
		return "", err
	}
	var large approval.DocumentID
	speeds := []approval.Speed{approval.SpeedNormal, approval.SpeedUrgent, approval.SpeedHighest}
	for i := range 2000 {
		draft := office.Draft(fmt.Sprintf("115%07d", i))
		draft.Route = []approval.Planned{{Person: office.Chief.ID, Duty: approval.DutyReview}, {Person: office.Director.ID, Duty: approval.DutyDecide}}
		draft.Body.Speed = speeds[i%3]
		n := pgapproval.NewDocument{Source: sha256.Sum256([]byte(draft.Number)), At: approvaltest.Now()}
		if i == 1000 {
			body := approvaltest.Body(200)
			body.References, body.Speed = draft.Body.References, draft.Body.Speed
			draft.Body = body
			n.Blobs = map[[32]byte][]byte{}
			for j := range 30 {
				bytes := bytes.Repeat([]byte{byte(j)}, 100_000)
				sum := sha256.Sum256(bytes)
				n.Blobs[sum] = bytes
				n.Files = append(n.Files, approval.File{ID: approval.FileID(ids()), Name: fmt.Sprintf("附件%d.pdf", j+1), MediaType: "application/octet-stream",
					Size: int64(len(bytes)), SHA256: sum, Role: approval.FileAttachment, Position: j})
			}
		}
		n.Document, n.Events = approvaltest.Start(draft, ids)
		n.Body = draft.Body
		if i == 1000 {
			large = n.Document.ID
		}
		if err := store.Create(ctx, n); err != nil {
			return "", err
		}
	}
	_, err = s.pool.Exec(ctx, "analyze")
	return large, err
}
