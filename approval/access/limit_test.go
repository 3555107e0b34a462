package access_test

import (
	"errors"
	"testing"
	"time"

	"qianhe/approval/access"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestLimit(t *testing.T) {
	t.Parallel()
	quarter := access.Rule{Max: 10, Within: 15 * time.Minute}
	day := access.Rule{Max: 100, Within: 24 * time.Hour}
	tests := []struct {
		name    string
		counted []access.Failures
		want    time.Duration // 0: allowed
	}{
		{"nothing counted", nil, 0},
		{"fewer than the rule", []access.Failures{{Rule: quarter}}, 0},
		{"reached just now", []access.Failures{{Rule: quarter, Decisive: noon}}, 15 * time.Minute},
		{"reached a while ago", []access.Failures{{Rule: quarter, Decisive: noon.Add(-14 * time.Minute)}}, time.Minute},
		{"parts of a second are rounded up", []access.Failures{{Rule: quarter, Decisive: noon.Add(-15*time.Minute + time.Nanosecond)}}, time.Second},
		{"left the window this moment", []access.Failures{{Rule: quarter, Decisive: noon.Add(-15 * time.Minute)}}, 0},
		{"long ago", []access.Failures{{Rule: quarter, Decisive: noon.Add(-time.Hour)}}, 0},
		{"the longest wait of several", []access.Failures{{Rule: quarter, Decisive: noon}, {Rule: day, Decisive: noon.Add(-23 * time.Hour)}}, time.Hour},
		{"one of several is reached", []access.Failures{{Rule: quarter}, {Rule: day, Decisive: noon.Add(-20 * time.Hour)}}, 4 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := access.Limit(noon, tt.counted)
			limited, _ := errors.AsType[*access.LimitedError](err)
			var got time.Duration
			if limited != nil {
				got = limited.RetryAfter
			}
			if got != tt.want || (err == nil) != (tt.want == 0) {
				t.Errorf("got %v (%v), want %v", got, err, tt.want)
			}
		})
	}
}

func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	keys := map[[32]byte]string{}
	for name, key := range map[string][32]byte{
		"lin":             access.LoginKey("lin"),
		"wang":            access.LoginKey("wang"),
		"lin on device 1": access.DeviceKey("lin", "1"),
		"lin on device 2": access.DeviceKey("lin", "2"),
		"lin1 on none":    access.LoginKey("lin1"),
		"lin on no name":  access.DeviceKey("lin", ""),
		"a login made up": access.LoginKey("lin\x001"),
	} {
		if other, taken := keys[key]; taken {
			t.Errorf("%s and %s are counted together", name, other)
		}
		keys[key] = name
	}
}

func TestPolicyDefaults(t *testing.T) {
	t.Parallel()
	p := access.Policy{Idle: time.Hour, Account: []access.Rule{}}.WithDefaults()
	d := access.DefaultPolicy()
	if p.Idle != time.Hour || p.Absolute != d.Absolute || p.Device != d.Device || p.Keep != d.Keep {
		t.Errorf("got %+v, want the defaults of %+v with one hour idle", p, d)
	}
	if len(p.Account) != 0 || len(p.Address) != len(d.Address) {
		t.Errorf("got rules %v and %v, want none for accounts and the defaults for addresses", p.Account, p.Address)
	}
	if got, want := p.Longest(), 24*time.Hour; got != want {
		t.Errorf("longest window: got %v, want %v", got, want)
	}
}
