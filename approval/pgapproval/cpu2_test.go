package pgapproval_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"qianhe/approval/approvaltest"
	"qianhe/approval/pgapproval"
)

func TestCPUScale(t *testing.T) {
	s := setup(t)
	s.seedPending(t, s.o.Director.ID, 200000)
	qs := []string{
		`update step set state='closed', closed_at = arrived_at, action='approve', acted_by=person, acted_name='x' where state='active' and right(id, 1) in ('1','2','3','4','5','6','7','8','9','a','b','c')`,
		`update step set person = '` + string(s.o.Chief.ID) + `' where state = 'active' and hashtext(id) % 25 <> 0`,
		`vacuum full step`, `vacuum analyze`,
	}
	if os.Getenv("STAT") != "" {
		qs = append([]string{`create statistics step_hands (mcv) on person, state from step`}, qs...)
	}
	for _, q := range qs {
		_, err := s.pool.Exec(t.Context(), q)
		must(t, err)
	}
	cfg := s.pool.Config().Copy()
	cfg.MaxConns = 1
	seen := 0
	cfg.ConnConfig.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if os.Getenv("PLAN") != "" && seen < 4 {
			fmt.Println(n.Message)
		}
		seen++
	}
	cfg.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		if os.Getenv("PLAN") == "" {
			return nil
		}
		_, err := c.PgConn().Exec(ctx, `load 'auto_explain'; set auto_explain.log_analyze=on; set auto_explain.log_min_duration='0ms'; set client_min_messages=log`).ReadAll()
		return err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	must(t, err)
	defer pool.Close()
	pid := column[int](t, pool, `select pg_backend_pid()`)[0]
	r := pgapproval.NewReader(pool)
	ops := map[string]func(){
		"tray":   func() { r.Tray(t.Context(), s.o.Director.ID, approvaltest.Now(), "", "", 20) },
		"counts": func() { r.TrayCounts(t.Context(), s.o.Director.ID, approvaltest.Now()) },
		"place":  func() { r.Place(t.Context(), s.o.Director.ID, approvaltest.Now(), "x") },
	}
	for range 2 {
		for n, op := range ops {
			a := cpu(pid)
			for range 100 {
				op()
			}
			fmt.Printf("%s %.2f ms cpu\n", n, float64(cpu(pid)-a)*10/100)
		}
	}
}
