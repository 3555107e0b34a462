package web

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"qianhe/approval/access"
)

// Whoever cannot be served now hears it at once, with when to come again, and
// keeps what was typed.
func TestSignInThatCannotBeServed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err   error
		retry string
		says  string
	}{
		{&access.BusyError{RetryAfter: 2 * time.Second}, "2", "等幾秒"},
		{&access.ProviderError{Provider: "ad", Err: errors.New("dial tcp 192.0.2.1:636: i/o timeout")}, "30", "不是您的密碼有錯"},
	} {
		o := newOffice(t)
		o.accounts.fails = tt.err
		a := o.send(t, "", "/signin", url.Values{"login": {"wang"}, "password": {password}, "next": {"/done"}}).status(t, http.StatusServiceUnavailable)
		if got := a.Header.Get("Retry-After"); got != tt.retry {
			t.Errorf("Retry-After %q, want %q", got, tt.retry)
		}
		a.says(t, ".wrong", tt.says).has(t, `input[name="login"][value="wang"]`, 1).has(t, `input[name="next"][value="/done"]`, 1)
		if len(a.Cookies()) > 0 {
			t.Errorf("cookies %v", a.Cookies())
		}
	}
}
