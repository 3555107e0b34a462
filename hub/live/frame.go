package live

import (
	"encoding/binary"
	"encoding/json"
	"strconv"

	"qianhe/hub"
)

// position is where a page stands in its person's inbox.
type position struct {
	Epoch string `json:"epoch"`
	Seq   int64  `json:"seq"`
}

// incoming is a frame of the page, of any type.
type incoming struct {
	Type  string    `json:"type"`
	Since *position `json:"since"` // hello
	Seq   int64     `json:"seq"`   // ack, seen
}

// parse reads a frame of a page.
func parse(data []byte) (incoming, error) {
	var in incoming
	if err := json.Unmarshal(data, &in); err != nil || in.Type == "" {
		return incoming{}, errProtocol
	}
	return in, nil
}

// What follows makes frames as they stand on the wire, unmasked and in one
// piece (RFC 6455 §5.2): they are made once, and any number of pages and of
// frames go out without another copy being put together.

const (
	opText  = 0x81
	opClose = 0x88
	opPing  = 0x89
	opPong  = 0x8a
)

// maxHead is the longest head of a frame of ours, in bytes.
const maxHead = 4

// wire puts the head before a payload, which begins at b[maxHead].
func wire(op byte, b []byte) []byte {
	n := len(b) - maxHead
	if n < 126 {
		b = b[maxHead-2:]
		b[0], b[1] = op, byte(n)
		return b
	}
	b[0], b[1] = op, 126 // no frame of ours has 64 KiB
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	return b
}

// encode makes a text frame. The types below cannot fail.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("live: " + err.Error())
	}
	return wire(opText, append(make([]byte, maxHead, maxHead+len(b)), b...))
}

func welcomeFrame(h hub.Head) []byte {
	return encode(struct {
		Type   string     `json:"type"`
		Epoch  string     `json:"epoch"`
		Seq    int64      `json:"seq"`
		Counts hub.Counts `json:"counts"`
	}{"welcome", h.Epoch, h.Seq, h.Counts})
}

// eventFrame is the one that is made for each person and event.
func eventFrame(n hub.Notification) []byte {
	path := n.Path()
	b := make([]byte, maxHead, maxHead+64+len(n.Kind)+len(path))
	b = append(b, `{"type":"event","seq":`...)
	b = strconv.AppendInt(b, n.Seq, 10)
	b = append(b, `,"kind":`...)
	b = appendText(b, string(n.Kind))
	b = append(b, `,"url":`...)
	b = appendText(b, path)
	return wire(opText, append(b, '}'))
}

// appendText adds s in quotes: kinds and paths need nothing else.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a text
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func resyncFrame(epoch string, seq int64) []byte {
	return encode(struct {
		Type  string `json:"type"`
		Epoch string `json:"epoch"`
		Seq   int64  `json:"seq"`
	}{"resync", epoch, seq})
}

func countsFrame(c hub.Counts) []byte {
	return encode(struct {
		Type   string     `json:"type"`
		Counts hub.Counts `json:"counts"`
	}{"counts", c})
}

func pongFrame() []byte {
	return encode(struct {
		Type string `json:"type"`
	}{"pong"})
}

// closeFrame says why, and in the reason, as "after=1500", how many
// milliseconds to stay away where that is asked for.
func closeFrame(code int, reason string) []byte {
	b := make([]byte, maxHead, maxHead+2+len(reason))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return wire(opClose, append(b, reason...))
}

// pingFrame is the same for everybody.
func pingFrame() []byte { return []byte{opPing, 0} }

// controlPong answers a ping of the other side.
func controlPong(data []byte) []byte {
	return wire(opPong, append(make([]byte, maxHead, maxHead+len(data)), data...))
}
