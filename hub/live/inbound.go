package live

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What follows takes apart what comes down a connection (RFC 6455 §5). The
// package gorilla/websocket would do it as well, at the price of half a kilobyte
// of buffer and two of stack for each page that says nothing.

// inbound is what of a connection's input is not understood yet. An idle page
// has nothing of it.
type inbound struct {
	pending []byte // the beginning of a frame
	message []byte // of a message that comes in pieces
	kind    byte   // of that message, 0 while there is none
}

// piece is a whole message or a control frame. Its data is good until more is
// fed.
type piece struct {
	op   byte // opcode
	data []byte
}

// Opcodes of RFC 6455 §5.2.
const (
	isContinuation = 0x0
	isText         = 0x1
	isBinary       = 0x2
	isClose        = 0x8
	isPing         = 0x9
	isPong         = 0xa
)

// closeError ends a connection with a code of RFC 6455 §7.4.1.
type closeError struct {
	code   int
	reason string
}

func (e *closeError) Error() string { return fmt.Sprintf("%d: %s", e.code, e.reason) }

const (
	closeProtocolError = 1002
	closeUnsupported   = 1003
	closeTooBig        = 1009
	closeTryAgain      = 1013
)

func violation(reason string) error { return &closeError{closeProtocolError, reason} }

// errMore: what there is of a frame is not the whole of it.
var errMore = errors.New("more is needed")

// next takes the first message or control frame out of b, which it unmasks in
// place, and gives what follows. It is errMore when b does not hold a whole one,
// and [*closeError] for what no client may send.
func (in *inbound) next(b []byte) (p piece, rest []byte, err error) {
	for {
		op, final, data, rest, err := split(b)
		if err != nil {
			return piece{}, b, err
		}
		switch {
		case op&0x8 != 0: // between the pieces of a message, too
			return piece{op, data}, rest, nil
		case (op == isContinuation) != (in.kind != 0):
			return piece{}, nil, violation("a message begins within another, or goes on without having begun")
		case op != isContinuation && final:
			return piece{op, data}, rest, nil
		}
		if op != isContinuation {
			in.kind = op
		}
		if len(in.message)+len(data) > maxFrame {
			return piece{}, nil, &closeError{closeTooBig, "message"}
		}
		in.message = append(in.message, data...)
		if final {
			p = piece{in.kind, in.message}
			in.kind, in.message = 0, nil
			return p, rest, nil
		}
		b = rest
	}
}

// split takes the first frame off.
func split(b []byte) (op byte, final bool, data, rest []byte, err error) {
	if len(b) < 2 {
		return 0, false, nil, nil, errMore
	}
	op, final = b[0]&0xf, b[0]&0x80 != 0
	size, head := uint64(b[1]&0x7f), 2
	switch {
	case b[0]&0x70 != 0:
		return 0, false, nil, nil, violation("reserved bits")
	case b[1]&0x80 == 0:
		return 0, false, nil, nil, violation("not masked")
	case op > isBinary && op < isClose || op > isPong:
		return 0, false, nil, nil, violation("opcode")
	case op >= isClose && (!final || size > 125):
		return 0, false, nil, nil, violation("control frame")
	}
	switch size {
	case 126:
		if head += 2; len(b) < head {
			return 0, false, nil, nil, errMore
		}
		size = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if head += 8; len(b) < head {
			return 0, false, nil, nil, errMore
		}
		size = binary.BigEndian.Uint64(b[2:])
	}
	if size > maxFrame {
		return 0, false, nil, nil, &closeError{closeTooBig, "frame"}
	}
	end := head + 4 + int(size)
	if len(b) < end {
		return 0, false, nil, nil, errMore
	}
	mask := b[head : head+4]
	data = b[head+4 : end]
	for i := range data {
		data[i] ^= mask[i&3]
	}
	return op, final, data, b[end:], nil
}

// closeCode gives the code of a close frame of the page, to be said back.
func closeCode(data []byte) (int, error) {
	if len(data) == 0 {
		return 1000, nil
	}
	if len(data) == 1 {
		return 0, violation("close frame")
	}
	code := int(binary.BigEndian.Uint16(data))
	if code < 1000 || code == 1004 || code == 1005 || code == 1006 || code > 1014 && code < 3000 || code > 4999 {
		return 0, violation("close code")
	}
	return code, nil
}
