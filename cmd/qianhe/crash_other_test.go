//go:build !unix

package main

// The tests that kill processes need kill -9.
const (
	crashDSN = "QIANHE_TEST_CRASH_DSN"
	chaosDSN = "QIANHE_TEST_CHAOS_DSN"
)

func crashChild() int { return 2 }

func chaosChild() int { return 2 }
