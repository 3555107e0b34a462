package sandbox

import (
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

// messengerPage is Messenger on a phone.
type messengerPage struct {
	Person  Person
	Account string
	Version int
	Clock   string
	Begun   bool
	Ref     bool // came by a link and has not tapped "Get Started" yet
	Blocked bool
	Unread  int
	Items   []messengerItem
	Menu    []messengerButton
}

// messengerItem is one bubble of the chat.
type messengerItem struct {
	ID      string
	Day     string // set on the first of a day
	New     bool   // the first that was not read yet
	Mine    bool   // the person's own
	Time    string
	Lines   []string
	Buttons []messengerButton
	at      time.Time
}

// messengerButton opens something or is told to the Page.
type messengerButton struct {
	Title string
	Href  string // "" for a postback
}

// messengerPage reads the chat of a person.
func (s *Sandbox) messengerPage(p Person) messengerPage {
	s.mu.Lock()
	defer s.mu.Unlock()
	page := messengerPage{Person: p, Account: s.account(), Version: s.version, Clock: clock(s.opt.Now())}
	th := s.graph.threads[p.PSID]
	if th == nil {
		return page
	}
	page.Begun, page.Ref, page.Blocked = th.begun, th.ref != "", th.blocked
	for _, b := range s.menuLocked() {
		page.Menu = append(page.Menu, messengerButton{b.Title, safeHref(b.URL)})
	}
	if box := s.arrived[p.PSID]; box != nil {
		for _, m := range box.messages {
			page.Items = append(page.Items, arrivedItem(m))
		}
	}
	for _, said := range th.said {
		page.Items = append(page.Items, messengerItem{ID: said.id, Mine: true, Lines: strings.Split(said.text, "\n"), at: said.at})
	}
	slices.SortStableFunc(page.Items, func(a, b messengerItem) int { return a.at.Compare(b.at) })
	last := ""
	for i := range page.Items {
		item := &page.Items[i]
		item.Time = clock(item.at)
		if d := day(item.at.In(taipei)); d != last {
			item.Day, last = d, d
		}
		if !item.Mine && item.at.After(th.read) && item.at.After(th.heard) {
			item.New = page.Unread == 0
			page.Unread++
		}
	}
	return page
}

// arrivedItem is a message of the Page as its reader sees it.
func arrivedItem(m Message) messengerItem {
	item := messengerItem{ID: m.ID, at: m.At}
	var sent graphMessage
	if json.Unmarshal(m.JSON, &sent) == nil {
		if t := sent.Message.Text; t != nil {
			item.Lines = strings.Split(*t, "\n")
		}
		if a := sent.Message.Attachment; a != nil {
			item.Lines = strings.Split(a.Payload.Text, "\n")
			for _, b := range a.Payload.Buttons {
				item.Buttons = append(item.Buttons, messengerButton{b.Title, safeHref(b.URL)})
			}
		}
	}
	return item
}

func safeHref(address string) string {
	if absoluteURL(address) {
		return address
	}
	return ""
}

// maxSaid is how much somebody can type at once, in characters.
const maxSaid = 2000

// messengerRoutes is what a person does in Messenger on a phone, and where m.me
// links lead here.
func (s *Sandbox) messengerRoutes(mux *http.ServeMux, pages *template.Template) {
	same := http.NewCrossOriginProtection()
	mux.Handle("POST /phone/{key}/messenger", same.Handler(http.HandlerFunc(s.actInMessenger)))
	mux.HandleFunc("GET /m.me/{page}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("page") != s.opt.Messenger.ID {
			http.Error(w, "這裡沒有這個粉絲專頁", http.StatusNotFound)
			return
		}
		s.servePage(w, pages, "mme.tmpl", s.mmePage(r.URL.Query().Get("ref")))
	})
}

// actInMessenger is POST /phone/{key}/messenger: do says what.
func (s *Sandbox) actInMessenger(w http.ResponseWriter, r *http.Request) {
	p, ok := s.person(r.PathValue("key"))
	if !ok || p.PSID == "" {
		http.Error(w, "這裡沒有這支手機", http.StatusNotFound)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	words := strings.TrimSpace(r.PostFormValue("text"))
	ok = true
	switch r.PostFormValue("do") {
	case "say":
		if n := utf16Len(words); n > 0 && n <= maxSaid {
			s.Say(p.PSID, words)
		}
	case "tap":
		ok = s.Tap(p.PSID, r.PostFormValue("message"), r.PostFormValue("title"))
	case "menu":
		ok = s.TapMenu(p.PSID, r.PostFormValue("title"))
	case "start":
		s.GetStarted(p.PSID)
	case "open":
		s.OpenLink(p.PSID, refOf(words))
	case "read":
		s.ReadChat(p.PSID)
	case "block":
		s.BlockPage(p.PSID, true)
	case "unblock":
		s.BlockPage(p.PSID, false)
	default:
		ok = false
	}
	if !ok {
		http.Error(w, "這裡沒有這個按鈕", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/phone/"+p.Key+"#messenger", http.StatusSeeOther)
}

// mmePage is GET /m.me/{page}: on whose phone is the link opened?
type mmePage struct {
	Agency  string
	Account string
	Ref     string
	People  []personCard
}

func (s *Sandbox) mmePage(ref string) mmePage {
	page := mmePage{Agency: s.opt.Agency, Account: s.account(), Ref: ref}
	for _, p := range s.opt.People {
		if p.PSID != "" {
			page.People = append(page.People, personCard{Person: p, Mark: mark(p.Name)})
		}
	}
	return page
}
