package pgaccess_test

import (
	"encoding/base32"
	"errors"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/access/passkey"
	"qianhe/approval/access/totp"
	"qianhe/approval/pgaccess"
)

// withPasskeys lets accounts have them.
func withPasskeys(t *testing.T) func(*pgaccess.Options) {
	t.Helper()
	u, _ := url.Parse("https://sign.example.gov.tw")
	keys, err := passkey.New("簽核", u)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *pgaccess.Options) { o.Passkeys = keys }
}

// app is an authenticator app.
type app struct {
	b      *bundle
	secret []byte
}

func (a *app) digits(t *testing.T) string {
	t.Helper()
	d, err := totp.Digits(a.secret, a.b.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// addApp adds an app in a session, and gives the codes on paper.
func (b *bundle) addApp(t *testing.T, s access.Session) (*app, []string) {
	t.Helper()
	cookie, err := b.BeginTOTP(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := b.TOTP(t.Context(), s, cookie, "青川市政府")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := base32.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{b, secret}
	_, err = b.FinishTOTP(t.Context(), s, cookie, "000000", "")
	wantError(t, err, access.ErrCredentials, "wrong digits")
	codes, err := b.FinishTOTP(t.Context(), s, cookie, a.digits(t), "iPhone · Safari")
	if err != nil {
		t.Fatal(err)
	}
	b.clock.pass(time.Minute) // the step of the adding is spent
	return a, codes
}

// half signs in by password and gives the cookie of what is still asked for.
func (b *bundle) half(t *testing.T, login string, change ...func(*access.SignIn)) string {
	t.Helper()
	err := b.try(t, login, right, office, append(change, func(in *access.SignIn) { in.Next = "/done" })...)
	second, ok := errors.AsType[*access.SecondError](err)
	if !ok {
		t.Fatalf("got %v, want to be asked for a second factor", err)
	}
	return second.Cookie
}

func (b *bundle) show(t *testing.T, cookie string, shown access.Shown) (access.SignedIn, error) {
	t.Helper()
	in, next, err := b.FinishSecond(t.Context(), cookie, shown, access.Browser{Address: office, UserAgent: iphone})
	if err == nil && next != "/done" {
		t.Errorf("goes on to %q", next)
	}
	return in, err
}

func TestSecondFactorIsAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, codes := b.addApp(t, b.signIn(t, "lin").Session)
	if len(codes) != access.RecoveryCodes {
		t.Fatalf("codes %q", codes)
	}
	sessions := b.count(t, `select count(*) from session`)
	cookie := b.half(t, "lin")
	if n := b.count(t, `select count(*) from session`); n != sessions {
		t.Error("a session before the second factor")
	}
	if c, err := b.Second(t.Context(), cookie); err != nil || c != (access.Askable{Codes: true}) {
		t.Errorf("challenge %+v, %v", c, err)
	}
	_, err := b.show(t, cookie, access.Shown{Code: "123456"})
	wantError(t, err, access.ErrCredentials, "wrong digits")
	_, err = b.show(t, cookie, access.Shown{})
	wantError(t, err, access.ErrCredentials, "nothing")
	in, err := b.show(t, cookie, access.Shown{Code: a.digits(t)})
	if err != nil || !slices.Equal(in.Session.Methods, []access.Method{access.ByPassword, access.ByTOTP}) {
		t.Fatalf("session %+v, %v", in.Session, err)
	}
	_, err = b.show(t, cookie, access.Shown{Code: codes[0]})
	wantError(t, err, access.ErrFlow, "the same sign-in again")
	_, err = b.show(t, b.half(t, "lin"), access.Shown{Code: a.digits(t)})
	wantError(t, err, access.ErrCredentials, "the same digits again")
}

// A code on paper is good once, for its own account.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	session := b.signIn(t, "lin").Session
	_, codes := b.addApp(t, session)
	_, others := b.addApp(t, b.signIn(t, "wang").Session)
	cookie := b.half(t, "lin")
	_, err := b.show(t, cookie, access.Shown{Code: others[0]})
	wantError(t, err, access.ErrCredentials, "another's")
	if _, err := b.show(t, cookie, access.Shown{Code: codes[0]}); err != nil {
		t.Fatal(err)
	}
	_, err = b.show(t, b.half(t, "lin"), access.Shown{Code: codes[0]})
	wantError(t, err, access.ErrCredentials, "again")
	fresh, err := b.NewRecoveryCodes(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	cookie = b.half(t, "lin")
	_, err = b.show(t, cookie, access.Shown{Code: codes[1]})
	wantError(t, err, access.ErrCredentials, "of the sheet before")
	if _, err = b.show(t, cookie, access.Shown{Code: fresh[1]}); err != nil {
		t.Error(err)
	}
}

// Digits cannot be guessed by trying, in parallel neither; and whoever tries does
// not keep the owner out of the device that they have confirmed.
func TestSecondFactorIsLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own := b.signIn(t, "lin")
	a, _ := b.addApp(t, own.Session)
	cookie := b.half(t, "lin")
	limited := 0
	for _, err := range together(30, func(int) error {
		_, _, err := b.FinishSecond(t.Context(), cookie, access.Shown{Code: "123456"}, access.Browser{Address: office})
		return err
	}) {
		if _, ok := errors.AsType[*access.LimitedError](err); ok {
			limited++
		} else if !errors.Is(err, access.ErrCredentials) {
			t.Errorf("got %v", err)
		}
	}
	if limited != 20 {
		t.Errorf("%d of 30 were turned away, want 20", limited)
	}
	_, err := b.show(t, cookie, access.Shown{Code: a.digits(t)})
	wantLimited(t, err, "the right digits, after ten wrong ones")
	b.exec(t, `update device set trusted_at = now() where id = $1`, own.Session.Device)
	mine := b.half(t, "lin", with(own))
	if _, _, err := b.FinishSecond(t.Context(), mine, access.Shown{Code: a.digits(t)}, access.Browser{Address: office, UserAgent: iphone, DeviceCookie: own.DeviceCookie}); err != nil {
		t.Errorf("on the owner's own device: %v", err)
	}
}

// A password that is changed between the two factors lets nobody in.
func TestSecondFactorAfterPasswordChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own := b.signIn(t, "lin")
	a, _ := b.addApp(t, own.Session)
	cookie := b.half(t, "lin")
	if _, err := b.ChangePassword(t.Context(), own.Session, right, "quite another long phrase"); err != nil {
		t.Fatal(err)
	}
	_, err := b.show(t, cookie, access.Shown{Code: a.digits(t)})
	wantError(t, err, access.ErrCredentials, "the old password and the right digits")
}

// phone holds a passkey.
type phone struct {
	rp   virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

func (b *bundle) addPasskey(t *testing.T, s access.Session) *phone {
	t.Helper()
	p := &phone{virtualwebauthn.RelyingParty{ID: "sign.example.gov.tw", Origin: "https://sign.example.gov.tw"}, virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	options, cookie, err := b.BeginPasskey(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	o, err := virtualwebauthn.ParseAttestationOptions(`{"publicKey":` + options + `}`)
	if err != nil {
		t.Fatal(err)
	}
	answer := []byte(virtualwebauthn.CreateAttestationResponse(p.rp, p.auth, p.cred, *o))
	if _, err := b.FinishPasskey(t.Context(), s, cookie, answer, "Mac · Safari"); err != nil {
		t.Fatal(err)
	}
	_, err = b.FinishPasskey(t.Context(), s, cookie, answer, "")
	wantError(t, err, access.ErrFlow, "the same key again")
	return p
}

func (p *phone) show(t *testing.T, options string) []byte {
	t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(`{"publicKey":` + options + `}`)
	if err != nil {
		t.Fatal(err)
	}
	p.cred.Counter++
	return []byte(virtualwebauthn.CreateAssertionResponse(p.rp, p.auth, p.cred, *o))
}

func TestPasskey(t *testing.T) {
	t.Parallel()
	b := setup(t, withPasskeys(t))
	p := b.addPasskey(t, b.signIn(t, "lin").Session)
	cookie := b.half(t, "lin")
	c, err := b.Second(t.Context(), cookie)
	if err != nil || c.Passkey == "" {
		t.Fatalf("challenge %+v, %v", c, err)
	}
	answer := p.show(t, c.Passkey)
	other := b.half(t, "lin")
	_, err = b.show(t, other, access.Shown{Passkey: answer})
	wantError(t, err, access.ErrCredentials, "an answer to another challenge")
	in, err := b.show(t, cookie, access.Shown{Passkey: answer})
	if err != nil || !slices.Equal(in.Session.Methods, []access.Method{access.ByPassword, access.ByPasskey}) {
		t.Fatalf("session %+v, %v", in.Session, err)
	}
	_, err = b.show(t, cookie, access.Shown{Passkey: answer})
	wantError(t, err, access.ErrFlow, "the same answer again")
}

func TestRemoveFactor(t *testing.T) {
	t.Parallel()
	heard := &told{}
	b := setup(t, withPasskeys(t), func(o *pgaccess.Options) { o.Alerts = heard })
	lin, wang := b.signIn(t, "lin").Session, b.signIn(t, "wang").Session
	b.addApp(t, lin)
	b.addPasskey(t, lin)
	list, codes, err := b.Factors(t.Context(), lin.Account)
	if err != nil || len(list) != 2 || list[0].Method != access.ByTOTP || list[1].Method != access.ByPasskey || list[0].Label != "iPhone · Safari" || codes != access.RecoveryCodes {
		t.Fatalf("factors %+v, %d codes, %v", list, codes, err)
	}
	wantError(t, b.RemoveFactor(t.Context(), wang, list[0].ID), approval.ErrNotFound, "another's")
	for _, f := range list {
		if err := b.RemoveFactor(t.Context(), lin, f.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.count(t, `select count(*) from recovery_code`); n != 0 {
		t.Errorf("%d codes are good without a factor", n)
	}
	var matters []string
	for _, a := range heard.alerts {
		if a.Kind == approval.AlertAccount && a.Person == lin.Person.ID {
			matters = append(matters, a.Matter)
		}
	}
	if want := []string{approval.MatterFactor, approval.MatterFactor, approval.MatterFactorOff, approval.MatterFactorOff}; !slices.Equal(matters, want) {
		t.Errorf("the owner heard of %q, want %q", matters, want)
	}
	b.signIn(t, "lin")
	_, err = b.NewRecoveryCodes(t.Context(), lin)
	wantError(t, err, approval.ErrNotFound, "codes for nothing")
}

// A factor that is shown again makes the session fresh, and its old cookie
// worthless.
func TestProve(t *testing.T) {
	t.Parallel()
	b := setup(t, withPasskeys(t))
	in := b.signIn(t, "lin")
	a, _ := b.addApp(t, in.Session)
	key := b.addPasskey(t, in.Session)
	other := b.signIn(t, "wang")
	cookie := in.SessionCookie
	for name, shown := range map[string]func(c access.Askable) access.Shown{
		"password": func(access.Askable) access.Shown { return access.Shown{Password: right} },
		"app":      func(access.Askable) access.Shown { return access.Shown{Code: a.digits(t)} },
		"passkey":  func(c access.Askable) access.Shown { return access.Shown{Passkey: key.show(t, c.Passkey)} },
	} {
		b.clock.pass(time.Hour)
		c, flow, err := b.BeginProof(t.Context(), in.Session)
		if err != nil || !c.Password || !c.Codes || c.Passkey == "" {
			t.Fatalf("%s: challenge %+v, %v", name, c, err)
		}
		_, err = b.Prove(t.Context(), other.Session, flow, shown(c), access.Browser{Address: office})
		wantError(t, err, access.ErrFlow, name+" in another session")
		_, err = b.Prove(t.Context(), in.Session, flow, access.Shown{Password: wrong}, access.Browser{Address: office})
		wantError(t, err, access.ErrCredentials, name+": wrong")
		fresh, err := b.Prove(t.Context(), in.Session, flow, shown(c), access.Browser{Address: office})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.wantNoSession(t, cookie, name+": the cookie before")
		cookie = fresh
		if got := b.wantSession(t, cookie, name); !got.ProvenAt.Equal(b.clock.now()) || got.ID != in.Session.ID {
			t.Errorf("%s: session %+v", name, got)
		}
		_, err = b.Prove(t.Context(), in.Session, flow, shown(c), access.Browser{Address: office})
		wantError(t, err, access.ErrFlow, name+" again")
	}
	got := b.wantSession(t, cookie, "all").Methods
	slices.Sort(got)
	if !slices.Equal(got, []access.Method{access.ByPasskey, access.ByPassword, access.ByTOTP}) {
		t.Errorf("methods %v", got)
	}
}

// Whoever signs in by a directory shows the directory's password again.
func TestProveByDirectory(t *testing.T) {
	t.Parallel()
	opt, _ := withDirectory(t, nil, entry("hsu", "許文雄", "水利科"))
	b := setup(t, opt)
	in := b.signIn(t, "hsu", byAD)
	b.clock.pass(time.Hour)
	c, flow, err := b.BeginProof(t.Context(), in.Session)
	if err != nil || c != (access.Askable{Password: true}) {
		t.Fatalf("challenge %+v, %v", c, err)
	}
	_, err = b.Prove(t.Context(), in.Session, flow, access.Shown{Password: wrong}, access.Browser{Address: office})
	wantError(t, err, access.ErrCredentials, "wrong")
	if _, err := b.Prove(t.Context(), in.Session, flow, access.Shown{Password: right}, access.Browser{Address: office}); err != nil {
		t.Error(err)
	}
}
