package pgaccess_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"testing"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

func TestSecretIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := []*pgaccess.Store{b.Store, b.another(), b.another()}
	var made atomic.Int64
	got := make([][]byte, 9)
	for i, err := range together(len(got), func(i int) (err error) {
		got[i], err = nodes[i%3].Secret(t.Context(), "forms", func() ([]byte, error) {
			made.Add(1)
			key := make([]byte, 32)
			_, err := rand.Read(key)
			return key, err
		})
		return err
	}) {
		if err != nil || len(got[i]) != 32 || !bytes.Equal(got[i], got[0]) {
			t.Errorf("node %d: got %x, %v, want what all others have", i, got[i], err)
		}
	}
	before := made.Load()
	fail := func() ([]byte, error) { made.Add(1); return nil, errors.New("made again") }
	if again, err := b.Secret(t.Context(), "forms", fail); err != nil || !bytes.Equal(again, got[0]) || made.Load() != before {
		t.Errorf("later: got %x, %v, made %d times more", again, err, made.Load()-before)
	}
	var sealed []byte
	if err := b.pool.QueryRow(t.Context(), `select sealed from server_secret`).Scan(&sealed); err != nil || bytes.Contains(sealed, got[0]) {
		t.Errorf("%v, or it is on record as it is", err)
	}
}

func TestSecretRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	failed := errors.New("no key")
	_, err := b.Secret(t.Context(), "forms", func() ([]byte, error) { return nil, failed })
	wantError(t, err, failed, "could not be made")
	key := func() ([]byte, error) { return []byte("key material"), nil }
	if _, err := b.Secret(t.Context(), "forms", key); err != nil {
		t.Fatal(err)
	}
	stranger := b.another(func(o *pgaccess.Options) { o.Sealer = access.NewSealer([32]byte{2}) })
	_, err = stranger.Secret(t.Context(), "forms", key)
	wantError(t, err, access.ErrSealed, "another configured secret")

	b.exec(t, `insert into server_secret select 'vapid', sealed, created_at from server_secret`)
	_, err = b.Secret(t.Context(), "vapid", key)
	wantError(t, err, access.ErrSealed, "copied under another name")
}

// TestReplaceSecret: changes that come at once follow each other; one that
// fails leaves everything as it was.
func TestReplaceSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := []*pgaccess.Store{b.Store, b.another(), b.another()}
	add := func(old []byte) ([]byte, error) { return append(old, '+'), nil }
	wantError(t, b.ReplaceSecret(t.Context(), "vapid", add), approval.ErrNotFound, "none yet")
	if _, err := b.Secret(t.Context(), "vapid", func() ([]byte, error) { return []byte("key"), nil }); err != nil {
		t.Fatal(err)
	}
	for _, err := range together(9, func(i int) error { return nodes[i%3].ReplaceSecret(t.Context(), "vapid", add) }) {
		if err != nil {
			t.Error(err)
		}
	}
	failed := errors.New("no")
	wantError(t, b.ReplaceSecret(t.Context(), "vapid", func([]byte) ([]byte, error) { return nil, failed }), failed, "change fails")
	got, err := b.Secret(t.Context(), "vapid", func() ([]byte, error) { return nil, failed })
	if err != nil || string(got) != "key+++++++++" {
		t.Errorf("got %q, %v, want nine changes", got, err)
	}
}
