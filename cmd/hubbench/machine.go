package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// syncTime measures what a small write costs until it is on the disk of dir:
// beside it every durable figure has to be read.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 8<<10)
	var times []time.Duration
	for began := time.Now(); len(times) < 1000 && time.Since(began) < 5*time.Second; {
		if _, err := f.WriteAt(block, 0); err != nil {
			return 0, err
		}
		at := time.Now()
		if err := syncData(f); err != nil {
			return 0, err
		}
		times = append(times, time.Since(at))
	}
	return median(times), nil
}

func machine() string {
	return fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}

// median gives the middle one, of two the lower.
func median[T int | int64 | float64 | time.Duration](list []T) T {
	return quantile(list, 0.5)
}

// quantile gives the one below which a part of the list is.
func quantile[T int | int64 | float64 | time.Duration](list []T, part float64) T {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
