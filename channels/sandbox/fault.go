package sandbox

import (
	"net/http"
	"strconv"
	"time"
)

// Fault is a bad day of a provider: what it answers instead of its usual.
type Fault struct {
	// Accept: the message is taken first, as far as it is a good one; only
	// the answer is bad.
	Accept bool
	// Hang: no answer comes before the client gives up or the sandbox closes.
	Hang bool
	// Slow is how long it takes. A fault that says nothing else is a good
	// answer that comes late.
	Slow time.Duration
	// Status, Header and Body are the answer. Status 0 with Hang and Slow unset
	// cuts the connection.
	Status int
	Header http.Header
	Body   string
	// Times is how often; 0 means until it is cleared.
	Times int
}

// RateLimited: not taken, to be tried again after this long; 0 does not say when.
func RateLimited(after time.Duration) Fault {
	f := Fault{Status: http.StatusTooManyRequests, Body: `{"message":"The API rate limit has been exceeded. Try again later."}`}
	if after > 0 {
		f.Header = http.Header{"Retry-After": {strconv.Itoa(int(after / time.Second))}}
	}
	return f
}

// FailAfterAccept: taken, and then an internal error is answered.
func FailAfterAccept() Fault {
	return Fault{Accept: true, Status: http.StatusInternalServerError, Body: `{"message":"Internal Server Error"}`}
}

// HangAfterAccept: taken, and no answer comes.
func HangAfterAccept() Fault { return Fault{Accept: true, Hang: true} }

// Hang: not taken, and no answer comes.
func Hang() Fault { return Fault{Hang: true} }

// CutAfterAccept: taken, and the connection is cut.
func CutAfterAccept() Fault { return Fault{Accept: true} }

// Redirect: not taken, and the answer points elsewhere.
func Redirect(location string) Fault {
	return Fault{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {location}}}
}

// Answer: not taken, with this status and body.
func Answer(status int, body string) Fault { return Fault{Status: status, Body: body} }

// WrongBody: taken, and the answer to it cannot be read.
func WrongBody() Fault {
	return Fault{Accept: true, Status: http.StatusOK, Body: `<html><body>200 OK</body>`}
}

// Slow: taken and answered well, after this long.
func Slow(d time.Duration) Fault { return Fault{Slow: d} }

// Once limits a fault to one request.
func (f Fault) Once() Fault {
	f.Times = 1
	return f
}

// Twice limits a fault to two requests.
func (f Fault) Twice() Fault {
	f.Times = 2
	return f
}

// SetFault makes every message to the address (LINE user ID or push endpoint)
// fail, "" for all addresses. It lasts until [Sandbox.ClearFault].
func (s *Sandbox) SetFault(address string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[address] = &f
}

// ClearFault ends the fault of the address.
func (s *Sandbox) ClearFault(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.faults, address)
}

// takeFaultLocked gives the fault that meets a message to the address now.
func (s *Sandbox) takeFaultLocked(address string) (Fault, bool) {
	for _, key := range []string{address, ""} {
		f := s.faults[key]
		if f == nil {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				delete(s.faults, key)
			}
		}
		return *f, true
	}
	return Fault{}, false
}

// late waits as long as a slow fault takes, and reports whether that was all
// of it.
func (s *Sandbox) late(r *http.Request, f Fault) (only bool) {
	if f.Slow <= 0 {
		return false
	}
	wait := time.NewTimer(f.Slow)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-r.Context().Done():
	case <-s.closed:
	}
	return !f.Accept && !f.Hang && f.Status == 0
}

// fail gives the bad answer.
func (s *Sandbox) fail(w http.ResponseWriter, r *http.Request, f Fault) {
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
	}
	if f.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	for k, v := range f.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body))
}
