package approval_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

func TestStart(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	in := o.Draft("1150012345")
	d, events, err := approval.Start(in, approvaltest.Now(), newID)
	if err != nil {
		t.Fatal(err)
	}
	if d.Reference != "青工水字第1151150012345號" || d.Issuer != "青川市政府" || d.Subject != in.Body.Subject {
		t.Errorf("card = %q, %q, %q", d.Reference, d.Issuer, d.Subject)
	}
	if d.State != approval.StateCirculating || d.Version != 1 || d.Speed != approval.SpeedNormal || !approval.ValidID(string(d.ID)) {
		t.Errorf("document = %+v", d)
	}
	want := []approval.Event{{
		Kind:     approval.EventArrived,
		Document: d.ID,
		Step:     d.Route.Steps[0].ID,
		Person:   o.Handler.ID,
		At:       approvaltest.Now(),
		Speed:    approval.SpeedNormal,
		Due:      in.Deadline.Due,
	}}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for i, s := range d.Route.Steps {
		wantState := approval.StepWaiting
		if i == 0 {
			wantState = approval.StepActive
		} else if diff := cmp.Diff([]approval.StepID{d.Route.Steps[i-1].ID}, s.After); diff != "" {
			t.Errorf("step %d stands after (-want +got):\n%s", i, diff)
		}
		if s.State != wantState || s.Person != in.Route[i].Person || s.Duty != in.Route[i].Duty || s.Origin != approval.OriginPlanned {
			t.Errorf("step %d = %+v", i, s)
		}
	}
}

func TestStartWithoutSpeed(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	in := approvaltest.NewOffice(newID).Draft("1")
	in.Body.Speed, in.Body.References, in.Body.Issuers = "", nil, nil
	d, _, err := approval.Start(in, approvaltest.Now(), newID)
	if err != nil {
		t.Fatal(err)
	}
	if d.Speed != approval.SpeedNormal || d.Reference != "" || d.Issuer != "" {
		t.Errorf("speed %q, reference %q, issuer %q", d.Speed, d.Reference, d.Issuer)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*approval.Draft)
		field  string
		reason string
	}{
		{"type", func(in *approval.Draft) { in.Body.Type = "便簽" }, "type", "document.type.unknown"},
		{"no subject", func(in *approval.Draft) { in.Body.Subject = " 　\n" }, "subject", "document.subject.missing"},
		{"long subject", func(in *approval.Draft) { in.Body.Subject = strings.Repeat("字", approval.MaxSubject+1) }, "subject", "document.subject.long"},
		{"speed", func(in *approval.Draft) { in.Body.Speed = "特急件" }, "speed", "document.speed.unknown"},
		{"attachments", func(in *approval.Draft) { in.Body.Files = make([]approval.FileRef, approval.MaxAttachments+1) }, "attachments", "document.attachments.many"},
		{"no number", func(in *approval.Draft) { in.Number = "" }, "number", "document.number.missing"},
		{"long number", func(in *approval.Draft) { in.Number = strings.Repeat("1", 65) }, "number", "document.number.missing"},
		{"no handler", func(in *approval.Draft) { in.Handler = "" }, "handler", "route.handler.missing"},
		{"never received", func(in *approval.Draft) { in.ReceivedAt = time.Time{} }, "received", "document.received.future"},
		{"received tomorrow", func(in *approval.Draft) { in.ReceivedAt = approvaltest.Now().Add(1) }, "received", "document.received.future"},
		{"no route", func(in *approval.Draft) { in.Route = nil }, "route", "route.empty"},
		{"long route", func(in *approval.Draft) { in.Route = make([]approval.Planned, approval.MaxSteps+1) }, "route", "route.long"},
		{"nobody", func(in *approval.Draft) { in.Route[1].Person = "" }, "route[1]", "route.person.unknown"},
		{"nobody decides", func(in *approval.Draft) { in.Route = in.Route[:4] }, "route[3]", "route.decide.last"},
		{"two decide", func(in *approval.Draft) { in.Route[1].Duty = approval.DutyDecide }, "route[1]", "route.decide.last"},
		{"handled in the middle", func(in *approval.Draft) { in.Route[1].Duty = approval.DutyHandle }, "route[1]", "route.handle.first"},
		{"duty", func(in *approval.Draft) { in.Route[1].Duty = "watch" }, "route[1]", "route.duty.unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			newID := approvaltest.IDs(1)
			in := approvaltest.NewOffice(newID).Draft("1")
			tt.change(&in)
			d, events, err := approval.Start(in, approvaltest.Now(), newID)
			wantInvalid(t, err, tt.field, tt.reason)
			if d != nil || events != nil {
				t.Errorf("Start gave %v and %v with the error", d, events)
			}
		})
	}
}

func wantInvalid(t *testing.T, err error, field, reason string) {
	t.Helper()
	invalid, ok := errors.AsType[*approval.InvalidError](err)
	if !ok {
		t.Fatalf("error = %v, want an InvalidError of %s", err, field)
	}
	if invalid.Field != field || invalid.Reason != reason {
		t.Errorf("error = %v, want %s: %s", err, field, reason)
	}
}

func TestVisibleTo(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Document(newID, "1")
	o.Forward(d, o.Auditor.ID, newID)
	tests := []struct {
		person approval.PersonID
		want   bool
	}{
		{o.Handler.ID, true},
		{o.Chief.ID, true},
		{o.Auditor.ID, true},
		{o.Deputy.ID, false}, // not reached yet
		{o.Director.ID, false},
		{o.Stranger.ID, false},
		{"", false},
	}
	for _, tt := range tests {
		if got := d.VisibleTo(tt.person); got != tt.want {
			t.Errorf("VisibleTo(%s) = %t, want %t", name(o, tt.person), got, tt.want)
		}
	}
	// Whoever acted in another's place keeps seeing what they did.
	d.Route.Steps[1].ActedBy = o.Stranger.ID
	if !d.VisibleTo(o.Stranger.ID) {
		t.Error("the one who closed a step does not see the document")
	}
	// A handler without a step of their own sees it from the beginning.
	d.Handler = o.Director.ID
	if !d.VisibleTo(o.Director.ID) {
		t.Error("the handler does not see the document")
	}
}

func name(o approvaltest.Office, id approval.PersonID) string {
	if id == "" {
		return "nobody"
	}
	return o.Person(id).Title
}

func TestActive(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Branches(newID, "1")
	if got := d.Active(o.Chief.ID); got != nil {
		t.Errorf("Active of one who waits = %+v, want nil", got)
	}
	o.Forward(d, o.Chief.ID, newID)
	// Two of the branches come back to the handler, one after the other.
	for n, p := range []approval.Person{o.Deputy, o.Chief} {
		if _, err := d.Return(o.Act(d, p.ID, d.Active(p.ID).ID, 10+n, "請補充。", newID), approval.ReturnToHandler); err != nil {
			t.Fatal(err)
		}
	}
	first := d.Active(o.Handler.ID)
	if first == nil || d.Route.Step(first.From).Person != o.Deputy.ID {
		t.Errorf("Active = %+v, want the step that came first", first)
	}
}
