package pghub

import (
	"os"
	"testing"

	"qianhe/migrations/localpg/pgtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child()) // the process that TestKilledProcess kills
	}
	pgtest.Main(m)
}
