package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"qianhe/approval/access"
)

// Finish redeems what the browser has brought back.
func (p *Portal) Finish(ctx context.Context, secret []byte, a access.Answer) (access.Identity, error) {
	var k kept
	if err := json.Unmarshal(secret, &k); err != nil || k.State == "" || k.Nonce == "" || k.Verifier == "" {
		return access.Identity{}, fmt.Errorf("%w: this sign-in has not begun here", access.ErrCredentials)
	}
	state, ok := one(a.Values, "state")
	if !ok || !same(state, k.State) {
		return access.Identity{}, fmt.Errorf("%w: the answer is to another sign-in", access.ErrCredentials)
	}
	d, err := p.discover(ctx)
	if err != nil {
		return access.Identity{}, err
	}
	// Before anything is redeemed: a code of another issuer must not leave here.
	issuer, ok := one(a.Values, "iss")
	if !ok || issuer == "" && d.sendsIssuer || issuer != "" && issuer != p.config.Issuer {
		return access.Identity{}, fmt.Errorf("%w: the answer is of another issuer", access.ErrCredentials)
	}
	if a.Values.Has("error") {
		return access.Identity{}, p.refused(a.Values)
	}
	code, ok := one(a.Values, "code")
	if !ok || code == "" {
		return access.Identity{}, fmt.Errorf("%w: the answer has no code", access.ErrCredentials)
	}
	ctx = oidc.ClientContext(ctx, p.config.Client)
	conf := d.oauth
	conf.RedirectURL = k.Back
	token, err := conf.Exchange(ctx, code, oauth2.VerifierOption(k.Verifier))
	if err != nil {
		var status *oauth2.RetrieveError
		if errors.As(err, &status) && status.ErrorCode == "invalid_grant" {
			return access.Identity{}, fmt.Errorf("%w: the portal does not know the code", access.ErrCredentials)
		}
		return access.Identity{}, p.fault("redeem the code", brief(err))
	}
	return p.identity(ctx, d, token, k.Nonce)
}

// refused is what an answer means that is none.
func (p *Portal) refused(v url.Values) error {
	switch v.Get("error") {
	case "access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required":
		return fmt.Errorf("%w: the portal lets nobody in", access.ErrCredentials)
	}
	return p.fault("sign in there", errors.New("it says that it failed"))
}

// identity reads the ID token, and what the portal says beside it.
func (p *Portal) identity(ctx context.Context, d *discovered, token *oauth2.Token, nonce string) (access.Identity, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return access.Identity{}, p.fault("redeem the code", errors.New("there is no ID token"))
	}
	id, err := d.VerifierContext(ctx, &oidc.Config{ClientID: p.config.ClientID, Now: p.config.Now}).Verify(ctx, raw)
	if err != nil {
		return access.Identity{}, p.fault("check the ID token", brief(err))
	}
	if !same(id.Nonce, nonce) {
		return access.Identity{}, fmt.Errorf("%w: the ID token is of another sign-in", access.ErrCredentials)
	}
	if id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil {
		return access.Identity{}, p.fault("check the ID token", errors.New("it is of another access token"))
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return access.Identity{}, p.fault("read the ID token", brief(err))
	}
	// OpenID Connect Core §3.1.3.7: who else is meant has to say that it is us.
	if azp, ok := claims["azp"]; len(id.Audience) > 1 && !ok || ok && azp != p.config.ClientID {
		return access.Identity{}, p.fault("check the ID token", errors.New("it was made for another client"))
	}
	if id.Subject == "" {
		return access.Identity{}, p.fault("read the ID token", errors.New("it has no subject"))
	}
	if p.config.UserInfo {
		info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return access.Identity{}, p.fault("ask about the person", brief(err))
		}
		if info.Subject != id.Subject {
			return access.Identity{}, p.fault("ask about the person", errors.New("it tells of another one"))
		}
		if err := info.Claims(&claims); err != nil {
			return access.Identity{}, p.fault("read about the person", brief(err))
		}
	}
	c := p.config.Claims
	return access.Identity{
		Subject: id.Subject, Login: text(claims[c.Login]), Name: text(claims[c.Name]), Title: text(claims[c.Title]), Unit: text(claims[c.Unit]), Groups: texts(claims[c.Groups]),
	}, nil
}

// one gives a parameter that occurs at most once; RFC 6749 §3.1 allows no more.
func one(v url.Values, name string) (string, bool) {
	switch list := v[name]; len(list) {
	case 0:
		return "", true
	case 1:
		return list[0], true
	}
	return "", false
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func text(v any) string {
	s, _ := v.(string)
	return s
}

// texts reads a list, or one that stands alone.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}
