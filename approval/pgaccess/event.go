package pgaccess

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"qianhe/approval/access"
)

// execer is a pool or a transaction.
type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// record adds to the audit trail, within the transaction that does what it is
// about: either both are kept or neither.
func (s *Store) record(ctx context.Context, q execer, e access.Event) error {
	args, err := s.eventArgs(ctx, e)
	if err != nil {
		return err
	}
	if _, err := q.Exec(ctx, insertEvent, args); err != nil {
		return fmt.Errorf("record %s: %w", e.Kind, err)
	}
	return nil
}

const insertEvent = `
	insert into access_event (at, kind, actor, person, account, session, device, address, network, detail)
	values (
		@at, @kind, nullif(@actor, ''),
		coalesce(nullif(@person, ''), (select a.person from account a where a.id = @account)),
		coalesce(nullif(@account, ''), (select a.id from account a where a.person = @person)),
		@session, @device, @address, @network, @detail
	)`

// eventArgs fills in where the request comes from.
func (s *Store) eventArgs(ctx context.Context, e access.Event) (pgx.NamedArgs, error) {
	o := access.OriginOf(ctx)
	if e.At.IsZero() {
		e.At = s.now()
	}
	detail := map[string]string{}
	maps.Copy(detail, e.Detail)
	if o.Operator != "" {
		detail["operator"] = o.Operator
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", e.Kind, err)
	}
	return pgx.NamedArgs{
		"at": e.At, "kind": string(e.Kind), "actor": string(cmp.Or(e.Actor, o.Person)), "person": string(e.Person), "account": e.Account,
		"session": cmp.Or(e.Session, o.Session), "device": cmp.Or(e.Device, o.Device), "address": cleanAddress(cmp.Or(e.Address, o.Address)),
		"network": cmp.Or(e.Network, o.Network), "detail": text,
	}, nil
}

// cleanAddress gives an address as it is kept, "" for what is none.
func cleanAddress(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	return a.String()
}

// Record adds to the audit trail what was done elsewhere, such as an export.
func (s *Store) Record(ctx context.Context, e access.Event) error { return s.record(ctx, s.pool, e) }

// RecordTx is Record within a transaction of the caller's.
func (s *Store) RecordTx(ctx context.Context, tx pgx.Tx, e access.Event) error {
	return s.record(ctx, tx, e)
}

// limitedEvery is how often it is recorded that an address is being turned away.
const limitedEvery = time.Minute

// recordLimited records that a limit has turned somebody away: once a minute
// and address, whoever keeps trying does not fill the trail.
func (s *Store) recordLimited(ctx context.Context, address string, now time.Time) error {
	e := access.Event{At: now, Kind: access.EventLimited, Address: address}
	args, err := s.eventArgs(ctx, e)
	if err != nil {
		return err
	}
	args["since"] = now.Add(-limitedEvery)
	_, err = s.pool.Exec(ctx, `
		insert into access_event (at, kind, session, device, address, network, detail)
		select @at, @kind, @session, @device, @address, @network, @detail
		where not exists (
			select from access_event
			where  kind = @kind
			and    address = @address
			and    at > @since)`, args)
	if err != nil {
		return fmt.Errorf("record %s: %w", e.Kind, err)
	}
	return nil
}
