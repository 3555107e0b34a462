package api

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"qianhe/approval/access"
)

// maxToken bounds what is looked up at all, in bytes.
const maxToken = 256

// allow checks the bearer token (RFC 6750) of a request, in its header only:
// one in the address would end up in logs.
func (a *API) allow(r *http.Request, scope string) error {
	if scope == public {
		return nil
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return &problem{code: "token_missing"}
	}
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken {
		return access.ErrToken
	}
	if err := a.opt.Tokens.CheckToken(r.Context(), token, scope); err != nil {
		return err
	}
	if wait := a.limit.take(sha256.Sum256([]byte(token))); wait > 0 {
		return &problem{code: "rate_limited", retryAfter: wait}
	}
	return nil
}
