package pgaccess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// maxTokenName is the longest name of a token, in characters.
const maxTokenName = 100

// IssueToken makes an API token and gives it, for the only time. A zero expires
// means never. A name or scopes that may not be give an
// [*approval.InvalidError].
func (s *Store) IssueToken(ctx context.Context, name string, scopes []string, expires time.Time) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxTokenName || hasNUL(name) || !utf8.ValidString(name) {
		return "", &approval.InvalidError{Field: "name", Reason: "token.name", Detail: fmt.Sprintf("1-%d", maxTokenName)}
	}
	if err := access.CheckScopes(scopes); err != nil {
		return "", err
	}
	now := s.now()
	var ends *time.Time
	if !expires.IsZero() {
		if !expires.After(now) {
			return "", &approval.InvalidError{Field: "expires", Reason: "token.expires"}
		}
		ends = &expires
	}
	token := access.NewToken(now, s.random)
	hash := token.Hash()
	_, err := s.pool.Exec(ctx, `
		insert into api_token (id, name, secret_hash, scopes, created_at, expires_at)
		values (@id, @name, @hash, @scopes, @now, @expires)`,
		pgx.NamedArgs{"id": token.ID, "name": name, "hash": hash[:], "scopes": scopes, "now": now, "expires": ends})
	if err != nil {
		return "", fmt.Errorf("issue API token: %w", err)
	}
	s.log.InfoContext(ctx, "API token issued", "token", token.ID, "name", name, "scopes", scopes)
	return access.APITokenPrefix + token.Reveal(), nil
}

// CheckToken gives nil for a token that may do what the scope says,
// [access.ErrToken] when it is not one or has ended, and approval.ErrForbidden
// when the scope is not among its own.
func (s *Store) CheckToken(ctx context.Context, token, scope string) error {
	text, prefixed := strings.CutPrefix(token, access.APITokenPrefix)
	t, ok := access.ParseToken(text)
	if !ok || !prefixed {
		return access.ErrToken
	}
	now := s.now()
	var hash []byte
	var scopes []string
	var used *time.Time
	err := s.pool.QueryRow(ctx, `
		select secret_hash, scopes, last_used_at
		from   api_token
		where  id = $1
		and    revoked_at is null
		and    (expires_at is null or expires_at > $2)`, t.ID, now).Scan(&hash, &scopes, &used)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return access.ErrToken
	case err != nil:
		return fmt.Errorf("check API token: %w", err)
	case !t.Matches(hash):
		return access.ErrToken
	case !slices.Contains(scopes, scope):
		return approval.ErrForbidden
	}
	if before := now.Add(-touchEvery); used == nil || !used.After(before) {
		_, err := s.pool.Exec(ctx, `
			update api_token
			set    last_used_at = $2
			where  id = $1
			and    (last_used_at is null or last_used_at <= $3)`, t.ID, now, before)
		if err != nil {
			return fmt.Errorf("check API token: %w", err)
		}
	}
	return nil
}

type apiTokenRow struct {
	ID         string
	Name       string
	Scopes     []string
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
}

// ListTokens gives the API tokens that were not revoked, the newest first.
func (s *Store) ListTokens(ctx context.Context) ([]access.APIToken, error) {
	rows, err := s.pool.Query(ctx, `
		select   id, name, scopes, created_at, expires_at, last_used_at
		from     api_token
		where    revoked_at is null
		order by created_at desc, id desc`)
	var found []apiTokenRow
	if err == nil {
		found, err = pgx.CollectRows(rows, pgx.RowToStructByName[apiTokenRow])
	}
	if err != nil {
		return nil, fmt.Errorf("list API tokens: %w", err)
	}
	tokens := make([]access.APIToken, len(found))
	for i, r := range found {
		tokens[i] = access.APIToken{
			ID: r.ID, Name: r.Name, Scopes: r.Scopes, CreatedAt: r.CreatedAt.UTC(),
			ExpiresAt: zeroTime(r.ExpiresAt), LastUsedAt: zeroTime(r.LastUsedAt),
		}
	}
	return tokens, nil
}

// RevokeToken withdraws an API token, approval.ErrNotFound when there is none in
// use with this identifier.
func (s *Store) RevokeToken(ctx context.Context, id string) error {
	if !approval.ValidID(id) {
		return approval.ErrNotFound
	}
	tag, err := s.pool.Exec(ctx, `update api_token set revoked_at = $2 where id = $1 and revoked_at is null`, id, s.now())
	if err != nil {
		return fmt.Errorf("revoke API token: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return approval.ErrNotFound
	}
	s.log.InfoContext(ctx, "API token revoked", "token", id)
	return nil
}

// hasNUL reports what PostgreSQL cannot keep in text.
func hasNUL(s string) bool { return strings.ContainsRune(s, 0) }
