package hub_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/hub"
)

func TestMask(t *testing.T) {
	t.Parallel()
	tests := []struct {
		channel         hub.ChannelName
		label, provider string
		want            [2]string
	}{
		{hub.SMS, "+886912345678", "SM00112233445566778899aabbccddeeff", [2]string{"•••678", "•••eff"}},
		{hub.LINE, "王小明", "short", [2]string{"•••", "•••"}},
		{hub.WebPush, "iPhone · Safari", "", [2]string{"iPhone · Safari", ""}},
		{hub.Messenger, "", "", [2]string{"", ""}},
	}
	for _, tt := range tests {
		d := hub.LedgerDelivery{Channel: tt.channel, Label: tt.label, ProviderID: tt.provider, Ref: "A7K2"}.Mask()
		if diff := cmp.Diff(tt.want, [2]string{d.Label, d.ProviderID}); diff != "" || d.Ref != "A7K2" {
			t.Errorf("%s: label and provider's name (-want +got):\n%s", tt.channel, diff)
		}
	}
}
