package pghub

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// Assign makes an address the one of a person because somebody in charge says
// so: a telephone number that the personnel office knows. What the person had on
// this channel before, and whose it was before, ends with it, and everybody
// concerned is told elsewhere. Returns [approval.ErrNotFound] when there is no
// such person.
func (h *Hub) Assign(ctx context.Context, l hub.Link) (id string, err error) {
	if l.Address.Value == "" {
		return "", &approval.InvalidError{Field: "address", Reason: "link.address.missing"}
	}
	for {
		t := &turn{Hub: h, now: h.now()}
		err = h.inTx(ctx, func(tx pgx.Tx) error {
			t.tx = tx
			var there bool
			if err := tx.QueryRow(ctx, `select true from person where id = $1`, l.Person).Scan(&there); err != nil {
				return err
			}
			if id, err = t.connect(ctx, l.Person, l.Channel, l.Address.Value); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `update channel_link set label = $2, last_inbound_at = null where id = $1`, id, l.Label)
			return err
		})
		if errors.Is(err, errRaced) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return "", translate("pghub: assign", err)
		}
		t.over(ctx)
		return id, nil
	}
}
