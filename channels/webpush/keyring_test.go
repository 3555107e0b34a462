package webpush_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"qianhe/channels/channeltest"
	"qianhe/channels/webpush"
	"qianhe/hub"
)

// TestRotation: what was subscribed under the old key is sent with the old key,
// what comes after with the new one, until the old one is retired.
func TestRotation(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	first, err := webpush.NewKeyring(made)
	if err != nil {
		t.Fatal(err)
	}
	second, err := first.Rotate(made.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Keys) != 1 || len(second.Keys) != 2 || second.Keys[1] != first.Keys[0] || second.Current() == first.Current() || !second.Keys[0].Made.Equal(made.Add(time.Hour)) {
		t.Fatalf("rotated from %+v to %+v", first, second)
	}
	st := newStand(t, func(c *webpush.Config) { c.Keys = second })
	subscribed := func(key string) hub.Address {
		endpoint, p256dh, auth := st.NewSubscription("")
		if key != "" {
			st.Bind(endpoint, key)
		}
		return hub.Address{Value: endpoint, Keys: map[string]string{"p256dh": p256dh, "auth": auth, "vapid": key}}
	}
	if got := st.channel.PublicKey(t.Context()); got != second.Keys[0].Public {
		t.Errorf("pages subscribe with %s, want the newest key", got)
	}
	for name, key := range map[string]string{"old": first.Current().Public, "new": second.Current().Public, "of before there were several": ""} {
		to := subscribed(key)
		if _, err := st.channel.Send(t.Context(), message(to)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := key
		if key == "" {
			want = second.Current().Public
		} else if !st.channel.KnowsKey(t.Context(), key) {
			t.Errorf("%s: the channel does not know the key", name)
		}
		if got := st.Messages(to.Value)[0].Key; got != want {
			t.Errorf("%s: signed with %s, want %s", name, got, want)
		}
	}
	retired, err := second.Retire(first.Current().Public[:12])
	if err != nil || len(retired.Keys) != 1 || retired.Current() != second.Current() {
		t.Fatalf("retired: %+v (%v)", retired, err)
	}
	after := newStand(t, func(c *webpush.Config) { c.Keys = retired })
	to := after.address()
	to.Keys["vapid"] = first.Current().Public
	_, err = after.channel.Send(t.Context(), message(to))
	var permanent *hub.Permanent
	if !errors.As(err, &permanent) || !hub.Resubscribable(permanent.Reason) {
		t.Errorf("under a retired key: got %v, want *hub.Permanent that the page can mend", err)
	}
	for name, prefix := range map[string]string{"the newest": second.Current().Public, "nobody's": "AAAA", "nothing": "", "all": "B"} {
		if _, err := second.Retire(prefix); err == nil {
			t.Errorf("retired %s", name)
		}
	}
	full := first
	for range 10 {
		next, err := full.Rotate(made)
		if err != nil {
			break
		}
		full = next
	}
	if len(full.Keys) != 8 {
		t.Errorf("a ring takes %d keys, want 8", len(full.Keys))
	}
}

// TestKeyringStored: written and read it is the same, and what the first
// version wrote is a ring of one.
func TestKeyringStored(t *testing.T) {
	t.Parallel()
	ring, err := webpush.NewKeyring(time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if ring, err = ring.Rotate(ring.Keys[0].Made); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"ring": ring, "single pair": ring.Keys[1].Keys} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var back webpush.Keyring
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := ring.Keys
		if name == "single pair" {
			want = []webpush.RingKey{{Keys: ring.Keys[1].Keys}}
		}
		if len(back.Keys) != len(want) {
			t.Fatalf("%s: read back %+v", name, back)
		}
		for i := range want {
			if back.Keys[i] != want[i] {
				t.Errorf("%s: key %d is %+v, want %+v", name, i, back.Keys[i], want[i])
			}
		}
	}
	if err := json.Unmarshal([]byte(`[]`), &ring); err == nil {
		t.Error("an array is a ring")
	}
}

// TestRotatedElsewhere: another process rotates. This node learns of it within
// a minute, at once for a subscription under the new key, and disables nobody
// because it is the last to hear.
func TestRotatedElsewhere(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var (
		stored webpush.Keyring
		fail   error
		reads  int
	)
	st := newStand(t, func(c *webpush.Config) {
		stored = c.Keys
		c.Now = func() time.Time { return now }
		c.Reload = func(context.Context) (webpush.Keyring, error) {
			reads++
			return stored, fail
		}
	})
	old := st.keys.Public
	rotated, err := stored.Rotate(now)
	if err != nil {
		t.Fatal(err)
	}
	stored = rotated
	address := func() hub.Address {
		to := st.address()
		st.Bind(to.Value, rotated.Current().Public)
		to.Keys["vapid"] = rotated.Current().Public
		return to
	}
	send := func() string {
		_, err := st.channel.Send(t.Context(), message(address()))
		return channeltest.Outcome(err)
	}
	if got := send(); got != "retry after 5s" || reads != 0 {
		t.Errorf("just started: %s after %d reads, want a retry after none", got, reads)
	}
	now = now.Add(5 * time.Second)
	fail = errors.New("no database")
	if got := send(); got != "retry after 5s" || reads != 1 {
		t.Errorf("cannot be read: %s after %d reads, want a retry after one", got, reads)
	}
	fail = nil
	now = now.Add(5 * time.Second)
	if got := send(); got != "accepted" || reads != 2 {
		t.Errorf("read: %s after %d reads, want accepted after two", got, reads)
	}
	for range 3 {
		if got := send(); got != "accepted" || reads != 2 {
			t.Errorf("known: %s after %d reads", got, reads)
		}
	}
	if got := st.channel.PublicKey(t.Context()); got != rotated.Current().Public {
		t.Errorf("pages subscribe with %s, want the new key", got)
	}
	// A minute later it is read again; what cannot be checked does not count.
	stored = webpush.Keyring{}
	now = now.Add(time.Minute)
	if got := send(); got != "accepted" || reads != 3 {
		t.Errorf("a bad ring: %s after %d reads", got, reads)
	}
	if stored, err = rotated.Retire(old); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if st.channel.KnowsKey(t.Context(), old) {
		t.Error("a retired key is known")
	}
	to := st.address()
	if _, err := st.channel.Send(t.Context(), message(to)); channeltest.Outcome(err) != "retry after 5s" {
		t.Errorf("retired a moment ago: %v, want another look", err)
	}
	now = now.Add(5 * time.Second)
	if _, err := st.channel.Send(t.Context(), message(to)); channeltest.Outcome(err) != "permanent" {
		t.Errorf("retired: %v, want permanent", err)
	}
}
