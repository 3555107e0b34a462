package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/hub"
)

const preferencesPath = "/me/notifications/preferences"

func TestPreferences(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.post.links = append(o.post.links, hub.Link{ID: "push", Channel: hub.WebPush, Session: "session-wang"})
	a := o.get(t, "wang", preferencesPath).status(t, 200)
	a.says(t, "main", "依機關規定 瀏覽器通知 立即，LINE 15 分鐘後", "20:00 到次日 07:30，放假日整天", "08:30").has(t, "input[name=first]", 3).has(t, "input[name=on]", 2)
	a.says(t, ".fixed", "新裝置登入", "為了保護帳號，一定會通知").has(t, `input[value="login.new_device"]`, 0)
	f := a.form(t, preferencesPath)

	// Sent as it is shown, nothing is chosen: the organisation's goes on to hold.
	o.send(t, "wang", preferencesPath, f).redirects(t, preferencesPath+"?ok=settings")
	if diff := cmp.Diff(hub.Preferences{}, o.settings.choices[o.wang.ID]); diff != "" {
		t.Errorf("sent as it was shown (-want +got):\n%s", diff)
	}
	o.get(t, "wang", preferencesPath+"?ok=settings").says(t, ".note", "已儲存")

	f.Set("first", "line")
	f["on"] = []string{"line"}
	f.Set("quiet", "own")
	f.Set("from", "18:30")
	f.Set("to", "08:00")
	f.Del("daysoff")
	f.Del("digest")
	f["tell"] = slices.DeleteFunc(f["tell"], func(k string) bool { return k == "announcement" })
	o.send(t, "wang", preferencesPath, f).redirects(t, preferencesPath+"?ok=settings")
	want := hub.Preferences{
		Off: []hub.ChannelName{hub.WebPush}, First: hub.LINE, Muted: []hub.Kind{hub.KindAnnouncement, hub.KindDigest}, Quiet: &hub.Quiet{From: 18*60 + 30, To: 8 * 60},
	}
	if diff := cmp.Diff(want, o.settings.choices[o.wang.ID]); diff != "" {
		t.Errorf("chosen (-want +got):\n%s", diff)
	}
	a = o.get(t, "wang", preferencesPath).has(t, "#on-webpush[checked]", 0).has(t, "#on-line[checked]", 1).has(t, `input[name=first][value=line][checked]`, 1).has(t, `input[name=quiet][value=own][checked]`, 1).has(t, "#daysoff[checked]", 0).has(t, "input[name=digest][checked]", 0).has(t, `[id="tell-announcement"][checked]`, 0)
	if got := a.attr("#from", "value") + a.attr("#to", "value"); got != "18:3008:00" {
		t.Errorf("quiet hours are shown as %s", got)
	}
	o.get(t, "wang", "/me/notifications").says(t, `a[href="`+preferencesPath+`"]`, "先送 LINE，勿擾：18:30 到次日 08:00")

	// None at all, and every digest.
	f = a.form(t, preferencesPath)
	f.Set("quiet", "none")
	f.Set("digest", "08:30")
	o.send(t, "wang", preferencesPath, f).redirects(t, preferencesPath+"?ok=settings")
	want.Quiet, want.Muted = &hub.Quiet{}, []hub.Kind{hub.KindAnnouncement}
	if diff := cmp.Diff(want, o.settings.choices[o.wang.ID]); diff != "" {
		t.Errorf("chosen (-want +got):\n%s", diff)
	}
	o.get(t, "wang", preferencesPath).has(t, `input[name=quiet][value=none][checked]`, 1)
}

// What the form does not show stays as it was chosen: a channel that is not
// linked at present, a digest that is one of several.
func TestPreferencesThatAreNotShown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p := hub.HousePolicy()
	p.Digests = []int{510, 810, 1020}
	rule := p.Rule(hub.KindAnnouncement)
	rule.Held = true
	p.Rules = map[hub.Kind]hub.Rule{hub.KindAnnouncement: rule}
	if err := o.settings.SetPolicy(t.Context(), o.admin.ID, p, hub.AnyVersion); err != nil {
		t.Fatal(err)
	}
	had := hub.Preferences{Off: []hub.ChannelName{hub.SMS}, Muted: []hub.Kind{hub.KindAnnouncement}, Digest: []int{510, 1020}}
	o.settings.choices[o.wang.ID] = had
	a := o.get(t, "wang", preferencesPath).says(t, "main", "機關規定一定要通知").has(t, "input[name=digest]", 3).has(t, "input[name=digest][checked]", 2)
	f := a.form(t, preferencesPath)
	o.send(t, "wang", preferencesPath, f).redirects(t, preferencesPath+"?ok=settings")
	if diff := cmp.Diff(had, o.settings.choices[o.wang.ID]); diff != "" {
		t.Errorf("sent as it was shown (-want +got):\n%s", diff)
	}
	o.post.links = nil
	o.settings.choices[o.wang.ID] = hub.Preferences{}
	o.get(t, "wang", preferencesPath).has(t, "input[name=first]", 0).says(t, "main", "您還沒有綁定任何通知管道")
}

func TestPreferencesRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, tt := range []struct {
		change url.Values
		status int
		says   string
	}{
		{url.Values{"first": {"line"}, "on": nil}, 422, "先送到的管道不能同時關閉"},
		{url.Values{"first": {"fax"}}, 422, "沒有這個管道：fax"},
		{url.Values{"quiet": {"own"}, "from": {"25:00"}}, 422, "請填寫開始與結束時間"},
		{url.Values{"quiet": {"own"}, "from": {"08:00"}, "to": {"08:00"}, "daysoff": nil}, 422, "請填寫開始與結束時間"},
		{url.Values{"kinds": {"login.new_device"}}, 422, "請修正後再送一次"},
		{url.Values{"token": {"x"}}, 400, "送來的內容不完整"},
		{url.Values{"token": nil}, 400, "送來的內容不完整"},
	} {
		f := o.get(t, "wang", preferencesPath).form(t, preferencesPath)
		for k, v := range tt.change {
			f[k] = v
		}
		a := o.send(t, "wang", preferencesPath, f).status(t, tt.status).says(t, "main", tt.says)
		if from := tt.change.Get("from"); from != "" && a.attr("#from", "value") != from {
			t.Errorf("%s came back as %q", from, a.attr("#from", "value"))
		}
	}
	// The form of somebody else.
	f := o.get(t, "chen", preferencesPath).form(t, preferencesPath)
	o.send(t, "wang", preferencesPath, f).status(t, http.StatusBadRequest)
	if len(o.settings.choices) != 0 {
		t.Errorf("chosen: %v", o.settings.choices)
	}
}

// Every kind, channel, state and outcome of the hub has words of its own.
func TestHubHasWords(t *testing.T) {
	t.Parallel()
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[hub.Kind]bool{hub.KindTest: true}
	for _, g := range kindGroups() {
		for _, k := range g.kinds {
			shown[k] = true
		}
	}
	var keys []string
	for _, k := range ledgerKinds() {
		if kindKey(k) == "kind.other" {
			t.Errorf("%s has no words", k)
		}
		if !shown[k] && k != hub.KindRefresh {
			t.Errorf("%s is not among the preferences", k)
		}
		keys = append(keys, kindKey(k)+".title", kindKey(k)+".text")
	}
	for _, c := range []hub.ChannelName{hub.Live, hub.WebPush, hub.LINE, hub.Messenger, hub.SMS, viaWeb} {
		if channelKey(c) == "channel.other" {
			t.Errorf("%s has no words", c)
		}
		keys = append(keys, channelKey(c))
	}
	for _, s := range states() {
		keys = append(keys, stateKey(s))
	}
	for _, o := range []hub.Outcome{hub.OutcomeAccepted, hub.OutcomeDuplicate, hub.OutcomeRetry, hub.OutcomePermanent, hub.OutcomeRejected, hub.OutcomeUnknown, hub.OutcomeChannelDown} {
		if outcomeKey(o) == "outcome.started" || outcomeTone(o) == "" {
			t.Errorf("%s has no words or no colour", o)
		}
		keys = append(keys, outcomeKey(o))
	}
	seen := map[string]string{}
	for _, key := range keys {
		for _, w := range all {
			text := w.T(key)
			if text == key || text == "" {
				t.Errorf("%s has no words in %s", key, w.lang)
			}
			group, _, _ := strings.Cut(key, ".")
			if other := seen[w.lang+group+text]; other != "" && other != key {
				t.Errorf("%s and %s are both %q", key, other, text)
			}
			seen[w.lang+group+text] = key
		}
	}
}

func TestHubTerms(t *testing.T) {
	t.Parallel()
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	zh, en := all[Chinese], all[English]
	for _, tt := range []struct{ got, want string }{
		{zh.quiet(hub.Quiet{From: 1200, To: 450, DaysOff: true}), "20:00 到次日 07:30，放假日整天"},
		{zh.quiet(hub.Quiet{From: 720, To: 780}), "12:00 到 13:00"},
		{zh.quiet(hub.Quiet{DaysOff: true}), "放假日整天"},
		{zh.quiet(hub.Quiet{}), "不設"},
		{en.quiet(hub.Quiet{From: 1200, To: 450, DaysOff: true}), "20:00 to 07:30 the next day, and days off as a whole"},
		{zh.steps([]hub.Step{{Channel: hub.WebPush}, {Channel: hub.SMS, After: 90 * 60e9}}), "瀏覽器通知 立即，簡訊 90 分鐘後"},
		{en.steps([]hub.Step{{Channel: hub.LINE, After: 3600e9}}), "LINE after 1 hour"},
		{zh.span(48 * 3600e9), "2 天"}, {zh.span(24 * 3600e9), "24 小時"}, {zh.span(30e9), "1 分鐘"}, {en.span(3600e9), "1 hour"},
		{zh.messages(1), "1 則"}, {en.messages(1), "1 message"}, {en.messages(2987), "2,987 messages"},
		{zh.beside("LINE"), " LINE "}, {zh.beside("網頁"), "網頁"}, {en.beside("LINE"), "LINE"},
		{thousands(0), "0"}, {thousands(999), "999"}, {thousands(-1234567), "-1,234,567"},
		{zh.trouble("429 You have reached your monthly limit. (request 1)"), "業者的額度用完了"}, {zh.trouble("429 The API rate limit has been exceeded."), "傳得太快，業者要求稍候"},
		{zh.trouble("401"), "憑證或金鑰失效，請更新設定"}, {en.trouble("the Page's access token is not good any more: 400"), "The credentials are not good any more; see the settings"},
		{zh.trouble("its name cannot be resolved"), "連不上業者的主機"}, {zh.trouble("fcm.googleapis.com: 503 "), "業者的主機出了問題"}, {zh.trouble("message has no title"), ""},
		{percent(.07), "7"}, {percent(.125), "12.5"}, {rate(2000), "2,000"}, {rate(.5), "0.5"}, {clock(510), "08:30"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	for text, want := range map[string]int{"08:30": 510, "8:30": 510, " 23:59 ": 1439, "00:00": 0} {
		if got, ok := minutesOf(text); !ok || got != want {
			t.Errorf("minutesOf(%q) = %d, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "24:00", "8", "08:60", "8:30 PM", "-1:00"} {
		if got, ok := minutesOf(text); ok {
			t.Errorf("minutesOf(%q) = %d", text, got)
		}
	}
}
