package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"qianhe/approval"
	"qianhe/hub"
)

// payload takes a frame of ours apart.
func payload(t testing.TB, f []byte, op byte) []byte {
	t.Helper()
	head, n := 2, int(f[1])
	if n == 126 {
		head, n = 4, int(f[2])<<8|int(f[3])
	}
	if f[0] != op || len(f) != head+n || n >= 126 != (head == 4) {
		t.Fatalf("frame % x… of %d bytes is not one of opcode %#x with a payload of %d", f[:4], len(f), op, n)
	}
	return f[head:]
}

func TestFrames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		frame []byte
		want  string
	}{
		{welcomeFrame(hub.Head{Epoch: "e1", Seq: 43, Rev: 9, Counts: hub.Counts{Pending: 5, Highest: 1, Overdue: 1}}),
			`{"type":"welcome","epoch":"e1","seq":43,"counts":{"pending":5,"highest":1,"overdue":1,"due_today":0`},
		{eventFrame(hub.Notification{ID: "n1", Seq: 42, Kind: hub.KindArrived, Document: "d1"}), `{"type":"event","seq":42,"kind":"document.arrived","url":"/d/d1"}`},
		{eventFrame(hub.Notification{ID: "n1", Seq: 43, Kind: hub.KindAnnouncement}), `{"type":"event","seq":43,"kind":"announcement","url":"/n/n1"}`},
		{resyncFrame("e1", 43), `{"type":"resync","epoch":"e1","seq":43}`},
		{countsFrame(hub.Counts{Pending: 4}), `{"type":"counts","counts":{"pending":4,"highest":0,"overdue":0,"due_today":0`},
		{pongFrame(), `{"type":"pong"}`},
	} {
		if got := string(payload(t, tt.frame, opText)); !strings.HasPrefix(got, tt.want) || !json.Valid([]byte(got)) {
			t.Errorf("frame is %s, want %s", got, tt.want)
		}
	}
	for _, n := range []int{0, 1, 100, 125, 126, 127, 300, 5000} {
		if got := payload(t, encode(strings.Repeat("x", max(n-2, 0))), opText); len(got) != max(n, 2) {
			t.Errorf("payload of %d bytes, want %d", len(got), n)
		}
	}
	if got := payload(t, closeFrame(CloseSlow, "after=15"), opClose); string(got) != "\x11\x38after=15" {
		t.Errorf("close frame is %q", got)
	}
	if got := payload(t, controlPong([]byte("hi")), opPong); string(got) != "hi" {
		t.Errorf("pong is %q", got)
	}
}

// FuzzEventFrame: whatever a notification holds, its frame is JSON that says so.
func FuzzEventFrame(f *testing.F) {
	f.Add(int64(1), "document.arrived", "01JD0000000000000000000000", "")
	f.Add(int64(-1), "a\"b\\c", "</script>", "公文\x00\xff")
	f.Fuzz(func(t *testing.T, seq int64, kind, document, grade string) {
		n := hub.Notification{ID: document, Seq: seq, Kind: hub.Kind(kind), Document: approval.DocumentID(document), Grade: approval.Grade(grade)}
		got := payload(t, eventFrame(n), opText)
		want, err := json.Marshal(struct {
			Type string   `json:"type"`
			Seq  int64    `json:"seq"`
			Kind hub.Kind `json:"kind"`
			URL  string   `json:"url"`
		}{"event", n.Seq, n.Kind, n.Path()})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("frame is %s, want %s (%v)", got, want, err)
		}
	})
}

// FuzzParse: whatever a page sends is read as a frame or refused, and what was
// read says the same when it is written and read again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"type":"hello"}`, `{"type":"hello","since":{"epoch":"e1","seq":41}}`, `{"type":"ack","seq":43}`, `{"type":"seen","seq":43}`, `{"type":"ping"}`,
		`{"type":"hello","since":null}`, `{"type":7}`, `{"type":"ack","seq":1e3}`, `{"type":"ack","seq":99999999999999999999}`, `[]`, `{"type":"x","type":"ack"}`, "\xff", `{"TYPE":"ack","SEQ":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := parse(data)
		if err != nil {
			if !errors.Is(err, errProtocol) || in != (incoming{}) {
				t.Errorf("refused with %+v, %v", in, err)
			}
			return
		}
		if in.Type == "" {
			t.Error("a frame without a type was read")
		}
		b, err := json.Marshal(map[string]any{"type": in.Type, "since": in.Since, "seq": in.Seq})
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(b)
		if err != nil || again.Type != in.Type || again.Seq != in.Seq || (again.Since == nil) != (in.Since == nil) || in.Since != nil && *again.Since != *in.Since {
			t.Errorf("%s is read as %+v, and %s as %+v (%v)", data, in, b, again, err)
		}
	})
}

// FuzzConnection: whatever comes down a connection, the server survives it, and
// the connection does not outlive its end.
func FuzzConnection(f *testing.F) {
	masked := func(op byte, s string) []byte {
		return append([]byte{0x80 | op, 0x80 | byte(len(s)), 0, 0, 0, 0}, s...)
	}
	f.Add(masked(1, `{"type":"hello"}`))
	f.Add(bytes.Join([][]byte{masked(1, `{"type":"hello","since":{"epoch":"e1","seq":0}}`), masked(1, `{"type":"ack","seq":1}`), masked(9, "x"), masked(8, "\x03\xe8")}, nil))
	f.Add([]byte{0x01, 0x83, 0, 0, 0, 0, 'a', 'b', 'c'})       // the first piece of a message
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0}) // a length that nobody sends
	f.Add([]byte{0xf1, 0x05, 1, 2, 3})                         // not masked, with reserved bits
	f.Add(masked(2, "binary"))
	f.Add(masked(8, "\x00"))
	s := newFixture(f)
	s.add("amy")
	f.Fuzz(func(t *testing.T, data []byte) {
		ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), s.address("amy", "s"), http.Header{"Origin": {appOrigin}})
		if err != nil {
			t.Fatal(err)
		}
		wire := ws.NetConn()
		if _, err := wire.Write(data); err != nil {
			t.Logf("not taken: %v", err)
		}
		if half, ok := wire.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		if _, err := io.Copy(io.Discard, wire); err != nil {
			t.Logf("ended with %v", err)
		}
		ws.Close()
		eventually(t, fmt.Sprintf("the end of the connection after % x", data), func() bool { return s.connections() == 0 })
	})
}
