package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"qianhe/migrations/localpg/pgtest"
)

// withServer runs the tests of this package around a private PostgreSQL.
type withServer struct{ m *testing.M }

func (w withServer) Run() int { return pgtest.Run(w.m) }

func TestMain(m *testing.M) {
	if os.Getenv(crashDSN) != "" {
		os.Exit(crashChild())
	}
	if os.Getenv(chaosDSN) != "" {
		os.Exit(chaosChild())
	}
	testscript.Main(withServer{m}, map[string]func(){
		"qianhe": func() {
			os.Exit(run(context.Background(), env{os.Stdin, os.Stdout, os.Stderr, os.Environ()}, os.Args[1:]))
		},
	})
}

// TestScripts runs the command line as its users do; the stories are in
// testdata.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("TEST_DSN", pgtest.NewDSN(t))
			return nil
		},
	})
}
