package messenger_test

import (
	"strings"
	"testing"
)

func TestProbeAndSetup(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	probe := func() (string, error) {
		lines, err := st.channel.Probe(t.Context())
		return strings.Join(lines, "\n"), err
	}
	said, err := probe()
	if err == nil || !strings.Contains(err.Error(), "messaging_referrals") || !strings.Contains(said, "青川市政府公文通知") {
		t.Errorf("before the set-up: %v\n%s", err, said)
	}
	for range 2 { // may be repeated
		lines, err := st.channel.Setup(t.Context(), "https://sign.example.gov.tw")
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) != 2 {
			t.Errorf("set-up says %q", lines)
		}
	}
	if said, err = probe(); err != nil || !strings.Contains(said, "events: subscribed") || !strings.Contains(said, "v26.0") {
		t.Errorf("after the set-up: %v\n%s", err, said)
	}
	for _, secret := range []string{st.Page().Token, st.Page().AppSecret, st.Page().VerifyToken} {
		if strings.Contains(said, secret) {
			t.Errorf("probe shows a secret:\n%s", said)
		}
	}
	// Meta ends it after an hour of failed callbacks.
	st.Unsubscribe()
	if _, err := probe(); err == nil || !strings.Contains(err.Error(), "-setup") {
		t.Errorf("unsubscribed: %v, want an error that says what to do", err)
	}
	if _, err := st.channel.Setup(t.Context(), "http://sign.example.gov.tw"); err == nil {
		t.Error("a menu that opens an http address")
	}
}
