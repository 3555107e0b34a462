package web

import (
	"net/http"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// routes is every address there is, with who may use it. There is no other
// list: what stands in the second column is what is enforced.
func (s *Server) routes() {
	s.page("GET /{$}", public, s.root)
	s.page("GET /signin", public, s.signInForm)
	s.page("POST /signin", public, s.signIn)
	s.page("GET /signin/second", public, s.secondForm)
	s.page("POST /signin/second", public, s.second)
	s.page("POST /signin/to/{way}", public, s.signInElsewhere)
	s.page("GET /signin/back/{way}", public, s.signInBack)
	s.page("POST /signout", leaves, s.signOut)
	s.page("GET /waiting", waits, s.waiting)
	s.data("GET /waiting/state", waits, s.waitingState)
	s.page("POST /waiting/text", waits, s.sendText)
	s.page("POST /waiting/code", waits, s.enterText)
	s.page("POST /waiting/handover", waits, s.beginHandover)
	s.page("POST /waiting/leave", waits, s.leaveWaiting)
	s.page("GET /deny", public, s.denyForm)
	s.page("POST /deny", public, s.deny)
	s.page("GET /offline", public, s.offline)
	s.page("/", public, s.nowhere)

	s.page("GET /inbox", signedIn, s.inbox)
	s.page("GET /next", signedIn, s.next)
	s.page("GET /done", signedIn, s.done)
	s.page("GET /overdue", signedIn, s.overdue)

	s.page("GET /n/{id}", signedIn, s.posted)
	s.page("POST /n/{id}/done", acts, s.closePosted)

	s.page("GET /d/{id}", signedIn, s.document)
	s.page("GET /d/{id}/decide", decides, s.decideForm)
	s.page("POST /d/{id}/decide", decides, s.decideForm) // a phrase was chosen without a script
	s.page("GET /d/{id}/return", decides, s.returnForm)
	s.page("POST /d/{id}/return", decides, s.returnForm)
	s.page("POST /d/{id}/act", decides, s.act)
	s.page("GET /d/{id}/act", signedIn, s.backToDocument) // an answer that did not come, loaded again
	s.page("GET /d/{id}/files/{file}", signedIn, s.download)
	s.page("GET /d/{id}/files/{file}/view", signedIn, s.view)
	s.data("GET /d/{id}/files/{file}/image", signedIn, s.image)
	s.data("GET /d/{id}/files/{file}/pages/{page}", signedIn, s.pageImage)

	s.page("GET /me", signedIn, s.me)
	s.page("POST /me/language", acts, s.language)
	s.page("GET /me/password", changing, s.passwordForm)
	s.page("POST /me/password", changing, s.password)
	s.page("GET /me/factors", signedIn, s.factors)
	s.page("POST /me/factors/totp", changing, s.beginTOTP)
	s.page("GET /me/factors/totp", signedIn, s.showTOTP)
	s.page("POST /me/factors/totp/done", changing, s.finishTOTP)
	s.page("POST /me/factors/passkey", changing, s.beginPasskey)
	s.page("POST /me/factors/passkey/done", changing, s.finishPasskey)
	s.page("POST /me/factors/codes", changing, s.newCodes)
	s.page("POST /me/factors/{factor}/remove", changing, s.removeFactor)
	s.page("GET /me/prove", proves, s.proveForm)
	s.page("POST /me/prove", proves, s.prove)
	s.page("POST /me/prove/passkey", proves, s.askPasskey)
	s.page("GET /me/devices", signedIn, s.devices)
	s.page("GET /me/handover", answers, s.handover)
	s.page("POST /me/handover/{handover}/pick", answers, s.pickHandover)
	s.page("POST /me/devices/others", signsOut, s.revokeOthers)
	s.page("POST /me/devices/{device}/signout", signsOut, s.revokeDevice)
	s.page("GET /newdevice/{id}", answers, s.newDevice)
	s.page("POST /newdevice/{id}/pick", answers, s.pickNumber)
	s.page("POST /newdevice/{id}/deny", answers, s.refuseNewcomer)
	s.page("GET /desk", acts, s.desk)
	s.page("POST /desk/{id}/vouch", acts, s.vouch)
	s.page("GET /me/notifications", signedIn, s.notifications)
	s.page("GET /me/notifications/preferences", signedIn, s.preferences)
	s.page("POST /me/notifications/preferences", acts, s.setPreferences)
	s.page("GET /me/notifications/log", signedIn, s.myLog)
	s.page("POST /me/links/{link}/remove", links, s.removeLink)

	s.page("GET /link/line", links, s.linkLINE)
	s.page("POST /link/line", links, s.beginLINE)
	s.page("GET /link/line/liff", links, s.showLIFF)
	s.data("POST /link/line/liff", links, s.proveLINE)
	s.page("GET /link/messenger", links, s.linkMessenger)
	s.page("POST /link/messenger", links, s.beginMessenger)
	s.page("POST /link/messenger/code", links, s.enterCode)
	s.page("POST /link/{channel}/cancel", acts, s.cancelLinking)

	s.page("GET /admin", admins, s.admin)
	s.page("GET /admin/access", admins, s.accessTable)
	s.page("GET /admin/access/{group}", governs, s.accessGroup)
	s.page("POST /admin/access/{group}", governs, s.setAccessGroup)
	s.page("GET /admin/policy", admins, s.policyTable)
	s.page("GET /admin/policy/general", governs, s.policyGeneral)
	s.page("POST /admin/policy/general", governs, s.setPolicyGeneral)
	s.page("GET /admin/policy/reset", governs, s.policyReset)
	s.page("POST /admin/policy/reset", governs, s.resetPolicy)
	s.page("GET /admin/policy/kinds/{kind}", governs, s.policyKind)
	s.page("POST /admin/policy/kinds/{kind}", governs, s.setPolicyKind)
	s.page("GET /admin/ledger", admins, s.ledger)
	s.page("GET /admin/ledger.csv", exports, s.ledgerCSV)
	s.page("GET /admin/ledger/{notification}", admins, s.ledgerEntry)
	s.page("GET /admin/people", admins, s.people)
	s.page("GET /admin/people/new", governs, s.newMember)
	s.page("POST /admin/people/new", governs, s.createMember)
	s.page("GET /admin/people/{person}", governs, s.member)
	s.page("POST /admin/people/{person}", governs, s.changeMember)
	s.page("POST /admin/people/{person}/account", governs, s.giveAccount)
	s.page("POST /admin/people/{person}/lock", governs, s.lockMember)
	s.page("POST /admin/people/{person}/unlock", governs, s.unlockMember)
	s.page("POST /admin/people/{person}/reset", governs, s.resetMember)
	s.page("POST /admin/people/{person}/signout", governs, s.signOutMember)
	s.page("GET /admin/people/{person}/leave", governs, s.leaveForm)
	s.page("POST /admin/people/{person}/leave", governs, s.leaveMember)
	s.page("POST /admin/people/{person}/reassign", governs, s.reassign)
	s.page("GET /admin/units", governs, s.units)
	s.page("POST /admin/units", governs, s.addUnit)
	s.page("GET /admin/units/{unit}", governs, s.unit)
	s.page("POST /admin/units/{unit}", governs, s.changeUnit)
	s.page("GET /admin/audit", admins, s.audit)
	s.page("GET /admin/audit.csv", exports, s.auditCSV)
	s.page("GET /admin/channels", admins, s.channels)
	s.page("POST /admin/channels/{channel}/test", governs, s.testChannel)
	s.page("GET /admin/webhooks", admins, s.webhooks)
	s.page("POST /admin/webhooks/{endpoint}/replay", governs, s.replayWebhooks)

	s.data("GET /live", signedIn, s.live)
	s.data("GET /live/head", signedIn, s.head)
	s.data("POST /live/seen", signedIn, s.seen)
	s.data("GET /push/key", signedIn, s.pushKey)
	s.data("POST /push/subscription", acts, s.subscribe)
	s.data("POST /push/delivered", signedIn, s.delivered)
	s.data("POST /push/clicked", signedIn, s.clicked)

	s.data("GET /manifest.webmanifest", public, s.manifest)
	s.data("GET /sw.js", public, s.serviceWorker)
	s.data("GET /static/{hash}/{name}", public, s.static)
	s.data("GET /favicon.ico", public, s.favicon)
	s.data("GET /robots.txt", public, s.robots)

	for pattern, h := range s.Mount {
		s.mux.Handle(pattern, h)
	}
}

// rule says who may use a route, and what is done there.
type rule int

const (
	signedIn rule = iota // to look: a session, also one that may only read
	leaves               // to sign out: any session, from anywhere
	proves               // to show once more who one is: any session that is in
	changing             // a session, also one that must change its password first
	acts                 // to change something of one's own: a full session
	answers              // to confirm or deny a new device of one's own: on one that is trusted
	decides              // to pass on, return or decide a document
	links                // to link and unlink channels
	signsOut             // to sign out devices
	admins               // to look: a session of a 管理者
	governs              // to change what holds for all
	exports              // to take records out of the house
	public               // anybody
	waits                // a session that waits for its device: the handler looks for itself, also when it has ended
)

// gate is what a rule asks for; package access holds it against who comes.
func (r rule) gate() access.Gate {
	switch r {
	case public:
		return access.Gate{Public: true}
	case leaves:
		return access.Gate{Standing: access.Waiting, Changing: true, Anywhere: true}
	case proves:
		return access.Gate{Standing: access.Reading, Changing: true}
	case changing:
		return access.Gate{Standing: access.Full, Changing: true, Act: access.ActPassword}
	case acts:
		return access.Gate{Standing: access.Full}
	case answers:
		return access.Gate{Standing: access.Full, Changing: true}
	case waits:
		return access.Gate{Standing: access.Waiting, Changing: true, Anywhere: true}
	case decides:
		return access.Gate{Standing: access.Full, Act: access.ActDecide}
	case links:
		return access.Gate{Standing: access.Full, Act: access.ActChannels}
	case signsOut:
		return access.Gate{Standing: access.Full, Act: access.ActDevices}
	case admins:
		return access.Gate{Standing: access.Reading, Role: approval.RoleAdmin}
	case governs:
		return access.Gate{Standing: access.Full, Role: approval.RoleAdmin, Act: access.ActAdmin}
	case exports:
		return access.Gate{Standing: access.Full, Role: approval.RoleAdmin, Act: access.ActExport}
	}
	return access.Gate{Standing: access.Reading}
}

// route is one line of routes.
type route struct {
	pattern string
	rule    rule
	data    bool
}

// visit is one request, as far as every handler needs it.
type visit struct {
	words   *words
	now     time.Time
	session access.Session // zero on public routes
	from    access.Visitor // who comes and from where, zero on public routes
	record  *record
	data    bool // a script or an img asks: errors are short, sign-in is no page
}

type handler func(w http.ResponseWriter, r *http.Request, v *visit) error

// page registers a route that people look at.
func (s *Server) page(pattern string, who rule, h handler) { s.handle(route{pattern, who, false}, h) }

// data registers a route that scripts, images and browsers ask for.
func (s *Server) data(pattern string, who rule, h handler) { s.handle(route{pattern, who, true}, h) }

// spent takes LINE's word to its own app out of the address: where it has come
// here it has done its work, and nothing of ours is to carry it on.
func spent(r *http.Request) {
	if q := r.URL.Query(); q.Has("openExternalBrowser") {
		q.Del("openExternalBrowser")
		r.URL.RawQuery = q.Encode()
	}
}

// handle is the one way in: headers, origin, session and gate, handler, errors.
func (s *Server) handle(rt route, h handler) {
	s.table = append(s.table, rt)
	serve := func(w http.ResponseWriter, r *http.Request) {
		v := &visit{
			words:  s.words.accepted(r.Header.Get("Accept-Language")),
			now:    s.Now(),
			record: recordOf(r.Context()),
			data:   rt.data,
		}
		s.setHeaders(w.Header(), rt.data)
		spent(r)
		if s.unlooked(w, r, rt) {
			return
		}
		err := s.sameOrigin(r)
		if err == nil && rt.rule != public && rt.rule != waits {
			err = s.enter(r, v, rt.rule.gate())
		}
		r = r.WithContext(access.WithOrigin(r.Context(), s.originOf(r, v)))
		if err == nil {
			err = h(w, r, v)
		}
		if err != nil {
			s.fail(w, r, v, err)
		}
	}
	s.mux.HandleFunc(rt.pattern, serve)
	if rt.rule == public && rt.data { // static files: the same for everybody
		s.front.HandleFunc(rt.pattern, serve)
	}
}

func (s *Server) root(w http.ResponseWriter, r *http.Request, _ *visit) error {
	http.Redirect(w, r, "/inbox", http.StatusSeeOther)
	return nil
}

func (s *Server) robots(w http.ResponseWriter, _ *http.Request, _ *visit) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("User-agent: *\nDisallow: /\n"))
	return err
}
