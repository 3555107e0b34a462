package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "hubbench:", err)
		os.Exit(1)
	}
}

// settings of a measurement.
type settings struct {
	n      int    // pages
	runs   int    // of each server, taking turns
	rounds int    // broadcasts of one run
	events int    // of a burst, over all pages
	dir    string // where the database is, for its disk
	acks   bool   // pages report what they get, as ours do
	out    io.Writer

	lasts    time.Duration // of one run of publish and latency
	shapes   []shape       // of publish
	profiles string        // directory for them, "" for none
}

// bench is everything that a measurement has at hand.
type bench struct {
	settings
	office  *office
	targets []target
}

type mode struct {
	name, about string
	run         func(ctx context.Context, b *bench) error
}

func modes() []mode {
	return []mode{
		{"idle", "memory of idle, signed-in, resumable pages", runIdle},
		{"broadcast", "one event to everybody: when has the last one got it?", runBroadcast},
		{"burst", "many events as fast as they go: none lost, none twice, in order", runBurst},
		{"publish", "notices over HTTP, committed before the answer, as fast as they go", runPublish},
		{"latency", "notices at a steady rate: how long after the commit are they at the page?", runLatency},
		{"stall", "pages that do not read: what do the others notice?", runStall},
		{"storm", "the server is killed and everybody comes back at once", runStorm},
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 { // the children of a measurement
		switch args[0] {
		case "serve":
			return runServe(context.WithoutCancel(ctx), args[1:])
		case "reference":
			return runReference(context.WithoutCancel(ctx))
		}
	}
	debug.SetGCPercent(400) // the load is not what is measured, and shares the processors
	s := settings{out: out}
	fs := flag.NewFlagSet("hubbench", flag.ContinueOnError)
	fs.IntVar(&s.n, "n", 10000, "pages")
	fs.IntVar(&s.runs, "runs", 5, "runs of each server, taking turns; the table has the medians")
	fs.IntVar(&s.rounds, "rounds", 25, "broadcasts in one run")
	fs.IntVar(&s.events, "events", 200_000, "events of one burst, over all pages")
	fs.BoolVar(&s.acks, "acks", false, "let pages report what they get, as real ones do and no peer's (publish, latency, burst)")
	fs.StringVar(&s.dir, "dir", "", "directory for the database, on the disk that counts; the system's temporary one by default")
	fs.DurationVar(&s.lasts, "for", 5*time.Second, "how long one run of publish or latency lasts")
	shapes := fs.String("shapes", defaultShapes, "publish: publishers x recipients, as many as are wanted")
	fs.StringVar(&s.profiles, "profiles", "", "publish: directory for processor profiles of the server; none by default")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: hubbench [flags] MODE...\n\nmodes:")
		for _, m := range modes() {
			fmt.Fprintf(fs.Output(), "  %-10s %s\n", m.name, m.about)
		}
		fmt.Fprintln(fs.Output(), "  all        every one of them\n\nflags:")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	var chosen []mode
	for _, name := range fs.Args() {
		for _, m := range modes() {
			if name == m.name || name == "all" {
				chosen = append(chosen, m)
			}
		}
		if name != "all" && !slices.ContainsFunc(chosen, func(m mode) bool { return m.name == name }) {
			return fmt.Errorf("there is no mode %q", name)
		}
	}
	if len(chosen) == 0 {
		fs.Usage()
		return flag.ErrHelp
	}
	var err error
	if s.shapes, err = parseShapes(*shapes); err != nil {
		return err
	}
	if err := raiseFiles(uint64(s.n) + 1000); err != nil {
		return err
	}
	o, err := openOffice(ctx, s.dir, s.n)
	if err != nil {
		return err
	}
	defer o.close()
	fmt.Fprintf(out, "%s; fdatasync %v\n", machine(), o.fdata)
	b := &bench{settings: s, office: o, targets: []target{oursAs(o), referenceTarget()}}
	for _, m := range chosen {
		fmt.Fprintf(out, "\n%s: %s\n", strings.ToUpper(m.name), m.about)
		if err := m.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}
