package live

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/gorilla/websocket"
)

// masked is a frame of a page.
func masked(first byte, data string) []byte {
	b := []byte{first, 0x80}
	switch n := len(data); {
	case n < 126:
		b[1] |= byte(n)
	case n < 1<<16:
		b[1] |= 126
		b = append(b, byte(n>>8), byte(n))
	default:
		b[1] |= 127
		b = append(b, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	mask := []byte{0x12, 0x34, 0x56, 0x78}
	b = append(b, mask...)
	for i := range len(data) {
		b = append(b, data[i]^mask[i&3])
	}
	return b
}

// takeAll feeds input in parts of so many bytes and gives what came of it.
func takeAll(input []byte, size int) (pieces []string, code int) {
	var in inbound
	for part := range slices.Chunk(input, max(size, 1)) {
		rest := append(in.pending, part...)
		in.pending = nil
		for len(rest) > 0 {
			p, more, err := in.next(rest)
			if errors.Is(err, errMore) {
				in.pending = bytes.Clone(more)
				break
			}
			if e, ok := errors.AsType[*closeError](err); ok {
				return pieces, e.code
			}
			pieces, rest = append(pieces, fmt.Sprintf("%x:%s", p.op, p.data)), more
		}
	}
	return pieces, 0
}

func TestInbound(t *testing.T) {
	t.Parallel()
	long := string(bytes.Repeat([]byte("x"), maxFrame))
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	for name, tt := range map[string]struct {
		input  []byte
		pieces []string
		code   int
	}{
		"text":                     {masked(0x81, "hi"), []string{"1:hi"}, 0},
		"nothing in it":            {masked(0x81, ""), []string{"1:"}, 0},
		"two":                      {join(masked(0x81, "a"), masked(0x81, "b")), []string{"1:a", "1:b"}, 0},
		"126 bytes":                {masked(0x81, long[:126]), []string{"1:" + long[:126]}, 0},
		"as long as may be":        {masked(0x81, long), []string{"1:" + long}, 0},
		"too long":                 {masked(0x81, long+"x"), nil, 1009},
		"64 KiB":                   {masked(0x81, string(make([]byte, 70000))), nil, 1009},
		"longer than memory":       {[]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, nil, 1009},
		"in pieces":                {join(masked(0x01, "a"), masked(0x00, "b"), masked(0x80, "c")), []string{"1:abc"}, 0},
		"a ping in between":        {join(masked(0x01, "a"), masked(0x89, "p"), masked(0x80, "c")), []string{"9:p", "1:ac"}, 0},
		"pieces that are too long": {join(masked(0x01, long), masked(0x80, "x")), nil, 1009},
		"a message in a message":   {join(masked(0x01, "a"), masked(0x81, "b")), nil, 1002},
		"goes on with nothing":     {masked(0x80, "a"), nil, 1002},
		"close":                    {masked(0x88, "\x03\xe8bye"), []string{"8:\x03\xe8bye"}, 0},
		"not masked":               {[]byte{0x81, 0x01, 'a'}, nil, 1002},
		"reserved bit":             {masked(0xc1, "a"), nil, 1002},
		"reserved opcode":          {masked(0x83, "a"), nil, 1002},
		"reserved control":         {masked(0x8b, "a"), nil, 1002},
		"ping in pieces":           {masked(0x09, "a"), nil, 1002},
		"ping that is too long":    {masked(0x89, long[:126]), nil, 1002},
		"good, then bad":           {join(masked(0x81, "a"), masked(0x83, "b"), masked(0x81, "c")), []string{"1:a"}, 1002},
		"half a frame":             {masked(0x81, "abc")[:7], nil, 0},
	} {
		for _, size := range []int{1, 3, len(tt.input)} {
			pieces, code := takeAll(bytes.Clone(tt.input), size)
			if !slices.Equal(pieces, tt.pieces) || code != tt.code {
				t.Errorf("%s, %d bytes at a time: %.50q, code %d; want %.50q, %d", name, size, pieces, code, tt.pieces, tt.code)
			}
		}
	}
	for code, want := range map[string]int{"": 1000, "\x03\xe8": 1000, "\x03\xe9x": 1001, "\x11\x31": 4401, "\x0b\xb8": 3000} {
		if got, err := closeCode([]byte(code)); err != nil || got != want {
			t.Errorf("close code %x is %d, %v; want %d", code, got, err, want)
		}
	}
	for _, code := range []string{"\x03", "\x00\x00", "\x03\xed", "\x03\xee", "\x03\xf8", "\x13\x88", "\xff\xff"} {
		if got, err := closeCode([]byte(code)); err == nil {
			t.Errorf("close code %x is %d, want none", code, got)
		}
	}
}

// A page may send a frame in pieces, and its browser may ping in between.
func TestMessageInPieces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.dial("amy", "s")
	w, err := c.ws.NextWriter(websocket.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	// The client's buffer is 512 bytes: this takes several frames.
	if _, err := io.WriteString(w, `{"type":"hello","padding":"`+string(bytes.Repeat([]byte("x"), 2000))+`"}`); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c.want("welcome e1 0 0")
	pongs := make(chan string, 1)
	c.ws.SetPongHandler(func(data string) error { pongs <- data; return nil })
	if err := c.ws.WriteMessage(websocket.PingMessage, []byte("there?")); err != nil {
		t.Fatal(err)
	}
	c.send(map[string]any{"type": "ping"})
	if got := c.next().Type; got != "pong" { // comes after the other one
		t.Errorf("answer is %q, want pong", got)
	}
	if got := <-pongs; got != "there?" {
		t.Errorf("pong is %q", got)
	}
}

// A page that says goodbye hears it said back.
func TestGoodbye(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, code := range []int{websocket.CloseNormalClosure, websocket.CloseGoingAway, 4999} {
		c := f.hello("amy", nil)
		if err := c.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, "bye")); err != nil {
			t.Fatal(err)
		}
		c.wantClose(code)
	}
	c := f.hello("amy", nil)
	if err := c.ws.WriteMessage(websocket.CloseMessage, nil); err != nil {
		t.Fatal(err)
	}
	c.wantClose(websocket.CloseNormalClosure)
	eventually(t, "all are gone", func() bool { return f.connections() == 0 })
}

// FuzzInbound: whatever comes in, it is understood the same whether it comes in
// one piece or byte by byte, and never is more held than a frame.
func FuzzInbound(f *testing.F) {
	f.Add(masked(0x81, `{"type":"hello"}`), 3)
	f.Add(bytes.Join([][]byte{masked(0x01, "a"), masked(0x89, "p"), masked(0x80, "c"), masked(0x88, "\x03\xe8")}, nil), 1)
	f.Add([]byte{0x81, 0xfe, 0x10, 0x00, 0, 0, 0, 0, 1, 2, 3}, 2)
	f.Fuzz(func(t *testing.T, input []byte, size int) {
		whole, code := takeAll(bytes.Clone(input), len(input))
		parts, again := takeAll(bytes.Clone(input), size%64)
		if !slices.Equal(whole, parts) || code != again {
			t.Errorf("in one piece %q, code %d; in parts %q, code %d", whole, code, parts, again)
		}
		for _, p := range whole {
			if len(p) > maxFrame+2 {
				t.Errorf("a message of %d bytes", len(p)-2)
			}
		}
	})
}
