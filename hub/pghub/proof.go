package pghub

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// nonceLife is how long a page that proves an address may lie open.
const nonceLife = 10 * time.Minute

// ProofNonce makes the nonce of a page of a session. Nothing is written: only
// who uses it is remembered.
func (h *Hub) ProofNonce(session string) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(h.now().Add(nonceLife).Unix()))
	plain = append(plain, h.newSecret()...)
	return base64.RawURLEncoding.EncodeToString(h.sealer.Seal(plain, "proof.nonce "+session))
}

// spend uses up a proof, in the transaction that has its effect. Returns
// [approval.ErrForbidden] for one that is not good, or not any more.
func (t *turn) spend(ctx context.Context, p hub.Proof) error {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(p.Nonce)
	if err != nil || p.Session == "" {
		return approval.ErrForbidden
	}
	plain, err := t.sealer.Open(sealed, "proof.nonce "+p.Session)
	if err != nil || len(plain) < 8 || !t.now.Before(time.Unix(int64(binary.BigEndian.Uint64(plain)), 0)) {
		return approval.ErrForbidden
	}
	// Not the signature: one of ECDSA can be written in two ways.
	signed := p.Token[:max(0, strings.LastIndexByte(p.Token, '.'))]
	if signed == "" {
		return approval.ErrForbidden
	}
	token, nonce := sha256.Sum256([]byte(signed)), sha256.Sum256(plain)
	tag, err := t.tx.Exec(ctx, `
		insert into spent_proof (hash, expires_at)
		select s.hash, $3
		from unnest(array[$1, $2]::bytea[]) s (hash)
		order by s.hash
		on conflict do nothing`, token[:], nonce[:], t.now.Add(hub.ProofLife))
	if err == nil && tag.RowsAffected() != 2 {
		err = approval.ErrForbidden
	}
	return err
}

// sweepProofs forgets what was used and is over.
func (h *Hub) sweepProofs(ctx context.Context, now time.Time) error {
	_, err := h.pool.Exec(ctx, `delete from spent_proof where expires_at < $1`, now)
	return translate("pghub: sweep proofs", err)
}
