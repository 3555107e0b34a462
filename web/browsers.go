package web

import (
	"regexp"
	"strconv"
	"strings"

	"qianhe/approval/access"
)

// This file is what the page of notifications has to know of browsers: which of
// them cannot be told anything, and what their owners can do about it. A page
// with its script looks again, see push.js: an iPad calls itself a Mac.

// browserOf gives the browser that a User-Agent claims to be.
func browserOf(userAgent string) (browser, platform string) {
	label, platform := access.DescribeBrowser(userAgent)
	if _, b, found := strings.Cut(label, " · "); found {
		return b, platform
	}
	return label, platform
}

// insideApp names the app whose built-in browser asks. Such browsers know no
// push and no home screen.
func insideApp(userAgent string) string {
	switch browser, _ := browserOf(userAgent); browser {
	case "LINE", "Messenger", "Facebook", "Instagram", "WeChat", "Google":
		return browser
	case "WebView":
		return "App"
	}
	return ""
}

// outside gives the address that leads from an app's browser to the same page in
// the phone's own: LINE knows a word for it. It is "" where there is none.
func outside(app, address string) string {
	if app != "LINE" {
		return ""
	}
	sep := "?"
	if strings.Contains(address, "?") {
		sep = "&"
	}
	return address + sep + "openExternalBrowser=1"
}

// staysInside reports whether a page is meant for an app's own browser: LINE's
// dialog has to know who opens it.
func staysInside(address string) bool { return strings.HasPrefix(address, "/link/line") }

// appleVersion is how iPhones and iPads name theirs: "CPU iPhone OS 16_3_1 like
// Mac OS X".
var appleVersion = regexp.MustCompile(`(?:iPhone )?OS (\d{1,2})_(\d{1,2})(?:_\d+)* like Mac OS X`)

// oldApple gives the version of an iPhone or iPad that has no Web Push: before
// 16.4. It is "" for all others.
func oldApple(userAgent string) string {
	m := appleVersion.FindStringSubmatch(userAgent)
	if m == nil {
		return ""
	}
	major, _ := strconv.Atoi(m[1]) // both are digits
	minor, _ := strconv.Atoi(m[2])
	if major > 16 || major == 16 && minor >= 4 {
		return ""
	}
	return m[1] + "." + m[2]
}

// deniedKey is how notifications that were once refused are allowed again.
func deniedKey(userAgent string) string {
	switch browser, platform := browserOf(userAgent); {
	case platform == "ios":
		return "push.denied.ios"
	case browser == "Samsung Internet":
		return "push.denied.samsung"
	case browser == "Firefox":
		return "push.denied.firefox"
	case platform == "android":
		return "push.denied.android"
	case browser == "Safari":
		return "push.denied.safari"
	}
	return "push.denied.desktop"
}
