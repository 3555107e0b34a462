//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package localpg

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

const locale = "C"

// errSystem is what Start returns on systems without accounts, locks and
// sockets of the Unix kind.
var errSystem = errors.New("a private PostgreSQL cannot be run on " + runtime.GOOS + ": give the address of a server")

type account struct{}

func (*account) canReach(string) error { return nil }

func unprivileged() (*account, error)                       { return nil, errSystem }
func ownerOf(string, *account) (*account, error)            { return nil, errSystem }
func hand(string, *account) error                           { return errSystem }
func ours(fs.FileInfo, *account) bool                       { return false }
func lockFile(string) (*os.File, error)                     { return nil, errSystem }
func lockExisting(string) (*os.File, error)                 { return nil, errSystem }
func unlock(*os.File) error                                 { return errSystem }
func awaitStale(context.Context, string) error              { return errSystem }
func attributes(*account) *syscall.SysProcAttr              { return nil }
func room(string) uint64                                    { return 0 }
func onOneThread(fn func() ([]byte, error)) ([]byte, error) { return fn() }
func syncDir(string) error                                  { return nil }
