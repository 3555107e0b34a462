package access_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

var formKey = bytes.Repeat([]byte{7}, 32)

func TestFormTokens(t *testing.T) {
	t.Parallel()
	f := access.NewFormTokens(formKey)
	token := f.Issue("session", "document", 3, "step", noon, rand.Reader)
	hash, err := f.Check(token, "session", "document", 3, "step", noon.Add(time.Hour))
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	if again, err := f.Check(token, "session", "document", 3, "step", noon.Add(2*time.Hour)); err != nil || again != hash {
		t.Errorf("checked again: got %x, %v, want the same hash", again, err)
	}
	other := f.Issue("session", "document", 3, "step", noon, rand.Reader)
	otherHash, err := f.Check(other, "session", "document", 3, "step", noon)
	if err != nil || other == token || otherHash == hash {
		t.Errorf("a page rendered twice has the same token, or %v", err)
	}

	tests := []struct {
		name              string
		tokens            *access.FormTokens
		token             string
		session, document string
		version           int
		step              string
		now               time.Time
		want              error
	}{
		{"at the last moment", f, token, "session", "document", 3, "step", noon.Add(12 * time.Hour), nil},
		{"other node's clock", f, token, "session", "document", 3, "step", noon.Add(-5 * time.Minute), nil},
		{"too old", f, token, "session", "document", 3, "step", noon.Add(12*time.Hour + time.Second), approval.ErrExpired},
		{"from the future", f, token, "session", "document", 3, "step", noon.Add(-time.Hour), approval.ErrExpired},
		{"other session", f, token, "sessioN", "document", 3, "step", noon, approval.ErrForbidden},
		{"other document", f, token, "session", "document2", 3, "step", noon, approval.ErrForbidden},
		{"other version", f, token, "session", "document", 4, "step", noon, approval.ErrForbidden},
		{"other step", f, token, "session", "document", 3, "", noon, approval.ErrForbidden},
		{"letters moved over", f, token, "sessiond", "ocument", 3, "step", noon, approval.ErrForbidden},
		{"forged and old", f, token, "other", "document", 3, "step", noon.Add(48 * time.Hour), approval.ErrForbidden},
		{"other key", access.NewFormTokens(bytes.Repeat([]byte{8}, 32)), token, "session", "document", 3, "step", noon, approval.ErrForbidden},
		{"empty", f, "", "session", "document", 3, "step", noon, approval.ErrForbidden},
		{"cut", f, token[:len(token)-1], "session", "document", 3, "step", noon, approval.ErrForbidden},
		{"longer", f, token + "A", "session", "document", 3, "step", noon, approval.ErrForbidden},
		{"line end", f, token[:len(token)-1] + "\n", "session", "document", 3, "step", noon, approval.ErrForbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.tokens.Check(tt.token, tt.session, tt.document, tt.version, tt.step, tt.now)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err != nil && got != ([32]byte{}) {
				t.Errorf("refused and still gave hash %x", got)
			}
		})
	}
}

// Every bit of a token counts: otherwise one form could be sent twice under two
// names.
func TestFormTokenIsNotMalleable(t *testing.T) {
	t.Parallel()
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	f := access.NewFormTokens(formKey)
	token := f.Issue("session", "document", 1, "step", noon, rand.Reader)
	for i := range len(token) {
		for _, c := range []byte(letters) {
			changed := []byte(token)
			changed[i] = c
			if string(changed) == token {
				continue
			}
			if _, err := f.Check(string(changed), "session", "document", 1, "step", noon); !errors.Is(err, approval.ErrForbidden) {
				t.Fatalf("letter %d changed: got %v, want ErrForbidden", i, err)
			}
		}
	}
}

func TestFormTokensRefuseShortKey(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a key of 31 bytes was taken")
		}
	}()
	access.NewFormTokens(make([]byte, 31))
}
