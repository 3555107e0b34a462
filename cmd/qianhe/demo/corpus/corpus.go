package corpus

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/approval/intake"
)

//go:embed data orders.json
var embedded embed.FS

// Files are the documents, one directory each: a DI, where there is one its
// roster (SW), and the attachments.
func Files() fs.FS {
	sub, err := fs.Sub(embedded, "data")
	if err != nil {
		panic("corpus: " + err.Error()) // the build is broken
	}
	return sub
}

// Plan is orders.json.
type Plan struct {
	People    []Person   `json:"people"`
	Units     [][]string `json:"units"` // those in which nobody of this plan works
	Documents []Document `json:"documents"`
}

// Person is somebody with an account.
type Person struct {
	Account string          `json:"account"`
	Name    string          `json:"name"`
	Title   string          `json:"title"`
	Unit    []string        `json:"unit"` // path from the agency down
	Roles   []approval.Role `json:"roles"`
}

// Document is one document and what has happened to it.
type Document struct {
	Dir   string       `json:"dir"` // in Files
	Order intake.Order `json:"order"`
	// ReceivedWorkdaysAgo counts working days: 0 is the latest one, today if
	// it is worked, 1 the one before.
	ReceivedWorkdaysAgo int      `json:"received_workdays_ago"`
	ReceivedAt          string   `json:"received_at"` // time of that day, HH:MM
	Actions             []Action `json:"actions"`
}

// Action is something that somebody has done.
type Action struct {
	Account    string            `json:"account"`
	Action     approval.Action   `json:"action"`
	To         approval.ReturnTo `json:"to"` // of a return
	Opinion    string            `json:"opinion"`
	AfterHours float64           `json:"after_hours"` // office hours after receipt
}

// Load reads and checks orders.json.
func Load() (*Plan, error) {
	b, err := embedded.ReadFile("orders.json")
	if err != nil {
		return nil, err
	}
	p, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("corpus: orders.json: %w", err)
	}
	return p, nil
}

func parse(b []byte) (*Plan, error) {
	var p Plan
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, err
	}
	return &p, p.check()
}

// check finds what would only be noticed half way through seeding.
func (p *Plan) check() error {
	for i, who := range p.People {
		switch {
		case who.Account == "" || who.Name == "" || who.Title == "" || len(who.Unit) == 0 || len(who.Roles) == 0:
			return fmt.Errorf("person %d (%s): account, name, title, unit and roles are needed", i, who.Account)
		case p.Person(who.Account) != &p.People[i]:
			return fmt.Errorf("person %s is there twice", who.Account)
		}
	}
	seen := map[string]bool{}
	for _, d := range p.Documents {
		if seen[d.Dir] {
			return fmt.Errorf("%s is there twice", d.Dir)
		}
		seen[d.Dir] = true
		if err := p.checkDocument(d); err != nil {
			return fmt.Errorf("%s: %w", d.Dir, err)
		}
	}
	return nil
}

func (p *Plan) checkDocument(d Document) error {
	if p.Person(d.Order.Handler) == nil {
		return fmt.Errorf("there is no account %q for the handler", d.Order.Handler)
	}
	if len(d.Order.Route) == 0 {
		return errors.New("has no route")
	}
	for _, r := range d.Order.Route {
		if p.Person(r.Account) == nil {
			return fmt.Errorf("there is no account %q on the route", r.Account)
		}
	}
	if d.Order.Received != "" {
		return errors.New("received is computed; leave it out of the order")
	}
	if _, err := time.Parse("15:04", d.ReceivedAt); err != nil || d.ReceivedWorkdaysAgo < 0 {
		return fmt.Errorf("received %d working days ago at %q", d.ReceivedWorkdaysAgo, d.ReceivedAt)
	}
	last := 0.0
	for _, a := range d.Actions {
		switch {
		case p.Person(a.Account) == nil:
			return fmt.Errorf("there is no account %q to act", a.Account)
		case a.AfterHours <= last:
			return fmt.Errorf("%s acts after %g hours, not later than the one before", a.Account, a.AfterHours)
		case !slices.Contains([]approval.Action{approval.ActionSubmit, approval.ActionApprove, approval.ActionReturn, approval.ActionDecide}, a.Action):
			return fmt.Errorf("%s: there is no action %q", a.Account, a.Action)
		case (a.Action == approval.ActionReturn) != (a.To != ""):
			return fmt.Errorf("%s: a return, and only that, says to whom", a.Account)
		}
		last = a.AfterHours
	}
	return nil
}

// Person finds somebody by account, or nil.
func (p *Plan) Person(account string) *Person {
	i := slices.IndexFunc(p.People, func(who Person) bool { return who.Account == account })
	if i < 0 {
		return nil
	}
	return &p.People[i]
}

// Package reads the files of a document.
func (d Document) Package() (intake.Package, error) {
	entries, err := fs.ReadDir(Files(), d.Dir)
	if err != nil {
		return intake.Package{}, fmt.Errorf("corpus: %w", err)
	}
	var p intake.Package
	for _, e := range entries {
		b, err := fs.ReadFile(Files(), path.Join(d.Dir, e.Name()))
		if err != nil {
			return intake.Package{}, fmt.Errorf("corpus: %w", err)
		}
		f := intake.File{Name: e.Name(), Bytes: b}
		switch strings.ToLower(path.Ext(e.Name())) {
		case ".di":
			p.DI = f
		case ".sw":
			p.Roster = &f
		default:
			p.Attachments = append(p.Attachments, f)
		}
	}
	return p, nil
}
