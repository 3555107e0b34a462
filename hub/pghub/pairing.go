package pghub

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
)

const (
	// LINE's link token is good for ten minutes; of a failure it says nothing.
	linePairing      = 10 * time.Minute
	messengerPairing = 15 * time.Minute
	codeLife         = 10 * time.Minute
	codeTries        = 5
	codeDigits       = 6
	// pairingsAnHour is how often a person may begin with one channel.
	pairingsAnHour = 12
	// secretBytes of a nonce or ref: 43 characters of base64url. LINE takes
	// nonces of 10 to 255 characters, of at least 128 bits.
	secretBytes = 32
)

// pairingInForce is the condition under which a pairing p, of session s and
// account a, may go on at @now.
const pairingInForce = `p.state in ('waiting', 'met') and p.expires_at > @now
	and s.revoked_at is null and s.expires_at > @now and a.disabled_at is null`

const selectPairing = `
	select p.id, p.person, p.session, p.channel,
		case when p.state in ('waiting', 'met') and not (` + pairingInForce + `) then 'expired' else p.state end,
		p.tries, p.created_at, p.expires_at
	from pairing p
	join session s on s.id = p.session
	join account a on a.person = p.person
	where `

func scanPairing(row pgx.CollectableRow) (hub.Pairing, error) {
	var p hub.Pairing
	err := row.Scan(&p.ID, &p.Person, &p.Session, &p.Channel, &p.State, &p.Tries, &p.CreatedAt, &p.ExpiresAt)
	return p, err
}

// BeginPairing begins to link a channel of a signed-in person, and gives the
// secret that has to come back through the other app. An earlier attempt of
// theirs with this channel ends. Returns [approval.ErrNotFound] for a session
// that is not theirs, and an [*access.LimitedError] to who begins too often.
func (h *Hub) BeginPairing(ctx context.Context, p approval.PersonID, session string, c hub.ChannelName) (hub.Pairing, error) {
	now := h.now()
	out := hub.Pairing{ID: h.newID(), Person: p, Session: session, Channel: c, State: hub.PairingWaiting, Secret: h.newSecret(), CreatedAt: now}
	switch c {
	case hub.LINE:
		out.ExpiresAt = now.Add(linePairing)
	case hub.Messenger:
		out.ExpiresAt = now.Add(messengerPairing)
	default:
		return hub.Pairing{}, fmt.Errorf("pghub: begin pairing: channel %q: %w", c, approval.ErrNotFound)
	}
	hash := sha256.Sum256([]byte(out.Secret))
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		// The session's row is what two attempts of one person wait for.
		var own bool
		err := tx.QueryRow(ctx, `
			select true
			from session s
			join account a on a.id = s.account
			where s.id = $1 and a.person = $2 and s.revoked_at is null and s.expires_at > $3 and a.disabled_at is null
			for no key update of a`, session, p, now).Scan(&own)
		if err != nil {
			return err
		}
		var begun int
		var first *time.Time
		err = tx.QueryRow(ctx, `
			select count(*), min(created_at)
			from pairing
			where person = $1 and channel = $2 and created_at > $3`, p, c, now.Add(-time.Hour)).Scan(&begun, &first)
		if err != nil {
			return err
		}
		if begun >= pairingsAnHour {
			return &access.LimitedError{RetryAfter: orZero(first).Add(time.Hour).Sub(now)}
		}
		b := &pgx.Batch{}
		b.Queue(`
			update pairing
			set state = case when expires_at > $3 then 'failed' else 'expired' end, reason = 'begun anew', ended_at = $3
			where person = $1 and channel = $2 and state in ('waiting', 'met')`, p, c, now)
		b.Queue(`
			insert into pairing (id, person, session, channel, state, secret_hash, created_at, expires_at)
			values ($1, $2, $3, $4, 'waiting', $5, $6, $7)`, out.ID, p, session, c, hash[:], now, out.ExpiresAt)
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return hub.Pairing{}, translate("pghub: begin pairing", err)
	}
	return out, nil
}

// newSecret makes a secret that fits into an address of any provider.
func (h *Hub) newSecret() string {
	h.randomMu.Lock()
	defer h.randomMu.Unlock()
	var b [secretBytes]byte
	if _, err := io.ReadFull(h.random, b[:]); err != nil {
		panic(fmt.Sprintf("pghub: source of randomness failed: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Pairing gives the latest attempt of a person to link a channel, as it stands
// now. Returns [approval.ErrNotFound] when there was none lately.
func (h *Hub) Pairing(ctx context.Context, p approval.PersonID, c hub.ChannelName) (hub.Pairing, error) {
	rows, _ := h.pool.Query(ctx, selectPairing+`p.person = @person and p.channel = @channel order by p.created_at desc, p.id desc limit 1`,
		pgx.NamedArgs{"person": p, "channel": c, "now": h.now()})
	out, err := pgx.CollectExactlyOneRow(rows, scanPairing)
	return out, translate("pghub: pairing", err)
}

// EnterCode takes the code that was shown in the other app. It gives how the
// attempt stands after that: done; met while there are tries left; failed. The
// attempt must have been begun in this session. Returns [approval.ErrNotFound]
// when there is none that waits for a code.
func (h *Hub) EnterCode(ctx context.Context, p approval.PersonID, session string, c hub.ChannelName, code string) (hub.Pairing, error) {
	for {
		out, err := h.enterCode(ctx, p, session, c, code)
		if errors.Is(err, errRaced) && ctx.Err() == nil {
			continue
		}
		return out, translate("pghub: enter code", err)
	}
}

func (h *Hub) enterCode(ctx context.Context, p approval.PersonID, session string, c hub.ChannelName, code string) (out hub.Pairing, err error) {
	t := &turn{Hub: h, now: h.now()}
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		t.tx = tx
		rows, _ := tx.Query(ctx, selectPairing+`p.person = @person and p.session = @session and p.channel = @channel
				and p.state = 'met' and `+pairingInForce+`
			for update of p`, pgx.NamedArgs{"person": p, "session": session, "channel": c, "now": t.now})
		out, err = pgx.CollectExactlyOneRow(rows, scanPairing)
		if err != nil {
			return err
		}
		var (
			want    []byte
			address []byte
			ends    time.Time
		)
		err := tx.QueryRow(ctx, `select code_hash, code_ends_at, address from pairing where id = $1`, out.ID).Scan(&want, &ends, &address)
		if err != nil {
			return err
		}
		got := codeHash(out.ID, code)
		right := subtle.ConstantTimeCompare(got[:], want) == 1
		switch {
		case right && ends.After(t.now):
			return t.complete(ctx, &out, address)
		case right:
			out.State = hub.PairingExpired
			return t.endPairing(ctx, out.ID, hub.PairingExpired, "code was entered too late")
		}
		if out.Tries++; out.Tries < codeTries {
			_, err = tx.Exec(ctx, `update pairing set tries = $2 where id = $1`, out.ID, out.Tries)
			return err
		}
		out.State = hub.PairingFailed
		_, err = tx.Exec(ctx, `update pairing set tries = $2 where id = $1`, out.ID, out.Tries)
		return errors.Join(err, t.endPairing(ctx, out.ID, hub.PairingFailed, "wrong codes"))
	})
	if err != nil {
		return hub.Pairing{}, err
	}
	t.over(ctx)
	return out, nil
}

// CancelPairing ends an attempt that its person no longer wants.
func (h *Hub) CancelPairing(ctx context.Context, p approval.PersonID, c hub.ChannelName) error {
	_, err := h.pool.Exec(ctx, `
		update pairing
		set state = 'failed', reason = 'cancelled', ended_at = $3
		where person = $1 and channel = $2 and state in ('waiting', 'met')`, p, c, h.now())
	return translate("pghub: cancel pairing", err)
}

// codeHash is what is stored of a code: bound to its attempt.
func codeHash(pairing, code string) [32]byte {
	return sha256.Sum256([]byte(pairing + "\x00" + code))
}

// newCode draws a code, every one as likely as any other.
func (h *Hub) newCode() (string, error) {
	h.randomMu.Lock()
	defer h.randomMu.Unlock()
	// Rejection: 2^64 is no multiple of a million.
	const codes = 1_000_000
	var b [8]byte
	limit := new(big.Int).Lsh(big.NewInt(1), 64)
	limit.Sub(limit, new(big.Int).Mod(limit, big.NewInt(codes)))
	for {
		if _, err := io.ReadFull(h.random, b[:]); err != nil {
			return "", fmt.Errorf("source of randomness: %w", err)
		}
		n := new(big.Int).SetBytes(b[:])
		if n.Cmp(limit) < 0 {
			return fmt.Sprintf("%0*d", codeDigits, n.Mod(n, big.NewInt(codes)).Int64()), nil
		}
	}
}

// sweepPairings closes the record of attempts that nobody finished, and lets go
// of old ones.
func (h *Hub) sweepPairings(ctx context.Context, now time.Time) error {
	b := &pgx.Batch{}
	b.Queue(`
		update pairing
		set state = 'expired', ended_at = $1
		where state in ('waiting', 'met') and expires_at <= $1`, now)
	b.Queue(`delete from pairing where expires_at < $1`, now.Add(-parkedKept))
	if err := h.pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("pghub: sweep pairings: %w", err)
	}
	return nil
}

// LinkProved links an address whose holder has proved both who they are here and
// that it is theirs, as a LIFF page does with an ID token: a proof that is used
// up with it. What was linked
// before ends with it, and everybody concerned is told elsewhere. Linked already
// is no error and tells nobody.
func (h *Hub) LinkProved(ctx context.Context, p approval.PersonID, c hub.ChannelName, address string, proof hub.Proof) (link string, err error) {
	for {
		t := &turn{Hub: h, now: h.now()}
		err := h.inTx(ctx, func(tx pgx.Tx) (err error) {
			t.tx = tx
			if err := t.spend(ctx, proof); err != nil {
				return err
			}
			link, err = t.connect(ctx, p, c, address)
			return err
		})
		if errors.Is(err, errRaced) && ctx.Err() == nil {
			continue
		}
		if err == nil {
			t.over(ctx)
		}
		return link, translate("pghub: link", err)
	}
}
