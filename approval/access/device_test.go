package access_test

import (
	"strings"
	"testing"

	"qianhe/approval/access"
)

func TestDescribeBrowser(t *testing.T) {
	t.Parallel()
	const (
		ios     = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
		android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
		windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
	)
	tests := []struct{ userAgent, label, platform string }{
		{ios + "Version/18.6 Mobile/15E148 Safari/604.1", "iPhone · Safari", "ios"},
		{ios + "CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1", "iPhone · Chrome", "ios"},
		{ios + "FxiOS/143.0 Mobile/15E148 Safari/605.1.15", "iPhone · Firefox", "ios"},
		{ios + "Version/18.0 EdgiOS/141.0.3537.57 Mobile/15E148 Safari/604.1", "iPhone · Edge", "ios"},
		{ios + "Mobile/15E148 Safari Line/15.12.1", "iPhone · LINE", "ios"},
		{ios + "Mobile/15E148 Safari Line/15.12.1 LIFF", "iPhone · LINE", "ios"},
		{ios + "Mobile/15E148 [FBAN/MessengerForiOS;FBAV/520.0.0;FBDV/iPhone15,2]", "iPhone · Messenger", "ios"},
		{ios + "Mobile/15E148 [FBAN/FBIOS;FBDV/iPhone13,3;FBSN/iOS]", "iPhone · Facebook", "ios"},
		{ios + "Mobile/15E148", "iPhone", "ios"},
		{"Mozilla/5.0 (iPad; CPU OS 13_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.2 Mobile/15E148 Safari/604.1", "iPad · Safari", "ios"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15", "Mac · Safari", "macos"},
		{android + "Chrome/141.0.0.0 Mobile Safari/537.36", "Android · Chrome", "android"},
		{android + "Chrome/80.0.3987.99 Mobile Safari/537.36", "Android · Chrome", "android"},
		{android + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "Android · Samsung Internet", "android"},
		{android + "Chrome/141.0.0.0 Mobile Safari/537.36 EdgA/141.0.0.0", "Android · Edge", "android"},
		{android + "Chrome/141.0.0.0 Mobile Safari/537.36 OPR/91.0.0.0", "Android · Opera", "android"},
		{"Mozilla/5.0 (Linux; Android 14; SM-S9180; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.0.0 Mobile Safari/537.36 Line/15.13.0/IAB", "Android · LINE", "android"},
		{"Mozilla/5.0 (Linux; Android 14; SM-S9180; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.0.0 Mobile Safari/537.36 [FB_IAB/Orca-Android;FBAV/520.0.0.0;]", "Android · Messenger", "android"},
		{"Mozilla/5.0 (Linux; Android 14; SM-S9180; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.0.0 Mobile Safari/537.36", "Android · WebView", "android"},
		{"Mozilla/5.0 (Android 14; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0", "Android · Firefox", "android"},
		{windows + "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "Windows · Edge", "windows"},
		{windows + "Chrome/141.0.0.0 Safari/537.36", "Windows · Chrome", "windows"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0", "Windows · Firefox", "windows"},
		{"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "Windows · Internet Explorer", "windows"},
		{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", "Linux · Chrome", "linux"},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", "ChromeOS · Chrome", "linux"},
		{"Firefox/143.0", "Firefox", ""},
		{"curl/8.5.0", "", ""},
		{"", "", ""},
		{"<script>alert(1)</script>", "", ""},
		{strings.Repeat("x", 600) + "iPhone Safari/604.1", "", ""},
	}
	for _, tt := range tests {
		label, platform := access.DescribeBrowser(tt.userAgent)
		if label != tt.label || platform != tt.platform {
			t.Errorf("%s:\ngot %q, %q, want %q, %q", tt.userAgent, label, platform, tt.label, tt.platform)
		}
	}
}
