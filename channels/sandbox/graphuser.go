package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// What people do in Messenger, and the events that Meta makes of it. All of
// them name a person by PSID; one that is not there yet is made.

// graphEvent is one element of entry.messaging.
type graphEvent struct {
	Sender    *graphID        `json:"sender,omitempty"`
	Recipient graphID         `json:"recipient"`
	Timestamp int64           `json:"timestamp,omitempty"`
	Message   *graphSaid      `json:"message,omitempty"`
	Postback  *graphPostback  `json:"postback,omitempty"`
	Referral  *graphReferral  `json:"referral,omitempty"`
	Delivery  *graphDelivery  `json:"delivery,omitempty"`
	Read      *graphWatermark `json:"read,omitempty"`
	Policy    *graphPolicy    `json:"policy_enforcement,omitempty"`
}

type graphID struct {
	ID string `json:"id"`
}

type graphSaid struct {
	Mid  string `json:"mid"`
	Text string `json:"text"`
}

type graphPostback struct {
	Mid      string         `json:"mid"`
	Title    string         `json:"title"`
	Payload  string         `json:"payload"`
	Referral *graphReferral `json:"referral,omitempty"`
}

type graphReferral struct {
	Ref    string `json:"ref"`
	Source string `json:"source"`
	Type   string `json:"type"`
}

type graphDelivery struct {
	Mids      []string `json:"mids"`
	Watermark int64    `json:"watermark"`
}

type graphWatermark struct {
	Watermark int64 `json:"watermark"`
}

type graphPolicy struct {
	Action string `json:"action"`
	Reason string `json:"reason,omitempty"`
}

// graphEventLocked sends an event to the callback address.
func (s *Sandbox) graphEventLocked(e graphEvent) {
	body, err := json.Marshal(map[string]any{
		"object": "page",
		"entry":  []any{map[string]any{"id": s.opt.Messenger.ID, "time": s.opt.Now().UnixMilli(), "messaging": []graphEvent{e}}},
	})
	if err != nil {
		panic(err)
	}
	s.callLocked("messenger", s.opt.Messenger.Callback, escapeUnicode(body), func(body []byte, forged bool) http.Header {
		signature := s.SignGraph(body)
		if forged {
			signature = "sha256=" + hexMAC("not the secret", body)
		}
		// The one with SHA-1 comes as well, and is of no worth.
		return http.Header{"Content-Type": {"application/json"}, "X-Hub-Signature-256": {signature}, "X-Hub-Signature": {"sha1=0000000000000000000000000000000000000000"}}
	})
}

// escapeUnicode writes everything beyond ASCII as \u escapes in lower case, and
// slashes with a backslash, as Meta does: who decodes and encodes again gets
// other bytes than were signed.
func escapeUnicode(body []byte) []byte {
	var b strings.Builder
	for _, r := range string(body) {
		switch {
		case r == '/':
			b.WriteString(`\/`)
		case r < 0x80:
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	return []byte(b.String())
}

// threadLocked gives a person's chat.
func (s *Sandbox) threadLocked(psid string) *thread {
	th := s.graph.threads[psid]
	if th == nil {
		th = &thread{}
		s.graph.threads[psid] = th
	}
	return th
}

// actLocked records that the person did something in the chat, which opens the
// window and is shown there.
func (s *Sandbox) actLocked(psid, words string) (th *thread, mid string, now time.Time) {
	th, mid, now = s.threadLocked(psid), "m_"+randomID(16), s.opt.Now()
	th.begun, th.heard = true, now
	if words != "" {
		th.said = append(th.said, saying{mid, words, now})
		th.said = th.said[max(0, len(th.said)-keep):]
	}
	s.changeLocked()
	return th, mid, now
}

// eventOf begins an event that the person caused.
func (s *Sandbox) eventOf(psid string, at time.Time) graphEvent {
	return graphEvent{Sender: &graphID{psid}, Recipient: graphID{s.opt.Messenger.ID}, Timestamp: at.UnixMilli()}
}

// Say types a text into the chat with the Page.
func (s *Sandbox) Say(psid, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, mid, now := s.actLocked(psid, text)
	e := s.eventOf(psid, now)
	e.Message = &graphSaid{mid, text}
	s.graphEventLocked(e)
}

// Tap taps the postback button with this title under a message. It reports
// false when there is none.
func (s *Sandbox) Tap(psid, message, title string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.arrived[psid]
	if box == nil {
		return false
	}
	i := slices.IndexFunc(box.messages, func(m Message) bool { return m.ID == message })
	if i < 0 {
		return false
	}
	for _, b := range buttonsOf(box.messages[i].JSON) {
		if b.Type == "postback" && b.Title == title {
			s.postbackLocked(psid, b.Title, b.Payload, nil)
			return true
		}
	}
	return false
}

// TapMenu taps the postback with this title in the persistent menu.
func (s *Sandbox) TapMenu(psid, title string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.menuLocked() {
		if b.Type == "postback" && b.Title == title {
			s.postbackLocked(psid, b.Title, b.Payload, nil)
			return true
		}
	}
	return false
}

func (s *Sandbox) postbackLocked(psid, title, payload string, from *graphReferral) {
	_, mid, now := s.actLocked(psid, title)
	e := s.eventOf(psid, now)
	e.Postback = &graphPostback{mid, title, payload, from}
	s.graphEventLocked(e)
}

// menuLocked gives the default language of the persistent menu.
func (s *Sandbox) menuLocked() []graphButton {
	var menus []graphMenu
	if json.Unmarshal(s.graph.profile["persistent_menu"], &menus) != nil || len(menus) == 0 {
		return nil
	}
	return menus[0].Items
}

// OpenLink opens an m.me link with this ref. In a chat that was there before it
// arrives at once; in a new one it waits for [Sandbox.GetStarted].
func (s *Sandbox) OpenLink(psid, ref string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if th := s.threadLocked(psid); !th.begun {
		th.ref = ref
		s.changeLocked()
		return
	}
	_, _, now := s.actLocked(psid, "")
	e := s.eventOf(psid, now)
	e.Referral = &graphReferral{ref, "SHORTLINK", "OPEN_THREAD"}
	s.graphEventLocked(e)
}

// GetStarted taps the button of a new chat, "Get Started" (開始使用). Where the
// Page has not set it up the chat begins without any event, and the ref of a
// link that led there is lost.
func (s *Sandbox) GetStarted(psid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	th := s.threadLocked(psid)
	var button struct {
		Payload string `json:"payload"`
	}
	if th.begun || json.Unmarshal(s.graph.profile["get_started"], &button) != nil {
		s.actLocked(psid, "")
		return
	}
	var from *graphReferral
	if th.ref != "" {
		from = &graphReferral{th.ref, "SHORTLINK", "OPEN_THREAD"}
	}
	th.ref = ""
	s.postbackLocked(psid, "開始使用", button.Payload, from)
}

// ReadChat opens the chat: everything in it is read.
func (s *Sandbox) ReadChat(psid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Now()
	s.threadLocked(psid).read = now
	s.changeLocked()
	e := s.eventOf(psid, now)
	e.Read = &graphWatermark{now.UnixMilli()}
	s.graphEventLocked(e)
}

// BlockPage makes the person receive no messages of the Page, or again.
func (s *Sandbox) BlockPage(psid string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.threadLocked(psid).blocked = on
	s.changeLocked()
}

// Enforce makes Meta take measures against the Page: "warning", "block" or
// "unblock".
func (s *Sandbox) Enforce(action, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graphEventLocked(graphEvent{
		Recipient: graphID{s.opt.Messenger.ID}, Timestamp: s.opt.Now().UnixMilli(), Policy: &graphPolicy{action, reason},
	})
}

// buttonsOf gives the buttons of a message as it was received.
func buttonsOf(raw []byte) []graphButton {
	var m graphMessage
	if json.Unmarshal(raw, &m) != nil || m.Message.Attachment == nil {
		return nil
	}
	return m.Message.Attachment.Payload.Buttons
}

// refOf takes the ref out of an m.me link, or of what was pasted instead of one.
func refOf(link string) string {
	link = strings.TrimSpace(link)
	if u, err := url.Parse(link); err == nil && u.Query().Has("ref") {
		return u.Query().Get("ref")
	}
	return link
}
