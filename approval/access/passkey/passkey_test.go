package passkey_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"qianhe/approval/access"
	"qianhe/approval/access/passkey"
)

// phone is an authenticator in software, at one address.
type phone struct {
	rp   virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

func newPhone() *phone {
	return &phone{
		rp:   virtualwebauthn.RelyingParty{Name: "簽核", ID: "sign.example.gov.tw", Origin: "https://sign.example.gov.tw"},
		auth: virtualwebauthn.NewAuthenticator(), cred: virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2),
	}
}

// wrapped is the options as browsers' older interface has them, which the
// authenticator reads.
func wrapped(options []byte) string { return `{"publicKey":` + string(options) + `}` }

func (p *phone) register(t *testing.T, options []byte) []byte {
	t.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(wrapped(options))
	if err != nil {
		t.Fatal(err)
	}
	answer := virtualwebauthn.CreateAttestationResponse(p.rp, p.auth, p.cred, *o)
	p.auth.AddCredential(p.cred)
	return []byte(answer)
}

func (p *phone) show(t *testing.T, options []byte) []byte {
	t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(wrapped(options))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtualwebauthn.CreateAssertionResponse(p.rp, p.auth, p.cred, *o))
}

func keys(t *testing.T) *passkey.Keys {
	t.Helper()
	u, _ := url.Parse("https://sign.example.gov.tw")
	k, err := passkey.New("簽核", u)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func lin() passkey.Owner {
	return passkey.Owner{Account: "01JACCOUNT", Login: "lin", Name: "林美惠"}
}

// registered gives an owner with one key, and the phone that holds it.
func registered(t *testing.T, k *passkey.Keys, o passkey.Owner) (passkey.Owner, *phone) {
	t.Helper()
	p := newPhone()
	options, kept, err := k.BeginRegistration(o)
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.FinishRegistration(o, kept, p.register(t, options))
	if err != nil {
		t.Fatal(err)
	}
	o.Keys = append(o.Keys, key.Record)
	return o, p
}

func begin(t *testing.T, k *passkey.Keys, o passkey.Owner) (options, kept []byte) {
	t.Helper()
	options, kept, err := k.BeginAssertion(o)
	if err != nil {
		t.Fatal(err)
	}
	return options, kept
}

func TestRegisterAndShow(t *testing.T) {
	t.Parallel()
	k := keys(t)
	o, p := registered(t, k, lin())
	options, kept := begin(t, k, o)
	p.cred.Counter = 5
	key, err := k.FinishAssertion(o, kept, p.show(t, options))
	if err != nil {
		t.Fatal(err)
	}
	// A copy that counts from before is found out.
	o.Keys = [][]byte{key.Record}
	options, kept = begin(t, k, o)
	p.cred.Counter = 3
	if _, err := k.FinishAssertion(o, kept, p.show(t, options)); !errors.Is(err, passkey.ErrCloned) || !errors.Is(err, access.ErrCredentials) {
		t.Errorf("a copy: %v", err)
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	k := keys(t)
	o, p := registered(t, k, lin())
	other, hers := registered(t, k, passkey.Owner{Account: "01JOTHER", Login: "wang", Name: "王大明"})
	options, kept := begin(t, k, o)
	otherOptions, otherKept := begin(t, k, other)
	for name, try := range map[string]func() error{
		"another challenge": func() error {
			again, _ := begin(t, k, o)
			_, err := k.FinishAssertion(o, kept, p.show(t, again))
			return err
		},
		"another page": func() error {
			evil := *p
			evil.rp.Origin = "https://sign-example.evil.example"
			_, err := k.FinishAssertion(o, kept, evil.show(t, options))
			return err
		},
		"another's key": func() error {
			_, err := k.FinishAssertion(o, kept, hers.show(t, options))
			return err
		},
		"another's sign-in": func() error {
			_, err := k.FinishAssertion(o, otherKept, hers.show(t, otherOptions))
			return err
		},
		"nothing":  func() error { _, err := k.FinishAssertion(o, kept, nil); return err },
		"no begin": func() error { _, err := k.FinishAssertion(o, []byte("{}"), p.show(t, options)); return err },
		"a registration": func() error {
			_, err := k.FinishRegistration(o, kept, p.show(t, options))
			return err
		},
	} {
		if err := try(); !errors.Is(err, access.ErrCredentials) {
			t.Errorf("%s: %v, want ErrCredentials", name, err)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	k := keys(t)
	o, _ := registered(t, k, lin())
	options, _, err := k.BeginRegistration(o)
	if err != nil || !strings.Contains(string(options), `"excludeCredentials":[{`) || !strings.Contains(string(options), `"attestation":"none"`) {
		t.Errorf("%s, %v", options, err)
	}
}

func TestNoKeysForNumbers(t *testing.T) {
	t.Parallel()
	u, _ := url.Parse("http://127.0.0.1:8080")
	if k, err := passkey.New("簽核", u); k != nil || err != nil {
		t.Errorf("got %v, %v", k, err)
	}
}
