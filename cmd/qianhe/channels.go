package main

import (
	"time"

	"qianhe/channels/webpush"
	"qianhe/hub"
)

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
	t, err := smsChannel(c, "", smsStand{}, nil)
	if err != nil {
		return nil, err
	}
	if t != nil {
		found[hub.SMS] = t
	}
	if c.WebPushSubject != "" {
		ring, err := webpush.NewKeyring(time.Now())
		if err != nil {
			return nil, err
		}
		w, err := newWebPush(c, ring, nil, "")
		if err != nil {
			return nil, err
		}
		found[hub.WebPush] = w
	}
	return found, nil
}
