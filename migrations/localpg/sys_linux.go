package localpg

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

const locale = "C.UTF-8"

// attributes of the server's process. SIGQUIT is PostgreSQL's immediate
// shutdown: the kernel sends it when we are killed.
func attributes(as *account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential(as), Pdeathsig: syscall.SIGQUIT, Setpgid: true}
}

// room is the number of bytes free to us in a file system, 0 when unknown.
func room(dir string) uint64 {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || st.Bsize <= 0 {
		return 0
	}
	return st.Bavail * uint64(st.Bsize)
}

// serving reports whether a process is the server of this data: PostgreSQL's
// working directory is its data directory.
func serving(pid int, data string) answer {
	if !alive(pid) {
		return no
	}
	link := "/proc/" + strconv.Itoa(pid) + "/cwd"
	cwd, err := os.Stat(link)
	switch {
	case errors.Is(err, fs.ErrNotExist): // gone, or dead and not yet buried
		return no
	case errors.Is(err, fs.ErrPermission): // another account's, so not ours
		return no
	case err != nil:
		return maybe
	}
	if want, err := os.Stat(data); err != nil || !os.SameFile(cwd, want) {
		return no
	}
	return yes
}
