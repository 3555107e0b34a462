package pdfview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/klippa-app/go-pdfium"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// memoryPages limits the memory of one instance, in WebAssembly pages of
// 64 KiB: 320 MB, for the file, its decoded images and the bitmap.
const memoryPages = 320 << 20 >> 16

// modules holds the compiled PDFium that all engines share.
type modules struct {
	log *slog.Logger

	dir   string     // "" for none
	mu    sync.Mutex // held while compiling, so that it is done once
	cache wazero.CompilationCache
	live  int // pools that run code of cache
}

func newModules(dir string, log *slog.Logger) (*modules, error) {
	if dir == "" {
		return &modules{log: log, cache: wazero.NewCompilationCache()}, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%s holds code that is executed, but others may write to it: chmod 700", dir)
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, err
	}
	return &modules{log: log, dir: dir, cache: cache}, nil
}

// pool makes an engine's PDFium. When ctx ends, so does whatever it computes.
func (m *modules) pool(ctx context.Context) (pdfium.Pool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	pool, err := m.init(ctx)
	if err != nil && m.dir != "" && m.live == 0 {
		m.log.LogAttrs(ctx, slog.LevelWarn, "stored PDFium code cannot be used, compiling it again", slog.String("dir", m.dir), slog.Any("error", err))
		if err := m.clear(ctx); err != nil {
			return nil, err
		}
		pool, err = m.init(ctx)
	}
	if err == nil {
		m.live++
	}
	return pool, err
}

// release ends a pool.
func (m *modules) release(pool pdfium.Pool) (err error) {
	defer recovered(&err)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.live--
	return pool.Close()
}

// clear removes the stored code, which may be damaged. Nothing may run it.
func (m *modules) clear(ctx context.Context) error {
	m.cache.Close(ctx)
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "wazero-") { // of any version
			continue
		}
		if err := os.RemoveAll(filepath.Join(m.dir, e.Name())); err != nil {
			return err
		}
	}
	m.cache, err = wazero.NewCompilationCacheWithDir(m.dir)
	return err
}

func (m *modules) init(ctx context.Context) (pool pdfium.Pool, err error) {
	defer recovered(&err)
	return webassembly.Init(webassembly.Config{
		Context:  experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0)),
		MaxTotal: 1,
		FSConfig: wazero.NewFSConfig(), // none at all
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
			WithCompilationCache(m.cache).
			WithMemoryLimitPages(memoryPages).
			WithCloseOnContextDone(true),
		Stdout: io.Discard,
		Stderr: io.Discard,
	})
}

func (m *modules) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cache.Close(context.Background())
}

// engine is one place where pages are drawn. One goroutine has it at a time.
type engine struct {
	modules *modules
	pool    pdfium.Pool
	cancel  context.CancelFunc
}

// start makes the engine ready: seconds the first time, then nothing.
func (e *engine) start() error {
	if e.pool != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	pool, err := e.modules.pool(ctx)
	if err != nil {
		cancel()
		return fmt.Errorf("pdfview: PDFium does not start: %w", err)
	}
	e.pool, e.cancel = pool, cancel
	return nil
}

// drop frees the engine; start makes it anew.
func (e *engine) drop() {
	if e.pool == nil {
		return
	}
	e.cancel()
	if err := e.modules.release(e.pool); err != nil {
		e.modules.log.LogAttrs(context.Background(), slog.LevelWarn, "PDFium does not close cleanly", slog.Any("error", err))
	}
	e.pool, e.cancel = nil, nil
}

// run opens file in a fresh instance and calls fn with it, until ctx ends.
func (e *engine) run(ctx context.Context, file []byte, maxPages int, fn func(*document) error) error {
	kill := context.AfterFunc(ctx, e.cancel)
	err := e.runInstance(ctx, file, maxPages, fn)
	if !kill() {
		e.drop()
		return fmt.Errorf("%w: %w", ErrTimeout, context.Cause(ctx))
	}
	if err != nil && !errors.Is(err, ErrNoPage) && !lasting(err) {
		// PDFium trapped: out of memory, or a bug that this file finds.
		e.drop()
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return err
}

func (e *engine) runInstance(ctx context.Context, file []byte, maxPages int, fn func(*document) error) (err error) {
	defer recovered(&err)
	instance, err := e.pool.GetInstanceWithContext(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := instance.Close(); err == nil {
			err = cerr
		}
	}()
	open, err := instance.OpenDocument(&requests.OpenDocument{File: &file})
	switch {
	case errors.Is(err, pdfiumerrors.ErrPassword), errors.Is(err, pdfiumerrors.ErrSecurity):
		return fmt.Errorf("%w (%w)", ErrEncrypted, errWholeFile)
	case errors.Is(err, pdfiumerrors.ErrFormat), errors.Is(err, pdfiumerrors.ErrFile), errors.Is(err, pdfiumerrors.ErrUnknown), errors.Is(err, pdfiumerrors.ErrSuccess):
		return fmt.Errorf("%w: %w (%w)", ErrBroken, err, errWholeFile)
	case err != nil:
		return err
	}
	return fn(&document{pdfium: instance, ref: open.Document, maxPages: maxPages})
}

// recovered turns a panic below into an error: no file may end the process.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
}
