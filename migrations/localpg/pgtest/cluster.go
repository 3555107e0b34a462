package pgtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/migrations"
	"qianhe/migrations/localpg"
)

const (
	clonePrefix    = "qianhe_test_"
	templatePrefix = "qianhe_template_"

	// abandoned is the age at which a database on a server of others is taken
	// to be of a killed run.
	abandoned = time.Hour
)

// cluster is a server on which databases can be made.
type cluster struct {
	admin    *pgxpool.Pool
	dsn      func(db string) string
	template string
	local    *localpg.Server // nil when the server is not ours

	build sync.Mutex // one test at a time raises the template
	built bool
}

// start takes the server at the address, or starts a private one.
func start(ctx context.Context, address string) (c *cluster, err error) {
	c = &cluster{}
	own := "postgres"
	if address == "" {
		if c.local, err = localpg.Start(ctx, localpg.Options{}); err != nil {
			return nil, err
		}
		c.dsn = c.local.DSN
	} else if c.dsn, own, err = onServer(address); err != nil {
		return nil, err
	}
	fingerprint, err := migrations.Fingerprint()
	if err == nil {
		c.template = templatePrefix + fingerprint
		c.admin, err = pgxpool.New(ctx, c.dsn(own))
	}
	if err == nil && c.local == nil {
		err = c.reap(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// onServer makes a function that exchanges the database in an address.
func onServer(address string) (dsn func(db string) string, own string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, "", fmt.Errorf("%s is not of the form postgres://user:password@host/database", variable)
	}
	return func(db string) string {
		v := *u
		v.Path = "/" + db
		return v.String()
	}, cmp.Or(strings.TrimPrefix(u.Path, "/"), "postgres"), nil
}

func (c *cluster) close() error {
	if c.admin != nil {
		c.admin.Close()
	}
	if c.local != nil {
		return c.local.Stop()
	}
	return nil
}

// create makes a database: a copy of the template's files, which on a file
// system in memory takes some 30 ms, or an empty one.
func (c *cluster) create(ctx context.Context, migrated bool) (name string, err error) {
	name = clonePrefix + strconv.FormatInt(time.Now().Unix(), 36) + "_" + strings.ToLower(rand.Text())
	template := "template0"
	if migrated {
		if err := c.ensureTemplate(ctx); err != nil {
			return "", err
		}
		template = c.template
	}
	_, err = c.admin.Exec(ctx, `create database `+quote(name)+` template `+quote(template)+` strategy file_copy`)
	if err != nil {
		return "", fmt.Errorf("create database: %w", err)
	}
	return name, nil
}

func (c *cluster) drop(ctx context.Context, name string) error {
	if _, err := c.admin.Exec(ctx, `drop database if exists `+quote(name)+` with (force)`); err != nil {
		return fmt.Errorf("drop database: %w", err)
	}
	return nil
}

// ensureTemplate raises the schema in the template unless that was done, by
// this or on a shared server by any process.
func (c *cluster) ensureTemplate(ctx context.Context) (err error) {
	c.build.Lock()
	defer c.build.Unlock()
	if c.built {
		return nil
	}
	ctx = context.WithoutCancel(ctx) // a failing test must not leave half a template to the others
	conn, err := c.admin.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	const lock = `hashtext('qianhe pgtest template')`
	if _, err := conn.Exec(ctx, `select pg_advisory_lock(`+lock+`)`); err != nil {
		return err
	}
	defer func() {
		_, uerr := conn.Exec(ctx, `select pg_advisory_unlock(`+lock+`)`)
		err = errors.Join(err, uerr)
	}()
	// It becomes a template when it is complete; anything before is thrown away.
	var complete bool
	err = conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1 and datistemplate)`, c.template).Scan(&complete)
	if err != nil {
		return err
	}
	if !complete {
		if err := c.buildTemplate(ctx, conn); err != nil {
			return fmt.Errorf("template: %w", err)
		}
	}
	c.built = true
	return nil
}

func (c *cluster) buildTemplate(ctx context.Context, conn *pgxpool.Conn) error {
	name := quote(c.template)
	if err := c.drop(ctx, c.template); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `create database `+name+` template template0 encoding 'UTF8' strategy file_copy`); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, c.dsn(c.template))
	if err != nil {
		return err
	}
	err = migrations.Up(ctx, pool, slog.New(slog.DiscardHandler))
	pool.Close()
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `alter database `+name+` with is_template true allow_connections false`)
	return err
}

// reap drops databases that killed runs have left on a server of others.
func (c *cluster) reap(ctx context.Context) error {
	rows, err := c.admin.Query(ctx, `
		select datname
		from   pg_database
		where  starts_with(datname, $1)
		and    not exists (select from pg_stat_activity a where a.datname = pg_database.datname)`, clonePrefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		stamp, _, _ := strings.Cut(strings.TrimPrefix(name, clonePrefix), "_")
		made, err := strconv.ParseInt(stamp, 36, 64)
		if err != nil || time.Since(time.Unix(made, 0)) < abandoned {
			continue
		}
		if err := c.drop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
