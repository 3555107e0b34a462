package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
)

// door is NewDevices in memory, by the real rules: one sign-in of Wang's waits
// under the cookie "new".
type door struct {
	mu      sync.Mutex
	office  *office
	trusted bool // there is a device to confirm on
	phone   string
	limited bool
	c       *access.Challenge
	policy  access.Policy
	id      string

	replaces []access.Device // that will be retired
}

func newDoor(o *office) *door {
	d := &door{office: o, trusted: true, phone: "0900***678", policy: access.DefaultPolicy(), id: "01hzzzzzzzzzzzzzzzzzzzzzzz"}
	d.c = access.NewChallenge(d.policy, o.now, rand.Reader)
	return d
}

// knock has Wang's sign-in wait.
func (o *office) knock() *door {
	o.accounts.mu.Lock()
	defer o.accounts.mu.Unlock()
	s := o.accounts.sessions["wang"]
	s.ID, s.Device, s.Standing, s.ExpiresAt = "session-new", "device-new", access.Waiting, o.now.Add(time.Hour)
	o.accounts.sessions["new"] = s
	return o.door
}

func (d *door) Waiting(_ context.Context, cookie string) (access.Wait, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.office.accounts.sessions["new"]; !ok || cookie != "new" {
		return access.Wait{}, access.ErrNoSession
	}
	w := access.Wait{
		Challenge: d.id, State: d.c.State, Locale: Chinese, ExpiresAt: d.c.ExpiresAt, Texts: d.c.Texts, Phone: d.phone,
		CanText:  d.phone != "" && d.c.IsOpen(d.office.now) && d.c.Texts < access.MaxTexts,
		CodeGood: d.c.CodeGood(d.office.now), CodeUntil: d.c.CodeUntil, Left: access.MaxTries - d.c.Tries,
	}
	if d.trusted {
		w.Number = d.c.Number
	}
	w.Replaces = d.replaces
	return w, nil
}

func (d *door) SendText(context.Context, string, string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.limited:
		return &access.LimitedError{RetryAfter: 40 * time.Minute}
	case d.phone == "":
		return access.ErrNoNumber
	}
	return d.c.SendText(d.policy, d.office.now, rand.Reader)
}

func (d *door) EnterCode(_ context.Context, cookie, code string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.c.Enter(code, !d.trusted, d.office.now); err != nil {
		return "", err
	}
	d.opened(access.Reading)
	return cookie, nil
}

// opened and shut are what the store does besides.
func (d *door) opened(as access.Standing) {
	a := d.office.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sessions["new"]
	s.Standing = as
	a.sessions["new"] = s
}

func (d *door) shut() access.Answered {
	a := d.office.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = append(a.ended, "session-new")
	return access.Answered{State: access.Denied, Ended: []string{"session-new"}}
}

func (d *door) RefuseByCode(_ context.Context, code, _ string) (access.Answered, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.limited:
		return access.Answered{}, &access.LimitedError{RetryAfter: 90 * time.Second}
	case code == "" || code != d.c.Deny:
		return access.Answered{}, access.ErrCode
	}
	if err := d.c.Refuse(access.ByText, d.policy, d.office.now); err != nil {
		return access.Answered{}, err
	}
	return d.shut(), nil
}

func (d *door) newcomer() access.Newcomer {
	n := access.Newcomer{
		ID: d.id, State: d.c.State, By: d.c.By, Device: "Windows · Edge", Class: access.Desktop, Network: "outside", At: d.c.CreatedAt,
		ExpiresAt: d.c.ExpiresAt, ClosedAt: d.c.ClosedAt, Undoable: d.c.Undoable(access.ByDevice, d.policy, d.office.now),
	}
	if d.c.IsOpen(d.office.now) {
		n.Choices = d.c.Choices
		n.Replaces = d.replaces
	}
	return n
}

func (d *door) Newcomers(_ context.Context, s access.Session) ([]access.Newcomer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.newcomer()
	if s.Login != "wang" || s.Device == "device-new" || d.office.accounts.sessions["new"].ID == "" || n.Choices == nil && !n.Undoable {
		return nil, nil
	}
	return []access.Newcomer{n}, nil
}

func (d *door) Newcomer(_ context.Context, s access.Session, id string) (access.Newcomer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case s.Standing != access.Full:
		return access.Newcomer{}, access.ErrTrusted
	case s.Login != "wang" || id != d.id:
		return access.Newcomer{}, approval.ErrNotFound
	}
	return d.newcomer(), nil
}

func (d *door) PickNumber(ctx context.Context, s access.Session, id string, picked int) (access.Answered, error) {
	if _, err := d.Newcomer(ctx, s, id); err != nil {
		return access.Answered{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch err := d.c.Pick(picked, d.office.now); err {
	case nil:
		d.opened(access.Full)
		return access.Answered{State: access.Confirmed}, nil
	case access.ErrWrongNumber:
		return d.shut(), err
	default:
		return access.Answered{}, err
	}
}

func (d *door) RefuseNewcomer(ctx context.Context, s access.Session, id string) (access.Answered, error) {
	if _, err := d.Newcomer(ctx, s, id); err != nil {
		return access.Answered{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.c.Refuse(access.ByDevice, d.policy, d.office.now); err != nil {
		return access.Answered{}, err
	}
	return d.shut(), nil
}

func (d *door) Desk(_ context.Context, _ access.Session) ([]access.Newcomer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.newcomer()
	if d.office.accounts.sessions["new"].ID == "" || n.Choices == nil {
		return nil, nil
	}
	n.Choices, n.Login, n.Name, n.Unit = nil, "wang", "王敏華", "工務局 水利科"
	return []access.Newcomer{n}, nil
}

func (d *door) Vouch(_ context.Context, _ access.Session, id string) (access.Answered, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id != d.id {
		return access.Answered{}, approval.ErrNotFound
	}
	if err := d.c.Vouch(d.policy, d.office.now); err != nil {
		return access.Answered{}, err
	}
	d.opened(access.Full)
	return access.Answered{State: access.Confirmed}, nil
}

// TestWaitingSessionSeesNothing: on every route there is, a session that waits
// gets to its own page and nowhere else.
func TestWaitingSessionSeesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.knock()
	form := o.get(t, "wang", "/d/"+string(o.flood)+"/decide").form(t, "/d/"+string(o.flood)+"/act")
	form.Set("do", "forward")
	for _, rt := range o.table {
		if rt.rule == public || rt.rule == waits || rt.rule == leaves {
			continue
		}
		method, path := o.address(rt.pattern)
		var a *answer
		if method == http.MethodPost {
			a = o.send(t, "new", path, form)
		} else {
			a = o.ask(t, "new", method, path, nil)
		}
		to := a.Header.Get("Location")
		switch {
		case rt.data && a.StatusCode != http.StatusForbidden:
			t.Errorf("%s: got %d, want 403", rt.pattern, a.StatusCode)
		case !rt.data && (a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/waiting?next=")):
			t.Errorf("%s: got %d to %q, want the waiting page", rt.pattern, a.StatusCode, to)
		}
		if strings.Contains(a.text, "防汛") || strings.Contains(a.text, "王敏華") {
			t.Errorf("%s shows something", rt.pattern)
		}
	}
	if o.store.find(o.flood).Active(o.wang.ID) == nil || len(o.post.heard()) != 0 {
		t.Errorf("something was done: %q", o.post.heard())
	}
	o.get(t, "new", "/nowhere").has(t, ".nav", 0)
	a := o.get(t, "new", "/waiting?next=/d/"+string(o.flood)).status(t, 200).has(t, ".nav", 0)
	if strings.Contains(a.text, "王敏華") || strings.Contains(a.text, "防汛") {
		t.Error("the waiting page shows whose it is")
	}
}

func TestSignInOnNewDevice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := o.knock()
	target := "/d/" + string(o.flood)
	at := "/waiting?next=" + url.QueryEscape(target)
	o.accounts.waits = true
	o.send(t, "", "/signin", url.Values{"login": {"wang"}, "password": {password}, "next": {target}}).redirects(t, at)

	page := o.get(t, "new", at).says(t, ".match", strconv.Itoa(d.c.Number)).has(t, `form[action="/waiting/code"]`, 0)
	if !strings.Contains(page.text, `<noscript><meta http-equiv="refresh"`) {
		t.Error("without a script the page does not go on by itself")
	}
	o.get(t, "new", "/waiting/state").status(t, 200).holds(t, `"state":"open"`)

	// On the device that is trusted.
	o.get(t, "wang", "/me/devices").has(t, `a.asks[href="/newdevice/`+d.id+`"]`, 1)
	ask := o.get(t, "wang", "/newdevice/"+d.id).has(t, ".pick button", 3).says(t, ".facts", "Windows · Edge").says(t, ".facts", "機關以外的網路")
	if strings.Contains(ask.text, "王敏華") && ask.page.Find(".match").Length() > 0 {
		t.Error("the number is given away")
	}
	o.send(t, "wang", "/newdevice/"+d.id+"/pick", url.Values{"number": {""}}).status(t, http.StatusBadRequest)
	o.send(t, "wang", "/newdevice/"+d.id+"/pick", url.Values{"number": {strconv.Itoa(d.c.Number)}}).redirects(t, "/newdevice/"+d.id)
	o.get(t, "wang", "/newdevice/"+d.id).says(t, "h1", "已確認").has(t, ".pick", 0)
	o.get(t, "new", "/waiting/state").holds(t, `"state":"confirmed"`)
	o.get(t, "new", at).redirects(t, target)
	o.get(t, "new", "/waiting?next=//evil.example/").redirects(t, "/inbox")
}

func TestWaitingByText(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := o.knock()
	target := "/d/" + string(o.flood)
	at := "/waiting?next=" + url.QueryEscape(target)
	next := url.Values{"next": {target}}
	o.send(t, "new", "/waiting/text", next).redirects(t, at)
	page := o.get(t, "new", at).has(t, `form[action="/waiting/code"] input[autocomplete="one-time-code"]`, 1).says(t, "main", "0900***678")
	if strings.Contains(page.text, `http-equiv="refresh"`) {
		t.Error("the page loads itself while a code is being typed")
	}
	if strings.Contains(page.text, d.c.Code) || strings.Contains(page.text, d.c.Deny) {
		t.Error("the page gives the code away")
	}
	wrong := url.Values{"code": {"abc"}, "next": {target}}
	o.send(t, "new", "/waiting/code", wrong).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "還可以試 4 次")
	o.send(t, "new", "/waiting/code", url.Values{"code": {d.c.Code[:3] + " " + d.c.Code[3:]}, "next": {target}}).redirects(t, target)
	o.send(t, "new", "/waiting/text", next).redirects(t, at)

	d.limited, d.c = true, access.NewChallenge(d.policy, o.now, rand.Reader)
	o.accounts.sessions["new"] = access.Session{ID: "session-new", Standing: access.Waiting}
	o.send(t, "new", "/waiting/text", next).status(t, http.StatusTooManyRequests).says(t, ".wrong", "40 分鐘")
	d.limited, d.phone, d.trusted = false, "", false
	d.c = access.NewChallenge(d.policy, o.now, rand.Reader)
	o.send(t, "new", "/waiting/text", next).status(t, http.StatusUnprocessableEntity)
	o.get(t, "new", at).has(t, `form[action="/waiting/text"]`, 0).has(t, ".match", 0).says(t, "main", "登記桌")
	o.send(t, "new", "/waiting/leave", nil).redirects(t, "/signin?out=1")
	o.send(t, "", "/waiting/leave", nil).status(t, http.StatusUnauthorized)
}

func TestDenyNewDevice(t *testing.T) {
	t.Parallel()
	for name, deny := range map[string]func(t *testing.T, o *office, d *door){
		"button": func(t *testing.T, o *office, d *door) {
			o.send(t, "wang", "/newdevice/"+d.id+"/deny", nil).redirects(t, "/newdevice/"+d.id)
		},
		"wrong number": func(t *testing.T, o *office, d *door) {
			o.send(t, "wang", "/newdevice/"+d.id+"/pick", url.Values{"number": {"7"}}).redirects(t, "/newdevice/"+d.id)
		},
		"code": func(t *testing.T, o *office, d *door) {
			if err := d.SendText(t.Context(), "", ""); err != nil {
				t.Fatal(err)
			}
			o.get(t, "", "/signin").has(t, `a[href="/deny"]`, 1)
			o.get(t, "", "/deny").says(t, "main", "(02) 0000-0119").has(t, `form[action="/deny"]`, 1)
			o.send(t, "", "/deny", url.Values{"code": {"11"}}).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "沒有這組")
			o.send(t, "", "/deny", url.Values{"code": {d.c.Deny}}).status(t, 200).says(t, "h1", "已拒絕")
			o.send(t, "", "/deny", url.Values{"code": {d.c.Deny}}).status(t, http.StatusConflict)
			d.limited = true
			o.send(t, "", "/deny", url.Values{"code": {d.c.Deny}}).status(t, http.StatusTooManyRequests)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			d := o.knock()
			deny(t, o, d)
			o.get(t, "new", "/waiting/state").holds(t, `"state":"denied"`)
			o.get(t, "new", "/waiting").says(t, "h1", "已被拒絕").has(t, ".match", 0)
			o.get(t, "new", "/inbox").redirects(t, "/signin?next=%2Finbox")
			o.get(t, "wang", "/newdevice/"+d.id).says(t, "h1", "已拒絕").has(t, ".pick", 0)
			if diff := cmp.Diff([]string{"unlink session session-new"}, o.post.heard()); diff != "" {
				t.Errorf("what hangs on the session (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUndoTakeOver(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := o.knock()
	if err := d.SendText(t.Context(), "", ""); err != nil {
		t.Fatal(err)
	}
	o.send(t, "new", "/waiting/code", url.Values{"code": {d.c.Code}}).redirects(t, "/inbox")
	o.get(t, "wang", "/me/devices").says(t, "a.asks", "撤銷")
	o.get(t, "wang", "/newdevice/"+d.id).says(t, "h1", "只憑簡訊").has(t, ".pick", 0)
	o.get(t, "new", "/newdevice/"+d.id).status(t, http.StatusForbidden)
	o.send(t, "wang", "/newdevice/"+d.id+"/deny", nil).redirects(t, "/newdevice/"+d.id)
	o.get(t, "new", "/inbox").redirects(t, "/signin?next=%2Finbox")
}

func TestDesk(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := o.knock()
	o.get(t, "lin", "/desk").status(t, http.StatusNotFound)
	o.send(t, "lin", "/desk/"+d.id+"/vouch", nil).status(t, http.StatusNotFound)
	o.get(t, "admin", "/me").has(t, `a[href="/desk"]`, 1)
	o.get(t, "lin", "/me").has(t, `a[href="/desk"]`, 0)
	o.get(t, "admin", "/desk").says(t, "h2", "工務局 水利科 王敏華")
	o.send(t, "admin", "/desk/"+d.id+"/vouch", nil).redirects(t, "/desk?ok=vouched")
	o.send(t, "admin", "/desk/"+d.id+"/vouch", nil).redirects(t, "/desk?ok=late")
	o.get(t, "admin", "/desk?ok=late").says(t, ".note", "處理過").says(t, "main", "沒有等待")
	o.get(t, "new", "/waiting").redirects(t, "/inbox")
}

func TestRefusedSignIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.accounts.fails = &access.RefusedError{Until: o.now.Add(24 * time.Hour)}
	o.send(t, "", "/signin", url.Values{"login": {"wang"}, "password": {password}}).status(t, http.StatusForbidden).says(t, ".wrong", "不接受新裝置")
}
