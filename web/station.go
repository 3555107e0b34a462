package web

import (
	"slices"
	"strings"

	"qianhe/approval"
)

// stationView is one station of the route (簽核歷程): a seal, and what its
// owner said.
type stationView struct {
	State   string // closed, now, next
	Seal    seal
	Tone    string // final (決行), back (退回) or ""
	Name    string // 科長 王敏華
	Duty    string // 核稿, or what was done: 核可
	When    string
	Opinion []string
	Mine    bool
}

// route gives the stations as a person reads them.
func (w *words) route(v *visit, rd *approval.Reading) []stationView {
	var list []stationView
	for _, st := range rd.Document.Route.Path() {
		p := rd.People[st.Person]
		out := stationView{Name: fullName(p), Duty: w.T(dutyKey(st.Duty)), Mine: st.Person == v.session.Person.ID}
		switch st.State {
		case approval.StepClosed:
			out.State, out.Duty = "closed", w.T(didKey(st.Action, st.Duty))
			by, ok := rd.People[st.ActedBy]
			if !ok {
				by = p
			}
			out.Seal, out.When, out.Opinion = sealed(by.Name), w.Moment(st.ClosedAt, v.now), paragraphs(st.Opinion)
			if st.ActedName != "" {
				out.Name = st.ActedName
			}
			switch st.Action {
			case approval.ActionDecide:
				out.Tone = "final"
			case approval.ActionReturn:
				out.Tone = "back"
			}
		case approval.StepActive:
			out.State, out.Seal, out.When = "now", sealedBriefly(p.Name), w.T("station.now", w.waited(st.ArrivedAt, v.now))
			if out.Mine {
				out.Seal = seal(w.T("station.you"))
			}
		default:
			out.State, out.Seal = "next", sealedBriefly(p.Name)
		}
		list = append(list, out)
	}
	return list
}

// following are the stations that closing step opens (to), and those of which
// it is only one of several that they wait for (later).
func following(d *approval.Document, step *approval.Step) (to, later []approval.Step) {
	for _, s := range d.Route.Next(step.ID) {
		waits := slices.ContainsFunc(s.After, func(id approval.StepID) bool {
			p := d.Route.Step(id)
			return id != step.ID && (p == nil || p.State != approval.StepClosed)
		})
		if waits {
			later = append(later, s)
		} else {
			to = append(to, s)
		}
	}
	return to, later
}

// willDo is what the button says: 核可，送陳副局長.
func (w *words) willDo(rd *approval.Reading, step *approval.Step) string {
	do := w.T(doKey(step.Duty))
	to, _ := following(&rd.Document, step)
	switch {
	case step.Duty == approval.DutyDecide:
		return w.T("will.decide", do)
	case len(to) == 1:
		return w.T("will.send", do, called(rd.People[to[0].Person]))
	case len(to) > 1:
		return w.T("will.sendmany", do, called(rd.People[to[0].Person]), len(to))
	}
	return w.T("will.only", do)
}

// willMean is what the button means, in one sentence.
func (w *words) willMean(rd *approval.Reading, step *approval.Step) string {
	to, later := following(&rd.Document, step)
	names := func(list []approval.Step) string {
		var out []string
		for _, s := range list {
			out = append(out, w.T("mean.name", fullName(rd.People[s.Person]), w.T(dutyKey(s.Duty))))
		}
		return strings.Join(out, w.T("comma"))
	}
	switch {
	case step.Duty == approval.DutyDecide:
		return w.T("mean.decide", fullName(rd.People[rd.Document.Handler]))
	case len(to) > 0:
		return w.T("mean.send", names(to))
	case len(later) > 0:
		return w.T("mean.later", names(later))
	}
	return w.T("mean.only")
}

// mayReturn reports whether there is anybody to return a step to. Who handles
// a document has nobody to return it to.
func mayReturn(d *approval.Document, step *approval.Step) bool {
	return step.Duty != approval.DutyHandle && (d.CanReturn(step, approval.ReturnToHandler) || d.CanReturn(step, approval.ReturnToPrevious))
}
