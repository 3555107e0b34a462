//go:build !unix

package main

// The test that kills a process at every statement needs kill -9.
const crashDSN = "QIANHE_TEST_CRASH_DSN"

func crashChild() int { return 2 }
