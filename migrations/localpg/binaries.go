package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoBinaries is returned where no PostgreSQL server is installed. It is one
// line and names the command that installs it.
var ErrNoBinaries = errors.New("no PostgreSQL server is installed (initdb and postgres are neither on PATH nor in " + debianBinaries +
	"): apt-get install -y --no-install-recommends postgresql")

// debianBinaries is where Debian and Ubuntu put the server, off the PATH.
const debianBinaries = "/usr/lib/postgresql/*/bin"

// Installed reports ErrNoBinaries where no PostgreSQL server is installed.
func Installed() error {
	if len(binaries(os.Getenv("PATH"), debianBinaries)) == 0 {
		return ErrNoBinaries
	}
	return nil
}

// binaries lists the directories that hold a server: those on the path in its
// order, then those that match the pattern, newest version first.
func binaries(path, pattern string) []string {
	dirs := slices.DeleteFunc(filepath.SplitList(path), func(d string) bool { return !filepath.IsAbs(d) })
	versioned, err := filepath.Glob(pattern)
	if err != nil {
		versioned = nil // a malformed pattern matches nothing
	}
	slices.SortFunc(versioned, func(a, b string) int { return dirVersion(b) - dirVersion(a) })
	var found []string
	for _, dir := range append(dirs, versioned...) {
		if executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) && !slices.Contains(found, dir) {
			found = append(found, dir)
		}
	}
	return found
}

// dirVersion reads the 17 of /usr/lib/postgresql/17/bin; 0 when there is none.
func dirVersion(dir string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	if err != nil {
		return 0
	}
	return n
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// choose takes the first directory whose server can run the data: any for new
// data (want is empty), else the one of the same major version.
func choose(ctx context.Context, dirs []string, want string) (string, error) {
	if len(dirs) == 0 {
		return "", ErrNoBinaries
	}
	if want == "" {
		return dirs[0], nil
	}
	var have []string
	for _, dir := range dirs {
		major, err := serverMajor(ctx, dir)
		if err != nil {
			return "", err
		}
		if major == want {
			return dir, nil
		}
		have = append(have, major)
	}
	return "", fmt.Errorf("the data was made by PostgreSQL %s, and only version %s is installed: apt-get install -y --no-install-recommends postgresql-%s",
		want, strings.Join(have, ", "), want)
}

// serverMajor asks a server for its major version, such as "15".
func serverMajor(ctx context.Context, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s/postgres --version: %w", dir, err)
	}
	// postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1), or 19beta1
	for _, word := range strings.Fields(string(out)) {
		if major := leadingDigits(word); major != "" {
			return major, nil
		}
	}
	return "", fmt.Errorf("%s/postgres --version says %q", dir, out)
}

func leadingDigits(s string) string {
	rest := strings.TrimLeft(s, "0123456789")
	return s[:len(s)-len(rest)]
}
