//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import "syscall"

// locale is plain C here: C.UTF-8 is not known everywhere.
const locale = "C"

// attributes of the server's process. These systems have no signal for the
// parent's death: a killed process leaves its server to itself.
func attributes(as *account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential(as), Setpgid: true}
}

// room is 0: there is no file system in memory to look for.
func room(string) uint64 { return 0 }

// serving cannot tell here what a living process is.
func serving(pid int, _ string) answer {
	if !alive(pid) {
		return no
	}
	return maybe
}
