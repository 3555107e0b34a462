package approval_test

import (
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

func TestReassign(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(3)
	o := approvaltest.NewOffice(newID)
	d := o.Document(newID, "1")
	at := approvaltest.Now().Add(time.Hour)
	if _, err := d.Reassign(o.Handler.ID, o.Handler.ID, "", at); err == nil {
		t.Error("something was given to whoever has it")
	}
	// A deputy acts for whoever leaves: the duty is the successor's, the hands stay.
	last := len(d.Route.Steps) - 1
	d.Route.Steps[last].Person, d.Route.Steps[last].Principal = o.Deputy.ID, o.Director.ID
	events, err := d.Reassign(o.Director.ID, o.Chief.ID, o.Auditor.ID, at)
	if s := d.Route.Steps[last]; err != nil || len(events) != 0 || s.Person != o.Deputy.ID || s.Principal != o.Chief.ID {
		t.Errorf("the deputy's step is %+v, events %v, %v", s, events, err)
	}
	// When the deputy is the successor, nobody is a deputy any more.
	if _, err := d.Reassign(o.Chief.ID, o.Deputy.ID, "", at); err != nil || d.Route.Steps[last].Principal != "" || d.Route.Steps[last].Person != o.Deputy.ID {
		t.Errorf("the step is %+v, %v", d.Route.Steps[last], err)
	}
	events, err = d.Reassign(o.Handler.ID, o.Stranger.ID, o.Auditor.ID, at)
	if err != nil || len(events) != 2 || events[0].Kind != approval.EventLeft || events[0].Person != o.Handler.ID || events[1].Kind != approval.EventArrived || events[1].Person != o.Stranger.ID || events[1].By != o.Auditor.ID {
		t.Errorf("events %+v, %v", events, err)
	}
	if d.Handler != o.Stranger.ID || d.Active(o.Stranger.ID) == nil || d.Active(o.Handler.ID) != nil || d.VisibleTo(o.Handler.ID) || !d.Active(o.Stranger.ID).ArrivedAt.Equal(at) {
		t.Errorf("the document is %+v", d)
	}
	d.State = approval.StateDecided
	if events, err := d.Reassign(o.Stranger.ID, o.Handler.ID, "", at); err != nil || len(events) != 0 || d.Handler != o.Stranger.ID {
		t.Errorf("what is decided was given on: %v, %v", events, err)
	}
}
