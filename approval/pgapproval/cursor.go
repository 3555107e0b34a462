package pgapproval

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"

	"qianhe/approval"
)

// A cursor is where a page ended, as text for a link. It is bound to the list
// it came from (kind, person, filter) by a checksum: a cursor of another list,
// or one that lost a character, is refused rather than understood wrongly. It
// gives nobody anything: what it may show is asked of the database again.
//
// Layout: version, then fields, then 4 bytes CRC-32 over scope and all before.
// Times are microseconds since 1970, as PostgreSQL keeps them.
const cursorVersion = 1

// errCursor is what a person gets whose cursor was not made here.
func errCursor() error { return &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"} }

// years within which a cursor's times lie.
const (
	firstYear = 2000
	lastYear  = 2200
)

func sealCursor(scope string, payload []byte) string {
	b := append([]byte{cursorVersion}, payload...)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(b, checksum(scope, b)))
}

func openCursor(scope, s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") || len(b) < 5 || len(b) > 256 || b[0] != cursorVersion {
		return nil, errCursor()
	}
	b, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if checksum(scope, b) != sum {
		return nil, errCursor()
	}
	return b[1:], nil
}

func checksum(scope string, b []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(scope+"\x00")), crc32.IEEETable, b)
}

// fields reads what appendTime and the like have written. After the first
// misfit everything reads as zero and ok is false.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) take(n int) []byte {
	if f.bad || len(f.rest) < n {
		f.bad = true
		return make([]byte, n)
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) byte(most byte) int {
	b := f.take(1)[0]
	if b > most {
		f.bad = true
	}
	return int(b)
}

// time reads a time; the zero time where none was.
func (f *fields) time() time.Time {
	if f.byte(1) == 0 {
		return time.Time{}
	}
	t := time.UnixMicro(int64(binary.BigEndian.Uint64(f.take(8)))).In(approval.Zone)
	if y := t.Year(); y < firstYear || y > lastYear {
		f.bad = true
	}
	return t
}

// id reads the rest.
func (f *fields) id() string {
	s := string(f.rest)
	f.rest = nil
	if s == "" {
		f.bad = true
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			f.bad = true
		}
	}
	return s
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.BigEndian.AppendUint64(append(b, 1), uint64(t.UnixMicro()))
}
