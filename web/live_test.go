package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What a page asks and says that no proxy lets have a connection.
func TestHeadAndSeen(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "wang", "/live/head").status(t, 200)
	if !strings.HasPrefix(a.text, `{"epoch":"e","seq":7,"rev":9,"counts":{"pending":`) {
		t.Errorf("head is %s", a.text)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q", a.Header.Get("Cache-Control"))
	}
	for _, body := range []string{`{"seq":0}`, `{"seq":8}`, `{"seq":-1}`, `{`, `{"seq":"7"}`} {
		o.sendJSON(t, "wang", "/live/seen", body).status(t, http.StatusBadRequest)
	}
	o.sendJSON(t, "wang", "/live/seen", `{"seq":7}`).status(t, http.StatusNoContent)
	if !slices.Equal(o.post.heard(), []string{"seen up to 7 via live"}) {
		t.Errorf("said %q", o.post.heard())
	}
}

func TestClicked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.newID()
	o.sendJSON(t, "wang", "/push/clicked", `{"delivery":"`+id+`"}`).status(t, http.StatusNoContent)
	o.sendJSON(t, "wang", "/push/clicked", `{"delivery":"x"}`).status(t, http.StatusNotFound)
	if !slices.Equal(o.post.heard(), []string{"seen delivery " + id + " via webpush"}) {
		t.Errorf("said %q", o.post.heard())
	}
}
