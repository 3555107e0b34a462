package webpush

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Probe asks the push services of the browsers and of Config for a page that is
// not there, the way that messages go, and says which can be reached. Nothing
// is sent. The error is that none can be.
func (c *Channel) Probe(ctx context.Context) ([]string, error) {
	ring := c.ring(ctx)
	lines := []string{
		"application server key " + ring.Current().Public[:12] + "…",
		"subject " + c.subscriber,
	}
	if n := len(ring.Keys); n > 1 {
		lines = append(lines, fmt.Sprintf("older keys still in use: %d", n-1))
	}
	var origins []string
	for _, u := range c.allow.loopback {
		origins = append(origins, u.Scheme+"://"+u.Host)
	}
	if len(origins) == 0 {
		for _, host := range append([]string{"fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com"}, c.allow.hosts[len(BrowserHosts()):]...) {
			origins = append(origins, "https://"+host)
		}
	}
	reached := 0
	for _, origin := range origins {
		began := c.now()
		if err := c.reach(ctx, origin); err != nil {
			lines = append(lines, origin+": "+transportWords(err))
			continue
		}
		reached++
		lines = append(lines, fmt.Sprintf("%s: reached in %d ms", origin, c.now().Sub(began).Milliseconds()))
	}
	if reached == 0 {
		return lines, errors.New("webpush: no push service can be reached; outgoing https to them has to be allowed")
	}
	return lines, nil
}

func (c *Channel) reach(ctx context.Context, origin string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/-", http.NoBody)
	if err != nil {
		return err
	}
	res, err := c.client.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
