package pdfview_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"qianhe/approval"
	"qianhe/web/pdfview"
)

// cache is a Cache in memory that counts.
type cache struct {
	mu     sync.Mutex
	images map[string][]byte
	gets   int
	broken error
}

func (c *cache) PageImage(_ context.Context, sha [32]byte, page, width int) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gets++
	if c.broken != nil {
		return nil, c.broken
	}
	if b, ok := c.images[fmt.Sprint(hexOf(sha), page, width)]; ok {
		return b, nil
	}
	return nil, approval.ErrNotFound
}

func (c *cache) SavePageImage(_ context.Context, sha [32]byte, page, width int, jpeg []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	if c.images == nil {
		c.images = map[string][]byte{}
	}
	c.images[fmt.Sprint(hexOf(sha), page, width)] = jpeg
	return nil
}

func TestStoredImageIsUsed(t *testing.T) {
	t.Parallel()
	c := &cache{}
	v := newViewer(t, pdfview.Options{Cache: c})
	sha, get := source(plain())
	first, err := v.Page(t.Context(), sha, 0, 700, get)
	if err != nil {
		t.Fatal(err)
	}
	second, err := v.Page(t.Context(), sha, 0, 720, func() ([]byte, error) {
		t.Error("the file is read although the image is stored")
		return get()
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("stored image differs:\n%s", diff)
	}
}

func TestBrokenCacheDoesNotMatter(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{Cache: &cache{broken: errors.New("no connection")}})
	sha, get := source(plain())
	if _, err := v.Page(t.Context(), sha, 0, 720, get); err != nil {
		t.Errorf("Page: %v", err)
	}
}

func TestSamePageIsDrawnOnce(t *testing.T) {
	t.Parallel()
	c := &cache{}
	v := newViewer(t, pdfview.Options{Cache: c})
	pdf := plain()
	sha, _ := source(pdf)
	var reads atomic.Int32
	release := make(chan struct{})
	get := func() ([]byte, error) {
		reads.Add(1)
		<-release
		return pdf, nil
	}
	const callers = 8
	errs := make(chan error, callers)
	for range callers {
		go func() {
			_, err := v.Page(t.Context(), sha, 0, 720, get)
			errs <- err
		}()
	}
	// Let one read begin and every caller look into the cache before it ends.
	waitFor(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.gets == callers && reads.Load() == 1
	})
	close(release)
	for range callers {
		if err := <-errs; err != nil {
			t.Errorf("Page: %v", err)
		}
	}
	if got := reads.Load(); got != 1 {
		t.Errorf("the file was read %d times, want once", got)
	}
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{Instances: 1, Queue: 1})
	pdf := plain()
	started, release := make(chan struct{}), make(chan struct{})
	blocked := func() ([]byte, error) { close(started); <-release; return pdf, nil }
	quick := func() ([]byte, error) { return pdf, nil }
	errs := make(chan error, 2)
	go func() {
		_, err := v.Page(t.Context(), [32]byte{1}, 0, 720, blocked)
		errs <- err
	}()
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := v.Page(ctx, [32]byte{2}, 0, 720, quick)
		errs <- err
	}()
	waitFor(t, func() bool { return v.Waiting() == 1 })
	if _, err := v.Page(t.Context(), [32]byte{3}, 0, 720, quick); !errors.Is(err, pdfview.ErrBusy) {
		t.Errorf("the third: got error %v, want ErrBusy", err)
	}
	// A place is free again when its caller leaves.
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who left: got error %v, want context.Canceled", err)
	}
	waitFor(t, func() bool { return v.Waiting() == 0 })
	close(release)
	if err := <-errs; err != nil {
		t.Errorf("the first: %v", err)
	}
}

func TestQueueTimeout(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{Instances: 1, QueueTimeout: time.Millisecond})
	pdf := plain()
	started, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := v.Page(t.Context(), [32]byte{1}, 0, 720, func() ([]byte, error) { close(started); <-release; return pdf, nil })
		done <- err
	}()
	<-started
	if _, err := v.Page(t.Context(), [32]byte{2}, 0, 720, func() ([]byte, error) { return pdf, nil }); !errors.Is(err, pdfview.ErrBusy) {
		t.Errorf("got error %v, want ErrBusy", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Errorf("the first: %v", err)
	}
}

// TestLeaderLeaves: the bytes come through the first caller's request. When it
// ends, the others read them again.
func TestLeaderLeaves(t *testing.T) {
	t.Parallel()
	c := &cache{}
	v := newViewer(t, pdfview.Options{Cache: c})
	pdf := plain()
	sha, get := source(pdf)
	ctx, cancel := context.WithCancel(t.Context())
	started, release := make(chan struct{}), make(chan struct{})
	leader := make(chan error, 1)
	go func() {
		_, err := v.Page(ctx, sha, 0, 720, func() ([]byte, error) {
			close(started)
			<-release
			return nil, ctx.Err()
		})
		leader <- err
	}()
	<-started
	follower := make(chan error, 1)
	go func() {
		_, err := v.Page(t.Context(), sha, 0, 720, get)
		follower <- err
	}()
	waitFor(t, func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.gets == 2 })
	cancel()
	if err := <-leader; !errors.Is(err, context.Canceled) {
		t.Errorf("leader: got error %v, want context.Canceled", err)
	}
	close(release)
	if err := <-follower; err != nil {
		t.Errorf("follower: %v", err)
	}
}

func TestReadError(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{})
	sha, get := source(plain())
	sorry := errors.New("no connection")
	if _, err := v.Page(t.Context(), sha, 0, 720, func() ([]byte, error) { return nil, sorry }); !errors.Is(err, sorry) {
		t.Errorf("got error %v, want the reader's", err)
	}
	if _, err := v.Page(t.Context(), sha, 0, 720, get); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestClose(t *testing.T) {
	// Not parallel: it looks at the goroutines of its own viewer.
	before := goleak.IgnoreCurrent()
	v := newViewer(t, pdfview.Options{Instances: 2})
	sha, get := source(plain())
	if _, err := v.Page(t.Context(), sha, 0, 720, get); err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	running, waiting := make(chan error, 1), make(chan error, 1)
	slow := endless(12)
	go func() {
		_, err := v.Page(t.Context(), [32]byte{1}, 0, 1440, func() ([]byte, error) { close(started); return slow, nil })
		running <- err
	}()
	<-started
	go func() {
		_, err := v.Page(t.Context(), [32]byte{2}, 0, 1440, func() ([]byte, error) { return slow, nil })
		waiting <- err
	}()
	if err := v.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-running; !errors.Is(err, pdfview.ErrClosed) {
		t.Errorf("the one being drawn: got error %v, want ErrClosed", err)
	}
	if err := <-waiting; !errors.Is(err, pdfview.ErrClosed) {
		t.Errorf("the other: got error %v, want ErrClosed", err)
	}
	if _, err := v.Page(t.Context(), sha, 0, 720, get); !errors.Is(err, pdfview.ErrClosed) {
		t.Errorf("after Close: got error %v, want ErrClosed", err)
	}
	if err := v.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func TestParallelViewers(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{Instances: 2, Queue: 100})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			sha, get := source(onePage(a4Box, fmt.Sprintf("1 0 0 rg 0 0 100 %d re f", 50+i)))
			if _, err := v.Page(t.Context(), sha, 0, 720, get); err != nil {
				t.Errorf("Page: %v", err)
			}
		})
	}
	wg.Wait()
}

// waitFor asks again and again until ok; the test's own deadline ends it.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("did not happen")
		}
	}
}
