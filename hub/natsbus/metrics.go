package natsbus

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of a bus.
type metrics struct {
	connected prometheus.Gauge
	connects  prometheus.Counter
	published prometheus.Counter
}

// newMetrics registers them, where there is a register.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	const namespace, subsystem = "qianhe", "nats"
	m := &metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "connected", Help: "1 while NATS can be reached.",
		}),
		connects: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "connects_total", Help: "How often the connection to NATS was made.",
		}),
		published: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "published_total", Help: "Messages that the bus has sent.",
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.connected, m.connects, m.published} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("natsbus: metrics: %w", err)
		}
	}
	return m, nil
}
