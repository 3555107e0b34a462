package live

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"qianhe/approval"
)

// gauge reads a metric.
func gauge(t testing.TB, m prometheus.Metric) float64 {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetCounter().GetValue() + out.GetGauge().GetValue()
}

// BenchmarkFanOut brings one event, and the counts with it, to N people at
// once, over real sockets. Pages and server share the processors, and a page's
// own work is in the figures. The memory is that of a page and the server's
// side of it together.
//
//	go test ./hub/live -run '^$' -bench FanOut -benchtime 20x
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{100, 1000, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFixture(b)
			before := heap()
			got := make(chan struct{}, 2*n)
			var pages sync.WaitGroup
			for i := range n {
				c := f.hello(fmt.Sprint("p", i), nil)
				_ = c.ws.SetReadDeadline(time.Time{})
				pages.Go(func() {
					for {
						_, data, err := c.ws.ReadMessage()
						if err != nil {
							return
						}
						if data[9] == 'e' { // {"type":"event"
							got <- struct{}{}
						}
					}
				})
			}
			each := float64(heap()-before) / float64(n)
			b.ResetTimer()
			for range b.N {
				for i := range n {
					f.add(approval.PersonID(fmt.Sprint("p", i)))
				}
				for range n {
					<-got
				}
			}
			b.StopTimer()
			b.ReportMetric(each, "B/conn")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/delivery")
			for _, c := range f.registry.conns() {
				c.close(websocket.CloseGoingAway)
			}
			pages.Wait()
		})
	}
}

// heap is what is in use, stacks included.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
