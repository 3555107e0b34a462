package pgaccess

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/access/passkey"
	"qianhe/approval/access/totp"
)

// maxFactors is how many an account may have.
const maxFactors = 10

func factorContext(id string) string { return "factor/" + id }

func (s *Store) hasFactors(ctx context.Context, account string) (has bool, err error) {
	err = s.pool.QueryRow(ctx, `select exists (select from factor where account = $1)`, account).Scan(&has)
	return has, err
}

// factorRow is a second factor with what is sealed of it.
type factorRow struct {
	ID       string
	Kind     string
	Label    string
	Sealed   []byte
	LastStep int64
}

// factors gives those of an account. In a transaction they stay as they are until
// it has ended.
func factors(ctx context.Context, q querier, account string, lock bool) ([]factorRow, error) {
	query := `select id, kind, label, sealed, last_step from factor where account = $1 order by created_at, id`
	if lock {
		query += ` for no key update`
	}
	rows, err := q.Query(ctx, query, account)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[factorRow])
}

// Factors gives the second factors of an account, oldest first, and how many
// codes on paper are good.
func (s *Store) Factors(ctx context.Context, account string) (list []access.Factor, codes int, err error) {
	rows, err := s.pool.Query(ctx, `select id, kind, label, created_at, last_used_at from factor where account = $1 order by created_at, id`, account)
	if err == nil {
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (f access.Factor, err error) {
			var used *time.Time
			err = row.Scan(&f.ID, &f.Method, &f.Label, &f.CreatedAt, &used)
			f.LastUsedAt = zeroTime(used)
			return f, err
		})
	}
	if err == nil {
		err = s.pool.QueryRow(ctx, `select count(*) from recovery_code where account = $1 and used_at is null`, account).Scan(&codes)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list factors: %w", err)
	}
	return list, codes, nil
}

// BeginTOTP makes the secret of an app that is to be added in this session, and
// gives the cookie to be set.
func (s *Store) BeginTOTP(ctx context.Context, session access.Session) (cookie string, err error) {
	secret, err := totp.NewSecret(s.random)
	if err != nil {
		return "", err
	}
	return s.beginFlow(ctx, flow{purpose: flowTOTP, account: session.Account, session: session.ID, state: flowState{Secret: secret}})
}

// TOTP gives the address that an app reads from a QR code, and the key that can be
// typed instead, while the app is being added; [access.ErrFlow] when none is.
func (s *Store) TOTP(ctx context.Context, session access.Session, cookie, issuer string) (address, key string, err error) {
	f, err := s.flow(ctx, cookie, flowTOTP, session.ID)
	if err != nil {
		return "", "", err
	}
	return totp.URI(f.state.Secret, issuer, session.Login), totp.Text(f.state.Secret), nil
}

// FinishTOTP adds the app when it shows the right digits. With the first factor
// of an account come codes for paper, which are shown this once. Digits that are
// wrong give [access.ErrCredentials], and can be tried again.
func (s *Store) FinishTOTP(ctx context.Context, session access.Session, cookie, digits, label string) (codes []string, err error) {
	f, err := s.flow(ctx, cookie, flowTOTP, session.ID)
	if err != nil {
		return nil, err
	}
	now := s.now()
	step, ok := totp.Check(f.state.Secret, digits, now, 0)
	if !ok {
		return nil, access.ErrCredentials
	}
	return s.addFactor(ctx, session, cookie, flowTOTP, func(id string) factorToAdd {
		return factorToAdd{kind: access.ByTOTP, label: label, sealed: s.sealer.Seal(f.state.Secret, factorContext(id)), step: step}
	})
}

// BeginPasskey begins the adding of a passkey in this session: options are for
// the browser, cookie is to be set.
func (s *Store) BeginPasskey(ctx context.Context, session access.Session) (options, cookie string, err error) {
	if s.passkeys == nil {
		return "", "", approval.ErrNotFound
	}
	owner, err := s.owner(ctx, s.pool, session.Account)
	if err != nil {
		return "", "", err
	}
	opt, kept, err := s.passkeys.BeginRegistration(owner)
	if err != nil {
		return "", "", err
	}
	cookie, err = s.beginFlow(ctx, flow{purpose: flowPasskey, account: session.Account, session: session.ID, state: flowState{Kept: kept, Options: opt}})
	return string(opt), cookie, err
}

// FinishPasskey adds a passkey with what the browser gave. It gives what
// [Store.FinishTOTP] does; what was begun is used up.
func (s *Store) FinishPasskey(ctx context.Context, session access.Session, cookie string, response []byte, label string) (codes []string, err error) {
	if s.passkeys == nil {
		return nil, approval.ErrNotFound
	}
	f, err := s.flow(ctx, cookie, flowPasskey, session.ID)
	if err != nil {
		return nil, err
	}
	owner, err := s.owner(ctx, s.pool, session.Account)
	if err != nil {
		return nil, err
	}
	key, err := s.passkeys.FinishRegistration(owner, f.state.Kept, response)
	if err != nil {
		return nil, err
	}
	return s.addFactor(ctx, session, cookie, flowPasskey, func(id string) factorToAdd {
		return factorToAdd{kind: access.ByPasskey, label: label, sealed: s.sealer.Seal(key.Record, factorContext(id)), credential: key.ID}
	})
}

// factorToAdd is a row of factor.
type factorToAdd struct {
	kind       access.Method
	label      string
	sealed     []byte
	credential []byte
	step       int64
}

// addFactor uses up what was begun and enters the factor.
func (s *Store) addFactor(ctx context.Context, session access.Session, cookie, purpose string, make func(id string) factorToAdd) (codes []string, err error) {
	now := s.now()
	id := approval.NewID(now, s.random)
	err = s.telling(ctx, func(tx pgx.Tx, t *telling) error {
		if _, err := s.takeFlow(ctx, tx, cookie, purpose, session.ID); err != nil {
			return err
		}
		if _, _, err := lockAccount(ctx, tx, session.Account); err != nil {
			return err
		}
		have, err := factors(ctx, tx, session.Account, true)
		if err != nil {
			return err
		}
		if len(have) >= maxFactors {
			return &approval.InvalidError{Field: "factor", Reason: "factor.many"}
		}
		f := make(id)
		_, err = tx.Exec(ctx, `
			insert into factor (id, account, kind, label, credential_id, sealed, last_step, created_at)
			values (@id, @account, @kind, @label, @credential, @sealed, @step, @now)`,
			pgx.NamedArgs{"id": id, "account": session.Account, "kind": string(f.kind), "label": f.label, "credential": f.credential, "sealed": f.sealed, "step": f.step, "now": now})
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.ConstraintName == "factor_credential_id_key" {
			return access.ErrCredentials
		}
		if err == nil {
			err = s.record(ctx, tx, factorEvent(access.EventFactorAdded, session, now, f.kind))
		}
		t.alerts = append(t.alerts, factorAlert(session, id, approval.MatterFactor, now))
		if err != nil || len(have) > 0 {
			return err
		}
		codes, err = s.newCodes(ctx, tx, session.Account)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("add factor: %w", err)
	}
	s.log.InfoContext(ctx, "factor added", "account", session.Account, "session", session.ID, "factor", id)
	return codes, nil
}

// newCodes makes codes for paper; those before are worth nothing from now on.
func (s *Store) newCodes(ctx context.Context, tx pgx.Tx, account string) ([]string, error) {
	if _, err := tx.Exec(ctx, `delete from recovery_code where account = $1`, account); err != nil {
		return nil, err
	}
	var codes []string
	var hashes [][]byte
	for range access.RecoveryCodes {
		code := access.NewRecoveryCode(s.random)
		hash, _ := access.HashRecoveryCode(code)
		codes, hashes = append(codes, code), append(hashes, hash[:])
	}
	_, err := tx.Exec(ctx, `insert into recovery_code (account, hash, created_at) select $1, h, $3 from unnest($2::bytea[]) h`, account, hashes, s.now())
	return codes, err
}

// NewRecoveryCodes gives codes for paper in the place of those before. It returns
// approval.ErrNotFound for an account without a second factor.
func (s *Store) NewRecoveryCodes(ctx context.Context, session access.Session) (codes []string, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		have, err := factors(ctx, tx, session.Account, true)
		if err == nil && len(have) == 0 {
			err = approval.ErrNotFound
		}
		if err == nil {
			codes, err = s.newCodes(ctx, tx, session.Account)
		}
		if err == nil {
			err = s.record(ctx, tx, factorEvent(access.EventCodesMade, session, s.now(), ""))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("new codes: %w", err)
	}
	return codes, nil
}

// RemoveFactor takes a second factor off the account of a session. With the last
// go the codes on paper. It returns approval.ErrNotFound for another's.
func (s *Store) RemoveFactor(ctx context.Context, session access.Session, id string) error {
	now := s.now()
	err := s.telling(ctx, func(tx pgx.Tx, t *telling) error {
		if _, _, err := lockAccount(ctx, tx, session.Account); err != nil {
			return err
		}
		t.alerts = append(t.alerts, factorAlert(session, id, approval.MatterFactorOff, now))
		var kind access.Method
		err := tx.QueryRow(ctx, `delete from factor where id = $1 and account = $2 returning kind`, id, session.Account).Scan(&kind)
		if err != nil {
			return notFound(err)
		}
		if err := s.record(ctx, tx, factorEvent(access.EventFactorRemoved, session, now, kind)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `delete from recovery_code where account = $1 and not exists (select from factor where account = $1)`, session.Account)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove factor: %w", err)
	}
	s.log.InfoContext(ctx, "factor removed", "account", session.Account, "session", session.ID, "factor", id)
	return nil
}

// owner gives whose passkeys they are, with all of them.
func (s *Store) owner(ctx context.Context, q querier, account string) (o passkey.Owner, err error) {
	rows, err := q.Query(ctx, `select a.login, p.name from account a join person p on p.id = a.person where a.id = $1`, account)
	if err != nil {
		return o, err
	}
	who, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[struct{ Login, Name string }])
	if err != nil {
		return o, notFound(err)
	}
	o = passkey.Owner{Account: account, Login: who.Login, Name: who.Name}
	list, err := factors(ctx, q, account, false)
	if err != nil {
		return o, err
	}
	for _, f := range list {
		if f.Kind != string(access.ByPasskey) {
			continue
		}
		record, err := s.sealer.Open(f.Sealed, factorContext(f.ID))
		if err != nil {
			return o, fmt.Errorf("passkey %s: %w", f.ID, err)
		}
		o.Keys = append(o.Keys, record)
	}
	return o, nil
}

// beginAssertion gives a challenge to the passkeys of an account, nothing when
// there are none.
func (s *Store) beginAssertion(ctx context.Context, account string) (options, kept []byte, err error) {
	if s.passkeys == nil {
		return nil, nil, nil
	}
	owner, err := s.owner(ctx, s.pool, account)
	if err != nil || len(owner.Keys) == 0 {
		return nil, nil, err
	}
	return s.passkeys.BeginAssertion(owner)
}

// factorEvent is what the audit trail has of a change.
func factorEvent(kind access.EventKind, session access.Session, at time.Time, method access.Method) access.Event {
	e := access.Event{At: at, Kind: kind, Actor: session.Person.ID, Person: session.Person.ID, Account: session.Account, Session: session.ID, Device: session.Device}
	if method != "" {
		e.Detail = map[string]string{"factor": string(method)}
	}
	return e
}

// factorAlert tells the owner, by whatever else reaches them.
func factorAlert(session access.Session, id, matter string, at time.Time) approval.Alert {
	return approval.Alert{Person: session.Person.ID, Kind: approval.AlertAccount, Key: matter + " " + id, At: at, Matter: matter, Path: "/me/factors"}
}
