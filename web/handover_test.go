package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// joins is Handovers in memory, by the real rules, upon the sign-in that waits
// in door.
type joins struct {
	office *office
	h      *access.Handover
	err    error // of what is begun
}

const handoverID = "01hyyyyyyyyyyyyyyyyyyyyyyy"

func (j *joins) Handover(_ context.Context, cookie string) (access.HandoverWait, error) {
	if cookie != "new" {
		return access.HandoverWait{}, access.ErrNoSession
	}
	w := access.HandoverWait{Can: j.err == nil, Begun: j.h != nil}
	if j.h != nil {
		w.Until = j.h.Until()
		if j.h.IsOpen(j.office.now) {
			w.Number = j.h.Number
		}
	}
	return w, nil
}

func (j *joins) BeginHandover(context.Context, string) error {
	if j.err == nil {
		j.h = access.NewHandover(j.office.now, rand.Reader)
	}
	return j.err
}

func (j *joins) Handovers(_ context.Context, s access.Session) ([]access.HandoverAsk, error) {
	if j.h == nil || !j.h.IsOpen(j.office.now) || s.Login != "wang" {
		return nil, nil
	}
	return []access.HandoverAsk{{ID: handoverID, Device: "iPhone · LINE", Choices: j.h.Choices, Until: j.h.Until()}}, nil
}

func (j *joins) PickHandover(_ context.Context, s access.Session, id string, n int) error {
	if j.h == nil || id != handoverID || s.Login != "wang" {
		return approval.ErrNotFound
	}
	err := j.h.Pick(n, j.office.now)
	if err == nil {
		j.office.door.opened(access.Full)
	}
	return err
}

func TestHandoverPages(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.knock()
	doc := "/d/" + string(o.flood)
	waits := "/waiting?next=" + url.QueryEscape(doc)
	page := o.get(t, "new", waits).status(t, 200).says(t, "main", "這是同一支手機嗎")
	form := page.form(t, "/waiting/handover")
	o.send(t, "new", "/waiting/handover", form).redirects(t, waits)
	n := strconv.Itoa(o.joins.h.Number)
	page = o.get(t, "new", waits).status(t, 200).says(t, ".match", n).has(t, ".match", 1).has(t, `form[action="/waiting/handover"]`, 0)
	if page.attr("[data-waits]", "data-number") != n {
		t.Error("the script cannot see that the number has changed")
	}
	// Where Wang is signed in.
	o.get(t, "wang", "/me/devices").status(t, 200).says(t, ".asks", "另一個瀏覽器要加入", "iPhone · LINE")
	ask := o.get(t, "wang", "/me/handover").status(t, 200).says(t, "h2", "iPhone · LINE").has(t, ".pick button", 3)
	if !strings.Contains(ask.words(".pick"), n) {
		t.Errorf("choices %s without %s", ask.words(".pick"), n)
	}
	action := ask.attr("form.pick", "action")
	o.send(t, "lin", action, url.Values{"number": {n}}).status(t, http.StatusNotFound)
	o.send(t, "wang", action, url.Values{}).status(t, http.StatusBadRequest)
	o.send(t, "wang", action, url.Values{"number": {n}}).redirects(t, "/me/handover?was=done")
	o.get(t, "wang", "/me/handover?was=done").says(t, ".right", "已加入")
	o.get(t, "new", waits).redirects(t, doc)
	// Once more, and too late.
	o.send(t, "wang", action, url.Values{"number": {n}}).redirects(t, "/me/handover?was=over")
	o.get(t, "wang", "/me/handover?was=over").says(t, ".wrong", "時間已過").says(t, "main", "目前沒有等待中的瀏覽器")
}

func TestHandoverRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.knock()
	o.send(t, "new", "/waiting/handover", url.Values{"next": {"/inbox"}}).redirects(t, "/waiting?next=%2Finbox")
	wrong := o.joins.h.Choices[0]
	if wrong == o.joins.h.Number {
		wrong = o.joins.h.Choices[1]
	}
	o.send(t, "wang", "/me/handover/"+handoverID+"/pick", url.Values{"number": {strconv.Itoa(wrong)}}).redirects(t, "/me/handover?was=wrong")
	o.get(t, "new", "/waiting").status(t, 200).says(t, "main", "剛才的數字已失效")
	o.joins.err = access.ErrContexts
	o.send(t, "new", "/waiting/handover", url.Values{"next": {"/inbox"}}).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "已滿")
	o.joins.err = access.ErrOtherPhone
	o.send(t, "new", "/waiting/handover", url.Values{"next": {"/inbox"}}).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "不是同一類")
	o.get(t, "new", "/waiting").has(t, `form[action="/waiting/handover"]`, 0)
	o.joins.err = &access.LimitedError{RetryAfter: time.Hour}
	o.send(t, "new", "/waiting/handover", url.Values{"next": {"/inbox"}}).status(t, http.StatusTooManyRequests)
	o.send(t, "", "/waiting/handover", url.Values{}).status(t, http.StatusUnauthorized)
}

// Who confirms reads what will be retired; who was retired reads that.
func TestReplacedPages(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := o.knock()
	d.replaces = []access.Device{{ID: "device-wang", Label: "iPhone · Safari", Current: true}, {Label: "iPhone · LINE"}}
	o.get(t, "wang", "/newdevice/"+d.id).status(t, 200).says(t, ".replaces", "確認後將停用", "iPhone · Safari（就是這一台）", "iPhone · LINE")
	o.get(t, "new", "/waiting").status(t, 200).says(t, ".replaces", "iPhone · LINE")
	doc := "/d/" + string(o.flood)
	o.accounts.replaced = "wang"
	a := o.get(t, "wang", doc).status(t, http.StatusUnauthorized).says(t, "h1", "此裝置已停用")
	if strings.Contains(a.text, "防汛") || !strings.EqualFold(a.attr("a.main", "href"), "/signin?next="+url.QueryEscape(doc)) {
		t.Errorf("page of a retired device leads to %q: %.300s", a.attr("a.main", "href"), a.text)
	}
	o.send(t, "wang", doc+"/act", url.Values{"do": {"forward"}}).status(t, http.StatusUnauthorized).says(t, "h1", "此裝置已停用")
	if a := o.get(t, "wang", "/live/head"); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.text, "error.replaced") || !strings.Contains(a.text, "已改用另一台裝置") {
		t.Errorf("a script reads %d %s", a.StatusCode, a.text)
	}
	o.get(t, "wang", "/signin?next=%2Finbox").status(t, 200).has(t, `form[action="/signin"]`, 1)
	if d := o.store.find(o.flood); d.Active(o.wang.ID) == nil {
		t.Error("a retired device has decided")
	}
}
