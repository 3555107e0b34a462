package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"qianhe/approval"
)

// Token is what cookies and API tokens are made of: an identifier, which is no
// secret, and 256 random bits, which are. The zero value matches nothing.
type Token struct {
	ID     string
	secret [32]byte
}

const (
	idLength     = 26
	secretLength = 43 // 32 bytes in base64url
)

var tokenEncoding = base64.RawURLEncoding.Strict()

// NewToken makes a token with a new identifier. It panics when random fails, as
// crypto/rand.Reader never does.
func NewToken(at time.Time, random io.Reader) Token {
	return Token{ID: approval.NewID(at, random)}.Renew(random)
}

// Renew gives a token with the same identifier and a new secret.
func (t Token) Renew(random io.Reader) Token {
	if _, err := io.ReadFull(random, t.secret[:]); err != nil {
		panic(fmt.Sprintf("access: source of randomness failed: %v", err))
	}
	return t
}

// ParseToken reads what [Token.Reveal] has written. There is one way to write a
// token and no other is read.
func ParseToken(s string) (Token, bool) {
	if len(s) != idLength+1+secretLength || s[idLength] != '.' || !approval.ValidID(s[:idLength]) {
		return Token{}, false
	}
	if strings.ContainsAny(s, "\r\n") { // base64 leaves line ends out
		return Token{}, false
	}
	t := Token{ID: s[:idLength]}
	n, err := tokenEncoding.Decode(t.secret[:], []byte(s[idLength+1:]))
	if err != nil || n != len(t.secret) {
		return Token{}, false
	}
	return t, true
}

// Reveal gives the token as it is handed to its owner, secret included.
func (t Token) Reveal() string { return t.ID + "." + tokenEncoding.EncodeToString(t.secret[:]) }

// Hash is what is stored of the secret.
func (t Token) Hash() [32]byte { return sha256.Sum256(t.secret[:]) }

// Matches reports, in constant time, whether hash is that of the secret.
func (t Token) Matches(hash []byte) bool {
	own := t.Hash()
	return subtle.ConstantTimeCompare(own[:], hash) == 1
}

// String and LogValue leave the secret out.
func (t Token) String() string { return t.ID + ".(secret)" }

// GoString leaves the secret out.
func (t Token) GoString() string { return t.String() }

// LogValue leaves the secret out.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }
