package line

import (
	"context"
	"crypto/sha1" // UUID version 5 is defined with it (RFC 9562 §5.5); nothing is protected by it
	"encoding/hex"
	"encoding/json"
	"net/http"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"qianhe/hub"
)

// Send pushes m as one card to the LINE user m.To.Value.
func (c *Channel) Send(ctx context.Context, m hub.Message) (hub.Receipt, error) {
	if !userID.MatchString(m.To.Value) {
		return hub.Receipt{}, &hub.Permanent{Reason: "address is not a LINE user ID"}
	}
	if m.Delivery == "" {
		return hub.Receipt{}, &hub.Rejected{Reason: "message has no delivery"}
	}
	if m.URL == "" {
		return hub.Receipt{}, &hub.Rejected{Reason: "message has no address to open"}
	}
	said, err := c.message(m)
	if err != nil {
		return hub.Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, err := c.push(ctx, m, said)
	if err == nil && a.status == http.StatusUnauthorized && c.tokens.forget(a.token) {
		a, err = c.push(ctx, m, said)
	}
	if err != nil {
		return hub.Receipt{}, err
	}
	return c.outcome(ctx, a)
}

// answer is what came of one call.
type answer struct {
	status int
	header http.Header
	body   apiError
	token  string // that the call was made with
	began  bool   // bytes of the request may have reached LINE
	err    error  // no answer
}

// push makes one call. An error of its own means that there was none.
func (c *Channel) push(ctx context.Context, m hub.Message, said messaging_api.MessageInterface) (answer, error) {
	token, err := c.tokens.get(ctx)
	if err != nil {
		return answer{}, err
	}
	ctx, began := hub.Traced(ctx)
	api, err := c.api(ctx, token)
	if err != nil {
		return answer{}, &hub.Rejected{Reason: "client cannot be made"}
	}
	// The SDK's error says no more than res does, and in text only; that a 200
	// has a body which cannot be read does not make the message unsent.
	res, _, err := api.PushMessageWithHttpInfo(&messaging_api.PushMessageRequest{
		To:       m.To.Value,
		Messages: []messaging_api.MessageInterface{said},
	}, retryKey(m.Delivery))
	a := answer{token: token, began: began()}
	if res == nil {
		a.err = err
		return a, nil
	}
	defer res.Body.Close()
	a.status, a.header = res.StatusCode, res.Header
	if a.status != http.StatusOK {
		a.body = readError(res.Body)
	}
	return a, nil
}

// container is a Flex container that goes out as it was written here. The
// SDK's own types write "flex":0 into every component, which is not what
// leaving it out means.
type container json.RawMessage

func (container) GetType() string                { return "bubble" }
func (c container) MarshalJSON() ([]byte, error) { return c, nil }

// namespace of the retry keys.
var namespace = [16]byte{0x6f, 0x1c, 0x0d, 0x5e, 0x3a, 0x77, 0x5b, 0x1f, 0x9e, 0x42, 0x8b, 0x0a, 0x51, 0x49, 0x41, 0x4e}

// retryKey gives the X-Line-Retry-Key of a delivery: the same one whenever and
// wherever it is sent again. It is a version 5 UUID (RFC 9562 §5.5).
func retryKey(delivery string) string {
	h := sha1.New()
	h.Write(namespace[:])
	h.Write([]byte(delivery))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	s := hex.EncodeToString(u)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
