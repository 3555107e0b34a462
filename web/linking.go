package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"qianhe/approval"
	"qianhe/hub"
)

// Pairings are attempts of people to link a chat; pghub.Hub keeps them.
type Pairings interface {
	// BeginPairing ends the person's earlier attempt with this channel. The
	// secret that it gives is to be had only here.
	BeginPairing(ctx context.Context, p approval.PersonID, session string, c hub.ChannelName) (hub.Pairing, error)
	// Pairing gives the latest attempt; approval.ErrNotFound when there is none.
	Pairing(ctx context.Context, p approval.PersonID, c hub.ChannelName) (hub.Pairing, error)
	// EnterCode returns approval.ErrNotFound when nobody waits for a code.
	EnterCode(ctx context.Context, p approval.PersonID, session string, c hub.ChannelName, code string) (hub.Pairing, error)
	CancelPairing(ctx context.Context, p approval.PersonID, c hub.ChannelName) error
	// LinkProved links an address that is proved to be the person's.
	// The proof is used up; approval.ErrForbidden when it was, or is none.
	LinkProved(ctx context.Context, p approval.PersonID, c hub.ChannelName, address string, proof hub.Proof) (link string, err error)
	// ProofNonce makes the nonce of a page that proves an address.
	ProofNonce(session string) string
}

// Linking is what pages need in order to link chats. A channel that is nil
// cannot be linked.
type Linking struct {
	Pairings  Pairings
	LINE      *LinkLINE
	Messenger *LinkMessenger
}

// LinkLINE is LINE's account linking, as far as a page sees it.
type LinkLINE struct {
	// Dialog gives the address of LINE's own page that asks its user; Origin is
	// where that is.
	Dialog func(linkToken, nonce string) (string, error)
	Origin string
	// Friend gives the address that adds the account as a friend.
	Friend func(ctx context.Context) (string, error)
	// Verify gives whom an ID token of our LIFF app proves, approval.ErrForbidden
	// for a bad one, or one with a nonce that is not this. Nil: there is no such
	// app.
	Verify func(ctx context.Context, idToken, nonce string) (user string, err error)
	LIFF   *LIFF // nil: there is no page for it
}

// LinkMessenger gives links into the Page's chat.
type LinkMessenger struct {
	Open func(ref string) string
}

// pairingShown is how long the end of an attempt is told.
const pairingShown = 30 * time.Minute

// linking is what the pages of both chats show.
type linking struct {
	base
	Link    *linkView // that is in force
	State   hub.PairingState
	Outcome string // in words, "" for nothing to say
	Bad     bool   // of Outcome
}

// linkingOf reads how a person stands with a channel.
func (s *Server) linkingOf(ctx context.Context, v *visit, c hub.ChannelName, title string) (linking, error) {
	me := v.session.Person.ID
	b, err := s.counted(ctx, v, title, "me")
	if err != nil {
		return linking{}, err
	}
	p := linking{base: b}
	links, err := s.Hub.Links(ctx, me)
	if err != nil {
		return p, err
	}
	for _, l := range links {
		if l.Channel == c {
			p.Link = &linkView{ID: l.ID, Channel: v.words.T(channelKey(c)), Label: l.Label, Since: v.words.ShortDay(l.CreatedAt)}
		}
	}
	pairing, err := s.Linking.Pairings.Pairing(ctx, me, c)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return p, nil
	case err != nil:
		return p, err
	case v.now.Sub(pairing.CreatedAt) > pairingShown:
		return p, nil
	}
	p.State = pairing.State
	switch {
	case p.State == hub.PairingDone && p.Link != nil:
		p.Outcome = v.words.T("link.done", p.Link.Channel)
	case p.State == hub.PairingDone:
		p.State = "" // and unlinked since
	case p.State == hub.PairingFailed:
		p.Outcome, p.Bad = v.words.T("link.failed"), true
	case p.State == hub.PairingExpired:
		p.Outcome, p.Bad = v.words.T("link.expired"), true
	}
	return p, nil
}

// chatView is a chat that can be linked, in the list of what reaches a person.
type chatView struct {
	Name string
	Text string
	URL  string
}

// chats are those that are not linked yet.
func (s *Server) chats(v *visit, links []hub.Link) []chatView {
	if s.Linking == nil {
		return nil
	}
	linked := map[hub.ChannelName]bool{}
	for _, l := range links {
		linked[l.Channel] = true
	}
	var list []chatView
	if s.Linking.LINE != nil && !linked[hub.LINE] {
		list = append(list, chatView{v.words.T("link.line.title"), v.words.T("link.line.text"), "/link/line"})
		if app := s.Linking.LINE.LIFF; app != nil && app.Open != "" {
			list = append(list, chatView{v.words.T("liff.title"), v.words.T("liff.short"), app.Open})
		}
	}
	if s.Linking.Messenger != nil && !linked[hub.Messenger] {
		list = append(list, chatView{v.words.T("link.messenger.title"), v.words.T("link.messenger.text"), "/link/messenger"})
	}
	return list
}

// cancelLinking ends an attempt that waits.
func (s *Server) cancelLinking(w http.ResponseWriter, r *http.Request, v *visit) error {
	c := hub.ChannelName(r.PathValue("channel"))
	if s.Linking == nil || c != hub.LINE && c != hub.Messenger {
		return approval.ErrNotFound
	}
	if err := s.Linking.Pairings.CancelPairing(r.Context(), v.session.Person.ID, c); err != nil {
		return err
	}
	http.Redirect(w, r, "/me/notifications", http.StatusSeeOther)
	return nil
}

// qrView is a QR code as a path on a grid of Size by Size.
type qrView struct {
	Size int
	Path string
}

// qrOf draws the QR code of an address, nil when it is too long for one.
func qrOf(address string) *qrView {
	code, err := qr.Encode(address, qr.M)
	if err != nil {
		return nil
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				b.WriteString("M" + strconv.Itoa(x) + " " + strconv.Itoa(y) + "h" + strconv.Itoa(run) + "v1h-" + strconv.Itoa(run) + "z")
				x += run
			}
		}
	}
	return &qrView{code.Size, b.String()}
}

// Wide is the grid with the margin that a reader needs, 4 on each side.
func (q qrView) Wide() int { return q.Size + 8 }
