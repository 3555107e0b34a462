package pdfview

import (
	"context"
	"errors"
)

// wholeFile is the page number in keys that mean the file itself.
const wholeFile = -1

// key names one piece of work.
type key struct {
	sha   [32]byte
	page  int
	width int
}

// result is what a piece of work gives: sizes or an image.
type result struct {
	sizes []Size
	jpeg  []byte
}

// flight is one piece of work that any number of callers wait for.
type flight struct {
	done    chan struct{} // closed when result and err are set
	result  result
	err     error
	waiters int // guarded by Viewer.mu
	cancel  context.CancelFunc
}

// share runs fn once for all who ask for k at the same time. A caller whose
// context ends leaves; when the last one has left, fn's context ends.
func (v *Viewer) share(ctx context.Context, k key, fn func(context.Context) (result, error)) (result, error) {
	for tries := 0; ; tries++ {
		f, err := v.join(k, fn)
		if err != nil {
			return result{}, err
		}
		select {
		case <-f.done:
			v.leave(k, f)
			// The bytes are read by the first caller's function, whose request may
			// have ended; that is no reason to refuse the others.
			if errors.Is(f.err, context.Canceled) && ctx.Err() == nil && tries < 3 {
				continue
			}
			return f.result, f.err
		case <-ctx.Done():
			v.leave(k, f)
			return result{}, ctx.Err()
		}
	}
}

func (v *Viewer) join(k key, fn func(context.Context) (result, error)) (*flight, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, ErrClosed
	}
	if f, ok := v.flights[k]; ok {
		f.waiters++
		return f, nil
	}
	ctx, cancel := context.WithCancel(v.base)
	f := &flight{done: make(chan struct{}), waiters: 1, cancel: cancel}
	v.flights[k] = f
	v.running.Go(func() {
		defer cancel()
		f.result, f.err = fn(ctx)
		v.forget(k, f)
		close(f.done)
	})
	return f, nil
}

func (v *Viewer) leave(k key, f *flight) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f.waiters--
	if f.waiters > 0 {
		return
	}
	f.cancel()
	if v.flights[k] == f {
		delete(v.flights, k)
	}
}

func (v *Viewer) forget(k key, f *flight) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.flights[k] == f {
		delete(v.flights, k)
	}
}
