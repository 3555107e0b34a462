package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"runtime"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// ErrMismatch: the password is not the one that was hashed.
var ErrMismatch = errors.New("password does not match")

// maxBytes is the longest input that is hashed as it is. It is more than any
// password that [Policy] lets through has in UTF-8.
const maxBytes = 4 * maxCharacters

// Options of a [Hasher]. The zero value is that of a server.
type Options struct {
	// Params is the cost of new hashes; the zero value means [DefaultParams].
	Params Params
	// Concurrent is how many hashes are computed at once; 0 means one for each
	// processor but one, which is left to those who are in already. Memory in use
	// is that many times Params.Memory.
	Concurrent int
	// Random gives the salts; nil means crypto/rand.Reader.
	Random io.Reader
}

// Hasher makes and verifies hashes. It may be used by any number of goroutines.
type Hasher struct {
	params Params
	random io.Reader
	slots  chan struct{}
}

// New makes a hasher. It panics when the cost is out of bounds.
func New(opt Options) *Hasher {
	if opt.Params == (Params{}) {
		opt.Params = DefaultParams()
	}
	if !opt.Params.valid() {
		panic(fmt.Sprintf("password: cost out of bounds: %+v", opt.Params))
	}
	if opt.Concurrent <= 0 {
		opt.Concurrent = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if opt.Random == nil {
		opt.Random = rand.Reader
	}
	return &Hasher{params: opt.Params, random: opt.Random, slots: make(chan struct{}, opt.Concurrent)}
}

// Hash gives a PHC string for a password that [Policy] has let through. It fails
// when ctx ends before its turn comes, and for what is no text or far too long.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	input, ok := prepare(password)
	if !ok {
		return "", errors.New("password: not valid UTF-8, or too long")
	}
	s := stored{params: h.params, salt: make([]byte, saltLength)}
	if _, err := io.ReadFull(h.random, s.salt); err != nil {
		return "", fmt.Errorf("password: source of randomness: %w", err)
	}
	var err error
	if s.key, err = h.compute(ctx, input, s.salt, s.params, keyLength); err != nil {
		return "", err
	}
	return s.String(), nil
}

// Verify compares a password with a stored string in constant time. It gives
// nil when it is the one, [ErrMismatch] when it is not, a [*FormatError] when
// the string cannot be read, and the error of ctx when that ends before its
// turn comes.
//
// For a string that cannot be read, the empty one among them, it does the work
// of a hash of present cost all the same: who waits for the answer cannot tell
// whether there was anything to compare with.
func (h *Hasher) Verify(ctx context.Context, hash, password string) error {
	input, usable := prepare(password)
	s, parseErr := parse(hash)
	if parseErr != nil {
		s = stored{params: h.params, salt: make([]byte, saltLength), key: make([]byte, keyLength)}
	}
	key, err := h.compute(ctx, input, s.salt, s.params, uint32(len(s.key)))
	if err != nil {
		return err
	}
	same := subtle.ConstantTimeCompare(key, s.key) == 1
	switch {
	case parseErr != nil && hash != "":
		return parseErr
	case parseErr != nil || !usable || !same:
		return ErrMismatch
	}
	return nil
}

// NeedsRehash reports whether a stored string is of another cost than new ones.
func (h *Hasher) NeedsRehash(hash string) bool {
	s, err := parse(hash)
	return err != nil || s.params != h.params || len(s.salt) != saltLength || len(s.key) != keyLength
}

// compute waits for its turn and computes.
func (h *Hasher) compute(ctx context.Context, input, salt []byte, p Params, length uint32) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	return argon2.IDKey(input, salt, p.Time, p.Memory, p.Threads, length), nil
}

// prepare gives the bytes that are hashed. For what cannot be a password it
// gives something else to do the work on, and false.
func prepare(password string) ([]byte, bool) {
	if len(password) > maxBytes || !utf8.ValidString(password) {
		return []byte("no password"), false
	}
	return norm.NFKC.Bytes([]byte(password)), true
}
