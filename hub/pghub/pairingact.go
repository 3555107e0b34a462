package pghub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// meant finds the attempt whose secret came back through the other app, and
// locks it. Returns pgx.ErrNoRows for a secret that is not, or no longer, one.
func (t *turn) meant(ctx context.Context) (hub.Pairing, error) {
	hash := sha256.Sum256([]byte(t.event.Data))
	rows, _ := t.tx.Query(ctx, selectPairing+`p.channel = @channel and p.secret_hash = @hash and `+pairingInForce+`
		for update of p`, pgx.NamedArgs{"channel": t.event.Channel, "hash": hash[:], "now": t.now})
	return pgx.CollectExactlyOneRow(rows, scanPairing)
}

// linked: LINE says that the holder of this nonce, whom we know by their
// session, is the LINE user in From, whom LINE knows by theirs.
func (t *turn) linked(ctx context.Context) (saying, error) {
	p, err := t.meant(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		return t.say(hub.AnswerAgain), nil
	}
	if err != nil {
		return saying{}, err
	}
	if p.Channel != hub.LINE { // elsewhere a secret alone proves nothing
		return t.say(hub.AnswerAgain), nil
	}
	return t.say(hub.AnswerLinked), t.complete(ctx, &p, t.sealFor(p.ID, t.event.From))
}

// linkFailed: LINE says that somebody else than the one whom the token was for
// has opened the dialog.
func (t *turn) linkFailed(ctx context.Context) error {
	p, err := t.meant(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.endPairing(ctx, p.ID, hub.PairingFailed, "refused by the provider")
}

// referral: somebody has come to the chat by the link that our page has shown.
// Who holds the link is not known to be who is signed in there, so the first
// one to come is given a code to type into the page, and nobody else is.
func (t *turn) referral(ctx context.Context) (saying, error) {
	p, err := t.meant(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		if t.sender.link != "" {
			return saying{}, nil // the chat was opened by some link: nothing to say
		}
		return t.say(hub.AnswerAgain), nil
	}
	if err != nil {
		return saying{}, err
	}
	hash := sha256.Sum256([]byte(t.event.From))
	var met []byte
	if err := t.tx.QueryRow(ctx, `select address_hash from pairing where id = $1`, p.ID).Scan(&met); err != nil {
		return saying{}, err
	}
	if p.State == hub.PairingMet && !bytes.Equal(met, hash[:]) {
		return t.say(hub.AnswerAgain), nil // somebody else was first
	}
	code, err := t.newCode()
	if err != nil {
		return saying{}, err
	}
	hashed := codeHash(p.ID, code)
	_, err = t.tx.Exec(ctx, `
		update pairing
		set state = 'met', address_hash = $2, address = $3, code_hash = $4, code_ends_at = $5, expires_at = greatest(expires_at, $5)
		where id = $1`, p.ID, hash[:], t.sealFor(p.ID, t.event.From), hashed[:], t.now.Add(codeLife))
	a := t.say(hub.AnswerCode)
	a.Code = code
	return a, err
}

// sealFor encrypts an address for the row of an attempt.
func (t *turn) sealFor(pairing, address string) []byte {
	return t.sealer.Seal([]byte(address), "pairing.address "+pairing)
}

// complete links the address to the person of an attempt, and ends it.
func (t *turn) complete(ctx context.Context, p *hub.Pairing, sealed []byte) error {
	address, err := t.sealer.Open(sealed, "pairing.address "+p.ID)
	if err != nil {
		return err
	}
	link, err := t.connect(ctx, p.Person, p.Channel, string(address))
	if err != nil {
		return err
	}
	t.sender.link, t.sender.person = link, p.Person
	p.State = hub.PairingDone
	return t.endPairing(ctx, p.ID, hub.PairingDone, "")
}

// endPairing writes the end of an attempt, and forgets what it held.
func (t *turn) endPairing(ctx context.Context, id string, s hub.PairingState, reason string) error {
	_, err := t.tx.Exec(ctx, `
		update pairing
		set state = $2, reason = $3, ended_at = $4, address = null, address_hash = null, code_hash = null, code_ends_at = null
		where id = $1`, id, s, reason, t.now)
	return err
}

// connect makes an address of a chat the one of a person: what they had linked
// on this channel before, and whose it was before, ends with it, and everybody
// concerned is told elsewhere. Returns errRaced when something has changed since
// it was looked at; nothing is to be committed then.
func (t *turn) connect(ctx context.Context, p approval.PersonID, c hub.ChannelName, address string) (string, error) {
	if err := sayOrigin(ctx, t.tx); err != nil {
		return "", err
	}
	hash := sha256.Sum256([]byte(address))
	rows, _ := t.tx.Query(ctx, `
		select id, person, address_hash = $3
		from channel_link
		where channel = $1 and disabled_at is null and (person = $2 or address_hash = $3)
		order by id`, c, p, hash[:])
	type holder struct {
		ID     string
		Person approval.PersonID
		Same   bool
	}
	holders, err := pgx.CollectRows(rows, pgx.RowToStructByPos[holder])
	if err != nil {
		return "", err
	}
	link := t.newID()
	items := []item{notice(hub.KindLinked, p, c, link, t.now)}
	for _, o := range holders {
		if o.Same && o.Person == p {
			_, err := t.tx.Exec(ctx, `update channel_link set confirmed_at = $2, last_inbound_at = $2 where id = $1`, o.ID, t.now)
			return o.ID, err // linked already
		}
		if o.Person != p {
			items = append(items, notice(hub.KindUnlinked, o.Person, c, o.ID, t.now))
		}
	}
	if err := t.notify(ctx, items...); err != nil {
		return "", err
	}
	for _, o := range holders {
		tag, err := t.tx.Exec(ctx, `
			update channel_link
			set disabled_at = $2, reason = case when person = $3 then $4 else 'linked to somebody else' end
			where id = $1 and disabled_at is null`, o.ID, t.now, p, replaced)
		if err != nil {
			return "", err
		}
		if tag.RowsAffected() == 0 {
			return "", errRaced
		}
		if err := t.giveUp(ctx, o.ID); err != nil {
			return "", err
		}
	}
	sealed, keys, err := t.seal(link, hub.Address{Value: address})
	if err != nil {
		return "", err
	}
	_, err = t.tx.Exec(ctx, `
		insert into channel_link (id, person, channel, address_hash, address, keys, created_at, confirmed_at, last_inbound_at)
		values ($1, $2, $3, $4, $5, $6, $7, $7, $7)`, link, p, c, hash[:], sealed, keys, t.now)
	if hasState(err, uniqueViolation) {
		return "", errRaced
	}
	return link, err
}

// errRaced: somebody else has linked the same at the same time.
var errRaced = errors.New("link has changed meanwhile")
