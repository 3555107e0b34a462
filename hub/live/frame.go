package live

import (
	"encoding/json"

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

// encode makes a frame. The types below cannot fail.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("live: " + err.Error())
	}
	return b
}

func welcomeFrame(h hub.Head) []byte {
	return encode(struct {
		Type   string     `json:"type"`
		Epoch  string     `json:"epoch"`
		Seq    int64      `json:"seq"`
		Counts hub.Counts `json:"counts"`
	}{"welcome", h.Epoch, h.Seq, h.Counts})
}

func eventFrame(n hub.Notification) []byte {
	return encode(struct {
		Type string   `json:"type"`
		Seq  int64    `json:"seq"`
		Kind hub.Kind `json:"kind"`
		URL  string   `json:"url"`
	}{"event", n.Seq, n.Kind, n.Path()})
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
