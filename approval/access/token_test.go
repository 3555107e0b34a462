package access_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"qianhe/approval/access"
)

func TestTokenRoundTrip(t *testing.T) {
	t.Parallel()
	token := access.NewToken(noon, rand.Reader)
	text := token.Reveal()
	back, ok := access.ParseToken(text)
	if !ok || back != token {
		t.Fatalf("ParseToken(%q): got %v, %v, want the token that was written", text, back.Reveal(), ok)
	}
	secret, err := base64.RawURLEncoding.DecodeString(text[27:])
	if err != nil || len(secret) != 32 {
		t.Fatalf("secret: got %d bytes, %v, want 32", len(secret), err)
	}
	if token.Hash() != sha256.Sum256(secret) {
		t.Error("what is stored is not SHA-256 of the secret")
	}
	hash := token.Hash()
	if !token.Matches(hash[:]) {
		t.Error("a token does not match its own hash")
	}
	other := token.Renew(rand.Reader)
	if other.ID != token.ID || other.Matches(hash[:]) {
		t.Errorf("renewed: got id %s, matches the old hash %v, want id %s and no match", other.ID, other.Matches(hash[:]), token.ID)
	}
	for _, short := range [][]byte{nil, {}, hash[:31]} {
		if token.Matches(short) {
			t.Errorf("matches a hash of %d bytes", len(short))
		}
	}
}

func TestParseTokenRefuses(t *testing.T) {
	t.Parallel()
	good := access.NewToken(noon, bytes.NewReader(make([]byte, 64))).Reveal()
	id, secret := good[:26], good[27:]
	tests := map[string]string{
		"nothing":                  "",
		"dot":                      ".",
		"id only":                  id,
		"id and dot":               id + ".",
		"secret only":              "." + secret,
		"other separator":          id + ":" + secret,
		"short secret":             id + "." + secret[1:],
		"long secret":              good + "A",
		"padded":                   good + "=",
		"two dots":                 id + ".." + secret[1:],
		"standard base64":          id + "." + "+" + secret[1:],
		"line end inside":          id + "." + secret[:42] + "\n",
		"two line ends":            id + "." + secret[:41] + "\r\n",
		"bits beyond the last":     id + "." + secret[:42] + "B",
		"upper case id":            strings.ToUpper(id) + "." + secret,
		"letter outside alphabet":  "u" + id[1:] + "." + secret,
		"space before":             " " + good[:69],
		"huge":                     strings.Repeat(good, 10000),
		"other script, same bytes": "千" + id[3:] + "." + secret,
	}
	if _, ok := access.ParseToken(good); !ok {
		t.Fatalf("ParseToken(%q) refuses a good token", good)
	}
	for name, text := range tests {
		if token, ok := access.ParseToken(text); ok {
			t.Errorf("%s: %q was read as %s", name, text, token.Reveal())
		}
	}
}

func TestTokenDoesNotShowItsSecret(t *testing.T) {
	t.Parallel()
	token := access.NewToken(noon, rand.Reader)
	secret := token.Reveal()[27:]
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("token", "token", token)
	for _, text := range []string{fmt.Sprint(token), fmt.Sprintf("%v %+v %#v %s", token, token, token, token), log.String()} {
		if strings.Contains(text, secret) || !strings.Contains(text, token.ID) {
			t.Errorf("got %q, want the identifier and not the secret", text)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	good := access.NewToken(noon, bytes.NewReader(bytes.Repeat([]byte{0xa5}, 64))).Reveal()
	for _, seed := range []string{good, "", ".", good[:26], good + "=", good[:69] + "\n", strings.ToUpper(good)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := access.ParseToken(text)
		if !ok {
			if token != (access.Token{}) {
				t.Errorf("refused %q and still gave %v", text, token)
			}
			return
		}
		if got := token.Reveal(); got != text {
			t.Errorf("%q was read and is written as %q", text, got)
		}
	})
}
