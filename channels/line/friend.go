package line

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"
)

// basicID is the account's name in LINE, as in @000qianhe.
var basicID = regexp.MustCompile(`^@[0-9a-z._-]{1,40}$`)

// friendAge is how long the account's name is taken to stay what it is.
const friendAge = time.Hour

// friend is the address that adds the account, as it was found last.
type friend struct {
	mu      sync.Mutex
	address string
	at      time.Time
}

// FriendURL gives the address that adds the account as a friend in LINE.
func (c *Channel) FriendURL(ctx context.Context) (string, error) {
	c.friend.mu.Lock()
	defer c.friend.mu.Unlock()
	if c.friend.address != "" && c.now().Sub(c.friend.at) < friendAge {
		return c.friend.address, nil
	}
	info, err := call(ctx, c, (*messaging_api.MessagingApiAPI).GetBotInfoWithHttpInfo)
	if err != nil {
		return "", err
	}
	if !basicID.MatchString(info.BasicId) {
		return "", errors.New("line: the account has no basic ID")
	}
	c.friend.address, c.friend.at = c.friends+"/R/ti/p/"+url.PathEscape(info.BasicId), c.now()
	return c.friend.address, nil
}
