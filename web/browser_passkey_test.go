package web

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"qianhe/approval/access"
	"qianhe/approval/access/passkey"
)

// keyring is signIns with real passkeys.
type keyring struct {
	signIns
	mu    sync.Mutex
	keys  *passkey.Keys
	owner passkey.Owner
	kept  []byte
}

func (k *keyring) BeginPasskey(context.Context, access.Session) (string, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	options, kept, err := k.keys.BeginRegistration(k.owner)
	k.kept = kept
	return string(options), "flow", err
}

func (k *keyring) FinishPasskey(_ context.Context, _ access.Session, _ string, response []byte, _ string) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, err := k.keys.FinishRegistration(k.owner, k.kept, response)
	if err == nil {
		k.owner.Keys = append(k.owner.Keys, key.Record)
	}
	return []string{"abcd-efgh-jkmn-pqrs"}, err
}

func (k *keyring) BeginProof(context.Context, access.Session) (access.Askable, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	options, kept, err := k.keys.BeginAssertion(k.owner)
	k.kept = kept
	return access.Askable{Passkeys: true, Passkey: string(options)}, "flow", err
}

func (k *keyring) Prove(_ context.Context, s access.Session, _ string, shown access.Shown, _ access.Browser) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, err := k.keys.FinishAssertion(k.owner, k.kept, shown.Passkey)
	return s.Login, err
}

// A passkey is made and shown in a real browser, with Chromium's own
// authenticator for tests.
func TestPasskeyInBrowser(t *testing.T) {
	t.Parallel()
	k := &keyring{owner: passkey.Owner{Account: "account-wang", Login: "wang", Name: "王大明"}}
	k.can = access.Askable{Passkeys: true}
	b, o := browse(t, func(opt *Options) {
		u, err := url.Parse(strings.Replace(opt.BaseURL.String(), "127.0.0.1", "localhost", 1))
		if err != nil {
			t.Fatal(err)
		}
		opt.BaseURL = u
		if k.keys, err = passkey.New("簽核", u); err != nil {
			t.Fatal(err)
		}
		opt.SignIns = k
	})
	b.base = o.BaseURL.String()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}); err != nil {
		t.Fatal(err)
	}
	b.as("wang")
	b.open("/me/factors")
	b.follow(`form[action="/me/factors/passkey"] button`)
	b.follow(`[data-passkey-new] button`)
	b.wait(`document.querySelectorAll('.codes li').length === 1`)
	b.open("/me/prove?next=/done")
	b.follow(`form[action="/me/prove/passkey"] button`)
	b.follow(`[data-passkey] button`)
	b.wait(`location.pathname === '/done'`)
}
