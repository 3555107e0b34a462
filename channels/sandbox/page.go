package sandbox

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed templates static
var files embed.FS

// policy allows what is served from here and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// taipei is what clocks on the phones show; Taiwan has no summer time.
var taipei = time.FixedZone("Asia/Taipei", 8*60*60)

func (s *Sandbox) pageRoutes(mux *http.ServeMux) {
	static, err := fs.Sub(files, "static")
	if err != nil {
		panic(err)
	}
	pages := template.Must(template.New("").ParseFS(files, "templates/*.tmpl"))
	assets := http.StripPrefix("/static/", http.FileServerFS(static))
	mux.HandleFunc("GET /static/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		assets.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /flex.css", serveFlexCSS)
	mux.HandleFunc("GET /changes", s.serveChanges)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s.servePage(w, pages, "people.tmpl", s.peoplePage())
	})
	mux.HandleFunc("GET /phone/{key}", func(w http.ResponseWriter, r *http.Request) {
		page, ok := s.phonePage(r.PathValue("key"))
		if !ok {
			http.Error(w, "這裡沒有這支手機", http.StatusNotFound)
			return
		}
		s.servePage(w, pages, "phone.tmpl", page)
	})
	s.messengerRoutes(mux, pages)
	s.dialogRoutes(mux, pages)
	s.friendRoutes(mux, pages)
	s.lineUserRoutes(mux)
}

func (s *Sandbox) servePage(w http.ResponseWriter, pages *template.Template, name string, data any) {
	s.servePageStatus(w, http.StatusOK, pages, name, data)
}

func (s *Sandbox) servePageStatus(w http.ResponseWriter, status int, pages *template.Template, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		s.opt.Log.Error("page failed", "page", name, "err", err)
		http.Error(w, "這一頁壞了，原因請看記錄", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

// serveFlexCSS writes the rules of the classes named in k.
func serveFlexCSS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write([]byte(flexCSS(strings.Split(r.FormValue("k"), ","))))
}

// serveChanges streams the version of what the pages show, as server-sent
// events: one at once, one with every change.
func (s *Sandbox) serveChanges(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	stream := http.NewResponseController(w)
	for {
		s.mu.Lock()
		version, changed := s.version, s.changed
		s.mu.Unlock()
		if _, err := fmt.Fprintf(w, "data: %d\n\n", version); err != nil {
			return
		}
		if err := stream.Flush(); err != nil {
			return
		}
		select {
		case <-changed:
		case <-s.closed:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// peoplePage is GET /.
type peoplePage struct {
	Agency  string
	AppURL  string
	Version int
	People  []personCard
}

type personCard struct {
	Person
	Mark   string // one character for the seal
	Badge  int
	Latest string
	At     string
}

func (s *Sandbox) peoplePage() peoplePage {
	s.mu.Lock()
	defer s.mu.Unlock()
	page := peoplePage{Agency: s.opt.Agency, AppURL: s.opt.AppURL, Version: s.version}
	for _, p := range s.opt.People {
		card := personCard{Person: p, Mark: mark(p.Name)}
		list, _ := s.messagesLocked(p.Key)
		card.Badge = lastBadge(list)
		if n := len(list); n > 0 {
			card.Latest, card.At = list[n-1].Title, clock(list[n-1].At)
		}
		page.People = append(page.People, card)
	}
	return page
}

// phonePage is GET /phone/{key}.
type phonePage struct {
	Person  Person
	Mark    string
	Others  []Person
	Agency  string
	Account string
	AppURL  string
	Version int
	CSS     string // address of the rules that the Flex messages need
	Clock   string
	Date    string
	LINE    linePage
	Notices []notice
	FB      messengerPage
	SMS     smsPage
	Number  string // as the phone shows it
	Subs    int    // push subscriptions of this person
	Badge   int
}

// notice is one notification on the lock screen.
type notice struct {
	ID     string
	Title  string
	Body   string
	Href   string
	Time   string
	Urgent bool
}

func (s *Sandbox) phonePage(key string) (phonePage, bool) {
	s.mu.Lock()
	p, ok := s.person(key)
	list, _ := s.messagesLocked(key)
	version, subs := s.version, 0
	for _, sub := range s.push.order {
		if sub.label == key && !sub.expired {
			subs++
		}
	}
	s.mu.Unlock()
	if !ok {
		return phonePage{}, false
	}
	now := s.opt.Now().In(taipei)
	page := phonePage{
		Person: p, Mark: mark(p.Name), Agency: s.opt.Agency, Account: s.account(), AppURL: s.opt.AppURL, Version: version,
		Clock: now.Format("15:04"), Date: day(now), Subs: subs, Badge: lastBadge(list),
	}
	for _, other := range s.opt.People {
		if other.Key != key {
			page.Others = append(page.Others, other)
		}
	}
	for _, m := range s.Notifications(key) {
		n := notice{ID: m.ID, Title: m.Title, Body: m.Body, Time: ago(now, m.At), Urgent: m.Urgency == "high"}
		if absoluteURL(m.URL) {
			n.Href = m.URL
		}
		page.Notices = append(page.Notices, n)
	}
	page.LINE, page.FB = s.linePage(p), s.messengerPage(p)
	page.CSS = "/flex.css?k=" + url.QueryEscape(strings.Join(page.LINE.flex.tokens(), ","))
	page.SMS, page.Number = s.smsPage(p), shownNumber(p.Phone)
	return page, true
}

// lastBadge gives the number on the app's icon.
func lastBadge(list []Message) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Badge >= 0 {
			return list[i].Badge
		}
	}
	return 0
}

// mark gives the family name, for a seal.
func mark(name string) string {
	for _, r := range name {
		return string(r)
	}
	return ""
}

func clock(t time.Time) string { return t.In(taipei).Format("15:04") }

func day(t time.Time) string {
	return fmt.Sprintf("%d月%d日 星期%s", t.Month(), t.Day(), []string{"日", "一", "二", "三", "四", "五", "六"}[t.Weekday()])
}

func ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case d < time.Minute:
		return "現在"
	case d < time.Hour:
		return fmt.Sprintf("%d 分鐘前", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d 小時前", int(d.Hours()))
	default:
		return fmt.Sprintf("%d 天前", int(d.Hours()/24))
	}
}
