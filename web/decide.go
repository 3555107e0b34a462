package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"qianhe/approval"
	"qianhe/approval/access"
)

// decidePage asks for the opinion and names what will happen. The same page
// serves to return a document.
type decidePage struct {
	base
	ID       string
	URL      string // of the document
	Self     string // of this page, for phrases without a script
	Name     string
	Subject  string
	Tone     string
	Speed    string
	Due      due
	Will     string // 核可，送陳副局長
	Mean     string
	Seal     seal // the reader's own
	Signer   string
	Opinion  string
	Must     bool   // an opinion is mandatory
	Label    string // of the opinion
	Hint     string
	Error    string
	Phrases  []string
	Do       string // forward or return
	To       []targetView
	Token    string
	Version  int
	Step     string
	Max      int           // characters of an opinion
	Opinions []stationView // what others said before
}

// targetView is one to whom a document can be returned.
type targetView struct {
	Value   string
	Name    string
	Note    string
	Checked bool
}

// decideForm asks for the opinion before a step is closed.
func (s *Server) decideForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	opinion, err := opinionSoFar(w, r)
	if err != nil {
		return err
	}
	return s.showDecide(w, r, v, "forward", opinion, "", nil)
}

// returnForm asks for the reason and the target of a return (退回).
func (s *Server) returnForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	opinion, err := opinionSoFar(w, r)
	if err != nil {
		return err
	}
	return s.showDecide(w, r, v, "return", opinion, r.PostForm.Get("to"), nil)
}

// opinionSoFar gives what was written, with the phrase that was chosen behind
// it. Nothing is changed by asking.
func opinionSoFar(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.Method != http.MethodPost {
		return "", nil
	}
	if err := parseForm(w, r); err != nil {
		return "", err
	}
	return joinPhrase(r.PostForm.Get("opinion"), r.PostForm.Get("phrase")), nil
}

// joinPhrase puts a phrase behind an opinion; phrases.js does the same.
func joinPhrase(opinion, phrase string) string {
	opinion = strings.TrimRight(opinion, " \n\t")
	if opinion == "" || phrase == "" {
		return opinion + phrase
	}
	if last, _ := utf8.DecodeLastRuneInString(opinion); !strings.ContainsRune(".!?:;,。！？：；，、", last) {
		opinion += "，"
	}
	return opinion + phrase
}

// showDecide shows the form, with what was wrong with it.
func (s *Server) showDecide(w http.ResponseWriter, r *http.Request, v *visit, do, opinion, to string, wrong *approval.InvalidError) error {
	rd, err := s.open(r, v)
	if err != nil {
		return err
	}
	step, err := activeStep(rd, v)
	if err != nil {
		return err
	}
	if step.Duty == approval.DutyDecide && do != "return" {
		if err := s.allow(r.Context(), v, approves()); err != nil {
			return err
		}
	}
	phrases, err := s.Documents.Phrases(r.Context(), v.session.Person.ID)
	if err != nil {
		return err
	}
	d, words, me := &rd.Document, v.words, v.session.Person
	p := &decidePage{
		base: s.base(v, "", ""), ID: string(d.ID), URL: "/d/" + string(d.ID), Name: documentName(d), Subject: d.Subject,
		Tone: speedTone(d.Speed, d.Grade), Speed: words.T(speedKey(d.Speed)), Due: words.due(v.now, d.Deadline, s.Workdays),
		Seal: sealed(me.Name), Signer: fullName(me), Opinion: opinion, Phrases: phrases, Do: do,
		Version: d.Version, Step: string(step.ID), Max: approval.MaxOpinion,
		Token: s.Forms.Issue(v.session.ID, string(d.ID), d.Version, string(step.ID), v.now, s.Random),
	}
	if do == "return" {
		if !mayReturn(d, step) {
			return &approval.InvalidError{Field: "to", Reason: "return.previous.none"}
		}
		p.Self, p.Must, p.Label = p.URL+"/return", true, words.T("decide.reason")
		p.Will, p.Mean, p.Hint = words.T("will.return"), words.T("mean.return"), words.T("decide.reason.hint")
		p.To, p.Phrases = words.targets(rd, step, to), returnPhrases()
	} else {
		p.Self, p.Label = p.URL+"/decide", words.T("decide.opinion")
		p.Will, p.Mean = words.willDo(rd, step), words.willMean(rd, step)
		p.Must = step.Duty == approval.DutyDecide
		p.Hint = words.T("decide.opinion.may")
		if p.Must {
			p.Hint = words.T("decide.opinion.must")
		}
	}
	p.Title = p.Will
	for _, st := range words.route(v, rd) {
		if st.State == "closed" && len(st.Opinion) > 0 {
			p.Opinions = append(p.Opinions, st)
		}
	}
	p.Opinions = p.Opinions[max(0, len(p.Opinions)-3):]
	status := http.StatusOK
	if wrong != nil {
		status, p.Error = http.StatusUnprocessableEntity, words.invalid(wrong)
	}
	return s.render(w, r, status, "decide", p)
}

// approves is the further gate of the last decision (決行): only the document
// tells that it is one.
func approves() access.Gate { return access.Gate{Standing: access.Full, Act: access.ActApprove} }

// returnPhrases are offered for the reason of a return. They go into the
// record and are not translated.
func returnPhrases() []string {
	return []string{"請修正後再陳。", "請補附件後再陳。", "請補充說明。", "請會相關單位後再陳。"}
}

// activeStep gives the step that the reader is asked to close, or the error
// that says why there is none.
func activeStep(rd *approval.Reading, v *visit) (*approval.Step, error) {
	d, me := &rd.Document, v.session.Person.ID
	if d.Grade.Classified() {
		return nil, approval.ErrClassified
	}
	if step := d.Active(me); step != nil {
		return step, nil
	}
	if step := lastClosed(d, me); step != nil {
		return nil, &approval.DecidedError{By: step.ActedName, Action: step.Action, At: step.ClosedAt}
	}
	return nil, approval.ErrForbidden
}

// targets are those to whom step can be returned, each person once.
func (w *words) targets(rd *approval.Reading, step *approval.Step, chosen string) []targetView {
	d := &rd.Document
	var list []targetView
	handler, previous := d.ReturnPerson(step, approval.ReturnToHandler), d.ReturnPerson(step, approval.ReturnToPrevious)
	if previous != "" && previous != handler {
		list = append(list, targetView{Value: string(approval.ReturnToPrevious), Name: fullName(rd.People[previous]), Note: w.T("return.previous")})
	}
	if handler != "" {
		list = append(list, targetView{Value: string(approval.ReturnToHandler), Name: fullName(rd.People[handler]), Note: w.T("return.handler")})
	}
	found := false
	for i := range list {
		list[i].Checked = list[i].Value == chosen
		found = found || list[i].Checked
	}
	if !found && len(list) > 0 {
		list[len(list)-1].Checked = true // the handler, who can mend it
	}
	return list
}

// act closes a step. It answers with the next document and says there what
// was done; a second tap on the same form gets the same answer.
func (s *Server) act(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	id := approval.DocumentID(r.PathValue("id"))
	f := r.PostForm
	version, err := strconv.Atoi(f.Get("version"))
	if !approval.ValidID(string(id)) || err != nil {
		return errForm
	}
	token, err := s.Forms.Check(f.Get("token"), v.session.ID, string(id), version, f.Get("step"), v.now)
	if err != nil {
		return err
	}
	ctx, me := r.Context(), v.session.Person.ID
	place, err := s.Documents.Place(ctx, me, v.now, id)
	if err != nil {
		return err
	}
	a := approval.Act{
		By: v.session.Actor(s.address(r)), At: v.now, Step: approval.StepID(f.Get("step")), Version: version, Opinion: f.Get("opinion"),
		NewID: func() string { return approval.NewID(v.now, s.Random) },
	}
	do := f.Get("do")
	mayApprove := s.allow(ctx, v, approves()) // asked before the transaction, which holds a connection
	err = s.Documents.UpdateOnce(ctx, id, token, v.now, func(d *approval.Document) ([]approval.Event, error) {
		if step := d.Route.Step(a.Step); step != nil && step.Duty == approval.DutyDecide && do != "return" && mayApprove != nil {
			return nil, mayApprove
		}
		return closeStep(d, a, do, approval.ReturnTo(f.Get("to")))
	})
	var invalid *approval.InvalidError
	switch {
	case err == nil:
	case errors.Is(err, approval.ErrReplayed):
		v.record.err = err // and the answer is that of the first time
	case errors.As(err, &invalid) && (invalid.Field == "opinion" || invalid.Field == "to"):
		v.record.err = err
		return s.showDecide(w, r, v, do, a.Opinion, f.Get("to"), invalid)
	default:
		return err
	}
	http.Redirect(w, r, s.onward(ctx, v, id, place)+"?after="+string(id), http.StatusSeeOther)
	return nil
}

// closeStep calls the rule that fits what was asked.
func closeStep(d *approval.Document, a approval.Act, do string, to approval.ReturnTo) ([]approval.Event, error) {
	if do == "return" {
		return d.Return(a, to)
	}
	if do != "forward" {
		return nil, errForm
	}
	if step := d.Route.Step(a.Step); step != nil {
		switch step.Duty {
		case approval.DutyHandle:
			return d.Submit(a)
		case approval.DutyDecide:
			return d.Decide(a)
		}
	}
	return d.Approve(a)
}

// onward gives the document to show after one that is done: the one behind it
// in the in-tray, else the first, else the in-tray, which is empty then.
func (s *Server) onward(ctx context.Context, v *visit, done approval.DocumentID, before approval.Place) string {
	if before.Position > 0 && before.Next != "" && before.Next != done {
		return "/d/" + string(before.Next)
	}
	after, err := s.Documents.Place(ctx, v.session.Person.ID, v.now, done)
	if err != nil {
		s.warn(ctx, v, "next document is not known", err)
		return "/inbox"
	}
	if after.Next != "" && after.Next != done {
		return "/d/" + string(after.Next)
	}
	return "/inbox"
}
