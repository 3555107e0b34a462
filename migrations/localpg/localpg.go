package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Options of a private server.
type Options struct {
	// Dir is the directory of the server, which has it for itself; it is made
	// when it does not exist. Empty means a new temporary one, in memory where
	// that has room, and needs Durable to be off.
	Dir string
	// Durable keeps the data in Dir and uses what is there.
	Durable bool
	// Log takes what the server says, and may be nil. Statements and values
	// are not in it.
	Log *slog.Logger
}

// Server is a running private server.
type Server struct {
	Dir string // where it lives, absolute

	durable bool
	socket  string
	remove  []string // directories and files to delete in the end
	lock    *os.File
	log     *slog.Logger
	cmd     *exec.Cmd
	output  output
	exited  chan struct{} // closed when the process is gone
	status  error         // of the process; read after exited
	stop    sync.Once
	stopped error
}

const (
	user    = "postgres"
	port    = "5432" // names the socket; nothing listens on TCP
	version = "PG_VERSION"

	// socketMax is what fits into sun_path on every system, less the end.
	socketMax = 100
)

// Start starts a server and returns when it takes connections. The context
// bounds the start only; [Server.Stop] ends the server. The error is
// [ErrNoBinaries] where no PostgreSQL is installed.
func Start(ctx context.Context, o Options) (*Server, error) {
	return startFrom(ctx, o, binaries(os.Getenv("PATH"), debianBinaries))
}

func startFrom(ctx context.Context, o Options, dirs []string) (*Server, error) {
	if len(dirs) == 0 {
		return nil, ErrNoBinaries
	}
	s := &Server{durable: o.Durable, log: o.Log, exited: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.start(ctx, o.Dir, dirs); err != nil {
		return nil, errors.Join(fmt.Errorf("localpg: %w", err), s.clean())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, dir string, binaries []string) error {
	as, err := unprivileged()
	if err != nil {
		return err
	}
	if err := s.claim(dir, as); err != nil {
		return err
	}
	data := filepath.Join(s.Dir, "data")
	made, err := os.ReadFile(filepath.Join(data, version))
	fresh := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !fresh:
		return err
	case !fresh && !s.durable:
		return fmt.Errorf("%s holds data that a server which forgets would delete", s.Dir)
	case !fresh:
		if as, err = ownerOf(data, as); err != nil {
			return err
		}
		if err := awaitStale(ctx, data); err != nil {
			return err
		}
	}
	if err := hand(s.Dir, as); err != nil {
		return err
	}
	bin, err := choose(ctx, binaries, strings.TrimSpace(string(made)))
	if err != nil {
		return err
	}
	if fresh {
		if err := s.initialize(ctx, bin, data, as); err != nil {
			return err
		}
	}
	if err := s.placeSocket(as); err != nil {
		return err
	}
	return s.launch(ctx, bin, data, as)
}

// claim makes the directory and locks it against other processes like this.
func (s *Server) claim(dir string, as *account) (err error) {
	switch {
	case dir != "":
		if s.Dir, err = filepath.Abs(dir); err != nil {
			return err
		}
		if err := os.MkdirAll(s.Dir, 0o700); err != nil {
			return err
		}
		if err := foreign(s.Dir); err != nil {
			return err
		}
	case s.durable:
		return errors.New("durable data needs a directory")
	default:
		base := temporary(as)
		reap(base, as, s.log)
		if s.Dir, err = os.MkdirTemp(base, prefix); err != nil {
			return err
		}
		s.remove = append(s.remove, s.Dir)
	}
	s.lock, err = lockFile(filepath.Join(s.Dir, "lock"))
	return err
}

// foreign refuses a directory that is used for something else.
func foreign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		known := []string{"data", "data.new", "lock", "lost+found"}
		if !slices.Contains(known, e.Name()) && !strings.HasPrefix(e.Name(), ".s.PGSQL.") {
			return fmt.Errorf("%s holds other things (%s); the database needs a directory of its own", dir, e.Name())
		}
	}
	return nil
}

// initialize makes an empty data directory, whole or not at all.
func (s *Server) initialize(ctx context.Context, bin, data string, as *account) error {
	unfinished := data + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	args := []string{"-D", unfinished, "-A", "trust", "-U", user, "-E", "UTF8", "--locale=" + locale, "--no-instructions"}
	if s.durable {
		args = append(args, "--data-checksums")
	} else {
		args = append(args, "--no-sync")
		s.remove = append(s.remove, data, unfinished)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), args...)
	s.prepare(cmd, as)
	out, err := onOneThread(cmd.CombinedOutput)
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(unfinished, data); err != nil {
		return err
	}
	if !s.durable {
		return nil
	}
	return syncDir(s.Dir)
}

// placeSocket puts the socket beside the data, or where the path is too long
// for a socket's name into a directory of its own.
func (s *Server) placeSocket(as *account) (err error) {
	s.socket = s.Dir
	if len(s.Dir) <= socketMax-len("/.s.PGSQL."+port+".lock") {
		return nil
	}
	if s.socket, err = os.MkdirTemp("/tmp", prefix+"socket-"); err != nil {
		return err
	}
	s.remove = append(s.remove, s.socket)
	return hand(s.socket, as)
}

// DSN gives the connection string of a database, for pgx and libpq alike. The
// database "postgres" always exists.
func (s *Server) DSN(db string) string {
	u := url.URL{Scheme: "postgres", Path: "/" + db}
	u.RawQuery = url.Values{"host": {s.socket}, "port": {port}, "user": {user}}.Encode()
	return u.String()
}

// Done is closed when the server has ended, by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.exited }

// Create makes a database unless it exists.
func (s *Server) Create(ctx context.Context, db string) (err error) {
	conn, err := pgx.Connect(ctx, s.DSN(user))
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	var exists bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, db).Scan(&exists); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, `create database `+pgx.Identifier{db}.Sanitize()); err != nil {
		return fmt.Errorf("localpg: create database %s: %w", db, err)
	}
	return nil
}

// Stop ends the server and its connections and returns when it is gone;
// durable data is then complete on disk, other data deleted. Further calls
// return what the first did.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		if err := s.clean(); err != nil {
			s.stopped = fmt.Errorf("localpg: %w", err)
		}
	})
	return s.stopped
}

// clean undoes whatever start has done.
func (s *Server) clean() error {
	var failed error
	if s.cmd != nil {
		failed = s.terminate()
	}
	for _, path := range s.remove {
		failed = errors.Join(failed, os.RemoveAll(path))
	}
	if s.lock != nil {
		failed = errors.Join(failed, unlock(s.lock))
	}
	return failed
}
