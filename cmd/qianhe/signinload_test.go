package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qianhe/approval/access"
	"qianhe/approval/approvaltest"
	"qianhe/migrations/localpg/pgtest"
)

// BenchmarkSignInFlood offers 200 sign-ins a second beside pages that are read
// and forms that are opened, and prints a table: how fast those who are in are
// served without and with it, and what becomes of the sign-ins. The bars: those
// who are in wait at most twice as long (p95), and whoever cannot be let in now
// hears it within a second.
func BenchmarkSignInFlood(b *testing.B) {
	c := &Config{DatabaseURL: pgtest.NewDSN(b), MaxConns: 20, LogFormat: "json", Digest: "30 8 * * *", LINEAfter: time.Hour}
	c.BaseURL, _ = url.Parse("https://sign.example.gov.tw")
	ids := approvaltest.IDs(7)
	office := approvaltest.NewOffice(ids)
	large := ""
	a, err := newApp(b.Context(), env{strings.NewReader(""), io.Discard, io.Discard, nil}, c, world{seed: func(ctx context.Context, s *stores) error {
		id, err := fill(ctx, s, office, ids)
		large = string(id)
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
	srv := httptest.NewServer(a.web.Handler())
	b.Cleanup(srv.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	ask := func(r *http.Request) (status int, took time.Duration) {
		r.Host = "sign.example.gov.tw"
		begin := time.Now()
		w, err := client.Do(r)
		if err != nil {
			return 0, time.Since(begin)
		}
		_, _ = io.Copy(io.Discard, w.Body)
		w.Body.Close()
		return w.StatusCode, time.Since(begin)
	}
	// work reads and opens forms, one after the other, as long as it may.
	work := func(d time.Duration) []time.Duration {
		var times []time.Duration
		for end := time.Now().Add(d); time.Now().Before(end); {
			r, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, srv.URL+"/d/"+large+"/decide", nil)
			r.AddCookie(&http.Cookie{Name: session, Value: in.SessionCookie})
			status, took := ask(r)
			if status != http.StatusOK {
				b.Errorf("the form answers %d", status)
				return times
			}
			times = append(times, took)
		}
		return times
	}
	var mu sync.Mutex
	answers := map[int][]time.Duration{}
	flood := func(d time.Duration) {
		var wg sync.WaitGroup
		tick := time.NewTicker(time.Second / 200)
		defer tick.Stop()
		end := time.Now().Add(d)
		for n := 0; time.Now().Before(end); n++ {
			<-tick.C
			wg.Go(func() {
				form := url.Values{"login": {fmt.Sprintf("clerk%d", n)}, "password": {"not the right one"}}
				r, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, srv.URL+"/signin", strings.NewReader(form.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				status, took := ask(r)
				mu.Lock()
				answers[status] = append(answers[status], took)
				mu.Unlock()
			})
		}
		wg.Wait()
	}
	at := func(times []time.Duration, of int) time.Duration {
		if len(times) == 0 {
			return 0
		}
		slices.Sort(times)
		return times[(len(times)-1)*of/100].Round(100 * time.Microsecond)
	}
	const span = 10 * time.Second
	for b.Loop() {
		// Failures from one address would soon be turned away for their number.
		if _, err := a.pool.Exec(b.Context(), `delete from sign_in_attempt`); err != nil {
			b.Fatal(err)
		}
		work(time.Second)
		alone := work(span)
		stop := make(chan struct{})
		go func() { // the limit of the address is not what is measured
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					_, _ = a.pool.Exec(b.Context(), `delete from sign_in_attempt`)
				}
			}
		}()
		done := make(chan struct{})
		go func() { defer close(done); flood(span) }()
		beside := work(span)
		<-done
		close(stop)
		b.Logf("%-34s %8s %10s %10s", "", "number", "p50", "p95")
		b.Logf("%-34s %8d %10s %10s", "forms to decide, alone", len(alone), at(alone, 50), at(alone, 95))
		b.Logf("%-34s %8d %10s %10s", "beside 200 sign-ins a second", len(beside), at(beside, 50), at(beside, 95))
		for _, status := range []int{401, 429, 503, 0} {
			if t := answers[status]; len(t) > 0 {
				b.Logf("%-34s %8d %10s %10s", fmt.Sprintf("sign-ins answered %d", status), len(t), at(t, 50), at(t, 95))
			}
		}
		b.ReportMetric(float64(at(beside, 95))/float64(max(at(alone, 95), 1)), "p95-times")
		b.ReportMetric(at(answers[503], 95).Seconds()*1000, "503-p95-ms")
	}
}
