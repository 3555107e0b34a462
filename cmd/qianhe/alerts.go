package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub/pghub"
)

// alerts joins accounts, which are there first, to the hub that tells of them.
// Before there is one nobody is told: that is the seeding of a demo.
type alerts struct{ hub *pghub.Hub }

func (a *alerts) NotifyTx(ctx context.Context, tx pgx.Tx, list []approval.Alert) (func(), error) {
	if a.hub == nil {
		return func() {}, nil
	}
	return a.hub.NotifyTx(ctx, tx, list)
}

func (a *alerts) WithdrawTx(ctx context.Context, tx pgx.Tx, list []approval.AlertKey, reason string) (func(), error) {
	if a.hub == nil {
		return func() {}, nil
	}
	return a.hub.WithdrawTx(ctx, tx, list, reason)
}
