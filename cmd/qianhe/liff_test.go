package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"qianhe/hub"
)

// TestLIFF links LINE by its ID token. The test plays the page's script.
func TestLIFF(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	v := d.signedIn(t, "lin")
	status, page := v.get("/link/line/liff")
	box := page.Find("[data-liff]")
	nonce, _ := box.Attr("data-nonce")
	if id, _ := box.Attr("data-liff"); status != http.StatusOK || id == "" || nonce == "" || !strings.Contains(says(page, "main"), "LINE") {
		t.Fatalf("page: %d %s", status, says(page, "main"))
	}
	prove := func(v *visitor, token, nonce string) int {
		t.Helper()
		body, err := json.Marshal(map[string]string{"idToken": token, "nonce": nonce})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.base+"/link/line/liff", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", v.base)
		res, err := v.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	const user = "U0123456789abcdef0123456789abcdef"
	token := d.sandbox.IDToken(user)
	if got := prove(v, token, ""); got != http.StatusForbidden {
		t.Errorf("without a nonce: %d", got)
	}
	if got := prove(v, token+"A", nonce); got != http.StatusForbidden {
		t.Errorf("a changed token: %d", got)
	}
	if got := prove(v, token, nonce); got != http.StatusOK {
		t.Fatalf("a good token: %d", got)
	}
	l, err := d.hub.LinkByAddress(t.Context(), hub.LINE, user)
	if err != nil {
		t.Fatal(err)
	}
	// Whoever has got hold of the token cannot use it again.
	other := d.signedIn(t, "wang")
	_, page = other.get("/link/line/liff")
	fresh, _ := page.Find("[data-liff]").Attr("data-nonce")
	if got := prove(other, token, fresh); got != http.StatusForbidden {
		t.Errorf("the token again: %d", got)
	}
	if got := prove(v, d.sandbox.IDToken(user), nonce); got != http.StatusForbidden {
		t.Errorf("the nonce again: %d", got)
	}
	if again, err := d.hub.LinkByAddress(t.Context(), hub.LINE, user); err != nil || again.ID != l.ID {
		t.Errorf("link is %+v, %v", again, err)
	}
}
