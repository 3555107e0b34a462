package access

import (
	"strings"
	"time"
)

// Device is a browser that an account has signed in on.
type Device struct {
	ID         string
	Label      string // as [DescribeBrowser] gives it, "" when nothing is known
	Platform   string // ios, android, windows, macos, linux or ""
	CreatedAt  time.Time
	LastSeenAt time.Time // to about a minute
	Current    bool      // the one that asks
	Sessions   int       // that have not ended: 0 or 1

	// Trusted: its owner has confirmed it, and its sessions are full ones.
	Trusted bool
	Class   Class
	// Phone is the same for the browser contexts of one phone, "" for a desktop.
	Phone string
	// ReadingUntil is until when its sessions may only read, zero for never.
	ReadingUntil time.Time
}

// Class is what an agency may rule on separately.
type Class string

const (
	Mobile  Class = "mobile"  // phones and tablets
	Desktop Class = "desktop" // anything else, also what is not known
)

// ClassOf gives the class of a platform that [DescribeBrowser] names.
func ClassOf(platform string) Class {
	if platform == "ios" || platform == "android" {
		return Mobile
	}
	return Desktop
}

// maxUserAgent is how much of a User-Agent is looked at, in bytes.
const maxUserAgent = 512

// machines by what a User-Agent says of them. The order matters: iPadOS
// says "like Mac OS X", Android says Linux.
var machines = [...]struct{ mark, name, platform string }{
	{"iPhone", "iPhone", "ios"},
	{"iPad", "iPad", "ios"},
	{"iPod", "iPod", "ios"},
	{"Android", "Android", "android"},
	{"Windows", "Windows", "windows"},
	{"Macintosh", "Mac", "macos"},
	{"CrOS", "ChromeOS", "linux"},
	{"Linux", "Linux", "linux"},
}

// browsers by the product they name. Nearly all name Safari and Chrome too, and
// apps that show pages name the browser they are built on: the more special
// come first.
var browsers = [...]struct{ mark, name string }{
	{" Line/", "LINE"},
	{"MessengerForiOS", "Messenger"},
	{"Orca-Android", "Messenger"},
	{"FBAN/", "Facebook"},
	{"FBAV/", "Facebook"},
	{"Instagram ", "Instagram"},
	{"MicroMessenger/", "WeChat"},
	{"EdgA/", "Edge"},
	{"EdgiOS/", "Edge"},
	{"Edg/", "Edge"},
	{"Edge/", "Edge"},
	{"SamsungBrowser/", "Samsung Internet"},
	{"OPR/", "Opera"},
	{"OPT/", "Opera"},
	{"OPiOS/", "Opera"},
	{"FxiOS/", "Firefox"},
	{"Firefox/", "Firefox"},
	{"CriOS/", "Chrome"},
	{"GSA/", "Google"},
	{"; wv)", "WebView"},
	{"Chromium/", "Chromium"},
	{"Chrome/", "Chrome"},
	{"Trident/", "Internet Explorer"},
	{"Safari/", "Safari"},
}

// DescribeBrowser says what a User-Agent claims to be, in words for its owner:
// "iPhone · Safari", "Android · LINE". Every word is one of this package's,
// none is the sender's. Both results are "" for what it does not know; an iPad
// that asks for desktop pages calls itself a Mac.
func DescribeBrowser(userAgent string) (label, platform string) {
	if len(userAgent) > maxUserAgent {
		userAgent = userAgent[:maxUserAgent]
	}
	var machine, browser string
	for _, m := range machines {
		if strings.Contains(userAgent, m.mark) {
			machine, platform = m.name, m.platform
			break
		}
	}
	for _, b := range browsers {
		if strings.Contains(userAgent, b.mark) {
			browser = b.name
			break
		}
	}
	switch {
	case machine == "":
		return browser, platform
	case browser == "":
		return machine, platform
	}
	return machine + " · " + browser, platform
}
