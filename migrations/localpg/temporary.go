package localpg

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	prefix = "qianhe-pg-"
	memory = "/dev/shm"

	// roomNeeded is what /dev/shm must have free: some 50 MB of a new server,
	// 12 MB a database, 1 GB of log, for a few servers side by side.
	roomNeeded = 3 << 30

	// youngest keeps a directory safe that has been made but not yet locked.
	youngest = time.Minute
)

// temporary is where a forgetful server lives: in memory where there is room.
func temporary(as *account) string {
	if room(memory) >= roomNeeded {
		return memory
	}
	dir := os.TempDir()
	if as != nil && as.canReach(filepath.Join(dir, prefix)) != nil {
		return "/tmp"
	}
	return dir
}

// reap deletes the directories of servers whose owner was killed: old ones
// that belong to us and that nobody holds the lock of. What cannot be deleted
// is left for another time.
func reap(base string, as *account, log *slog.Logger) {
	left, err := filepath.Glob(filepath.Join(base, prefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || !ours(info, as) || time.Since(info.ModTime()) < youngest {
			continue
		}
		lock, err := lockExisting(filepath.Join(dir, "lock"))
		if err != nil {
			continue
		}
		err = os.RemoveAll(dir)
		_ = unlock(lock)
		log.Debug("left-over database removed", "dir", dir, "error", err)
	}
}
