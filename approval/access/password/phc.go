package password

import (
	"encoding/base64"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params is the cost of a hash.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8  // lanes
}

// DefaultParams is the least cost that the OWASP Password Storage Cheat Sheet
// gives for argon2id: 19 MiB, two passes, one lane.
func DefaultParams() Params { return Params{Memory: 19 << 10, Time: 2, Threads: 1} }

// Bounds of what is computed when a stored string asks for it.
const (
	maxMemory  = 128 << 10 // KiB
	maxTime    = 10
	maxThreads = 4
	minSalt    = 8 // bytes, RFC 9106 §3.1
	maxSalt    = 64
	minKey     = 16
	maxKey     = 64
	maxPHC     = 256 // length of the whole string

	saltLength = 16
	keyLength  = 32
)

func (p Params) valid() bool {
	return p.Threads >= 1 && p.Threads <= maxThreads &&
		p.Time >= 1 && p.Time <= maxTime &&
		p.Memory >= 8*uint32(p.Threads) && p.Memory <= maxMemory
}

// FormatError: a stored string is not an argon2id hash that this package
// computes.
type FormatError struct {
	Reason string
}

func (e *FormatError) Error() string { return "password: stored hash: " + e.Reason }

// stored is a parsed PHC string.
type stored struct {
	params Params
	salt   []byte
	key    []byte
}

var encoding = base64.RawStdEncoding.Strict()

// parse reads a PHC string. There is one way to write a hash and no other is
// read.
func parse(s string) (stored, error) {
	fail := func(reason string) (stored, error) { return stored{}, &FormatError{Reason: reason} }
	if len(s) > maxPHC {
		return fail("longer than " + strconv.Itoa(maxPHC) + " bytes")
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return fail("not in the form $argon2id$v=$m=,t=,p=$salt$hash")
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return fail("not version " + strconv.Itoa(argon2.Version))
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return fail("cost is not m=,t=,p=")
	}
	m, ok1 := number(costs[0], "m=")
	t, ok2 := number(costs[1], "t=")
	p, ok3 := number(costs[2], "p=")
	if !ok1 || !ok2 || !ok3 || p > maxThreads {
		return fail("cost is not m=,t=,p= with numbers in bounds")
	}
	h := stored{params: Params{Memory: m, Time: t, Threads: uint8(p)}}
	if !h.params.valid() {
		return fail("cost is out of bounds")
	}
	if strings.ContainsAny(parts[4]+parts[5], "\r\n") { // base64 leaves line ends out
		return fail("line end")
	}
	var err error
	if h.salt, err = encoding.DecodeString(parts[4]); err != nil || len(h.salt) < minSalt || len(h.salt) > maxSalt {
		return fail("salt is not base64 of 8 to 64 bytes")
	}
	if h.key, err = encoding.DecodeString(parts[5]); err != nil || len(h.key) < minKey || len(h.key) > maxKey {
		return fail("hash is not base64 of 16 to 64 bytes")
	}
	return h, nil
}

// number reads a decimal number of at most seven digits after a prefix, written
// without sign and leading zero.
func number(s, prefix string) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || digits == "" || len(digits) > 7 || digits[0] == '0' {
		return 0, false
	}
	var n uint32
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint32(c-'0')
	}
	return n, true
}

func (h stored) String() string {
	number := func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
	return "$argon2id$v=" + strconv.Itoa(argon2.Version) +
		"$m=" + number(h.params.Memory) + ",t=" + number(h.params.Time) + ",p=" + number(uint32(h.params.Threads)) +
		"$" + encoding.EncodeToString(h.salt) + "$" + encoding.EncodeToString(h.key)
}
