package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"qianhe/approval"
)

const (
	// FormLife is how long a form may stay open before it is sent.
	FormLife = 12 * time.Hour

	// formSkew is how far the clocks of two nodes may differ.
	formSkew = 5 * time.Minute

	formNonce  = 16
	formIssued = formNonce + 8
	formLength = formIssued + sha256.Size
)

// FormTokens makes and checks the one-time tokens of forms: HMAC-SHA-256 over
// what the form is about. That a token is used once is kept by whoever stores
// the hash that [FormTokens.Check] gives.
type FormTokens struct {
	key []byte
}

// NewFormTokens takes a key that all nodes share. It panics when the key has
// fewer than 32 bytes.
func NewFormTokens(key []byte) *FormTokens {
	if len(key) < 32 {
		panic(fmt.Sprintf("access: key of form tokens has %d bytes, not 32", len(key)))
	}
	return &FormTokens{key: append([]byte(nil), key...)}
}

// Issue makes a token for a form that session is shown of this version and step
// of the document. No two are the same. It panics when random fails.
func (f *FormTokens) Issue(session, document string, version int, step string, now time.Time, random io.Reader) string {
	var b [formLength]byte
	if _, err := io.ReadFull(random, b[:formNonce]); err != nil {
		panic(fmt.Sprintf("access: source of randomness failed: %v", err))
	}
	binary.BigEndian.PutUint64(b[formNonce:formIssued], uint64(now.Unix()))
	copy(b[formIssued:], f.mac(b[:formIssued], session, document, version, step))
	return tokenEncoding.EncodeToString(b[:])
}

// Check gives the SHA-256 of a token, for the table of used ones. A token that
// was not issued for exactly this gives approval.ErrForbidden, one that is older
// than [FormLife] approval.ErrExpired.
func (f *FormTokens) Check(token, session, document string, version int, step string, now time.Time) (hash [32]byte, err error) {
	if len(token) != tokenEncoding.EncodedLen(formLength) {
		return hash, approval.ErrForbidden
	}
	b, err := tokenEncoding.DecodeString(token)
	if err != nil || len(b) != formLength {
		return hash, approval.ErrForbidden
	}
	if !hmac.Equal(b[formIssued:], f.mac(b[:formIssued], session, document, version, step)) {
		return hash, approval.ErrForbidden
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(b[formNonce:formIssued])), 0))
	if age > FormLife || age < -formSkew {
		return hash, approval.ErrExpired
	}
	return sha256.Sum256(b), nil
}

// mac authenticates every part with its length, so that none can give bytes to
// its neighbour.
func (f *FormTokens) mac(head []byte, session, document string, version int, step string) []byte {
	m := hmac.New(sha256.New, f.key)
	m.Write([]byte("qianhe form 1\x00"))
	m.Write(head)
	for _, part := range []string{session, document, step} {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		m.Write([]byte(part))
	}
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(version)))
	return m.Sum(nil)
}
