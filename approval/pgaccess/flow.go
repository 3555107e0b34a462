package pgaccess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"qianhe/approval/access"
)

// Purposes of a flow.
const (
	flowProvider = "provider"
	flowSecond   = "second"
	flowProve    = "prove"
	flowTOTP     = "totp"
	flowPasskey  = "passkey"
)

// maxFlows is how many sign-ins may be under way from one address.
const maxFlows = 300

// flow is something under way in one browser.
type flow struct {
	id      string
	purpose string
	account string // "" before anybody is known
	session string // "" for a sign-in
	address string // counted under, "" for whoever is known
	state   flowState
}

// flowState is what is kept sealed of it.
type flowState struct {
	Way     string        `json:"way,omitempty"`
	Next    string        `json:"next,omitempty"`
	Kept    []byte        `json:"kept,omitempty"`    // the provider's, or the passkey ceremony's
	Options []byte        `json:"options,omitempty"` // of the ceremony
	Secret  []byte        `json:"secret,omitempty"`  // of an app that is being added
	Proven  access.Proven `json:"proven,omitzero"`
}

func flowContext(id string) string { return "sign_in_flow/" + id }

// beginFlow keeps it and gives the cookie that it is found by.
func (s *Store) beginFlow(ctx context.Context, f flow) (cookie string, err error) {
	now := s.now()
	if f.address != "" {
		var n int
		if err := s.pool.QueryRow(ctx, `select count(*) from sign_in_flow where address = $1 and created_at > $2`, f.address, now.Add(-access.FlowLife)).Scan(&n); err != nil {
			return "", fmt.Errorf("begin: %w", err)
		}
		if n >= maxFlows {
			return "", &access.LimitedError{RetryAfter: access.FlowLife}
		}
	}
	token := access.NewToken(now, s.random)
	state, err := json.Marshal(f.state)
	if err != nil {
		return "", fmt.Errorf("begin: %w", err)
	}
	secret := token.Hash()
	_, err = s.pool.Exec(ctx, `
		insert into sign_in_flow (id, secret_hash, purpose, account, session, address, sealed, created_at, expires_at)
		values (@id, @secret, @purpose, nullif(@account, ''), @session, @address, @sealed, @now, @expires)`,
		pgx.NamedArgs{
			"id": token.ID, "secret": secret[:], "purpose": f.purpose, "account": f.account, "session": f.session, "address": f.address,
			"sealed": s.sealer.Seal(state, flowContext(token.ID)), "now": now, "expires": now.Add(access.FlowLife),
		})
	if err != nil {
		return "", fmt.Errorf("begin: %w", err)
	}
	return token.Reveal(), nil
}

// flow looks at what is under way. It gives access.ErrFlow when nothing of this
// purpose is.
func (s *Store) flow(ctx context.Context, cookie, purpose, session string) (flow, error) {
	return s.readFlow(ctx, s.pool, cookie, purpose, session, `
		select coalesce(account, '') as account, sealed
		from   sign_in_flow
		where  id = $1 and purpose = $2 and session = $3 and expires_at > $4 and secret_hash = $5`)
}

// takeFlow takes it out: of two who do so at the same time one gets it.
func (s *Store) takeFlow(ctx context.Context, q querier, cookie, purpose, session string) (flow, error) {
	return s.readFlow(ctx, q, cookie, purpose, session, `
		delete from sign_in_flow
		where  id = $1 and purpose = $2 and session = $3 and expires_at > $4 and secret_hash = $5
		returning coalesce(account, '') as account, sealed`)
}

func (s *Store) readFlow(ctx context.Context, q querier, cookie, purpose, session, query string) (flow, error) {
	token, ok := access.ParseToken(cookie)
	if !ok {
		return flow{}, access.ErrFlow
	}
	secret := token.Hash()
	rows, err := q.Query(ctx, query, token.ID, purpose, session, s.now(), secret[:])
	if err != nil {
		return flow{}, fmt.Errorf("look up what is under way: %w", err)
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[struct {
		Account string
		Sealed  []byte
	}])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return flow{}, access.ErrFlow
	case err != nil:
		return flow{}, fmt.Errorf("look up what is under way: %w", err)
	}
	f := flow{id: token.ID, purpose: purpose, account: row.Account, session: session}
	plain, err := s.sealer.Open(row.Sealed, flowContext(token.ID))
	if err == nil {
		err = json.Unmarshal(plain, &f.state)
	}
	if err != nil {
		return flow{}, fmt.Errorf("read what is under way: %w", err)
	}
	return f, nil
}

// group is under what an address is counted.
func group(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	return access.AddressGroup(a)
}
