package main

import (
	"context"
	"encoding/json"
	"fmt"

	"qianhe/approval/pgaccess"
	"qianhe/channels/webpush"
	"qianhe/hub"
)

// webpushChannel gives the Web Push channel, nil when it is not configured.
// Its keys are made once and shared by all nodes: subscriptions are bound to
// them. loopback is the origin of a stand-in push service, or empty.
func webpushChannel(ctx context.Context, c *Config, accounts *pgaccess.Store, loopback string) (*webpush.Channel, error) {
	if c.WebPushSubject == "" {
		return nil, nil
	}
	b, err := accounts.Secret(ctx, "vapid", func() ([]byte, error) {
		fresh, err := webpush.NewKeys()
		if err != nil {
			return nil, err
		}
		return json.Marshal(fresh)
	})
	if err != nil {
		return nil, err
	}
	var keys webpush.Keys
	if err := json.Unmarshal(b, &keys); err != nil {
		return nil, fmt.Errorf("stored VAPID keys: %w", err)
	}
	cfg := webpush.Config{
		VAPIDPublic:  keys.Public,
		VAPIDPrivate: keys.Private,
		Subscriber:   c.WebPushSubject,
		AllowHosts:   c.WebPushHosts,
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

// checkable gives the channels that 'check' can ask, without a database. Web
// Push is asked with keys made for the occasion: reachability is what counts.
func checkable(c *Config) (map[hub.ChannelName]hub.Channel, error) {
	found := map[hub.ChannelName]hub.Channel{}
	l, err := lineChannel(c, "", "", nil)
	if err != nil {
		return nil, err
	}
	if l != nil {
		found[hub.LINE] = l
	}
	m, err := messengerChannel(c, "", "", nil)
	if err != nil {
		return nil, err
	}
	if m != nil {
		found[hub.Messenger] = m
	}
	if c.WebPushSubject != "" {
		keys, err := webpush.NewKeys()
		if err != nil {
			return nil, err
		}
		w, err := webpush.New(webpush.Config{VAPIDPublic: keys.Public, VAPIDPrivate: keys.Private, Subscriber: c.WebPushSubject, AllowHosts: c.WebPushHosts})
		if err != nil {
			return nil, fmt.Errorf("QIANHE_WEBPUSH_*: %w", err)
		}
		found[hub.WebPush] = w
	}
	return found, nil
}
