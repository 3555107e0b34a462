package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"qianhe/approval/access/password"
)

// cheap is a cost for tests.
var cheap = password.Params{Memory: 64, Time: 1, Threads: 1}

// Hashes of the reference implementation (P-H-C/phc-winner-argon2, src/test.c).
func TestReferenceHashes(t *testing.T) {
	t.Parallel()
	tests := []struct{ hash, password string }{
		{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94", "differentpassword"},
		{"$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw", "password"},
	}
	h := password.New(password.Options{Params: cheap})
	for _, tt := range tests {
		if err := h.Verify(t.Context(), tt.hash, tt.password); err != nil {
			t.Errorf("Verify(%s, %q): %v", tt.hash, tt.password, err)
		}
		if err := h.Verify(t.Context(), tt.hash, tt.password+" "); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify(%s) with another password: got %v, want ErrMismatch", tt.hash, err)
		}
	}
}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	h := password.New(password.Options{})
	const right = "correct horse 電池 staple"
	hash, err := h.Hash(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(hash, want) {
		t.Errorf("got %s, want it to begin with %s", hash, want)
	}
	if again, err := h.Hash(t.Context(), right); err != nil || again == hash {
		t.Errorf("hashed again: got %s, %v, want another salt", again, err)
	}
	for _, tt := range []struct {
		name, hash, password string
		want                 error
	}{
		{"right", hash, right, nil},
		{"full width, as an input method gives it", hash, "ｃｏｒｒｅｃｔ　ｈｏｒｓｅ 電池 staple", nil},
		{"wrong", hash, "correct horse 電池 stable", password.ErrMismatch},
		{"other case", hash, "Correct horse 電池 staple", password.ErrMismatch},
		{"longer", hash, right + " ", password.ErrMismatch},
		{"empty", hash, "", password.ErrMismatch},
		{"far too long", hash, right + strings.Repeat("x", 1<<20), password.ErrMismatch},
		{"not text", hash, right + "\xff", password.ErrMismatch},
		{"no hash stored", "", right, password.ErrMismatch},
		{"no hash stored, empty password", "", "", password.ErrMismatch},
		{"what the dummy is made of", "", "no password", password.ErrMismatch},
	} {
		if err := h.Verify(t.Context(), tt.hash, tt.password); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	err = h.Verify(t.Context(), "garbage", right)
	if _, ok := errors.AsType[*password.FormatError](err); !ok {
		t.Errorf("garbage stored: got %v, want a FormatError", err)
	}
	for _, bad := range []string{"a\xff", strings.Repeat("x", 1<<20)} {
		if hash, err := h.Hash(t.Context(), bad); err == nil {
			t.Errorf("hashed what is no password: %s", hash)
		}
	}
}

// An input that is no password is replaced by a fixed one for the sake of equal
// work. It must not let in whoever has chosen that one.
func TestReplacementIsNoPassword(t *testing.T) {
	t.Parallel()
	h := password.New(password.Options{Params: cheap})
	hash, err := h.Hash(t.Context(), "no password")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Verify(t.Context(), hash, "\xff"); !errors.Is(err, password.ErrMismatch) {
		t.Errorf("got %v, want ErrMismatch", err)
	}
}

func TestNeedsRehash(t *testing.T) {
	t.Parallel()
	h := password.New(password.Options{Params: cheap})
	own, err := h.Hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	other := password.New(password.Options{Params: password.Params{Memory: 128, Time: 1, Threads: 1}})
	if h.NeedsRehash(own) {
		t.Error("its own hash needs another")
	}
	for name, got := range map[string]bool{
		"other cost":  other.NeedsRehash(own),
		"short salt":  h.NeedsRehash("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
		"not a hash":  h.NeedsRehash("x"),
		"none stored": h.NeedsRehash(""),
	} {
		if !got {
			t.Errorf("%s: got false, want true", name)
		}
	}
}

func TestOutOfBoundsCostPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a cost that could never be verified was taken")
		}
	}()
	password.New(password.Options{Params: password.Params{Memory: 1 << 20, Time: 1, Threads: 1}})
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := password.New(password.Options{Params: cheap})
	if _, err := h.Hash(ctx, "correct horse battery"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash: got %v, want context.Canceled", err)
	}
	if err := h.Verify(ctx, "", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify: got %v, want context.Canceled", err)
	}
}

// Whoever has no turn waits, and may give up waiting.
func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := password.New(password.Options{Params: cheap, Concurrent: 2})
		give := h.Occupy(2)
		ctx, cancel := context.WithCancel(t.Context())
		impatient, patient := make(chan error, 1), make(chan error, 1)
		go func() { impatient <- h.Verify(ctx, "", "x") }()
		go func() { patient <- h.Verify(t.Context(), "", "x") }()
		synctest.Wait()
		select {
		case err := <-impatient:
			t.Fatalf("a third hash was computed beside two: %v", err)
		case err := <-patient:
			t.Fatalf("a third hash was computed beside two: %v", err)
		default:
		}
		cancel()
		if err := <-impatient; !errors.Is(err, context.Canceled) {
			t.Errorf("gave up: got %v, want context.Canceled", err)
		}
		give()
		if err := <-patient; !errors.Is(err, password.ErrMismatch) {
			t.Errorf("waited: got %v, want ErrMismatch", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	h := password.New(password.Options{})
	for b.Loop() {
		if err := h.Verify(b.Context(), "", "correct horse battery"); !errors.Is(err, password.ErrMismatch) {
			b.Fatal(err)
		}
	}
}
