package web

import (
	"net/http"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// Every setting stands on the page with its value and a sentence of help.
func TestAccessTable(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/access").status(t, 200).has(t, ".settings tbody tr", len(access.SettingTable())).has(t, "td.departs", 0)
	a.says(t, ".settings", "機關內網", "未設定", "長官的連線來源", "不限", "可用行動裝置的角色", "全部", "決行之前", "15 分鐘").says(t, "main", "沒有改過")
	for _, d := range access.SettingTable() {
		for _, key := range []string{"setting." + d.Key + ".title", "setting." + d.Key + ".text"} {
			if want := o.words[Chinese].T(key); want == key {
				t.Errorf("there is no %s", key)
			} else {
				a.says(t, ".settings", want)
			}
		}
	}
	o.get(t, "admin", "/admin").says(t, `a[href="/admin/access"]`, "依系統預設")
	o.access.decide("reach.handler", "intranet", "proof.fresh", "60")
	o.get(t, "admin", "/admin/access").has(t, "td.departs", 2).says(t, ".past", "主機操作人員", "承辦人的連線來源（不限 → 限內網）")
	o.get(t, "admin", "/admin").says(t, `a[href="/admin/access"]`, "主機操作人員 於 09:10 更改")
}

func TestAccessIsChanged(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	form := o.get(t, "admin", "/admin/access/reach").status(t, 200).form(t, "/admin/access/reach")
	form.Set("network.vpn", "10.8.0.0/16\r\n2001:db8:8::/48")
	form.Set("reach.handler", "agency")
	o.send(t, "admin", "/admin/access/reach", form).redirects(t, "/admin/access?ok=settings")
	a := o.get(t, "admin", "/admin/access?ok=settings").says(t, ".past", "周明德", "機關 VPN（未設定 → 10.8.0.0/16 2001:db8:8::/48）", "承辦人的連線來源（不限 → 內網或 VPN）")
	a.has(t, "td.departs", 2)
	s, _ := o.access.Settings(t.Context())
	if s.Reach[approval.RoleHandler] != access.ReachAgency || s.Reach[approval.RoleOfficial] != access.ReachOpen || len(s.VPN) != 2 {
		t.Errorf("settings are %+v", s)
	}
	// A page that was open meanwhile.
	o.send(t, "admin", "/admin/access/reach", form).status(t, http.StatusConflict).says(t, "h1", "設定剛被改過")
	form = o.get(t, "admin", "/admin/access/reach").form(t, "/admin/access/reach")
	o.send(t, "admin", "/admin/access/mobile", form).status(t, http.StatusBadRequest)

	// What cannot be stands there again, with the reason.
	form.Set("network.intranet", "10.0.0.0/40")
	form.Set("reach.api", "moon")
	a = o.send(t, "admin", "/admin/access/reach", form).status(t, http.StatusUnprocessableEntity).has(t, ".fields .wrong", 2)
	a.says(t, ".fields .wrong", "網段不對：10.0.0.0/40", "沒有這個選項：moon")
	if got := a.words("textarea[name='network.intranet']"); got != "10.0.0.0/40" {
		t.Errorf("the field has %q", got)
	}
	mobile := o.get(t, "admin", "/admin/access/mobile").has(t, "[type=checkbox][checked]", 10).form(t, "/admin/access/mobile")
	mobile["mobile.roles"] = []string{"official", "admin"}
	o.send(t, "admin", "/admin/access/mobile", mobile).redirects(t, "/admin/access?ok=settings")
	proof := o.get(t, "admin", "/admin/access/proof").form(t, "/admin/access/proof")
	proof.Set("proof.fresh", "120")
	o.send(t, "admin", "/admin/access/proof", proof).redirects(t, "/admin/access?ok=settings")
	if s, _ := o.access.Settings(t.Context()); len(s.MobileRoles) != 2 || s.Fresh != 2*time.Hour || len(s.VPN) != 2 {
		t.Errorf("settings are %+v", s)
	}
	if n := len(o.access.versions); n != 3 {
		t.Errorf("%d versions", n)
	}
	o.get(t, "admin", "/admin/access/no").status(t, http.StatusNotFound)
	o.send(t, "admin", "/admin/access/no", form).status(t, http.StatusBadRequest)
}
