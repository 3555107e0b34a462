package main

import (
	"context"
	"fmt"
)

// target is one server that is measured.
type target struct {
	name  string
	start func(ctx context.Context) (*child, error)
	swarm func(c *child) *swarm
}

// oursAs is our server on an office's database.
func oursAs(o *office) target {
	return target{
		name: "qianhe",
		start: func(ctx context.Context) (*child, error) {
			return startChild(ctx, "serve", "-dsn", o.dsn, "-token", o.tokenID)
		},
		swarm: func(c *child) *swarm {
			return &swarm{hello: sinceHello, shake: func(n int) handshake {
				return handshake{c.ready.Address, "/live", []string{
					"Origin: http://" + c.ready.Address,
					"Cookie: qianhe_session=" + o.cookies[n],
				}}
			}}
		},
	}
}

// referenceTarget is the reference.
func referenceTarget() target {
	return target{
		name:  "reference",
		start: func(ctx context.Context) (*child, error) { return startChild(ctx, "reference") },
		swarm: func(c *child) *swarm {
			return &swarm{hello: sinceHello, shake: func(n int) handshake {
				return handshake{c.ready.Address, "/", []string{
					"Origin: http://" + c.ready.Address,
					fmt.Sprintf("Cookie: user=p%05d", n),
				}}
			}}
		},
	}
}
