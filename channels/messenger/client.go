package messenger

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"qianhe/hub"
)

// maxAnswer is how much of an answer's body is read, in bytes.
const maxAnswer = 64 << 10

func newClient() *http.Client {
	return &http.Client{ // its time-out is the context's of each call
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    32,
			MaxResponseHeaderBytes: 64 << 10,
			// A firewall that forgot the connection says nothing: without a ping
			// every call on it would wait in vain.
			HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		},
	}
}

// answer is what came of one call.
type answer struct {
	status int
	header http.Header
	body   []byte
	began  bool  // bytes of the request may have reached Meta
	err    error // no answer
}

// call makes one call of the Graph API about the Page: edge is "messages",
// "messenger_profile" or "" for the Page itself. body is sent as JSON, nil is
// none. The token goes in a header: addresses end in logs.
func (c *Channel) call(ctx context.Context, method, edge string, query url.Values, body any) answer {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	ctx, began := hub.Traced(ctx)
	address := c.base + "/" + c.page
	if edge != "" {
		address += "/" + edge
	}
	if query == nil {
		query = url.Values{}
	}
	c.prove(query)
	var r io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{err: err}
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address+"?"+query.Encode(), r)
	if err != nil {
		return answer{err: err}
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.client.Do(req)
	if err != nil {
		return answer{began: began(), err: err}
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header, began: true}
	// The status came, hence the request was dealt with; what is missing of the
	// body shows when somebody reads it.
	a.body, _ = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return a
}

// prove adds the proof that whoever holds the token also knows the app's
// secret: an app can be set to refuse calls without one.
func (c *Channel) prove(query url.Values) {
	message := c.token
	if c.proofTime {
		at := strconv.FormatInt(c.now().Unix(), 10)
		query.Set("appsecret_time", at)
		message += "|" + at
	}
	query.Set("appsecret_proof", hexMAC(c.secrets[0], []byte(message)))
}

func hexMAC(secret string, message []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(message)
	return hex.EncodeToString(mac.Sum(nil))
}
