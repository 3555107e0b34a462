//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the unprivileged account that the server runs as when we are
// root; nil means our own.
type account struct {
	name     string
	uid, gid uint32
}

// unprivileged picks the account, nil when we are not root.
func unprivileged() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var failed error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := osuser.Lookup(name)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		uid, uerr := strconv.ParseInt(u.Uid, 10, 64)
		gid, gerr := strconv.ParseInt(u.Gid, 10, 64)
		if uerr == nil && gerr == nil {
			return &account{name, uint32(uid), uint32(gid)}, nil //nolint:gosec // -2 of macOS is meant
		}
		failed = errors.Join(failed, uerr, gerr)
	}
	return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is no other account for it: %w", failed)
}

// ownerOf keeps data with the account that made it: as root the server runs as
// the owner of the data.
func ownerOf(data string, as *account) (*account, error) {
	info, err := os.Stat(data)
	if err != nil {
		return nil, err
	}
	st := info.Sys().(*syscall.Stat_t)
	switch {
	case as == nil && int64(st.Uid) != int64(os.Geteuid()):
		return nil, fmt.Errorf("%s belongs to account %d; run as that account, or as root", data, st.Uid)
	case as == nil || st.Uid == as.uid:
		return as, nil
	case st.Uid == 0:
		return nil, fmt.Errorf("%s belongs to root, as which PostgreSQL refuses to run", data)
	}
	return &account{strconv.FormatUint(uint64(st.Uid), 10), st.Uid, st.Gid}, nil
}

// hand gives a directory to the account and closes it to others.
func hand(dir string, as *account) error {
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	if as == nil {
		return nil
	}
	if err := os.Chown(dir, int(as.uid), int(as.gid)); err != nil {
		return err
	}
	return as.canReach(dir)
}

// canReach reports a directory above dir that the account may not enter.
func (a *account) canReach(dir string) error {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		enter := fs.FileMode(0o001)
		switch {
		case st.Uid == a.uid:
			enter = 0o100
		case st.Gid == a.gid:
			enter = 0o010
		}
		if info.Mode()&enter == 0 {
			return fmt.Errorf("account %s, as which PostgreSQL runs, cannot enter %s: choose another directory, or allow it with 'chmod o+x %s'", a.name, parent, parent)
		}
		if parent == filepath.Dir(parent) {
			return nil
		}
	}
}

// ours reports whether the directory is of this process's account or of the
// one that servers run as.
func ours(info fs.FileInfo, as *account) bool {
	uid := info.Sys().(*syscall.Stat_t).Uid
	return int64(uid) == int64(os.Geteuid()) || as != nil && uid == as.uid
}

func credential(as *account) *syscall.Credential {
	if as == nil {
		return nil
	}
	return &syscall.Credential{Uid: as.uid, Gid: as.gid}
}
