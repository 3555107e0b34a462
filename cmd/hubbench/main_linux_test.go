package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestMain lets this program be the children of a measurement as well.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "reference") {
		if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Every measurement runs, against a few pages, and what it counts is right;
// what it times is nothing here.
func TestModes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	args := []string{
		"-n", "30", "-runs", "1", "-rounds", "2", "-events", "300", "-for", "200ms", "-shapes", "1x1,4x1,2x30",
		"idle", "broadcast", "burst", "publish", "latency", "storm",
	}
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatalf("%v after\n%s", err, &out)
	}
	for _, want := range []string{
		`(?m)^ +qianhe .* 0 +0 *$`, // burst: lost, doubled
		`(?m)^ +1 +1 .* 1\.0000 `,  // publish: of it at the pages
		`(?m)^ +4 +1 .* 1\.0000 `,
		`(?m)^ +2 +30 .* 1\.0000 `,
		`(?m)^ +as our pages do .* 0 +0 *$`, // storm: resyncs, out of order
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("nothing like %s in\n%s", want, &out)
		}
	}
}

// What goes wrong is an error and no figure.
func TestFailures(t *testing.T) {
	t.Parallel()
	o, err := openOffice(t.Context(), "", 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.close)
	ours := oursAs(o)
	c, err := ours.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)

	t.Run("a token that is not valid", func(t *testing.T) {
		p, err := newPoster(c.ready.Address, o.token+"x")
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		if err := p.publish(t.Context(), notice(o.logins[0])); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("publish: %v, want 401", err)
		}
	})
	t.Run("nobody of that name", func(t *testing.T) {
		p, err := newPoster(c.ready.Address, o.token)
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		if err := p.publish(t.Context(), notice("nobody")); err == nil || !strings.Contains(err.Error(), "422") {
			t.Errorf("publish: %v, want 422", err)
		}
	})
	t.Run("a page without a session", func(t *testing.T) {
		o := *o
		o.cookies = []string{"nothing", "nothing"}
		s := oursAs(&o).swarm(c)
		defer s.close()
		if err := s.connect(t.Context(), 0, 1, 1); err == nil {
			t.Error("it is let in")
		}
	})
	t.Run("events that are not the next one", func(t *testing.T) {
		s := &swarm{}
		p := &page{swarm: s, seq: 4}
		for _, seq := range []int{5, 5, 7} {
			p.text(nil, fmt.Appendf(nil, `{"type":"event","seq":%d}`, seq))
		}
		if s.events.Load() != 3 || s.wild.Load() != 2 {
			t.Errorf("%d events, %d of them not the next one, want 3 and 2", s.events.Load(), s.wild.Load())
		}
	})
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"nothing"}, {"-shapes", "64", "publish"}, {"-shapes", "0x1", "publish"}, {"-for", "0", "nothing"}} {
		if err := run(t.Context(), args, &strings.Builder{}); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
