package pgaccess

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// maxTokenName is the longest name of a token, in characters.
const maxTokenName = 100

// maxOrigins bounds those of one token.
const maxOrigins = 32

// IssueToken makes an API token and gives it, for the only time. What may not
// be gives an [*approval.InvalidError]; that an origin is one is for the caller
// to say.
func (s *Store) IssueToken(ctx context.Context, n access.NewAPIToken) (string, error) {
	name := strings.TrimSpace(n.Name)
	if name == "" || utf8.RuneCountInString(name) > maxTokenName || hasNUL(name) || !utf8.ValidString(name) {
		return "", &approval.InvalidError{Field: "name", Reason: "token.name", Detail: fmt.Sprintf("1-%d", maxTokenName)}
	}
	if err := access.CheckScopes(n.Scopes); err != nil {
		return "", err
	}
	if len(n.Origins) > maxOrigins || n.PerMinute < 0 || n.PerMinute > math.MaxInt32 {
		return "", &approval.InvalidError{Field: "origins", Reason: "token.origins", Detail: fmt.Sprintf("at most %d", maxOrigins)}
	}
	now := s.now()
	var ends *time.Time
	if !n.Expires.IsZero() {
		if !n.Expires.After(now) {
			return "", &approval.InvalidError{Field: "expires", Reason: "token.expires"}
		}
		ends = &n.Expires
	}
	origins := n.Origins
	if origins == nil {
		origins = []string{}
	}
	token := access.NewToken(now, s.random)
	hash := token.Hash()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into api_token (id, name, secret_hash, scopes, origins, per_minute, created_at, expires_at)
			values (@id, @name, @hash, @scopes, @origins, @per_minute, @now, @expires)`,
			pgx.NamedArgs{
				"id": token.ID, "name": name, "hash": hash[:], "scopes": n.Scopes, "origins": origins, "per_minute": n.PerMinute,
				"now": now, "expires": ends,
			})
		if err != nil {
			return err
		}
		return s.record(ctx, tx, access.Event{
			At: now, Kind: access.EventTokenIssued, Detail: map[string]string{"token": token.ID, "name": name, "scopes": strings.Join(n.Scopes, " ")},
		})
	})
	if err != nil {
		return "", fmt.Errorf("issue API token: %w", err)
	}
	s.log.InfoContext(ctx, "API token issued", "token", token.ID, "name", name, "scopes", n.Scopes)
	return access.APITokenPrefix + token.Reveal(), nil
}

const tokenColumns = `id, name, scopes, origins, per_minute, created_at, expires_at, last_used_at`

// CheckToken gives the token that a caller brings, [access.ErrToken] when it is
// not one or has ended. What it may do is for the caller to look at.
func (s *Store) CheckToken(ctx context.Context, token string) (access.APIToken, error) {
	text, prefixed := strings.CutPrefix(token, access.APITokenPrefix)
	t, ok := access.ParseToken(text)
	if !ok || !prefixed {
		return access.APIToken{}, access.ErrToken
	}
	now := s.now()
	type row struct {
		apiTokenRow
		SecretHash []byte
	}
	rows, err := s.pool.Query(ctx, `
		select `+tokenColumns+`, secret_hash
		from   api_token
		where  id = $1
		and    revoked_at is null
		and    (expires_at is null or expires_at > $2)`, t.ID, now)
	var found row
	if err == nil {
		found, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return access.APIToken{}, access.ErrToken
	case err != nil:
		return access.APIToken{}, fmt.Errorf("check API token: %w", err)
	case !t.Matches(found.SecretHash):
		return access.APIToken{}, access.ErrToken
	}
	if before := now.Add(-touchEvery); found.LastUsedAt == nil || !found.LastUsedAt.After(before) {
		_, err := s.pool.Exec(ctx, `
			update api_token
			set    last_used_at = $2
			where  id = $1
			and    (last_used_at is null or last_used_at <= $3)`, t.ID, now, before)
		if err != nil {
			return access.APIToken{}, fmt.Errorf("check API token: %w", err)
		}
		found.LastUsedAt = &now
	}
	return found.token(), nil
}

type apiTokenRow struct {
	ID         string
	Name       string
	Scopes     []string
	Origins    []string
	PerMinute  int
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
}

func (r apiTokenRow) token() access.APIToken {
	return access.APIToken{
		ID: r.ID, Name: r.Name, Scopes: r.Scopes, Origins: r.Origins, PerMinute: r.PerMinute,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: zeroTime(r.ExpiresAt), LastUsedAt: zeroTime(r.LastUsedAt),
	}
}

// ListTokens gives the API tokens that were not revoked, the newest first.
func (s *Store) ListTokens(ctx context.Context) ([]access.APIToken, error) {
	rows, err := s.pool.Query(ctx, `
		select   `+tokenColumns+`
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
		tokens[i] = r.token()
	}
	return tokens, nil
}

// RevokeToken withdraws an API token, approval.ErrNotFound when there is none in
// use with this identifier.
func (s *Store) RevokeToken(ctx context.Context, id string) error {
	if !approval.ValidID(id) {
		return approval.ErrNotFound
	}
	now := s.now()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var name string
		err := tx.QueryRow(ctx, `update api_token set revoked_at = $2 where id = $1 and revoked_at is null returning name`, id, now).Scan(&name)
		if err != nil {
			return err
		}
		return s.record(ctx, tx, access.Event{At: now, Kind: access.EventTokenWithdrawn, Detail: map[string]string{"token": id, "name": name}})
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return approval.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("revoke API token: %w", err)
	}
	s.log.InfoContext(ctx, "API token revoked", "token", id)
	return nil
}

// hasNUL reports what PostgreSQL cannot keep in text.
func hasNUL(s string) bool { return strings.ContainsRune(s, 0) }
