package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
)

// Notices tells people what other systems have to say; pghub.Hub does.
type Notices interface {
	// Publish returns hub.ErrKeyTaken when the key names another notice.
	Publish(ctx context.Context, n hub.Notice) (hub.Publication, error)
	// NoticeReport and Done return approval.ErrNotFound for a notice that is not
	// the token's.
	NoticeReport(ctx context.Context, token, notice string) (hub.NoticeReport, error)
	Done(ctx context.Context, token, notice string, accounts []string) (open int, err error)
}

// maxNotice bounds a request about notices, in bytes: 1,000 account names of
// the longest kind take 70 kB.
const maxNotice = 256 << 10

// notice is what a request to tell people holds.
type notice struct {
	Key        string   `json:"key"`
	Kind       hub.Kind `json:"kind"`
	Title      string   `json:"title"`
	URL        string   `json:"url"`
	Speed      string   `json:"speed"`
	Due        string   `json:"due"` // last day in time, YYYY-MM-DD in Asia/Taipei
	Recipients []string `json:"recipients"`
}

// notified is the answer.
type notified struct {
	ID        string   `json:"id"`
	Duplicate bool     `json:"duplicate"`
	Results   []result `json:"results"`
}

// result is what became of it for one recipient.
type result struct {
	Account      string `json:"account"`
	Status       string `json:"status"` // written, duplicate, unknown, disabled
	Notification string `json:"notification,omitempty"`
}

// notify tells people: committed before the answer, 201 when it is in the
// inbox of everybody, 207 when some could not be told, 200 when all of it had
// been told before.
func (a *API) notify(w http.ResponseWriter, r *http.Request, token access.APIToken) error {
	n, asked, err := readNotice(w, r)
	if err != nil {
		return err
	}
	a.limit.add(token.ID, noticesScope, len(asked)-1)
	n.Token = token.ID
	if len(n.To) == 0 && len(asked) > 0 && len(asked) <= hub.MaxRecipients {
		return nobody(asked)
	}
	if err := n.Check(token.Origins); err != nil {
		return rejected(err)
	}
	p, err := a.opt.Notices.Publish(r.Context(), n)
	switch {
	case errors.Is(err, hub.ErrKeyTaken):
		return &problem{code: "key_taken"}
	case err != nil:
		return err
	case p.Notice == "":
		return nobody(asked)
	}
	out, status := answerOf(p, asked)
	w.Header().Set("Location", "/api/v1/notifications/"+p.Notice)
	return answer(w, status, out)
}

// answerOf gives the results in the order in which they were asked for.
func answerOf(p hub.Publication, asked []string) (notified, int) {
	out := notified{ID: p.Notice, Duplicate: p.Duplicate, Results: make([]result, 0, len(asked))}
	status := http.StatusCreated
	if p.Duplicate {
		status = http.StatusOK
	}
	to := p.To
	for _, account := range asked {
		res := result{Account: account, Status: string(hub.RefusedUnknown)}
		if len(to) > 0 && to[0].Account == account { // what was asked for and may be an account is in To, in this order
			switch {
			case to[0].Refused != "":
				res.Status = string(to[0].Refused)
			case p.Duplicate:
				res.Status = "duplicate"
			default:
				res.Status = "written"
			}
			res.Notification = to[0].Notification
			to = to[1:]
		}
		if res.Status == string(hub.RefusedUnknown) || res.Status == string(hub.RefusedDisabled) {
			status = http.StatusMultiStatus
		}
		out.Results = append(out.Results, res)
	}
	return out, status
}

// readNotice reads a request to tell people. asked are those whom it names,
// each once and folded; of these n.To are those that may be account names.
func readNotice(w http.ResponseWriter, r *http.Request) (n hub.Notice, asked []string, err error) {
	var in notice
	if err := readJSON(w, r, &in); err != nil {
		return n, nil, err
	}
	header, err := idempotencyKey(r.Header)
	if err != nil {
		return n, nil, err
	}
	if header != "" && in.Key != "" && header != in.Key {
		return n, nil, malformed("key", "key.differs", "the header Idempotency-Key says something else")
	}
	n = hub.Notice{Key: in.Key + header, Kind: in.Kind, Title: in.Title, URL: in.URL, Speed: approval.Speed(in.Speed)}
	if header == in.Key {
		n.Key = header
	}
	if in.Speed == "" {
		n.Speed = approval.SpeedNormal
	}
	if in.Due != "" {
		day, err := time.ParseInLocation(time.DateOnly, in.Due, approval.Zone)
		if err != nil || day.Year() < 2000 || day.Year() > 2200 {
			return n, nil, malformed("due", "due.form", "YYYY-MM-DD")
		}
		n.Due = day.AddDate(0, 0, 1)
	}
	n.To, asked = recipients(in.Recipients)
	return n, asked, nil
}

// recipients folds account names, leaves out what was said twice, and picks
// those that can be an account's.
func recipients(names []string) (accounts, asked []string) {
	if len(names) == 1 { // as most are
		asked = []string{fold(names[0])}
		if login, err := access.CheckLogin(asked[0]); err == nil {
			accounts = []string{login}
		}
		return accounts, asked
	}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		name = fold(name)
		if seen[name] {
			continue
		}
		seen[name] = true
		asked = append(asked, name)
		if login, err := access.CheckLogin(name); err == nil {
			accounts = append(accounts, login)
		}
	}
	return accounts, asked
}

// fold gives an account name as it is compared, or what cannot be one as it
// came.
func fold(name string) string {
	if login := access.FoldLogin(name); login != "" {
		return login
	}
	return name
}

// idempotencyKey reads the header of that name: a string of structured fields
// (RFC 9651), or bare as many clients send it.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := strings.TrimSpace(values[0])
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		if key, ok = strings.CutSuffix(quoted, `"`); !ok {
			key = ""
		}
	}
	if len(values) > 1 || key == "" || strings.ContainsAny(key, `"\`) {
		return "", malformed("key", "key.header", "Idempotency-Key: one string")
	}
	return key, nil
}

// doneRequest names those for whom a notice is done; all where it is empty.
type doneRequest struct {
	Recipients []string `json:"recipients"`
}

// doneAnswer says for how many it is open now.
type doneAnswer struct {
	ID   string `json:"id"`
	Open int    `json:"open"`
}

// done closes a notice: handled in the other system, or withdrawn there.
func (a *API) done(w http.ResponseWriter, r *http.Request, token access.APIToken) error {
	var in doneRequest
	if r.ContentLength != 0 {
		if err := readJSON(w, r, &in); err != nil {
			return err
		}
	}
	accounts, asked := recipients(in.Recipients)
	if len(asked) > hub.MaxRecipients {
		return rejected(&approval.InvalidError{Field: "recipients", Reason: "notice.recipients.number", Detail: "at most " + strconv.Itoa(hub.MaxRecipients)})
	}
	id := r.PathValue("id")
	if !approval.ValidID(id) {
		return &problem{code: "notice_unknown"}
	}
	if len(asked) > 0 && len(accounts) == 0 {
		return nobody(asked)
	}
	open, err := a.opt.Notices.Done(r.Context(), token.ID, id, accounts)
	if err != nil {
		return noticeUnknown(err)
	}
	return answer(w, http.StatusOK, doneAnswer{ID: id, Open: open})
}

func noticeUnknown(err error) error {
	if errors.Is(err, approval.ErrNotFound) {
		return &problem{code: "notice_unknown"}
	}
	return err
}

func malformed(field, reason, detail string) *problem {
	return &problem{code: "malformed", errors: []fault{{Field: field, Reason: reason, Detail: detail}}}
}

// rejected turns what a notice must not be into a problem.
func rejected(err error) error {
	if e, ok := errors.AsType[*approval.InvalidError](err); ok {
		return &problem{code: "notice_invalid", errors: []fault{{Field: e.Field, Reason: e.Reason, Detail: e.Detail}}}
	}
	return err
}

// nobody refuses a notice none of whose recipients can be told.
func nobody(asked []string) *problem {
	p := &problem{code: "recipients_unknown"}
	for _, account := range asked[:min(len(asked), 20)] {
		p.errors = append(p.errors, fault{Field: "recipients", Reason: "account.unknown", Detail: hub.Clip(strings.ToValidUTF8(account, "?"), 100)})
	}
	return p
}

// readJSON reads a request of one JSON object without members that nobody
// knows.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if media := r.Header.Get("Content-Type"); media != "application/json" {
		if media, _, err := mime.ParseMediaType(media); err != nil || media != "application/json" {
			return &problem{code: "json_expected"}
		}
	}
	if r.ContentLength > maxNotice {
		return tooLarge("", maxNotice)
	}
	var b bytes.Buffer
	b.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, maxNotice)); err != nil {
		if limit, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return tooLarge("", limit.Limit)
		}
		return &problem{code: "malformed", errors: []fault{{Reason: "json", Detail: "the body ended early"}}, cause: err}
	}
	if !utf8.Valid(b.Bytes()) {
		return &problem{code: "malformed", errors: []fault{{Reason: "json", Detail: "not UTF-8"}}}
	}
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("more than one value")
	}
	f := fault{Reason: "json", Detail: err.Error()}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		f.Field, f.Detail = wrong.Field, "must be "+wrong.Type.String()
	}
	return &problem{code: "malformed", errors: []fault{f}}
}
