package pdfview

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"qianhe/approval"
)

// Cache keeps page images. Pages are counted from 0, width is in pixels.
type Cache interface {
	// PageImage returns [approval.ErrNotFound] when it has none.
	PageImage(ctx context.Context, sha [32]byte, page, width int) ([]byte, error)
	SavePageImage(ctx context.Context, sha [32]byte, page, width int, jpeg []byte) error
}

// Options of a viewer. Everything but Log may be left out.
type Options struct {
	// Dir keeps compiled code between processes, about 45 MB; empty for
	// none. Whoever can write there decides what this process executes: it is
	// made with mode 0700 and refused when others may write to it.
	Dir string
	// Instances is how many pages are drawn at the same time: 1 (the
	// default) to 4.
	Instances int
	// Queue is how many pages may wait for an instance (default 32), and
	// QueueTimeout how long (default 15 s, which covers a cold start).
	Queue        int
	QueueTimeout time.Duration
	// RenderTimeout is how long one file may keep an instance (default 10 s).
	RenderTimeout time.Duration
	// MaxBytes (default 50 MB) and MaxPages (default 500) limit a file.
	MaxBytes int
	MaxPages int
	// Cache may be nil: then every page is drawn when asked for.
	Cache Cache
	Now   func() time.Time // default time.Now
	Log   *slog.Logger
}

func (o *Options) fill() {
	o.Instances = min(max(o.Instances, 1), 4)
	if o.Queue == 0 {
		o.Queue = 32
	}
	if o.QueueTimeout == 0 {
		o.QueueTimeout = 15 * time.Second
	}
	if o.RenderTimeout == 0 {
		o.RenderTimeout = 10 * time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 50 << 20
	}
	if o.MaxPages == 0 {
		o.MaxPages = 500
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Viewer draws pages. It is safe for concurrent use; [Viewer.Close] ends it.
type Viewer struct {
	opt     Options
	modules *modules
	slots   chan *engine // those that are free
	known   *memory

	base context.Context // of everything that the viewer does on its own
	stop context.CancelFunc

	mu      sync.Mutex
	closed  bool
	waiting int
	flights map[key]*flight
	running sync.WaitGroup
}

// New checks opt. PDFium itself is started when the first page is asked for.
func New(opt Options) (*Viewer, error) {
	opt.fill()
	m, err := newModules(opt.Dir, opt.Log)
	if err != nil {
		return nil, fmt.Errorf("pdfview: %w", err)
	}
	v := &Viewer{opt: opt, modules: m, slots: make(chan *engine, opt.Instances), known: newMemory(opt.Now), flights: map[key]*flight{}}
	v.base, v.stop = context.WithCancel(context.Background())
	for range opt.Instances {
		v.slots <- &engine{modules: m}
	}
	return v, nil
}

// Pages gives the number of pages of the PDF whose SHA-256 is sha. pdf is
// called for its bytes when they are needed.
func (v *Viewer) Pages(ctx context.Context, sha [32]byte, pdf func() ([]byte, error)) (int, error) {
	sizes, err := v.PageSizes(ctx, sha, pdf)
	return len(sizes), err
}

// PageSizes gives the size of every page, A4 for one whose size cannot be
// read. The slice is shared and must not be changed.
func (v *Viewer) PageSizes(ctx context.Context, sha [32]byte, pdf func() ([]byte, error)) ([]Size, error) {
	k := key{sha: sha, page: wholeFile}
	if f, ok := v.known.get(k); ok {
		return f.sizes, f.err
	}
	r, err := v.share(ctx, k, func(ctx context.Context) (result, error) {
		var sizes []Size
		err := v.draw(ctx, k, pdf, func(d *document) (err error) {
			sizes, err = d.sizes()
			return err
		})
		if err == nil {
			v.known.put(k, fact{sizes: sizes}, 0)
		}
		return result{sizes: sizes}, err
	})
	return r.sizes, err
}

// Page gives page n, counted from 0, as a JPEG of [Snap](width) pixels. sha is
// the SHA-256 of the PDF, pdf is called for its bytes when they are needed.
func (v *Viewer) Page(ctx context.Context, sha [32]byte, n, width int, pdf func() ([]byte, error)) ([]byte, error) {
	if n < 0 {
		return nil, ErrNoPage
	}
	width = Snap(width)
	if f, ok := v.known.get(key{sha: sha, page: wholeFile}); ok {
		switch {
		case f.err != nil:
			return nil, f.err
		case n >= len(f.sizes):
			return nil, ErrNoPage
		}
	}
	if f, ok := v.known.get(key{sha: sha, page: n}); ok {
		return nil, f.err
	}
	if v.opt.Cache != nil {
		img, err := v.opt.Cache.PageImage(ctx, sha, n, width)
		switch {
		case err == nil:
			return img, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !errors.Is(err, approval.ErrNotFound):
			v.opt.Log.LogAttrs(ctx, slog.LevelWarn, "stored page image cannot be read", slog.Any("error", err))
		}
	}
	r, err := v.share(ctx, key{sha, n, width}, func(ctx context.Context) (result, error) {
		var img []byte
		err := v.draw(ctx, key{sha: sha, page: n}, pdf, func(d *document) error {
			sizes, err := d.sizes()
			if err != nil {
				return err
			}
			v.known.put(key{sha: sha, page: wholeFile}, fact{sizes: sizes}, 0)
			if n >= len(sizes) {
				return ErrNoPage
			}
			img, err = d.jpeg(n, sizes[n], width)
			return err
		})
		if err == nil && v.opt.Cache != nil {
			if err := v.opt.Cache.SavePageImage(v.base, sha, n, width, img); err != nil {
				v.opt.Log.LogAttrs(ctx, slog.LevelWarn, "page image cannot be stored", slog.Any("error", err))
			}
		}
		return result{jpeg: img}, err
	})
	return r.jpeg, err
}

// timeoutRemembered is for how long a file that took too long is not tried
// again. It may have been the load of the host, so not for ever.
const timeoutRemembered = 5 * time.Minute

// draw waits for an instance, opens the file in it and runs fn. It remembers
// what is wrong with a file.
func (v *Viewer) draw(ctx context.Context, k key, pdf func() ([]byte, error), fn func(*document) error) error {
	e, err := v.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { v.slots <- e }()
	file, err := pdf()
	if err != nil {
		return err
	}
	begin := v.opt.Now()
	err = v.open(e, file, k, fn)
	switch {
	case errors.Is(err, ErrTimeout):
		v.known.put(k, fact{err: err}, timeoutRemembered)
	case lasting(err) && k.page != wholeFile && errors.Is(err, errWholeFile):
		v.known.put(key{sha: k.sha, page: wholeFile}, fact{err: err}, 0)
	case lasting(err):
		v.known.put(k, fact{err: err}, 0)
	}
	level := slog.LevelDebug
	if err != nil && v.base.Err() == nil {
		level = slog.LevelWarn
	}
	v.opt.Log.LogAttrs(ctx, level, "pdf page drawn", slog.String("sha256", fmt.Sprintf("%x", k.sha[:6])), slog.Int("page", k.page),
		slog.Int("bytes", len(file)), slog.Duration("took", v.opt.Now().Sub(begin)), slog.Any("error", err))
	return err
}

// errWholeFile marks an error that concerns every page of a file.
var errWholeFile = errors.New("whole file")

func (v *Viewer) open(e *engine, file []byte, k key, fn func(*document) error) error {
	switch {
	case len(file) > v.opt.MaxBytes:
		return fmt.Errorf("%w: %d bytes, at most %d (%w)", ErrTooLarge, len(file), v.opt.MaxBytes, errWholeFile)
	case len(file) == 0:
		return fmt.Errorf("%w: empty (%w)", ErrBroken, errWholeFile)
	}
	if err := e.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(v.base, v.opt.RenderTimeout)
	defer cancel()
	err := e.run(ctx, file, v.opt.MaxPages, fn)
	if v.base.Err() != nil {
		return ErrClosed
	}
	return err
}

// acquire takes a free instance, or waits in the bounded queue for one.
func (v *Viewer) acquire(ctx context.Context) (*engine, error) {
	select {
	case e := <-v.slots:
		return e, nil
	default:
	}
	v.mu.Lock()
	if v.waiting >= v.opt.Queue {
		v.mu.Unlock()
		return nil, ErrBusy
	}
	v.waiting++
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		v.waiting--
		v.mu.Unlock()
	}()
	wait := time.NewTimer(v.opt.QueueTimeout)
	defer wait.Stop()
	select {
	case e := <-v.slots:
		return e, nil
	case <-wait.C:
		return nil, ErrBusy
	case <-ctx.Done():
		if v.base.Err() != nil {
			return nil, ErrClosed
		}
		return nil, ctx.Err()
	}
}

// Close ends what is being drawn, waits for it and frees the memory. Whoever
// still waits gets [ErrClosed].
func (v *Viewer) Close() error {
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return nil
	}
	v.closed = true
	v.mu.Unlock()
	v.stop()
	v.running.Wait()
	for range v.opt.Instances {
		(<-v.slots).drop()
	}
	return v.modules.close()
}
