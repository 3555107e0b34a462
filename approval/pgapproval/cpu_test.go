package pgapproval_test

import (
	"fmt"
	"os"
	"strings"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"qianhe/approval/approvaltest"
	"qianhe/approval/pgapproval"
)

func cpu(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	u, _ := strconv.Atoi(f[11])
	s, _ := strconv.Atoi(f[12])
	return u + s
}

func TestCPU(t *testing.T) {
	s := setup(t)
	s.seedPending(t, s.o.Director.ID, 2000)
	cfg := s.pool.Config().Copy()
	cfg.MaxConns = 1
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
	for range 3 {
		for n, op := range ops {
			a := cpu(pid)
			for range 200 {
				op()
			}
			fmt.Printf("%s %.2f ms cpu\n", n, float64(cpu(pid)-a)*10/200)
		}
	}
}
