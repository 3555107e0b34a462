package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// handshake is how one page opens its connection.
type handshake struct {
	address string // host:port
	path    string
	headers []string // lines, such as "Cookie: a=b"
}

// page is one connection of the load generator: a goroutine and half a
// kilobyte. It speaks as much WebSocket as a client needs (RFC 6455), and
// reads on the server's side of the story only: events, in order or not.
type page struct {
	swarm *swarm
	n     int // which one; account and session go by it

	mu   sync.Mutex
	conn net.Conn

	epoch  string
	seq    int64 // of the last event, or of the welcome
	at     int64 // when the last event came, in Unix nanoseconds
	events int64
	code   int // it was closed with
	wild   int64
}

// swarm is all pages, and what they have seen together.
type swarm struct {
	shake func(n int) handshake
	hello func(p *page) string
	// event is called for each event, by the reader of its page; nil: only
	// counted.
	event func(p *page, frame []byte, at int64)
	ack   bool // report each event, as a page does

	pages   []*page
	readers sync.WaitGroup

	welcomes atomic.Int64
	events   atomic.Int64
	wild     atomic.Int64 // events that were not the next one
	resyncs  atomic.Int64
	closed   atomic.Int64 // connections that have ended
	want     atomic.Int64 // events until the goal is reached
	goal     atomic.Pointer[chan struct{}]
}

// connect opens pages from..to, some at a time, and returns when each has been
// welcomed.
func (s *swarm) connect(ctx context.Context, from, to, together int) error {
	for len(s.pages) < to {
		s.pages = append(s.pages, &page{swarm: s, n: len(s.pages)})
	}
	next, failed := make(chan *page), make(chan error, together)
	var all sync.WaitGroup
	for range together {
		all.Go(func() {
			for p := range next {
				if err := p.open(ctx); err != nil {
					select {
					case failed <- fmt.Errorf("page %d: %w", p.n, err):
					default:
					}
				}
			}
		})
	}
	for _, p := range s.pages[from:to] {
		next <- p
	}
	close(next)
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// close ends all connections and waits for their readers.
func (s *swarm) close() {
	for _, p := range s.pages {
		p.mu.Lock()
		if p.conn != nil {
			p.conn.Close()
		}
		p.mu.Unlock()
	}
	s.readers.Wait()
}

// expect gives a channel that is closed when n more events have come.
func (s *swarm) expect(n int) <-chan struct{} {
	done := make(chan struct{})
	s.goal.Store(&done)
	s.want.Store(int64(n))
	return done
}

// latencies gives, sorted, how long after began each page had its last event.
func (s *swarm) latencies(began int64) []time.Duration {
	list := make([]time.Duration, 0, len(s.pages))
	for _, p := range s.pages {
		list = append(list, time.Duration(p.at-began))
	}
	slices.Sort(list)
	return list
}

// open connects and waits for the welcome. What comes after is for the reader.
func (p *page) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	h := p.swarm.shake(p.n)
	// Addresses of this machine are many; one alone runs out of ports.
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+p.n/20000), byte(1+p.n/200%100))}}
	conn, err := d.DialContext(ctx, "tcp4", h.address)
	if err != nil {
		return err
	}
	if err := p.enter(ctx, conn, h); err != nil {
		conn.Close()
		return err
	}
	return nil
}

func (p *page) enter(ctx context.Context, conn net.Conn, h handshake) error {
	deadline, _ := ctx.Deadline()
	in, err := p.greet(conn, h, deadline)
	if err != nil {
		return err
	}
	p.swarm.welcomes.Add(1)
	p.mu.Lock()
	p.conn = conn
	p.mu.Unlock()
	p.swarm.readers.Go(func() { p.read(conn, in) })
	return nil
}

// greet opens a WebSocket on a connection, says hello and waits for the
// welcome.
func (p *page) greet(conn net.Conn, h handshake, deadline time.Time) (*input, error) {
	_ = conn.SetDeadline(deadline)
	var b strings.Builder
	b.WriteString("GET " + h.path + " HTTP/1.1\r\nHost: " + h.address + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	for _, line := range h.headers {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return nil, err
	}
	in := &input{conn: conn, buf: make([]byte, 512)}
	status, err := in.head()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 101") {
		return nil, fmt.Errorf("answer is %q", status)
	}
	if hello := p.swarm.hello(p); hello != "" {
		if err := p.write(conn, opText, []byte(hello)); err != nil {
			return nil, err
		}
		for welcomed := false; !welcomed; {
			op, frame, err := in.frame()
			if err != nil {
				return nil, err
			}
			if op == opClose {
				return nil, fmt.Errorf("closed with %d instead of a welcome", closeCode(frame))
			}
			if welcomed = op == opText && bytes.Contains(frame, []byte(`"type":"welcome"`)); welcomed {
				p.welcomed(frame)
			}
		}
	}
	return in, conn.SetDeadline(time.Time{})
}

// welcomed takes note of where the page stands, unless it knows better.
func (p *page) welcomed(frame []byte) {
	epoch := textField(frame, `"epoch":"`)
	if p.epoch != epoch {
		p.epoch, p.seq = epoch, numberField(frame, `"seq":`)
	}
}

// read takes frames until the connection ends.
func (p *page) read(conn net.Conn, in *input) {
	defer p.swarm.closed.Add(1)
	defer conn.Close()
	for {
		op, frame, err := in.frame()
		if err != nil {
			return
		}
		switch op {
		case opText:
			p.text(conn, frame)
		case opPing:
			if p.write(conn, opPong, frame) != nil {
				return
			}
		case opClose:
			p.code = closeCode(frame)
			_ = p.write(conn, opClose, frame)
			return
		}
	}
}

func (p *page) text(conn net.Conn, frame []byte) {
	if len(frame) < 14 {
		return
	}
	switch frame[9] { // {"type":"event"
	case 'e':
		at := time.Now().UnixNano()
		seq := numberField(frame, `"seq":`)
		s := p.swarm
		if seq != p.seq+1 {
			p.wild++
			s.wild.Add(1)
		}
		p.seq, p.at = seq, at
		p.events++
		if s.event != nil {
			s.event(p, frame, at)
		}
		s.events.Add(1)
		if s.want.Add(-1) == 0 {
			close(*s.goal.Load())
		}
		if s.ack {
			_ = p.write(conn, opText, fmt.Appendf(nil, `{"type":"ack","seq":%d}`, seq))
		}
	case 'r':
		p.epoch, p.seq = textField(frame, `"epoch":"`), numberField(frame, `"seq":`)
		p.swarm.resyncs.Add(1)
	}
}

// Opcodes of RFC 6455 §5.2.
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// write sends a masked frame. The mask is zero: this is a client of servers
// that it has started itself, and no proxy is in between.
func (p *page) write(conn net.Conn, op byte, data []byte) error {
	b := make([]byte, 0, 14+len(data))
	b = append(b, 0x80|op)
	if len(data) < 126 {
		b = append(b, 0x80|byte(len(data)))
	} else {
		b = append(b, 0x80|126, byte(len(data)>>8), byte(len(data)))
	}
	b = append(b, 0, 0, 0, 0)
	p.mu.Lock() // the reader's pong, and whoever writes meanwhile
	defer p.mu.Unlock()
	_, err := conn.Write(append(b, data...))
	return err
}

func closeCode(frame []byte) int {
	if len(frame) < 2 {
		return 1005
	}
	return int(binary.BigEndian.Uint16(frame))
}

// numberField reads the digits after key; 0 when it is not there.
func numberField(frame []byte, key string) int64 {
	i := bytes.Index(frame, []byte(key))
	if i < 0 {
		return 0
	}
	var n int64
	for _, c := range frame[i+len(key):] {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// textField reads what stands after key up to the next quote.
func textField(frame []byte, key string) string {
	_, rest, ok := bytes.Cut(frame, []byte(key))
	if !ok {
		return ""
	}
	text, _, _ := bytes.Cut(rest, []byte{'"'})
	return string(text)
}

// input reads a handshake's answer, and then frames.
type input struct {
	conn       net.Conn
	buf        []byte
	start, end int // of what was read and not taken
}

var errFrame = errors.New("a frame that no server of ours sends")

func (in *input) more() error {
	if in.start > 0 {
		in.end = copy(in.buf, in.buf[in.start:in.end])
		in.start = 0
	}
	if in.end == len(in.buf) {
		in.buf = append(in.buf, make([]byte, len(in.buf))...)
	}
	n, err := in.conn.Read(in.buf[in.end:])
	in.end += n
	if n > 0 {
		return nil
	}
	return err
}

// head gives the status line, and passes over the rest of the head.
func (in *input) head() (string, error) {
	for {
		if head, _, ok := strings.Cut(string(in.buf[in.start:in.end]), "\r\n\r\n"); ok {
			in.start += len(head) + 4
			status, _, _ := strings.Cut(head, "\r\n")
			return status, nil
		}
		if in.end > 64<<10 {
			return "", errFrame
		}
		if err := in.more(); err != nil {
			return "", err
		}
	}
}

// frame gives the next frame; its bytes are good until the next call.
func (in *input) frame() (op byte, data []byte, err error) {
	for {
		b := in.buf[in.start:in.end]
		if len(b) >= 2 {
			size, head := int(b[1]&0x7f), 2
			if size == 127 || b[1]&0x80 != 0 || b[0]&0x80 == 0 {
				return 0, nil, errFrame
			}
			if size == 126 {
				head = 4
				if len(b) >= head {
					size = int(binary.BigEndian.Uint16(b[2:]))
				}
			}
			if len(b) >= head+size {
				in.start += head + size
				return b[0] & 0x0f, b[head : head+size], nil
			}
		}
		if err := in.more(); err != nil {
			return 0, nil, err
		}
	}
}

// sinceHello is the hello of a page of ours, with its position where it has one.
func sinceHello(p *page) string {
	if p.epoch == "" {
		return `{"type":"hello"}`
	}
	return `{"type":"hello","since":{"epoch":"` + p.epoch + `","seq":` + strconv.FormatInt(p.seq, 10) + `}}`
}
