package live

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	connections prometheus.Gauge
	slow        prometheus.Counter
	refused     prometheus.Counter
}

func newMetrics(r prometheus.Registerer, log *slog.Logger) *metrics {
	const namespace, subsystem = "qianhe", "live"
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "connections", Help: "Open live connections of this node.",
		}),
		slow: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "slow_clients_total", Help: "Connections cut off because their page did not read.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "refused_total", Help: "Handshakes that were told to come back, because too many waited or the node was full.",
		}),
	}
	if r == nil {
		return m
	}
	for _, c := range []prometheus.Collector{m.connections, m.slow, m.refused} {
		if err := r.Register(c); err != nil {
			log.Error("live: metric is not registered", "err", err)
		}
	}
	return m
}
