package access

import "strings"

// robots are marks of programs that fetch addresses which they find in messages:
// previews of chats, scanners of mail and phones, search engines. In lower case,
// as [Robot] compares.
var robots = [...]string{
	// LINE; its in-app browser says " Line/" and is none of these.
	"line-poker", "linespider", "line-crawler",
	// Facebook, Messenger and Instagram; iMessage names itself after it as well.
	"facebookexternalhit", "facebot", "facebookcatalog", "meta-externalagent", "meta-externalfetcher",
	// Other chats.
	"whatsapp/", "kakaotalk-scrap", "skypeuripreview", "slack-imgproxy", "linkexpanding", "yahoo link preview",
	"viber/", "zalo-preview", "snap url preview", "wechatshareextension", "larkurl", "lark-url-preview", "mastodon/",
	"embedly", "iframely", "vkshare", "flipboardproxy", "quora link preview", "w3c_validator",
	// Android, Google and its mail.
	"google-pagerenderer", "google-read-aloud", "google-safety", "google-inspectiontool", "google-site-verification", "googleimageproxy",
	"googleother", "google-extended", "google web preview", "google favicon", "googleweblight", "feedfetcher-google", "mediapartners-google",
	// Microsoft: Outlook's Safe Links says so only at times; Office asks before it opens a link.
	"safelinks", "bingpreview", "microsoftpreview", "ms-office", "msoffice", "microsoft office", "microsoft-webdav", "ms-search",
	"exchange web services",
	// Mail gateways and scanners. Only names that no browser of a protected phone
	// carries: a person who is taken for a robot cannot get in.
	"barracuda", "proofpoint", "mimecast", "cisco-ironport", "virustotal", "urlscan", "netcraft", "phishtank",
	"censys", "zgrab", "masscan", "nuclei",
	// Search engines and archives that do not call themselves bots.
	"slurp", "baiduspider", "yandex.com/bots", "ia_archiver", "archive.org", "duckduckgo-favicons", "sogou web spider", "headless-preview",
	"uptimerobot", "pingdom", "statuscake", "chrome-lighthouse", "crawler", "spider/", "-spider", "scrapy",
}

// Robot reports whether a User-Agent says that no person looks: a program that
// fetches what stands in messages, ahead of their reader or in place of one. Who
// does not say so is not found; nothing may depend on it. It is for those that
// can be spared the work, and kept from keeping what they see.
func Robot(userAgent string) bool {
	if len(userAgent) > maxUserAgent {
		userAgent = userAgent[:maxUserAgent]
	}
	ua := strings.ToLower(userAgent)
	for _, mark := range robots {
		if strings.Contains(ua, mark) {
			return true
		}
	}
	return namedBot(ua)
}

// namedBot finds a product whose name ends in "bot": "Slackbot 1.0",
// "Googlebot/2.1", "TelegramBot (like TwitterBot)". Cubot makes phones.
func namedBot(ua string) bool {
	for rest := ua; ; {
		at := strings.Index(rest, "bot")
		if at < 0 {
			return false
		}
		before, after := rest[:at], rest[at+len("bot"):]
		ends := after == "" || strings.ContainsAny(after[:1], "/ ;,)-")
		if ends && !strings.HasSuffix(before, "cu") {
			return true
		}
		rest = after
	}
}
