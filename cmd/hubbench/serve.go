package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
	"qianhe/approval/pgapproval"
	"qianhe/approval/workday"
	"qianhe/hub"
	"qianhe/hub/live"
	"qianhe/hub/pghub"
	"qianhe/web"
	"qianhe/web/api"
)

// ours is our server as far as it is measured here: the pages' own way in,
// from the session cookie on, with everything behind it. What is left out has
// no part in it: channels, the drawing of PDF files.
type ours struct {
	pool *pgxpool.Pool
	hub  *pghub.Hub
	live *live.Server
	web  *web.Server

	token     string
	everybody []string // account names
}

// broadcastOrder says how many events everybody gets, one after the other.
type broadcastOrder struct {
	Times  int
	People int // the first so many; 0: everybody
}

// runServe serves until its parent has gone.
func runServe(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	dsn := fs.String("dsn", "", "database")
	address := fs.String("listen", "127.0.0.1:0", "address of pages")
	conns := fs.Int("max-conns", 20, "connections to the database")
	token := fs.String("token", "", "id of the API token whose notices broadcasts are")
	if err := fs.Parse(args); err != nil {
		return err
	}
	pages, err := net.Listen("tcp4", *address)
	if err != nil {
		return err
	}
	control, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	o, err := newOurs(ctx, *dsn, *conns, "http://"+pages.Addr().String())
	if err != nil {
		return err
	}
	defer o.pool.Close()
	o.token = *token
	if o.everybody, err = everybody(ctx, o.pool); err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	if err := o.hub.Start(run); err != nil {
		return err
	}
	all.Go(func() { o.live.Run(run) })
	server := &http.Server{Handler: o.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
	mux := newControl()
	mux.HandleFunc("POST /broadcast", o.broadcast)
	mux.HandleFunc("POST /decide", o.decide)
	for l, s := range map[net.Listener]*http.Server{pages: server, control: {Handler: mux, ReadHeaderTimeout: time.Minute}} {
		all.Go(func() { _ = s.Serve(l) })
		defer s.Close()
	}
	announce(ready{Address: pages.Addr().String(), Control: control.Addr().String()})
	grace, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return o.hub.Stop(grace)
}

func newOurs(ctx context.Context, dsn string, conns int, base string) (*ours, error) {
	pc, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	pc.MaxConns = int32(conns)
	pc.ConnConfig.RuntimeParams["jit"] = "off"
	o := &ours{}
	if o.pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	sealer := access.NewSealer([32]byte{1})
	accounts := pgaccess.New(o.pool, pgaccess.Options{Sealer: sealer, Log: log})
	if o.hub, err = pghub.New(o.pool, pghub.Options{
		Trays: pgapproval.NewReader(o.pool), Sealer: sealer, BaseURL: base, Agency: "青川市政府", Workdays: workday.Official(), Log: log,
	}); err != nil {
		return nil, err
	}
	o.live = live.New(o.hub, o.hub.Bus(), live.Options{Origins: []string{base}, Alive: accounts.Alive, Log: log, MaxConnections: 100000})
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	address, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	o.web, err = web.New(web.Options{
		Documents: pgapproval.New(o.pool, o.hub), Accounts: accounts, Access: accounts, Hub: o.hub, Forms: access.NewFormTokens(key),
		Workdays: workday.Official(), BaseURL: address, Log: log, Live: o.live, Settings: o.hub,
		Mount: map[string]http.Handler{"/api/": api.New(api.Options{
			Notices: o.hub, Tokens: accounts, Log: log, DocumentURL: func(id string) string { return base + "/d/" + id },
			NoticesPerMinute: 1 << 40, // how much goes through is what is measured
		})},
	})
	return o, err
}

func everybody(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	rows, _ := pool.Query(ctx, `select login from account order by login`)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (o *ours) handler() http.Handler { return o.live.Gate("/live", o.web.Handler()) }

// broadcast tells everybody of an announcement, in one transaction.
func (o *ours) broadcast(w http.ResponseWriter, r *http.Request) {
	var order broadcastOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := spread{Began: time.Now().UnixNano()}
	for range max(order.Times, 1) {
		if err := o.announce(r.Context(), order.People); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	out.Committed = time.Now().UnixNano()
	_ = json.NewEncoder(w).Encode(out)
}

// decide does with the database what a decision does, as far as waiting for it
// goes: a connection out of the pool, a transaction, a row that is changed.
func (o *ours) decide(w http.ResponseWriter, r *http.Request) {
	err := pgx.BeginFunc(r.Context(), o.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(r.Context(), `update api_token set last_used_at = now() where id = $1`, o.token)
		return err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (o *ours) announce(ctx context.Context, people int) error {
	to := o.everybody
	if people > 0 {
		to = to[:people]
	}
	p, err := o.hub.Publish(ctx, hub.Notice{Token: o.token, Kind: hub.KindAnnouncement, Title: "系統維護公告", Speed: approval.SpeedNormal, To: to})
	if err == nil && p.Told() != len(to) {
		err = fmt.Errorf("%d of %d were told", p.Told(), len(to))
	}
	return err
}
