package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

func TestPolicyTable(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/policy").status(t, 200).has(t, ".rules tbody tr", len(hub.Kinds())).has(t, ".own-rule", 0).has(t, `a[href="/admin/policy/reset"]`, 0)
	a.says(t, ".rules tbody tr:first-child", "公文送到", "瀏覽器通知 立即，LINE 15 分鐘後，Messenger 15 分鐘後", "最速件：瀏覽器通知 立即，LINE 立即", "簡訊 30 分鐘後", "最速件照送，其餘等勿擾結束", "20 小時")
	a.says(t, ".facts", "勿擾時段 20:00 到次日 07:30，放假日整天", "待辦件數的時間 08:30", "每個管道 12 則", "90 %", "400 天", "09:00；到期前 1 日；逾期每 5 日；逾 1 日登記桌；逾 3 日主管；週一週報；每月 1 日月報")
	a.says(t, "main", "沒有改過，依系統預設。")
}

func TestPolicyOfAKind(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const path = "/admin/policy/kinds/document.decided"
	f := o.get(t, "admin", path).status(t, 200).has(t, "button[value=reset]", 0).form(t, path)
	if f.Get("step-line") != "1" || f.Get("step-line-after") != "15" || f.Get("step-sms") != "" || f.Get("ttl") != "20" || f.Get("unit") != "h" || f.Get("quiet") != "hold" || f.Get("merge") != "1" || f.Get("keep") != "" {
		t.Fatalf("the form of the house's own rule is %v", f)
	}
	f.Set("do", "save")
	f.Set("step-line-after", "45")
	f.Del("step-messenger")
	f.Set("step-sms", "1")
	f.Set("step-sms-after", "90")
	f.Set("quiet", "through")
	f.Set("urgency", "high")
	f.Set("ttl", "3")
	f.Set("keep", "30")
	f.Set("tier", "counts")
	f.Set("held", "1")
	f.Del("merge")
	f.Del("split")
	o.send(t, "admin", path, f).redirects(t, "/admin/policy?ok=settings")
	p, err := o.settings.Policy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := p.Rule(hub.KindDecided)
	want := hub.Rule{
		Steps:   []hub.Step{{Channel: hub.WebPush}, {Channel: hub.LINE, After: 45 * time.Minute}, {Channel: hub.SMS, After: 90 * time.Minute}},
		Urgency: hub.UrgencyHigh, TTL: 3 * time.Hour, Quiet: hub.QuietThrough, Tier: hub.TierCounts, Held: true, Keep: 30,
	}
	if !slices.Equal(got.Steps, want.Steps) || got.Urgency != want.Urgency || got.TTL != want.TTL || got.Quiet != want.Quiet || got.Tier != want.Tier || !got.Held || got.Keep != 30 || got.Group != "" || len(got.Highest) != 0 {
		t.Errorf("the rule is %+v, want %+v", got, want)
	}
	a := o.get(t, "admin", "/admin/policy?ok=settings").says(t, ".note", "已儲存").has(t, ".own-rule", 1).
		says(t, ".own-rule", "公文決行", "已調整", "LINE 45 分鐘後，簡訊 90 分鐘後", "急迫：高、個人不能關閉、保存 30 天", "不受勿擾限制", "3 小時").
		says(t, ".past", "周明德 09:10 公文決行")
	a.has(t, `a[href="/admin/policy/reset"]`, 1)
	// What the organisation has fixed cannot be chosen.
	o.get(t, "wang", "/me/notifications/preferences").has(t, `input[value="document.decided"]`, 0).says(t, "main", "機關規定一定要通知")

	// Somebody else's form is of the version before.
	f.Set("ttl", "5")
	o.send(t, "admin", path, f).status(t, http.StatusConflict).says(t, "h1", "設定剛被改過")

	f = o.get(t, "admin", path).status(t, 200).form(t, path)
	f.Set("do", "reset")
	o.send(t, "admin", path, f).redirects(t, "/admin/policy?ok=settings")
	o.get(t, "admin", "/admin/policy").has(t, ".own-rule", 0).has(t, ".past li", 2)
}

func TestPolicyRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const path = "/admin/policy/kinds/document.arrived"
	for _, tt := range []struct {
		change url.Values
		says   string
	}{
		{url.Values{"step-line-after": {"x"}}, "等候時間要在 0-720 分鐘之間"},
		{url.Values{"step-line-after": {"-1"}}, "等候時間要在 0-720 分鐘之間"},
		{url.Values{"step-line-after": {"700"}, "ttl": {"2"}}, "等候時間要在 0-119 分鐘之間"},
		{url.Values{"highest-sms-after": {"9999"}}, "等候時間要在 0-720 分鐘之間"},
		{url.Values{"ttl": {"24"}}, "有效時間請填 1-1380 分鐘之間"},
		{url.Values{"ttl": {""}}, "有效時間請填"},
		{url.Values{"ttl": {"0"}}, "有效時間請填"},
		{url.Values{"urgency": {"very"}}, "請選擇急迫程度"},
		{url.Values{"quiet": {""}}, "請選擇勿擾時段怎麼處理"},
		{url.Values{"tier": {"everything"}}, "沒有這種內容等級"},
		{url.Values{"keep": {"9999"}}, "保存天數請填"},
	} {
		f := o.get(t, "admin", path).form(t, path)
		f.Set("do", "save")
		for k, v := range tt.change {
			f[k] = v
		}
		a := o.send(t, "admin", path, f).status(t, http.StatusUnprocessableEntity).says(t, "main", tt.says, "請修正後再送一次")
		for k, v := range tt.change {
			if got := a.attr(`input[type=number][name="`+k+`"]`, "value"); a.page.Find(`input[type=number][name="`+k+`"]`).Length() == 1 && got != v[0] {
				t.Errorf("%v came back as %q", tt.change, got)
			}
		}
	}
	// What is about the safety of an account cannot be weakened by hand either.
	const security = "/admin/policy/kinds/login.new_device"
	f := o.get(t, "admin", security).has(t, "input[name=held], input[name=quiet], input[name=merge]", 0).says(t, "main", "為了保護帳號，一定會通知").form(t, security)
	for _, c := range []string{"webpush", "line", "messenger", "sms"} {
		f.Del("step-" + c)
	}
	f.Set("quiet", "hold")
	o.send(t, "admin", security, f).status(t, http.StatusUnprocessableEntity).says(t, "main", "帳號安全通知不能關閉、延後或合併")
	if len(o.settings.history) != 0 {
		t.Errorf("%d changes", len(o.settings.history))
	}
	f.Set("token", "x")
	o.send(t, "admin", security, f).status(t, http.StatusBadRequest)
	f = o.get(t, "admin", path).form(t, path)
	o.send(t, "admin", security, f).status(t, http.StatusBadRequest) // of another kind
	o.get(t, "admin", "/admin/policy/kinds/no.such").status(t, http.StatusNotFound)
}

func TestPolicyForAll(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const path = "/admin/policy/general"
	f := o.get(t, "admin", path).status(t, 200).form(t, path)
	before := hub.HousePolicy()
	o.send(t, "admin", path, f).redirects(t, "/admin/policy?ok=settings")
	if got := o.settings.history[0].Policy; got.Cap != before.Cap || *got.Quiet != *before.Quiet || *got.Chase != *before.Chase || !slices.Equal(got.Digests, before.Digests) || got.QuotaShare != before.QuotaShare || got.Unseen != before.Unseen || got.Keep != before.Keep {
		t.Errorf("sent as it was shown it is %+v", got)
	}
	f = o.get(t, "admin", path).form(t, path)
	for k, v := range map[string]string{
		"unseen": "30", "digests": "13:30、8:30, 08:30", "cap": "6", "from": "18:00", "to": "08:00", "tier": "number", "names": "1", "refresh": "1", "share": "80", "keep": "100",
		"at": "10:00", "soon": "2", "again": "0", "desk": "3", "head": "5", "weekly": "5", "monthly": "0",
	} {
		f.Set(k, v)
	}
	f.Del("daysoff")
	o.send(t, "admin", path, f).redirects(t, "/admin/policy?ok=settings")
	p := o.settings.history[1].Policy
	if p.Unseen != 30*time.Minute || !slices.Equal(p.Digests, []int{510, 810}) || p.Cap != 6 || *p.Quiet != (hub.Quiet{From: 1080, To: 480}) || p.Tier != hub.TierNumber || !*p.NamesInReplies || !*p.Refresh || p.QuotaShare != .8 || p.Keep != 100 ||
		*p.Chase != (approval.Ladder{At: 600, Soon: 2, Desk: 3, Head: 5, Weekly: 5}) {
		t.Errorf("policy is %+v", p)
	}
	a := o.get(t, "admin", "/admin/policy").says(t, ".past li:first-child", "勿擾時段（20:00 到次日 07:30，放假日整天 → 18:00 到次日 08:00）", "額度警戒線（90 % → 80 %）")
	a.says(t, ".past li:nth-child(2)", "內容沒有不同")
	if strings.Contains(a.words(".past li:first-child"), "公文送到") {
		t.Error("no kind was changed")
	}
	for field, value := range map[string]string{
		"unseen": "0", "digests": "8.30", "cap": "0", "from": "25:00", "tier": "all", "share": "101", "keep": "x", "at": "", "soon": "11", "again": "-1", "monthly": "29",
	} {
		f := o.get(t, "admin", path).form(t, path)
		f.Set(field, value)
		a := o.send(t, "admin", path, f).status(t, http.StatusUnprocessableEntity).has(t, ".fields .wrong, .pick .wrong", 1)
		if got := a.attr(`main input[name="`+field+`"]:not([type=radio])`, "value"); field != "tier" && got != value {
			t.Errorf("%s came back as %q, want %q", field, got, value)
		}
	}
	// What the house has on can be turned off, and the digest as a whole.
	f = o.get(t, "admin", path).form(t, path)
	f.Set("digests", " 、 ")
	f.Del("refresh")
	f.Del("names")
	o.settings.meanwhile = true
	o.send(t, "admin", path, f).status(t, http.StatusConflict).says(t, "main", "重新")
	o.settings.meanwhile = false
	if len(o.settings.history) != 2 {
		t.Errorf("%d changes", len(o.settings.history))
	}
	o.send(t, "admin", path, f).redirects(t, "/admin/policy?ok=settings")
	if p := o.settings.history[2].Policy; p.Digests == nil || len(p.Digests) != 0 || *p.Refresh || *p.NamesInReplies {
		t.Errorf("turned off it is %+v", p)
	}
	o.get(t, "admin", "/admin/policy").says(t, ".past li:first-child", "不通知件數")

	f = o.get(t, "admin", "/admin/policy/reset").status(t, 200).form(t, "/admin/policy/reset")
	o.send(t, "admin", "/admin/policy/reset", f).redirects(t, "/admin/policy?ok=settings")
	if got := o.settings.history[3].Policy; got.Cap != before.Cap || *got.Quiet != *before.Quiet {
		t.Errorf("after the reset it is %+v", got)
	}
	o.send(t, "admin", "/admin/policy/reset", f).status(t, http.StatusConflict)
}
