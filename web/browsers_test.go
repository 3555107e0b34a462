package web

import "testing"

func TestBrowsers(t *testing.T) {
	t.Parallel()
	const webkit = ") AppleWebKit/605.1.15 (KHTML, like Gecko) "
	for _, tt := range []struct{ agent, inside, old, denied string }{
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 16_3_1 like Mac OS X" + webkit + "Version/16.3 Mobile/15E148 Safari/604.1", "", "16.3", "push.denied.ios"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 16_4 like Mac OS X" + webkit + "Version/16.4 Mobile/15E148 Safari/604.1", "", "", "push.denied.ios"},
		{"Mozilla/5.0 (iPad; CPU OS 13_0 like Mac OS X" + webkit + "Version/13.0 Mobile/15E148 Safari/604.1", "", "13.0", "push.denied.ios"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X" + webkit + "Version/26.1 Mobile/15E148 Safari/604.1", "", "", "push.denied.ios"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X" + webkit + "Mobile/15E148 Safari Line/14.5.0", "LINE", "", "push.denied.ios"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X" + webkit + "Mobile/15E148 [FBAN/MessengerForiOS;FBAV/450]", "Messenger", "", "push.denied.ios"},
		{"Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36 [FB_IAB/Orca-Android;FBAV/450]", "Messenger", "", "push.denied.android"},
		{"Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Version/4.0 Chrome/130.0 Mobile Safari/537.36", "App", "", "push.denied.android"},
		{"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "", "", "push.denied.android"},
		{"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36", "", "", "push.denied.samsung"},
		{"Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0", "", "", "push.denied.firefox"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7" + webkit + "Version/17.5 Safari/605.1.15", "", "", "push.denied.safari"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "", "", "push.denied.desktop"},
		{"", "", "", "push.denied.desktop"},
	} {
		if got := insideApp(tt.agent); got != tt.inside {
			t.Errorf("%s is inside %q, want %q", tt.agent, got, tt.inside)
		}
		if got := oldApple(tt.agent); got != tt.old {
			t.Errorf("%s is old as %q, want %q", tt.agent, got, tt.old)
		}
		if got := deniedKey(tt.agent); got != tt.denied {
			t.Errorf("%s: denied as %q, want %q", tt.agent, got, tt.denied)
		}
	}
}
