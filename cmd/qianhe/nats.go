package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"qianhe/hub/natsbus"
)

// natsConfig is what concerns NATS, the other way for servers to tell each
// other of changes. Without it PostgreSQL carries them.
type natsConfig struct {
	URL     string
	Subject string
	Creds   string
	CA      string
	Cert    string
	Key     string
}

func natsSettings() []setting {
	text := func(field func(*natsConfig) *string) func(*Config, string) error {
		return func(c *Config, v string) error {
			*field(&c.NATS) = v
			return nil
		}
	}
	return []setting{
		{"nats-url", "", "NATS servers through which many servers of ours tell each other of changes, such as tls://nats1:4222,tls://nats2:4222; empty: through PostgreSQL", true, text(func(n *natsConfig) *string { return &n.URL })},
		{"nats-subject", "qianhe.inbox", "subject that tells installations on one NATS apart", false, text(func(n *natsConfig) *string { return &n.Subject })},
		{"nats-creds", "", "file of NATS credentials", false, text(func(n *natsConfig) *string { return &n.Creds })},
		{"nats-ca", "", "PEM file of the authority that NATS has its certificate of; the system's when empty", false, text(func(n *natsConfig) *string { return &n.CA })},
		{"nats-cert", "", "PEM file of our certificate, where NATS asks for one", false, text(func(n *natsConfig) *string { return &n.Cert })},
		{"nats-key", "", "PEM file of its key", false, text(func(n *natsConfig) *string { return &n.Key })},
	}
}

// values are the settings as 'qianhe config' prints them.
func (n *natsConfig) values() map[string]string {
	return map[string]string{
		"nats-url": mask(n.URL != ""), "nats-subject": n.Subject, "nats-creds": n.Creds, "nats-ca": n.CA, "nats-cert": n.Cert, "nats-key": n.Key,
	}
}

func (n *natsConfig) check() error {
	if (n.Cert == "") != (n.Key == "") {
		return errors.New("QIANHE_NATS_CERT and QIANHE_NATS_KEY: give both or none")
	}
	if n.URL == "" && (n.Creds != "" || n.CA != "" || n.Cert != "") {
		return errors.New("QIANHE_NATS_URL: needed with the other settings of NATS")
	}
	return nil
}

// openNATS connects to NATS, where it is configured. A NATS that cannot be
// reached now is no reason not to serve.
func (s *stores) openNATS(ctx context.Context, r prometheus.Registerer) error {
	n := s.config.NATS
	if n.URL == "" {
		return nil
	}
	b, err := natsbus.New(natsbus.Options{
		URL: n.URL, Subject: n.Subject, Credentials: n.Creds, CA: n.CA, Cert: n.Cert, Key: n.Key, Log: s.log, Registerer: r,
	})
	if err == nil {
		// It ends with the stores, after everything that publishes.
		err = b.Start(context.WithoutCancel(ctx))
	}
	if err != nil {
		return fmt.Errorf("QIANHE_NATS_*: %w", err)
	}
	s.nats = b
	return nil
}

// closeNATS says what is still to be said.
func (s *stores) closeNATS() {
	if s.nats == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.nats.Stop(ctx); err != nil {
		s.log.Error("leaving NATS", "err", err)
	}
}
