package pgaccess

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"qianhe/approval/access"
)

// source gives the provider of this name.
func (s *Store) source(name string) (access.Source, bool) {
	i := slices.IndexFunc(s.sources, func(o access.Source) bool { return o.Name() == name })
	if i < 0 {
		return access.Source{}, false
	}
	return s.sources[i], true
}

// prove says who login and password show somebody to be: the password that is
// kept here, or a provider that takes one.
func (s *Store) prove(ctx context.Context, in access.SignIn) (access.Proven, error) {
	if in.Way == "" && s.noLocal {
		return access.Proven{}, access.ErrCredentials
	}
	if in.Way == "" {
		return s.ProvePassword(ctx, in)
	}
	src, ok := s.source(in.Way)
	if !ok {
		return access.Proven{}, access.ErrCredentials
	}
	leave, err := s.asking.Enter()
	if err != nil {
		return access.Proven{}, err
	}
	defer leave()
	// The provider gets to see a password only where a limit allows it, whatever
	// it counts itself: strangers here do not lock an account there.
	attempt, err := s.Try(ctx, in.Login, in.Browser())
	if err != nil {
		return access.Proven{}, err
	}
	id, err := src.Finish(ctx, nil, access.Answer{Login: access.FoldLogin(in.Login), Password: in.Password})
	if err != nil {
		return access.Proven{}, s.providerError(ctx, src, in.Address, err)
	}
	return s.proveIdentity(ctx, src, id, attempt, in.Address)
}

// providerError gives what whoever signs in may hear, and the log the rest.
func (s *Store) providerError(ctx context.Context, src access.Source, address string, err error) error {
	if provider, ok := errors.AsType[*access.ProviderError](err); ok {
		s.log.ErrorContext(ctx, "sign-in provider failed", "provider", src.Name(), "err", provider.Err)
		return provider
	}
	return s.refused(ctx, "", address, err)
}

// BeginSignIn sends a browser to the page of a provider: redirect is where, cookie
// is to be set, see [access.FlowCookie]. Back is our address that it comes back
// to, next where it is to go on. It returns [access.ErrCredentials] for a
// provider that there is not, [*access.ProviderError] when it does not answer,
// and [*access.LimitedError] for an address that begins too many.
func (s *Store) BeginSignIn(ctx context.Context, way, back, next string, b access.Browser) (redirect, cookie string, err error) {
	src, ok := s.source(way)
	if !ok {
		return "", "", access.ErrCredentials
	}
	leave, err := s.asking.Enter()
	if err != nil {
		return "", "", err
	}
	defer leave()
	begun, err := src.Begin(ctx, back)
	if err != nil {
		return "", "", s.providerError(ctx, src, b.Address, err)
	}
	if begun.Redirect == "" {
		return "", "", access.ErrCredentials
	}
	cookie, err = s.beginFlow(ctx, flow{purpose: flowProvider, address: group(b.Address), state: flowState{Way: way, Next: next, Kept: begun.Kept}})
	if err != nil {
		return "", "", err
	}
	return begun.Redirect, cookie, nil
}

// FinishSignIn lets in whoever comes back from the page of a provider, and says
// where to go on. What was begun is used up, whatever comes of it. It gives
// [access.ErrFlow] when nothing was begun with this provider in this browser, and
// the errors of [Store.SignIn].
func (s *Store) FinishSignIn(ctx context.Context, way string, values url.Values, cookie string, b access.Browser) (in access.SignedIn, next string, err error) {
	f, err := s.takeFlow(ctx, s.pool, cookie, flowProvider, "")
	if err != nil {
		return access.SignedIn{}, "", err
	}
	src, ok := s.source(way)
	if !ok || f.state.Way != way {
		return access.SignedIn{}, "", access.ErrFlow
	}
	leave, err := s.asking.Enter()
	if err != nil {
		return access.SignedIn{}, f.state.Next, err
	}
	defer leave()
	id, err := src.Finish(ctx, f.state.Kept, access.Answer{Values: values})
	if err != nil {
		return access.SignedIn{}, f.state.Next, s.providerError(ctx, src, b.Address, err)
	}
	proven, err := s.proveIdentity(ctx, src, id, 0, b.Address)
	if err != nil {
		return access.SignedIn{}, f.state.Next, err
	}
	in, err = s.further(ctx, proven, b, f.state.Next)
	return in, f.state.Next, err
}

// further lets in whoever has proved enough. With a second factor on the account
// that is asked for first, by a [*access.SecondError].
func (s *Store) further(ctx context.Context, p access.Proven, b access.Browser, next string) (access.SignedIn, error) {
	has, err := s.hasFactors(ctx, p.Account)
	if err != nil {
		return access.SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	if !has {
		return s.Admit(ctx, p, b)
	}
	state := flowState{Next: next, Proven: p}
	if state.Options, state.Kept, err = s.beginAssertion(ctx, p.Account); err != nil {
		return access.SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	cookie, err := s.beginFlow(ctx, flow{purpose: flowSecond, account: p.Account, state: state})
	if err != nil {
		return access.SignedIn{}, err
	}
	return access.SignedIn{}, &access.SecondError{Cookie: cookie}
}
