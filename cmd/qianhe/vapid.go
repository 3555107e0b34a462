package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"qianhe/approval/pgaccess"
	"qianhe/channels/webpush"
)

// vapidSecret is the name under which the keys of Web Push are kept.
const vapidSecret = "vapid"

// webpushChannel gives the Web Push channel, nil when it is not configured.
// Its keys are made once and shared by all nodes, which learn of new ones
// within a minute. loopback is the origin of a stand-in push service, or empty.
func webpushChannel(ctx context.Context, c *Config, accounts *pgaccess.Store, loopback string) (*webpush.Channel, error) {
	if c.WebPushSubject == "" {
		return nil, nil
	}
	ring, err := vapidKeys(ctx, accounts)
	if err != nil {
		return nil, err
	}
	return newWebPush(c, ring, func(ctx context.Context) (webpush.Keyring, error) { return vapidKeys(ctx, accounts) }, loopback)
}

// newWebPush makes the channel. As the other channels do it goes through the
// proxy that the environment names (HTTPS_PROXY, NO_PROXY).
func newWebPush(c *Config, ring webpush.Keyring, reload func(context.Context) (webpush.Keyring, error), loopback string) (*webpush.Channel, error) {
	cfg := webpush.Config{
		Keys:       ring,
		Reload:     reload,
		Subscriber: c.WebPushSubject,
		AllowHosts: c.WebPushHosts,
		Proxy:      http.ProxyFromEnvironment,
	}
	if loopback != "" {
		cfg.Loopback = []string{loopback}
	}
	ch, err := webpush.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("QIANHE_WEBPUSH_*: %w", err)
	}
	return ch, nil
}

// vapidKeys reads the keys, and makes the first where there are none.
func vapidKeys(ctx context.Context, accounts *pgaccess.Store) (webpush.Keyring, error) {
	var ring webpush.Keyring
	b, err := accounts.Secret(ctx, vapidSecret, func() ([]byte, error) {
		first, err := webpush.NewKeyring(time.Now())
		if err != nil {
			return nil, err
		}
		return json.Marshal(first)
	})
	if err != nil {
		return ring, err
	}
	if err := json.Unmarshal(b, &ring); err != nil {
		return ring, fmt.Errorf("stored VAPID keys: %w", err)
	}
	return ring, nil
}

// changeVAPID replaces the keys by what change makes of them.
func changeVAPID(ctx context.Context, accounts *pgaccess.Store, change func(webpush.Keyring) (webpush.Keyring, error)) (webpush.Keyring, error) {
	ring, err := vapidKeys(ctx, accounts) // the first, where there is none yet
	if err != nil {
		return ring, err
	}
	err = accounts.ReplaceSecret(ctx, vapidSecret, func(old []byte) ([]byte, error) {
		var have webpush.Keyring
		if err := json.Unmarshal(old, &have); err != nil {
			return nil, fmt.Errorf("stored VAPID keys: %w", err)
		}
		if ring, err = change(have); err != nil {
			return nil, err
		}
		return json.Marshal(ring)
	})
	return ring, err
}

// runVAPID rotates, lists and retires the keys with which Web Push is signed. A
// subscription works only with the key that it was made with: after a rotation
// pages subscribe with the new key as they are opened, and the old one serves
// the others until it is retired.
func runVAPID(ctx context.Context, e env, args []string) error {
	if len(args) == 0 {
		return misuse("say rotate, list or retire")
	}
	c, fs, err := loadConfig(e, "vapid "+args[0], "[flags]", args[1:], nil)
	if err != nil {
		return err
	}
	if want := map[string]int{"retire": 1}[args[0]]; fs.NArg() != want {
		return misuse("rotate and list take no arguments, retire takes the beginning of a key that 'vapid list' shows")
	}
	s, err := openStores(ctx, e, c)
	if err != nil {
		return err
	}
	defer s.close()
	var ring webpush.Keyring
	switch args[0] {
	case "list":
		ring, err = vapidKeys(ctx, s.accounts)
	case "rotate":
		ring, err = changeVAPID(ctx, s.accounts, func(r webpush.Keyring) (webpush.Keyring, error) { return r.Rotate(time.Now()) })
	case "retire":
		ring, err = changeVAPID(ctx, s.accounts, func(r webpush.Keyring) (webpush.Keyring, error) { return r.Retire(fs.Arg(0)) })
	default:
		return misuse("say rotate, list or retire")
	}
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	for i, k := range ring.Keys {
		use, made := "sends to older subscriptions", "at first"
		if i == 0 {
			use = "pages subscribe with it"
		}
		if !k.Made.IsZero() {
			made = k.Made.Format(time.DateOnly)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", k.Public, made, use)
	}
	return w.Flush()
}
