package hub_test

import (
	"testing"

	"qianhe/hub"
)

// TestHeard: what a provider or a device says by itself opens no window.
func TestHeard(t *testing.T) {
	t.Parallel()
	for kind, want := range map[hub.InboundKind]bool{
		hub.InFollow: true, hub.InMessage: true, hub.InPostback: true, hub.InReferral: true, hub.InTouch: true, hub.InLinked: true,
		hub.InUnfollow: false, hub.InLinkFailed: false, hub.InDelivered: false, hub.InRead: false, hub.InStatus: false, "other": false,
	} {
		if got := kind.Heard(); got != want {
			t.Errorf("%s: heard %t, want %t", kind, got, want)
		}
	}
}
