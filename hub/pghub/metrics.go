package pghub

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of a hub.
type metrics struct {
	notifications *prometheus.CounterVec   // written, by kind
	deliveries    *prometheus.CounterVec   // attempts and ends, by channel and outcome
	seconds       *prometheus.HistogramVec // from due to accepted, by channel
	inbound       *prometheus.CounterVec   // events of providers, by channel, kind and result
	answers       *prometheus.CounterVec   // what was said in chats, by channel, answer and result
	reconnects    prometheus.Counter       // of the bus
	published     prometheus.Counter       // NOTIFY payloads
	webhooks      *prometheus.CounterVec   // attempts, by the state that followed
}

// newMetrics registers them, where there is a register.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	const namespace, subsystem = "qianhe", "hub"
	m := &metrics{
		notifications: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "notifications_total",
			Help: "Notifications written, by kind.",
		}, []string{"kind"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "deliveries_total",
			Help: "Outcomes of attempts to deliver, and deliveries that ended without one (cancelled, expired), by channel.",
		}, []string{"channel", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "delivery_seconds",
			Help:    "Time from when a delivery was due until its provider took it, by channel.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 1800},
		}, []string{"channel"}),
		inbound: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "inbound_total",
			Help: "Events of providers that were dealt with (done, retry, parked, too old), by channel and kind.",
		}, []string{"channel", "kind", "result"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "answers_total",
			Help: "Answers in chats (answered, failed, too late), by channel.",
		}, []string{"channel", "answer", "result"}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "bus_reconnects_total",
			Help: "How often a connection of the bus was lost and opened again.",
		}),
		published: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "bus_published_total",
			Help: "Payloads that the bus has sent.",
		}),
	}
	m.webhooks = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "webhook_attempts_total",
		Help: "Attempts to bring events to the agency's own systems, by the state of the delivery after them.",
	}, []string{"state"})
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.notifications, m.deliveries, m.seconds, m.inbound, m.answers, m.reconnects, m.published, m.webhooks} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("pghub: metrics: %w", err)
		}
	}
	return m, nil
}
