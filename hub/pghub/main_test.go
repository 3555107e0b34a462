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
	if os.Getenv(nodeVariable) != "" {
		os.Exit(liveNode()) // one that TestNodesBehindOneAddress kills
	}
	if os.Getenv(publisherVariable) != "" {
		os.Exit(publisherChild()) // the process that TestPublishKilled kills
	}
	pgtest.Main(m)
}
