package main

import (
	"context"
	"errors"
	"fmt"

	"qianhe/approval"
	"qianhe/channels/line"
	"qianhe/web"
)

// linking gives the pages what they need in order to link chats, nil when there
// is none to link. LINE tells of a linking by a callback, which nobody can
// verify without the channel secret.
func (a *app) linking() *web.Linking {
	l := &web.Linking{Pairings: a.hub}
	if a.line != nil && a.config.LINE.ChannelSecret != "" {
		l.LINE = &web.LinkLINE{Dialog: a.line.DialogURL, Origin: a.line.DialogOrigin(), Friend: a.line.FriendURL}
		if a.config.LINE.LoginChannelID != "" {
			l.LINE.Verify = a.verifyIDToken
			l.LINE.LIFF = a.config.LINE.liff()
		}
	}
	if a.messenger != nil {
		l.Messenger = &web.LinkMessenger{Open: a.messenger.LinkURL}
	}
	if l.LINE == nil && l.Messenger == nil {
		return nil
	}
	return l
}

// verifyIDToken says in the pages' words that an ID token proves nothing.
func (a *app) verifyIDToken(ctx context.Context, token, nonce string) (string, error) {
	user, err := a.line.VerifyIDToken(ctx, token, nonce)
	if errors.Is(err, line.ErrIDToken) {
		err = fmt.Errorf("%w: %w", approval.ErrForbidden, err)
	}
	return user, err
}
