// Package ldaptest is a small directory on loopback for tests: simple bind,
// search with real filters, StartTLS and LDAPS, and a record of what was asked.
package ldaptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Entry of a directory.
type Entry struct {
	DN         string
	Password   string // "" cannot bind
	Attributes map[string][]string
}

// Server is a directory.
type Server struct {
	// URL and StartTLS are its addresses: ldaps:// and ldap://.
	URL      string
	StartTLS string
	CA       *x509.CertPool
	// Certificate is the one that vouches for it, in DER.
	Certificate []byte

	mu      sync.Mutex
	entries []Entry
	calls   []string
	result  map[string]int // by operation, instead of the true one
	silent  bool
	conf    *tls.Config
	conns   sync.WaitGroup
	open    map[net.Conn]bool
}

// New starts a directory that stops with the test.
func New(t testing.TB, entries ...Entry) *Server {
	t.Helper()
	s := &Server{entries: entries, result: map[string]int{}, open: map[net.Conn]bool{}}
	s.certify(t)
	listen := func(secured bool) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		s.conns.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				s.conns.Go(func() { s.serve(c, secured) })
			}
		})
		return l.Addr().String()
	}
	t.Cleanup(func() {
		s.mu.Lock()
		for c := range s.open {
			c.Close()
		}
		s.open = nil
		s.mu.Unlock()
		s.conns.Wait()
	})
	s.URL, s.StartTLS = "ldaps://"+listen(true), "ldap://"+listen(false)
	return s
}

func (s *Server) certify(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "directory of a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.Certificate = der
	s.CA = x509.NewCertPool()
	s.CA.AddCert(cert)
	s.conf = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// Set puts an entry in the place of the one of its name.
func (s *Server) Set(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(slices.DeleteFunc(s.entries, func(o Entry) bool { return o.DN == e.DN }), e)
}

// Answer makes an operation (bind, search, starttls) give a result; 0 makes it
// true again.
func (s *Server) Answer(operation string, result int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result[operation] = result
}

// Silence makes the directory take calls and answer none.
func (s *Server) Silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = true
}

// Calls gives what was asked since it was called last: "bind DN", "search
// FILTER", "starttls".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *Server) serve(c net.Conn, secured bool) {
	s.mu.Lock()
	if s.open == nil {
		s.mu.Unlock()
		c.Close()
		return
	}
	s.open[c] = true
	s.mu.Unlock()
	raw := c
	defer func() {
		s.mu.Lock()
		delete(s.open, raw)
		s.mu.Unlock()
		c.Close()
	}()
	if secured {
		c = tls.Server(c, s.conf)
	}
	for {
		p, err := ber.ReadPacket(c)
		if err != nil || len(p.Children) < 2 {
			return
		}
		id, op := p.Children[0].Value.(int64), p.Children[1]
		var answers []*ber.Packet
		upgrade := false
		switch op.Tag {
		case ldap.ApplicationBindRequest:
			answers = s.bind(op)
		case ldap.ApplicationSearchRequest:
			answers = s.search(op)
		case ldap.ApplicationExtendedRequest:
			answers, upgrade = s.startTLS()
		default:
			return
		}
		s.mu.Lock()
		silent := s.silent
		s.mu.Unlock()
		if silent {
			continue
		}
		for _, a := range answers {
			m := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
			m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
			m.AppendChild(a)
			if _, err := c.Write(m.Bytes()); err != nil {
				return
			}
		}
		if upgrade {
			c = tls.Server(c, s.conf)
		}
	}
}

// done is the end of an operation.
func done(application ber.Tag, code int, message string) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, application, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, message, ""))
	return p
}

func (s *Server) bind(op *ber.Packet) []*ber.Packet {
	dn, password := op.Children[1].Data.String(), op.Children[2].Data.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, "bind "+dn)
	code, message := ldap.LDAPResultInvalidCredentials, "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52e, v4563"
	for _, e := range s.entries {
		// An empty password is the trap that it is in real directories.
		if password == "" || strings.EqualFold(e.DN, dn) && e.Password == password {
			code, message = ldap.LDAPResultSuccess, ""
		}
	}
	if forced := s.result["bind"]; forced != 0 {
		code, message = forced, ""
	}
	return []*ber.Packet{done(ldap.ApplicationBindResponse, code, message)}
}

func (s *Server) startTLS() ([]*ber.Packet, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, "starttls")
	code := s.result["starttls"]
	return []*ber.Packet{done(ldap.ApplicationExtendedResponse, code, "")}, code == 0
}

func (s *Server) search(op *ber.Packet) []*ber.Packet {
	base, _ := op.Children[0].Value.(string)
	scope, _ := op.Children[1].Value.(int64)
	limit, _ := op.Children[3].Value.(int64)
	filter := op.Children[6]
	written, _ := ldap.DecompileFilter(filter)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, "search "+written)
	if forced := s.result["search"]; forced != 0 {
		return []*ber.Packet{done(ldap.ApplicationSearchResultDone, forced, "")}
	}
	var answers []*ber.Packet
	for _, e := range s.entries {
		below := strings.HasSuffix(strings.ToLower(e.DN), strings.ToLower(base))
		if scope == ldap.ScopeBaseObject {
			below = strings.EqualFold(e.DN, base)
		}
		if !below || !matches(e, filter) {
			continue
		}
		if limit > 0 && int64(len(answers)) == limit {
			return append(answers, done(ldap.ApplicationSearchResultDone, ldap.LDAPResultSizeLimitExceeded, ""))
		}
		answers = append(answers, e.packet())
	}
	return append(answers, done(ldap.ApplicationSearchResultDone, ldap.LDAPResultSuccess, ""))
}

func (e Entry) packet() *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, e.DN, ""))
	list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	for name, values := range e.Attributes {
		one := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		one.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, ""))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range values {
			set.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, v, ""))
		}
		one.AppendChild(set)
		list.AppendChild(one)
	}
	p.AppendChild(list)
	return p
}
