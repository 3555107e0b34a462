package pghub

import (
	"context"

	"github.com/jackc/pgx/v5"

	"qianhe/approval/access"
)

// sayOrigin tells the database who asks and from where, for the rest of the
// transaction: triggers write links and policies into the audit trail, so that
// none of the many statements that end a link can forget it. Where nobody asks,
// such as when a provider calls an address dead, nothing is said.
func sayOrigin(ctx context.Context, tx pgx.Tx) error {
	o := access.OriginOf(ctx)
	if o == (access.Origin{}) {
		return nil
	}
	_, err := tx.Exec(ctx, `
		select set_config('qianhe.actor', $1, true), set_config('qianhe.session', $2, true),
		       set_config('qianhe.address', $3, true), set_config('qianhe.network', $4, true)`,
		string(o.Person), o.Session, o.Address, o.Network)
	return err
}
