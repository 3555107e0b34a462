// Command qianhe is a mobile approval server for official documents (公文):
// it tells officials on the channel they look at that something waits for
// them, and lets them decide on the phone.
//
//	qianhe demo        a whole agency on this machine, to try it
//	qianhe serve       the server
//	qianhe help        everything else
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // digests and deadlines are in Asia/Taipei wherever the host is
)

// env is what a command may touch of the world around it, so that commands run
// inside tests as they run on a terminal.
type env struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	environ []string
}

// command is one verb of the command line.
type command struct {
	name  string
	brief string
	run   func(ctx context.Context, e env, args []string) error
}

// commands lists the verbs in the order in which help shows them.
func commands() []command {
	return []command{
		{"demo", "run a whole agency on this machine, with stand-in LINE and push services", runDemo},
		{"serve", "run the server", runServe},
		{"migrate", "bring the database to this version's schema", runMigrate},
		{"import", "import official documents: FILE|DIR ... (DI, or a zip with attachments)", runImport},
		{"verify", "prove or refute a signed package (SI) of any agency, offline", runVerify},
		{"admin", "create, import, lock, reset and leave: people and accounts; set telephone numbers", runAdmin},
		{"token", "issue, list and revoke API tokens", runToken},
		{"webhook", "add, list, test, rotate and disable endpoints of your own systems for signed events", runWebhook},
		{"vapid", "rotate, list and retire the keys of Web Push", runVAPID},
		{"check", "check a channel's credentials and quota; sends nothing", runCheck},
		{"config", "print the effective configuration, secrets masked", runConfig},
		{"healthcheck", "ask the running server whether it is ready; for containers", runHealthcheck},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	os.Exit(run(ctx, env{os.Stdin, os.Stdout, os.Stderr, os.Environ()}, os.Args[1:]))
}

// run executes one command line and gives the exit status: 0 done, 1 failed,
// 2 not understood; of an import, how many documents failed, at most 99.
func run(ctx context.Context, e env, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(e.stdout)
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, e, args[1:])
		var hint *usageError
		var failed *failedError
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return 0
		case errors.As(err, &hint):
			fmt.Fprintf(e.stderr, "qianhe %s: %s\n", c.name, hint.text)
			return 2
		case errors.As(err, &failed):
			fmt.Fprintf(e.stderr, "qianhe %s: %v\n", c.name, failed)
			return min(failed.n, 99)
		default:
			fmt.Fprintf(e.stderr, "qianhe %s: %s\n", c.name, indent(err.Error()))
			return 1
		}
	}
	fmt.Fprintf(e.stderr, "qianhe: there is no command %q; see 'qianhe help'\n", args[0])
	return 2
}

// usageError is a command line that was not understood.
type usageError struct{ text string }

func (u *usageError) Error() string { return u.text }

// failedError says that n of a number of things failed, each of which was
// reported before.
type failedError struct{ n, of int }

func (f *failedError) Error() string { return fmt.Sprintf("%d of %d failed", f.n, f.of) }

func misuse(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// indent sets the further lines of a joined error under the first.
func indent(s string) string { return strings.ReplaceAll(s, "\n", "\n  ") }

func usage(w io.Writer) {
	fmt.Fprintln(w, "qianhe (簽核) - mobile approval of official documents\n\nUsage: qianhe COMMAND [flags]\n ")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-12s %s\n", c.name, c.brief)
	}
	fmt.Fprintln(w, "\n'qianhe COMMAND -h' shows the flags of one; 'qianhe config -h' every setting.")
}

// newFlags makes a flag set that reports to e and returns its errors.
func newFlags(e env, name, args string) *flag.FlagSet {
	fs := flag.NewFlagSet("qianhe "+name, flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	fs.Usage = func() {
		fmt.Fprintf(e.stderr, "Usage: qianhe %s %s\n", name, args)
		fs.PrintDefaults()
	}
	return fs
}

// parse turns what flag has already reported into the error of a misuse.
func parse(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return misuse("%v", err)
}
