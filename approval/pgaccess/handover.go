package pgaccess

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// Hand-overs that may be begun: by one session that waits, and for an account in
// an hour. Whoever has the password must not be able to ask until the owner
// gives in.
const (
	maxHandovers     = 3
	maxHandoversHour = 10
)

type handoverRow struct {
	ID        string
	Account   string
	Session   string
	Device    string
	Number    int
	Choices   []int
	CreatedAt time.Time
	ClosedAt  *time.Time
	Done      bool
	Label     string
	Platform  string
	Class     access.Class
}

const selectHandover = `
	select h.id, h.account, h.session, h.device, h.number, h.choices, h.created_at, h.closed_at, h.done, d.label, d.platform, d.class
	from   handover h
	join   device d on d.id = h.device
	`

func (r *handoverRow) rule() *access.Handover {
	return &access.Handover{Number: r.Number, Choices: r.Choices, CreatedAt: r.CreatedAt.UTC(), ClosedAt: zeroTime(r.ClosedAt), Done: r.Done}
}

func (r *handoverRow) newcomer() access.Device {
	return access.Device{ID: r.Device, Label: r.Label, Platform: r.Platform, Class: r.Class}
}

// handovers gives those that a condition names.
func handovers(ctx context.Context, q querier, where string, args pgx.NamedArgs) ([]*handoverRow, error) {
	rows, err := q.Query(ctx, selectHandover+where, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[handoverRow])
}

// phone is what a phone has in contexts that are trusted.
type phone struct {
	Phone    string
	Platform string
	Contexts int
}

// phones gives those of an account.
func (s *Store) phones(ctx context.Context, q querier, account string, now time.Time) ([]phone, error) {
	rows, err := q.Query(ctx, `
		select d.phone, min(d.platform) as platform, count(*)::int as contexts
		from   device d
		where  d.account = @account
		and    d.class = 'mobile'
		and    d.trusted_at is not null
		and    d.revoked_at is null
		and    d.last_seen_at > @known
		and    (d.reading_until is null or d.reading_until <= @now)
		group  by d.phone
		order  by d.phone`, pgx.NamedArgs{"account": account, "known": now.Add(-s.policy.Device), "now": now})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[phone])
}

// joinable says whether a new context could be of one of the phones.
func joinable(newcomer access.Device, phones []phone, most int) error {
	err := access.ErrOtherPhone
	for _, p := range phones {
		trusted := access.Device{Platform: p.Platform, Class: access.Mobile, Trusted: true}
		switch e := access.MayJoin(newcomer, trusted, p.Contexts, most); {
		case e == nil:
			return nil
		case errors.Is(e, access.ErrContexts):
			err = e
		}
	}
	return err
}

// BeginHandover asks, from a session that waits, to be let in as another browser
// context of a phone that is trusted. An earlier one of the session ends. Errors
// are [access.ErrNoSession], [access.ErrAnswered], [access.ErrOtherPhone],
// [access.ErrContexts] and [*access.LimitedError].
func (s *Store) BeginHandover(ctx context.Context, cookie string) error {
	c, _, err := s.waits(ctx, cookie)
	if err != nil {
		return err
	}
	now := s.now()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, closed, err := lockAccount(ctx, tx, c.Account); err != nil || closed {
			return errors.Join(err, notIf(closed))
		}
		r, err := s.challenge(ctx, tx, `where c.id = @id`, pgx.NamedArgs{"id": c.ID})
		switch {
		case err != nil:
			return err
		case !r.IsOpen(now):
			return access.ErrAnswered
		}
		settings, err := settingsOf(ctx, tx)
		if err != nil {
			return err
		}
		phones, err := s.phones(ctx, tx, c.Account, now)
		if err != nil {
			return err
		}
		newcomer := access.Device{ID: r.Device, Class: r.Class}
		if err := tx.QueryRow(ctx, `select platform from device where id = $1`, r.Device).Scan(&newcomer.Platform); err != nil {
			return err
		}
		if err := joinable(newcomer, phones, settings.PhoneContexts); err != nil {
			return err
		}
		var own, all int
		err = tx.QueryRow(ctx, `
			select count(*) filter (where session = $2), count(*) filter (where created_at > $3)
			from   handover
			where  account = $1`, c.Account, r.Session, now.Add(-time.Hour)).Scan(&own, &all)
		switch {
		case err != nil:
			return err
		case own >= maxHandovers, all >= maxHandoversHour:
			return &access.LimitedError{RetryAfter: time.Hour}
		}
		if _, err := tx.Exec(ctx, `update handover set closed_at = $2 where session = $1 and closed_at is null`, r.Session, now); err != nil {
			return err
		}
		h := access.NewHandover(now, s.random)
		_, err = tx.Exec(ctx, `
			insert into handover (id, account, session, device, number, choices, created_at)
			values ($1, $2, $3, $4, $5, $6, $7)`, approval.NewID(now, s.random), r.Account, r.Session, r.Device, h.Number, h.Choices, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("begin hand-over: %w", err)
	}
	return nil
}

// notIf is access.ErrNoSession for an account that is closed.
func notIf(closed bool) error {
	if closed {
		return access.ErrNoSession
	}
	return nil
}

// Handover gives how the hand-over of a session that waits stands, and whether
// one can be begun. It gives [access.ErrNoSession] for any other cookie.
func (s *Store) Handover(ctx context.Context, cookie string) (access.HandoverWait, error) {
	c, _, err := s.waits(ctx, cookie)
	if err != nil {
		return access.HandoverWait{}, err
	}
	now := s.now()
	list, err := handovers(ctx, s.pool, `where h.session = @session order by h.created_at desc, h.id desc limit 1`, pgx.NamedArgs{"session": c.Session})
	var out access.HandoverWait
	if err == nil && len(list) > 0 {
		h := list[0].rule()
		out.Begun, out.Until = true, h.Until()
		if h.IsOpen(now) {
			out.Number = h.Number
		}
	}
	if err == nil && c.IsOpen(now) {
		var phones []phone
		if phones, err = s.phones(ctx, s.pool, c.Account, now); err == nil {
			newcomer := access.Device{Class: c.Class}
			err = s.pool.QueryRow(ctx, `select platform from device where id = $1`, c.Device).Scan(&newcomer.Platform)
			out.Can = !errors.Is(joinable(newcomer, phones, access.MaxContexts), access.ErrOtherPhone)
		}
	}
	if err != nil {
		return access.HandoverWait{}, fmt.Errorf("hand-over: %w", err)
	}
	return out, nil
}

// Handovers gives those that the owner of the session can answer on this device,
// latest first.
func (s *Store) Handovers(ctx context.Context, session access.Session) ([]access.HandoverAsk, error) {
	if owner(session) != nil {
		return nil, nil
	}
	now := s.now()
	list, err := handovers(ctx, s.pool, `
		join   device own on own.id = @own and own.class = 'mobile' and own.platform = d.platform
		where  h.account = @account
		and    h.device <> @own
		and    h.closed_at is null
		and    h.created_at > @since
		order  by h.created_at desc, h.id desc`,
		pgx.NamedArgs{"account": session.Account, "own": session.Device, "since": now.Add(-access.HandoverFor)})
	if err != nil {
		return nil, fmt.Errorf("list hand-overs: %w", err)
	}
	var out []access.HandoverAsk
	for _, r := range list {
		if h := r.rule(); h.IsOpen(now) {
			out = append(out, access.HandoverAsk{ID: r.ID, Device: r.Label, Choices: h.Choices, Until: h.Until()})
		}
	}
	return out, nil
}

// PickHandover answers a hand-over on a phone that is trusted. With the number
// that the new context shows that context becomes one of this phone and its
// session is a full one; with any other the hand-over is over
// ([access.ErrWrongNumber]) and the session goes on waiting. Other errors are
// [access.ErrTrusted], approval.ErrNotFound, [access.ErrHandoverOver],
// [access.ErrOtherPhone] and [access.ErrContexts].
func (s *Store) PickHandover(ctx context.Context, session access.Session, id string, picked int) error {
	if err := owner(session); err != nil {
		return err
	}
	now := s.now()
	var said error
	err := s.telling(ctx, func(tx pgx.Tx, t *telling) error {
		if _, _, err := lockAccount(ctx, tx, session.Account); err != nil {
			return err
		}
		if err := s.still(ctx, tx, session, now); err != nil {
			return err
		}
		list, err := handovers(ctx, tx, `where h.id = @id and h.account = @account for update of h`, pgx.NamedArgs{"id": id, "account": session.Account})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return approval.ErrNotFound
		}
		r := list[0]
		h, trusted := r.rule(), access.Device{Trusted: true}
		err = tx.QueryRow(ctx, `select platform, class, phone from device where id = $1`, session.Device).Scan(&trusted.Platform, &trusted.Class, &trusted.Phone)
		if err != nil {
			return err
		}
		settings, err := settingsOf(ctx, tx)
		if err != nil {
			return err
		}
		phones, err := s.phones(ctx, tx, session.Account, now)
		if err != nil {
			return err
		}
		contexts := 0
		for _, p := range phones {
			if p.Phone == trusted.Phone {
				contexts = p.Contexts
			}
		}
		if err := access.MayJoin(r.newcomer(), trusted, contexts, settings.PhoneContexts); err != nil {
			return err
		}
		if said = h.Pick(picked, now); errors.Is(said, access.ErrHandoverOver) {
			return said
		}
		_, err = tx.Exec(ctx, `update handover set closed_at = $2, done = $3, answerer = $4 where id = $1`, id, h.ClosedAt, h.Done, session.Device)
		if err != nil || !h.Done {
			return err
		}
		return s.join(ctx, tx, t, r, trusted.Phone, now)
	})
	if err != nil {
		return fmt.Errorf("answer hand-over: %w", err)
	}
	s.log.InfoContext(ctx, "hand-over answered", "account", session.Account, "handover", id, "done", said == nil)
	return said
}

// join makes a context one of a phone, and lets its session in: the sign-in that
// it waits with is confirmed on a device that is trusted.
func (s *Store) join(ctx context.Context, tx pgx.Tx, t *telling, r *handoverRow, phone string, now time.Time) error {
	c, err := s.challenge(ctx, tx, `where c.session = @session for update of c`, pgx.NamedArgs{"session": r.Session})
	if err != nil {
		return err
	}
	if err := c.Pick(c.Challenge.Number, now); err != nil { // answered meanwhile, or signed out
		return access.ErrHandoverOver
	}
	if _, err := tx.Exec(ctx, `update device set phone = $2 where id = $1`, r.Device, phone); err != nil {
		return err
	}
	if err := s.save(ctx, tx, c, nil); err != nil {
		return err
	}
	if _, err := s.confirmed(ctx, tx, c, t, now); err != nil {
		return err
	}
	t.alerts = append(t.alerts, approval.Alert{
		Person: c.Person, Kind: approval.AlertReplaced, Matter: approval.MatterContext, Key: r.ID, At: now, Device: string(access.Mobile),
		Path: "/me/devices", Way: approval.AlertNoText,
	})
	return s.record(ctx, tx, access.Event{At: now, Kind: access.EventDeviceJoined, Account: r.Account, Device: r.Device, Detail: map[string]string{"browser": r.Label, "phone": phone}})
}
