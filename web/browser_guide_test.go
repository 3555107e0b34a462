package web

import (
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// What stands in the way of notifications is said, with what to do about it in
// this very browser.
func TestGuideInBrowser(t *testing.T) {
	b, _ := browse(t)
	b.size(390, 800, false)
	b.as("wang")
	visible := `['can', 'busy', 'denied', 'slow', 'failed', 'unable', 'old', 'home'].filter(n => !document.querySelector('[data-' + n + ']').hidden).join()`
	agent := func(s string) {
		t.Helper()
		if _, err := chromedp.Call(b.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: s}); err != nil {
			t.Fatal(err)
		}
	}
	permit := func(s cdpbrowser.PermissionSetting) {
		t.Helper()
		if _, err := chromedp.CallBrowser(b.ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
			Permission: &cdpbrowser.PermissionDescriptor{Name: "notifications"}, Setting: s, Origin: b.base,
		}); err != nil {
			t.Fatal(err)
		}
	}
	// The worker would ask under a name of its own.
	if _, err := chromedp.Call(b.ctx, network.SetBypassServiceWorker, network.SetBypassServiceWorkerParams{Bypass: true}); err != nil {
		t.Fatal(err)
	}
	const webkit = ") AppleWebKit/605.1.15 (KHTML, like Gecko) "
	const android = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
	const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X" + webkit + "Version/17.5 Mobile/15E148 Safari/604.1"
	for _, tt := range []struct{ name, agent, script, want string }{
		{"Android", android, "", "can"},
		{"iPhone in Safari", iphone, "", "home"},
		{"iPhone from the home screen", iphone, "Object.defineProperty(navigator, 'standalone', {value: true});", "can"},
		{"old iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 15_8 like Mac OS X" + webkit + "Version/15.6 Mobile/15E148 Safari/604.1", "", "old"},
		{"iPad, which calls itself a Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7" + webkit + "Version/17.5 Safari/605.1.15", "Object.defineProperty(navigator, 'maxTouchPoints', {value: 5});", "home"},
		{"old iPad", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7" + webkit + "Version/16.3 Safari/605.1.15", "Object.defineProperty(navigator, 'maxTouchPoints', {value: 5});", "old"},
		{"browser without push", android, "delete window.PushManager;", "unable"},
	} {
		agent(tt.agent)
		b.before("Object.defineProperty(navigator, 'maxTouchPoints', {value: 0, configurable: true});" + tt.script)
		b.open("/me/notifications")
		b.wait(`document.querySelector('[data-push]') !== null`)
		if got := ask[string](b, visible); got != tt.want {
			t.Errorf("%s: the page shows %s, want %s", tt.name, got, tt.want)
		}
		b.forget()
	}

	agent(android)
	permit(cdpbrowser.PermissionSettingDenied)
	b.open("/me/notifications")
	b.wait(visible + ` === 'denied'`)
	if got := ask[string](b, `[...document.querySelectorAll('[data-denied] p')].filter(p => !p.hidden)[1].textContent`); got != "按網址列左邊的圖示 →「權限」→「通知」，改成「允許」；並確認手機「設定」→「應用程式」裡這個瀏覽器可以傳送通知。" {
		t.Errorf("on Android: %s", got)
	}
	// Allowed again in the settings, the page takes note when it is looked at.
	permit(cdpbrowser.PermissionSettingGranted)
	b.do(chromedp.Evaluate[chromedp.Void](`document.dispatchEvent(new Event('visibilitychange'))`))
	b.wait(visible + ` === 'can'`)
}
