package natsbus

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"qianhe/hub"
	"qianhe/hub/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a NATS server until the test ends.
func serve(t testing.TB, opt server.Options) *server.Server {
	t.Helper()
	opt.NoLog, opt.NoSigs = true, true
	if opt.Host == "" {
		opt.Host = "127.0.0.1"
	}
	if opt.Port == 0 {
		opt.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&opt)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the NATS server does not come up")
	}
	return s
}

// fleet is nodes on one NATS server.
type fleet struct {
	url  string
	gate bustest.Gate
}

func (f *fleet) Gate() *bustest.Gate { return &f.gate }

func (f *fleet) Node(t testing.TB) bustest.Node {
	t.Helper()
	b := newBus(t, Options{URL: f.url, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	b.dial = append(b.dial, nats.SetCustomDialer(&f.gate), nats.ReconnectWait(5*time.Millisecond), nats.ReconnectJitter(time.Millisecond, time.Millisecond))
	return bustest.Node{Bus: b, Start: b.Start, Stop: b.Stop}
}

func newBus(t testing.TB, opt Options) *Bus {
	t.Helper()
	b, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Stop(context.Background()) })
	return b
}

func TestSuite(t *testing.T) {
	t.Parallel()
	bustest.Run(t, func(t testing.TB) bustest.Fleet { return &fleet{url: serve(t, server.Options{}).ClientURL()} })
}

// hear subscribes and gives what comes.
func hear(t *testing.T, b *Bus) <-chan hub.Change {
	t.Helper()
	heard := make(chan hub.Change, 100)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Subscribe(ctx, func(changes []hub.Change) {
			for _, c := range changes {
				heard <- c
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return heard
}

// meet sends from one node to the other until it is there.
func meet(t *testing.T, from, to *Bus) {
	t.Helper()
	heard := hear(t, to)
	deadline := time.After(time.Minute)
	for rev := int64(1); ; rev++ {
		from.Publish(hub.Change{Person: "amy", Rev: rev})
		select {
		case c := <-heard:
			if c.Person != "amy" {
				t.Errorf("heard %+v", c)
			}
			return
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatal("never heard")
		}
	}
}

// A server that starts before its NATS does its work; the fleet finds together
// when NATS is there.
func TestNATSComesLater(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	url := "nats://" + l.Addr().String()
	registry := prometheus.NewRegistry()
	one, two := newBus(t, Options{URL: url, Registerer: registry}), newBus(t, Options{URL: url})
	for _, b := range []*Bus{one, two} {
		if err := b.Start(t.Context()); err != nil {
			t.Fatalf("Start without NATS: %v", err)
		}
	}
	if one.Connected() || testutil.ToFloat64(one.metrics.connected) != 0 {
		t.Error("connected to nobody")
	}
	serve(t, server.Options{Port: port})
	meet(t, one, two)
	if !one.Connected() || testutil.ToFloat64(one.metrics.connected) != 1 {
		t.Error("not connected, and yet it speaks")
	}
	if err := one.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if one.Connected() || testutil.ToFloat64(one.metrics.connected) != 0 {
		t.Error("connected after the stop")
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{Username: "qianhe", Password: "lotus-ferry-42"})
	address := strings.TrimPrefix(s.ClientURL(), "nats://")
	if err := newBus(t, Options{URL: "nats://qianhe:wrong@" + address}).Start(t.Context()); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong password: %v, want an error that does not repeat it", err)
	}
	one, two := newBus(t, Options{URL: "nats://qianhe:lotus-ferry-42@" + address}), newBus(t, Options{URL: "nats://qianhe:lotus-ferry-42@" + address})
	for _, b := range []*Bus{one, two} {
		if err := b.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	meet(t, one, two)
}

// Both sides show a certificate of the agency's own.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, caKey := certificate(t, dir, "ca", nil, nil)
	certificate(t, dir, "server", ca, caKey)
	certificate(t, dir, "client", ca, caKey)
	path := func(name string) string { return filepath.Join(dir, name) }
	pair, err := tls.LoadX509KeyPair(path("server.pem"), path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	s := serve(t, server.Options{TLS: true, TLSTimeout: 10, TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	}})
	url := "tls://" + s.Addr().String()
	opt := Options{URL: url, CA: path("ca.pem"), Cert: path("client.pem"), Key: path("client.key")}
	one, two := newBus(t, opt), newBus(t, opt)
	for _, b := range []*Bus{one, two} {
		if err := b.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	meet(t, one, two)

	// A server that we do not know gets no word from us.
	if err := newBus(t, Options{URL: url}).Start(t.Context()); err == nil {
		t.Error("no word of a server whose certificate nobody vouches for")
	}
	if _, err := New(Options{URL: url, CA: path("none.pem")}); err == nil {
		t.Error("a file that is not there is no error")
	}
}

// certificate makes one, signed by parent or by itself, and writes its files.
func certificate(t *testing.T, dir, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if parent == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func TestRefusedOptions(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]Options{
		"no URL":               {},
		"not a URL":            {URL: "tls://user:secret-word@%zz"},
		"another protocol":     {URL: "http://user:secret-word@nats.example.gov.tw"},
		"one of two":           {URL: "tls://nats.example.gov.tw,secret-word"},
		"subject of wildcards": {URL: "nats://127.0.0.1:4222", Subject: "qianhe.>"},
		"subject with spaces":  {URL: "nats://127.0.0.1:4222", Subject: "a b"},
		"key without its file": {URL: "tls://127.0.0.1:4222", Cert: "/nonexistent.pem", Key: "/nonexistent.key"},
	} {
		_, err := New(opt)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%s: the error repeats the address: %v", name, err)
		}
	}
}

// Two installations on one NATS do not hear each other.
func TestSubjects(t *testing.T) {
	t.Parallel()
	url := serve(t, server.Options{}).ClientURL()
	mine, other := newBus(t, Options{URL: url, Subject: "qianhe.a"}), newBus(t, Options{URL: url, Subject: "qianhe.b"})
	same := newBus(t, Options{URL: url, Subject: "qianhe.a"})
	for _, b := range []*Bus{mine, other, same} {
		if err := b.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	strange := hear(t, other)
	meet(t, mine, same)
	select {
	case c := <-strange:
		t.Errorf("the other installation hears %+v", c)
	default:
	}
}

// What no node sends does no harm.
func TestStrangeMessages(t *testing.T) {
	t.Parallel()
	url := serve(t, server.Options{}).ClientURL()
	b := newBus(t, Options{URL: url})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard := hear(t, b)
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, m := range []string{"", ",,,", "\xff\xfe", strings.Repeat("x", 1<<20), "amy:1"} {
		if err := conn.Publish("qianhe.inbox", []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	if c := <-heard; c.Person != "amy" || c.Rev != 1 {
		t.Errorf("heard %+v first, want amy at 1", c)
	}
}
