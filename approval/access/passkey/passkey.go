// Package passkey proves that somebody holds a key that lives in a phone, a
// computer or a token, and that shows itself to our own address only (Web
// Authentication Level 3): what a page elsewhere gets out of a person is worth
// nothing here.
//
// Keys are registered without attestation: which maker's they are does not
// matter. A challenge is kept on the server and good once, whoever keeps it sees
// to that.
package passkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"qianhe/approval/access"
)

// Keys begins and ends ceremonies.
type Keys struct {
	web *webauthn.WebAuthn
}

// ErrCloned: a key counts backwards: there are two of it.
var ErrCloned = errors.New("passkey: the key seems to have been copied")

// New makes keys for pages of these origins, the first of which names what they
// are for; title is what a phone shows. It gives nil where the origin has a number
// instead of a name: no browser makes a key for that.
func New(title string, origins ...*url.URL) (*Keys, error) {
	if len(origins) == 0 {
		return nil, errors.New("passkey: no origin")
	}
	if _, err := netip.ParseAddr(origins[0].Hostname()); err == nil {
		return nil, nil
	}
	c := &webauthn.Config{RPID: origins[0].Hostname(), RPDisplayName: title, AttestationPreference: protocol.PreferNoAttestation}
	for _, o := range origins {
		c.RPOrigins = append(c.RPOrigins, o.Scheme+"://"+o.Host)
	}
	web, err := webauthn.New(c)
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &Keys{web}, nil
}

// Owner is whose keys they are.
type Owner struct {
	Account string // becomes the user handle
	Login   string
	Name    string
	Keys    [][]byte // as FinishRegistration and FinishAssertion gave them
}

// user is an owner in the library's words.
type user struct {
	Owner
	credentials []webauthn.Credential
}

func (u user) WebAuthnID() []byte                         { return []byte(u.Account) }
func (u user) WebAuthnName() string                       { return u.Login }
func (u user) WebAuthnDisplayName() string                { return u.Name }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

func (o Owner) user() (user, error) {
	u := user{Owner: o}
	for _, k := range o.Keys {
		var c webauthn.Credential
		if err := json.Unmarshal(k, &c); err != nil {
			return user{}, fmt.Errorf("passkey: key on record: %w", err)
		}
		u.credentials = append(u.credentials, c)
	}
	return u, nil
}

// Key is one that may be kept: ID finds it, Record is what Owner takes.
type Key struct {
	ID     []byte
	Record []byte
}

// BeginRegistration gives options for navigator.credentials.create, as JSON, and
// what has to be kept for the end.
func (k *Keys) BeginRegistration(o Owner) (options, kept []byte, err error) {
	u, err := o.user()
	if err != nil {
		return nil, nil, err
	}
	made, session, err := k.web.BeginRegistration(u,
		webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirementPreferred),
		webauthn.WithExclusions(webauthn.Credentials(u.credentials).CredentialDescriptors()))
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: begin registration: %w", err)
	}
	return both(made.Response, session)
}

// FinishRegistration looks at what the browser gave. It returns
// [access.ErrCredentials] when that is not a key made for this.
func (k *Keys) FinishRegistration(o Owner, kept, response []byte) (Key, error) {
	u, err := o.user()
	if err != nil {
		return Key{}, err
	}
	session, err := read(kept)
	if err != nil {
		return Key{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Key{}, refused(err)
	}
	c, err := k.web.CreateCredential(u, session, parsed)
	if err != nil {
		return Key{}, refused(err)
	}
	return record(c)
}

// BeginAssertion gives options for navigator.credentials.get, as JSON, and what
// has to be kept for the end.
func (k *Keys) BeginAssertion(o Owner) (options, kept []byte, err error) {
	u, err := o.user()
	if err != nil {
		return nil, nil, err
	}
	made, session, err := k.web.BeginLogin(u)
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: begin assertion: %w", err)
	}
	return both(made.Response, session)
}

// FinishAssertion gives the key that was shown, to be kept in the place of the
// one on record. It returns [access.ErrCredentials] when none of the owner's was,
// and [ErrCloned] with it when there are two of the key.
func (k *Keys) FinishAssertion(o Owner, kept, response []byte) (Key, error) {
	u, err := o.user()
	if err != nil {
		return Key{}, err
	}
	session, err := read(kept)
	if err != nil {
		return Key{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Key{}, refused(err)
	}
	c, err := k.web.ValidateLogin(u, session, parsed)
	if err != nil {
		return Key{}, refused(err)
	}
	if c.Authenticator.CloneWarning {
		return Key{}, fmt.Errorf("%w: %w", access.ErrCredentials, ErrCloned)
	}
	return record(c)
}

func both(options any, session *webauthn.SessionData) (out, kept []byte, err error) {
	if out, err = json.Marshal(options); err == nil {
		kept, err = json.Marshal(session)
	}
	return out, kept, err
}

func read(kept []byte) (s webauthn.SessionData, err error) {
	if err := json.Unmarshal(kept, &s); err != nil || s.Challenge == "" {
		return s, fmt.Errorf("%w: no challenge was given out", access.ErrCredentials)
	}
	return s, nil
}

func record(c *webauthn.Credential) (Key, error) {
	b, err := json.Marshal(c)
	return Key{ID: c.ID, Record: b}, err
}

// refused keeps the kind of the library's refusal and leaves its details out.
func refused(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%w: passkey: %s", access.ErrCredentials, e.Type)
	}
	return fmt.Errorf("%w: passkey", access.ErrCredentials)
}
