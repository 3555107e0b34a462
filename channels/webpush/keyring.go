package webpush

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"qianhe/hub"
)

// Keyring are the application server keys of this server, newest first. A
// subscription is bound to the key that it was made with, so a key stays here
// after the next has taken its place, until nobody's subscription is under it
// any more. The newest is the one with which pages subscribe.
type Keyring struct {
	Keys []RingKey `json:"keys"`
}

// RingKey is one pair and when it was made.
type RingKey struct {
	Keys
	Made time.Time `json:"made"`
}

// maxRing is how many keys a ring holds: more is a mistake, not a rotation.
const maxRing = 8

// NewKeyring makes a ring with one fresh pair.
func NewKeyring(now time.Time) (Keyring, error) { return Keyring{}.Rotate(now) }

// Rotate gives a ring with a fresh pair before the others. What was subscribed
// under those goes on to work.
func (r Keyring) Rotate(now time.Time) (Keyring, error) {
	if len(r.Keys) >= maxRing {
		return r, fmt.Errorf("webpush: there are %d keys already; retire some", len(r.Keys))
	}
	fresh, err := NewKeys()
	if err != nil {
		return r, err
	}
	return Keyring{Keys: append([]RingKey{{fresh, now.UTC().Truncate(time.Second)}}, r.Keys...)}, nil
}

// Retire gives a ring without the key that begins with prefix. Whoever
// subscribed under it is not reached before their browser has subscribed anew.
// The newest cannot be retired: rotate first.
func (r Keyring) Retire(prefix string) (Keyring, error) {
	var at []int
	for i, k := range r.Keys {
		if prefix != "" && len(prefix) <= len(k.Public) && k.Public[:len(prefix)] == prefix {
			at = append(at, i)
		}
	}
	switch {
	case len(at) == 0:
		return r, fmt.Errorf("webpush: no key begins with %q", prefix)
	case len(at) > 1:
		return r, fmt.Errorf("webpush: %d keys begin with %q", len(at), prefix)
	case at[0] == 0:
		return r, errors.New("webpush: this is the key that pages subscribe with; rotate first")
	}
	return Keyring{Keys: slices.Delete(slices.Clone(r.Keys), at[0], at[0]+1)}, nil
}

// Current is the key that pages subscribe with.
func (r Keyring) Current() Keys {
	if len(r.Keys) == 0 {
		return Keys{}
	}
	return r.Keys[0].Keys
}

// find gives the pair of a public key. "" is the newest: links of before there
// was more than one do not say.
func (r Keyring) find(public string) (Keys, bool) {
	for _, k := range r.Keys {
		if public == "" || k.Public == public {
			return k.Keys, true
		}
	}
	return Keys{}, false
}

// UnmarshalJSON also reads a single pair, which is how the first version kept
// it.
func (r *Keyring) UnmarshalJSON(b []byte) error {
	var both struct {
		Keys
		Ring []RingKey `json:"keys"`
	}
	if err := json.Unmarshal(b, &both); err != nil {
		return err
	}
	r.Keys = both.Ring
	if len(both.Ring) == 0 && both.Public != "" {
		r.Keys = []RingKey{{Keys: both.Keys}}
	}
	return nil
}

// check reads every pair as the library wants it.
func (r Keyring) check() (Keyring, error) {
	if len(r.Keys) == 0 {
		return r, errors.New("no keys")
	}
	checked := Keyring{Keys: slices.Clone(r.Keys)}
	for i, k := range checked.Keys {
		var err error
		if checked.Keys[i].Keys, err = readKeys(k.Public, k.Private); err != nil {
			return r, err
		}
	}
	return checked, nil
}

const (
	ringFresh  = time.Minute     // how long a ring is taken as it was read
	ringAgain  = 5 * time.Second // how soon it is read again for a key that is not in it
	ringWithin = 5 * time.Second // how long reading may take
)

// ring gives the keys in force. They are read again every minute, by whoever
// comes first; the others go on with what there is, and all do when they cannot
// be read.
func (c *Channel) ring(ctx context.Context) Keyring {
	if fresh, ok := c.reread(ctx, ringFresh); ok {
		return fresh
	}
	c.ringMu.Lock()
	defer c.ringMu.Unlock()
	return c.rings
}

// reread reads the keys again, unless that was done within the last while.
func (c *Channel) reread(ctx context.Context, since time.Duration) (fresh Keyring, ok bool) {
	now := c.now()
	c.ringMu.Lock()
	due := c.reload != nil && now.Sub(c.ringRead) >= since
	if due {
		c.ringRead = now
	}
	c.ringMu.Unlock()
	if !due {
		return Keyring{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, ringWithin)
	defer cancel()
	fresh, err := c.reload(ctx)
	if err == nil {
		fresh, err = fresh.check()
	}
	if err != nil {
		return Keyring{}, false
	}
	c.ringMu.Lock()
	defer c.ringMu.Unlock()
	c.rings = fresh
	return fresh, true
}

// keysFor gives the pair for a subscription. One that is not known may have
// been made a moment ago, through another node: only a ring that was read after
// the question says that it is none of ours.
func (c *Channel) keysFor(ctx context.Context, public string) (Keys, error) {
	if k, ok := c.ring(ctx).find(public); ok {
		return k, nil
	}
	retired := &hub.Permanent{Reason: hub.DeadSubscription + ": made with a key that is not ours any more; the browser has to subscribe again"}
	if c.reload == nil {
		return Keys{}, retired
	}
	fresh, ok := c.reread(ctx, ringAgain)
	if !ok {
		return Keys{}, &hub.Retry{After: ringAgain, Reason: "subscribed with a key that this node has not seen yet"}
	}
	if k, ok := fresh.find(public); ok {
		return k, nil
	}
	return Keys{}, retired
}
