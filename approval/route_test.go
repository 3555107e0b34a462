package approval_test

import (
	"slices"
	"strings"
	"testing"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

// The button names those to whom the document goes next.
func TestNext(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	next := func(d *approval.Document, p approval.Person) string {
		var list []string
		for _, s := range d.Route.Next(d.Active(p.ID).ID) {
			list = append(list, name(o, s.Person))
		}
		return strings.Join(list, " ")
	}
	d := o.Document(newID, "1")
	if got := next(d, o.Handler); got != "科長" {
		t.Errorf("after the handler: %q, want 科長", got)
	}
	play(t, o, d, "科員+ 科長+ 主任<", newID)
	if got := next(d, o.Handler); got != "科長" {
		t.Errorf("after the handler once more: %q, want 科長", got)
	}
	play(t, o, d, "科員+ 科長+", newID)
	if got := next(d, o.Auditor); got != "副局長" {
		t.Errorf("after the one who returned: %q, want 副局長", got)
	}
	play(t, o, d, "主任+ 副局長+", newID)
	if got := next(d, o.Director); got != "" {
		t.Errorf("after the decision: %q, want nobody", got)
	}
	d = o.Branches(newID, "2")
	if got := next(d, o.Handler); got != "科長 主任 副局長" {
		t.Errorf("before branches: %q", got)
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	path := func(o approvaltest.Office, d *approval.Document) string {
		marks := map[approval.StepState]string{approval.StepClosed: "", approval.StepActive: "*", approval.StepWaiting: "-"}
		var list []string
		for _, s := range d.Route.Path() {
			list = append(list, marks[s.State]+name(o, s.Person))
		}
		return strings.Join(list, " ")
	}
	tests := []struct {
		script string
		want   string
	}{
		{"", "*科員 -科長 -主任 -副局長 -局長"},
		{"科員+ 科長+ 主任<", "科員 科長 主任 *科員 -科長 -主任 -副局長 -局長"},
		{"科員+ 科長+ 主任< 科員+ 科長+ 主任+ 副局長^", "科員 科長 主任 科員 科長 主任 副局長 *主任 -副局長 -局長"},
		{"科員+ 科長+ 主任+ 副局長+ 局長+", "科員 科長 主任 副局長 局長"},
	}
	for _, tt := range tests {
		newID := approvaltest.IDs(1)
		o := approvaltest.NewOffice(newID)
		d := o.Document(newID, "1")
		play(t, o, d, tt.script, newID)
		if got := path(o, d); got != tt.want {
			t.Errorf("after %q:\ngot  %s\nwant %s", tt.script, got, tt.want)
		}
	}
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Branches(newID, "1")
	play(t, o, d, "科員+ 主任+", newID)
	if got, want := path(o, d), "科員 主任 *科長 *副局長 -局長"; got != want {
		t.Errorf("through branches:\ngot  %s\nwant %s", got, want)
	}
}

// Path and its like end even on a route that no rule would make.
func TestBrokenRoute(t *testing.T) {
	t.Parallel()
	r := approval.Route{Steps: []approval.Step{
		{ID: "a", After: []approval.StepID{"b"}, State: approval.StepWaiting},
		{ID: "b", After: []approval.StepID{"a", "none"}, State: approval.StepWaiting},
	}}
	if got := len(r.Path()); got != 2 {
		t.Errorf("path of %d steps, want 2", got)
	}
	d := approval.Document{Route: r}
	if d.CanReturn(&d.Route.Steps[0], approval.ReturnToPrevious) {
		t.Error("there is somebody before, on a route that nobody has begun")
	}
	if r.Step("none") != nil || slices.ContainsFunc(r.Next("a"), func(s approval.Step) bool { return s.ID == "none" }) {
		t.Error("a step that is not there was found")
	}
}
