package api

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"qianhe/approval/access"
)

// maxToken bounds what is looked up at all, in bytes.
const maxToken = 256

// tokenKept is how long a token that was good is taken to be good without
// another look: a revocation is in force after that.
const tokenKept = 3 * time.Second

// allow checks from where a request comes, and the bearer token (RFC 6750) of a request, in its header only:
// one in the address would end up in logs.
func (a *API) allow(r *http.Request, scope string) (access.APIToken, error) {
	if a.opt.Suits != nil {
		switch ok, err := a.opt.Suits(r); {
		case err != nil:
			return access.APIToken{}, err
		case !ok:
			return access.APIToken{}, &problem{code: "network_refused"}
		}
	}
	if scope == public {
		return access.APIToken{}, nil
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return access.APIToken{}, &problem{code: "token_missing"}
	}
	scheme, text, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || text == "" || len(text) > maxToken {
		return access.APIToken{}, access.ErrToken
	}
	token, err := a.tokens.check(r.Context(), text)
	if err != nil {
		return token, err
	}
	if !token.May(scope) {
		return token, &problem{code: "scope_missing", scope: scope}
	}
	most := a.opt.PerMinute
	if scope == noticesScope {
		most = a.perMinute(token)
	}
	if wait := a.limit.take(token.ID, scope, most); wait > 0 {
		return token, &problem{code: "rate_limited", retryAfter: wait}
	}
	return token, nil
}

// perMinute is how many recipients the notices of a token may have in a minute.
func (a *API) perMinute(t access.APIToken) int {
	if t.PerMinute > 0 {
		return t.PerMinute
	}
	return a.opt.NoticesPerMinute
}

// tokens remembers tokens that were good, by their hash, so that a busy caller
// does not cost a look-up for each call. It holds no secret.
type tokens struct {
	source Tokens
	now    func() time.Time

	mu    sync.RWMutex
	known map[[32]byte]knownToken
}

type knownToken struct {
	token access.APIToken
	until time.Time
}

// maxKnown is more tokens than an agency has systems.
const maxKnown = 1024

func newTokens(source Tokens, now func() time.Time) *tokens {
	return &tokens{source: source, now: now, known: map[[32]byte]knownToken{}}
}

// check gives the token, [access.ErrToken] when it is none.
func (t *tokens) check(ctx context.Context, text string) (access.APIToken, error) {
	hash, now := sha256.Sum256([]byte(text)), t.now()
	t.mu.RLock()
	k, ok := t.known[hash]
	t.mu.RUnlock()
	if ok && now.Before(k.until) {
		return k.token, nil
	}
	token, err := t.source.CheckToken(ctx, text)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		delete(t.known, hash)
		return access.APIToken{}, err
	}
	k = knownToken{token, now.Add(tokenKept)}
	if !token.ExpiresAt.IsZero() && token.ExpiresAt.Before(k.until) {
		k.until = token.ExpiresAt
	}
	if len(t.known) >= maxKnown {
		clear(t.known)
	}
	t.known[hash] = k
	return token, nil
}
