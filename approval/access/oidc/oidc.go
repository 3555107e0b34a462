package oidc

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"qianhe/approval/access"
)

// Config of a portal.
type Config struct {
	Name         string
	Issuer       string // https://...; its document is below it
	ClientID     string
	ClientSecret string // "" for a public client
	Scopes       []string
	Claims       Claims
	// UserInfo: the ID token does not say everything, the portal is asked too.
	UserInfo bool
	// Client speaks to the portal; nil means one with time-outs.
	Client *http.Client
	Now    func() time.Time
	Random io.Reader
}

// Claims are the names of what is read. Those of the zero value are the usual
// ones.
type Claims struct {
	Login  string // preferred_username
	Name   string // name
	Title  string // title
	Unit   string // department
	Groups string // groups
}

// Portal is one of them. It is an [access.Provider].
type Portal struct {
	config Config

	mu         sync.Mutex
	discovered *discovered // nil until the portal has said who it is
}

type discovered struct {
	*oidc.Provider
	sendsIssuer bool
	oauth       oauth2.Config
}

// New checks the configuration. The portal is asked when somebody wants in.
func New(c Config) (*Portal, error) {
	u, err := url.Parse(c.Issuer)
	switch {
	case c.Name == "":
		return nil, errors.New("oidc: a portal needs a name")
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("oidc: issuer %q is not an address such as https://portal.example.gov.tw", c.Issuer)
	case c.ClientID == "":
		return nil, errors.New("oidc: no client ID")
	}
	c.Claims.Login, c.Claims.Name = cmp.Or(c.Claims.Login, "preferred_username"), cmp.Or(c.Claims.Name, "name")
	c.Claims.Title, c.Claims.Unit = cmp.Or(c.Claims.Title, "title"), cmp.Or(c.Claims.Unit, "department")
	c.Claims.Groups = cmp.Or(c.Claims.Groups, "groups")
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"profile"}
	}
	if !slices.Contains(c.Scopes, oidc.ScopeOpenID) {
		c.Scopes = append([]string{oidc.ScopeOpenID}, c.Scopes...)
	}
	if c.Client == nil {
		c.Client = &http.Client{}
	}
	own := *c.Client
	own.Timeout = cmp.Or(own.Timeout, 10*time.Second)
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("redirections are not followed") }
	c.Client = &own
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return &Portal{config: c}, nil
}

// Name is that of the configuration.
func (p *Portal) Name() string { return p.config.Name }

// Method is [access.ByOIDC].
func (p *Portal) Method() access.Method { return access.ByOIDC }

// fault is the portal's, or of the way there.
func (p *Portal) fault(doing string, err error) error {
	return &access.ProviderError{Provider: p.config.Name, Err: fmt.Errorf("%s: %w", doing, err)}
}

// kept is what is known of a sign-in on its way.
type kept struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Back     string `json:"back"`
}

// Begin sends the browser to the portal, which sends it back to an address of
// ours.
func (p *Portal) Begin(ctx context.Context, back string) (access.Begun, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return access.Begun{}, err
	}
	k := kept{Back: back}
	for _, field := range []*string{&k.State, &k.Nonce, &k.Verifier} {
		var b [32]byte
		if _, err := io.ReadFull(p.config.Random, b[:]); err != nil {
			return access.Begun{}, fmt.Errorf("source of randomness: %w", err)
		}
		*field = base64.RawURLEncoding.EncodeToString(b[:])
	}
	conf := d.oauth
	conf.RedirectURL = back
	secret, err := json.Marshal(k)
	if err != nil {
		return access.Begun{}, err
	}
	return access.Begun{Redirect: conf.AuthCodeURL(k.State, oidc.Nonce(k.Nonce), oauth2.S256ChallengeOption(k.Verifier)), Kept: secret}, nil
}

// discover asks the issuer who it is, once.
func (p *Portal) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	d := p.discovered
	p.mu.Unlock()
	if d != nil {
		return d, nil
	}
	// The client goes along for the keys, which are fetched long after.
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.config.Client), p.config.Issuer)
	if err != nil {
		return nil, p.fault("ask the issuer", brief(err))
	}
	var document struct {
		SendsIssuer bool     `json:"authorization_response_iss_parameter_supported"`
		Methods     []string `json:"token_endpoint_auth_methods_supported"`
		Challenges  []string `json:"code_challenge_methods_supported"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, p.fault("read the issuer's document", err)
	}
	d = &discovered{Provider: provider, sendsIssuer: document.SendsIssuer}
	d.oauth = oauth2.Config{ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: provider.Endpoint(), Scopes: p.config.Scopes}
	// Not tried out: a code is good once, and a wrong guess would spend it.
	d.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if p.config.ClientSecret == "" || len(document.Methods) > 0 && !slices.Contains(document.Methods, "client_secret_basic") {
		d.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	for what, address := range map[string]string{"authorization": d.oauth.Endpoint.AuthURL, "token": d.oauth.Endpoint.TokenURL} {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, p.fault("read the issuer's document", fmt.Errorf("its %s endpoint is not https", what))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.discovered = d
	return d, nil
}

// brief leaves the bodies of answers out of an error: they are others' words.
func brief(err error) error {
	var status *oauth2.RetrieveError
	if errors.As(err, &status) {
		return fmt.Errorf("status %d, %q", status.Response.StatusCode, status.ErrorCode)
	}
	const most = 200
	if text := err.Error(); len(text) > most {
		return errors.New(text[:most] + "…")
	}
	return err
}

// Probe says whether the portal can be reached and is who it should be, for an
// administrator to read.
func (p *Portal) Probe(ctx context.Context) ([]string, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	lines := []string{"issuer " + p.config.Issuer, "people sign in at " + d.oauth.Endpoint.AuthURL, "codes are redeemed at " + d.oauth.Endpoint.TokenURL}
	if d.sendsIssuer {
		lines = append(lines, "answers name their issuer (RFC 9207)")
	}
	return lines, nil
}
