package approval

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Identifiers are opaque to everything but [NewID]: 26 characters of lower-case
// Crockford base 32, ordered by creation time, never reused, safe in a URL.
type (
	PersonID   string
	UnitID     string
	DocumentID string
	StepID     string
	FileID     string
)

const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID makes an identifier from the milliseconds of at (48 bits) and 80 bits
// read from random. It panics when random fails, as crypto/rand.Reader never
// does.
func NewID(at time.Time, random io.Reader) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(at.UnixMilli())<<16)
	if _, err := io.ReadFull(random, b[6:]); err != nil {
		panic(fmt.Sprintf("approval: source of randomness failed: %v", err))
	}
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var out [26]byte
	for i := 25; i >= 0; i-- {
		out[i] = idAlphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// ValidID reports whether s has the form that [NewID] makes. It says nothing
// on whether something of that name exists.
func ValidID(s string) bool {
	if len(s) != 26 || s[0] > '7' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z' || c == 'i' || c == 'l' || c == 'o' || c == 'u') {
			return false
		}
	}
	return true
}
