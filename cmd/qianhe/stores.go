package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
	"qianhe/approval/pgapproval"
	"qianhe/approval/workday"
	"qianhe/hub"
	"qianhe/hub/natsbus"
	"qianhe/hub/pghub"
	"qianhe/migrations"
	"qianhe/migrations/localpg"
)

// stores is an open database and everything that keeps something in it. A
// command that only writes (import, admin) uses it as it is; the server adds
// channels, connections and pages.
type stores struct {
	config    *Config
	log       *slog.Logger
	private   *localpg.Server // nil when a database URL is configured
	pool      *pgxpool.Pool
	sealer    *access.Sealer
	agency    string // 全銜, "" while there is none
	documents *pgapproval.Store
	accounts  *pgaccess.Store
	alerts    *alerts
	hub       *pghub.Hub
	nats      *natsbus.Bus // nil when not configured
}

// openStores opens the configured database, or starts the private one, and
// refuses a schema that is not this version's. What it writes through can tell
// people by way of a server that runs elsewhere.
func openStores(ctx context.Context, e env, c *Config) (_ *stores, err error) {
	s, err := openDatabase(ctx, e, c)
	if err != nil {
		return nil, err
	}
	if err := s.openHub(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// openDatabase opens what needs no hub: accounts, and the bare pool.
func openDatabase(ctx context.Context, e env, c *Config) (_ *stores, err error) {
	s := &stores{config: c, log: newLogger(e.stderr, c)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	if s.private != nil || c.Migrate {
		err = migrations.Up(ctx, s.pool, s.log)
	} else {
		err = migrations.Check(ctx, s.pool)
	}
	if err != nil {
		return nil, err
	}
	s.sealer = access.NewSealer(c.Secret)
	s.alerts = &alerts{}
	keys, err := passkeys(c)
	if err != nil {
		return nil, err
	}
	s.accounts = pgaccess.New(s.pool, pgaccess.Options{Sealer: s.sealer, Sources: c.SignIn.Sources, NoPassword: c.SignIn.Closed, Passkeys: keys, Log: s.log, Alerts: s.alerts, Texts: c.SMS.Provider != ""})
	return s, nil
}

// openHub makes the hub, and the documents that tell it what happens.
func (s *stores) openHub(ctx context.Context, options ...func(*pghub.Options) error) error {
	c := s.config
	reader := pgapproval.NewReader(s.pool)
	calendar, err := s.calendar(ctx)
	if err != nil {
		return err
	}
	s.agency, err = reader.AgencyName(ctx)
	if err != nil && !errors.Is(err, approval.ErrNotFound) {
		return err
	}
	opt := pghub.Options{
		Trays:      reader,
		Chaser:     reader,
		Sealer:     s.sealer,
		BaseURL:    urlString(c.linkURL()),
		Policy:     hub.Policy{Unseen: c.LINEAfter, Quiet: &c.QuietHours},
		Workdays:   calendar,
		Log:        s.log,
		Agency:     s.agency,
		DigestCron: c.Digest,
	}
	for _, set := range options {
		if err := set(&opt); err != nil {
			return err
		}
	}
	if err := s.openNATS(ctx, opt.Registerer); err != nil {
		return err
	}
	if s.nats != nil {
		opt.Bus = s.nats
	}
	if s.hub, err = pghub.New(s.pool, opt); err != nil {
		return err
	}
	s.alerts.hub = s.hub
	s.documents = pgapproval.New(s.pool, s.hub)
	return nil
}

// connect opens the pool, on the private server where no other is configured.
func (s *stores) connect(ctx context.Context) error {
	dsn := s.config.DatabaseURL
	if dsn == "" {
		// The database runs as another user when we are root, and has to get in.
		if err := os.MkdirAll(s.config.Data, 0o711); err != nil {
			return err
		}
		server, err := localpg.Start(ctx, localpg.Options{Dir: filepath.Join(s.config.Data, "postgres"), Durable: true, Log: s.log})
		if err != nil {
			return err
		}
		s.private = server
		dsn = server.DSN("postgres")
		if err := s.ownSecret(); err != nil {
			return err
		}
	}
	pc, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return errors.New("QIANHE_DATABASE_URL: not an address such as postgres://qianhe@db/qianhe") // err would show the password
	}
	pc.MaxConns = int32(s.config.MaxConns)
	pc.ConnConfig.RuntimeParams["application_name"] = "qianhe"
	pc.ConnConfig.RuntimeParams["jit"] = "off" // queries here are short; the planner thinks large trays are not
	s.pool, err = pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// ownSecret reads the secret of a data directory, made on first use.
func (s *stores) ownSecret() error {
	if s.config.SecretSet {
		return nil
	}
	path := filepath.Join(s.config.Data, "secret")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var key [32]byte
		_, _ = rand.Read(key[:]) // never fails
		b = []byte(base64.StdEncoding.EncodeToString(key[:]) + "\n")
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("secret of the data directory: %w", err)
	}
	if err := setSecret(s.config, strings.TrimSpace(string(b))); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// calendar is the official one with the agency's own days off and on.
func (s *stores) calendar(ctx context.Context) (approval.Calendar, error) {
	overrides, err := pgapproval.NewReader(s.pool).CalendarOverrides(ctx)
	if err != nil {
		return nil, err
	}
	return workday.Official().With(overrides), nil
}

// ensureUnit gives the unit at the end of a path of names, creating what is
// missing of it.
func ensureUnit(ctx context.Context, documents *pgapproval.Store, path []string, now time.Time) (approval.UnitID, error) {
	units, err := documents.Units(ctx)
	if err != nil {
		return "", err
	}
	var parent approval.UnitID
next:
	for _, name := range path {
		if name = strings.TrimSpace(name); name == "" {
			return "", misuse("empty name in the unit's path")
		}
		for _, u := range units {
			if u.Parent == parent && u.Name == name {
				parent = u.ID
				continue next
			}
		}
		u := approval.Unit{ID: approval.UnitID(approval.NewID(now, rand.Reader)), Parent: parent, Name: name}
		if err := documents.CreateUnit(ctx, u); err != nil {
			return "", err
		}
		units = append(units, u)
		parent = u.ID
	}
	return parent, nil
}

func (s *stores) importer() *importer {
	return &importer{store: s.documents, people: s.accounts, calendar: s.calendar, now: time.Now}
}

// close ends the connections and, where there is one, the private server.
func (s *stores) close() {
	s.closeNATS()
	if s.pool != nil {
		s.pool.Close()
	}
	if s.private != nil {
		if err := s.private.Stop(); err != nil {
			s.log.Error("stopping the private database", "err", err)
		}
	}
}

// runMigrate brings the schema up to date.
func runMigrate(ctx context.Context, e env, args []string) error {
	c, fs, err := loadConfig(e, "migrate", "[flags]", args, nil)
	if err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return misuse("takes no arguments")
	}
	s := &stores{config: c, log: newLogger(e.stderr, c)}
	defer s.close()
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := migrations.Up(ctx, s.pool, s.log); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, "the schema is up to date")
	return nil
}
