package messenger

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"qianhe/hub"
)

// maxChallenge is the longest challenge that is repeated, in bytes; Meta's have
// ten digits.
const maxChallenge = 200

// Challenge answers the GET by which Meta makes sure that the callback address
// is ours. The answer is to be sent as text/plain.
func (c *Channel) Challenge(query url.Values) (answer string, ok bool) {
	answer = query.Get("hub.challenge")
	good := c.verify != "" && hmac.Equal([]byte(query.Get("hub.verify_token")), []byte(c.verify))
	if !good || query.Get("hub.mode") != "subscribe" || answer == "" || len(answer) > maxChallenge {
		return "", false
	}
	return answer, true
}

// ParseInbound verifies a callback of Meta over its raw body and gives the
// events in it that come from people. It returns an error wrapping
// [hub.ErrSignature] when Meta did not sign it, and another when it cannot be
// read.
//
// Left out are events of other Pages of the same app, what the Page itself
// said (echoes), what another app of the Page is to answer (standby), and
// kinds that mean nothing to us. Nothing of that is an error: Meta takes the
// whole app's callbacks away after an hour of refusals.
func (c *Channel) ParseInbound(cb hub.Callback) ([]hub.Inbound, error) {
	if !c.signed(cb.Header.Values("X-Hub-Signature-256"), cb.Body) {
		return nil, fmt.Errorf("messenger: %w", hub.ErrSignature)
	}
	var callback struct {
		Object string `json:"object"`
		Entry  []struct {
			ID        loose             `json:"id"`
			Messaging []json.RawMessage `json:"messaging"`
			Changes   []json.RawMessage `json:"changes"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(cb.Body, &callback); err != nil {
		return nil, fmt.Errorf("messenger: callback is not JSON of the right shape: %w", err)
	}
	if callback.Object != "page" {
		return nil, fmt.Errorf("messenger: callback is about %q, not about a Page", hub.Clip(callback.Object, 40))
	}
	var list []hub.Inbound
	for _, entry := range callback.Entry {
		if string(entry.ID) != c.page {
			c.log.Warn("Messenger callback is for another Page of the app")
			continue
		}
		for _, raw := range entry.Messaging {
			// One event that Meta has changed must not take the others with it.
			in, ok, err := c.readEvent(raw)
			if err != nil {
				c.log.Warn("Messenger event cannot be read", "err", err)
				continue
			}
			if ok {
				list = append(list, in)
			}
		}
		for _, raw := range entry.Changes {
			c.readChange(raw)
		}
	}
	return list, nil
}

// signed compares in constant time with every secret in force. Only SHA-256
// counts: Meta sends X-Hub-Signature with SHA-1 as well.
func (c *Channel) signed(header []string, body []byte) bool {
	if len(header) != 1 {
		return false
	}
	digest, ok := strings.CutPrefix(header[0], "sha256=")
	if !ok {
		return false
	}
	got, err := hex.DecodeString(digest)
	if err != nil {
		return false
	}
	ok = false
	for _, secret := range c.secrets {
		want, _ := hex.DecodeString(hexMAC(secret, body))
		if hmac.Equal(got, want) {
			ok = true
		}
	}
	return ok
}
