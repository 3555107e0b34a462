package intake

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
)

// resolve turns the logins of an order into people. A problem of the order is
// added to problems; an error is one of the register.
func resolve(ctx context.Context, o Order, people People) (handler approval.PersonID, route []approval.Planned, problems []error, err error) {
	known := map[string]approval.PersonID{}
	find := func(login, field, missing string) (approval.PersonID, error) {
		login = strings.TrimSpace(login)
		if login == "" {
			problems = append(problems, problem(field, missing, ""))
			return "", nil
		}
		id, ok := known[login]
		if !ok {
			p, err := people.PersonByLogin(ctx, login)
			if err != nil && !errors.Is(err, approval.ErrNotFound) {
				return "", fmt.Errorf("look up %s: %w", field, err)
			}
			id = p.ID
			known[login] = id
		}
		if id == "" {
			problems = append(problems, problem(field, "route.person.unknown", login))
		}
		return id, nil
	}
	if handler, err = find(o.Handler, "handler", "route.handler.missing"); err != nil {
		return "", nil, nil, err
	}
	if len(o.Route) > approval.MaxSteps {
		return handler, make([]approval.Planned, len(o.Route)), problems, nil // too long, which approval.Start says
	}
	for i, e := range o.Route {
		id, err := find(e.Account, "route["+strconv.Itoa(i)+"]", "route.person.unknown")
		if err != nil {
			return "", nil, nil, err
		}
		duty := approval.Duty(strings.TrimSpace(e.Duty))
		switch {
		case duty != "":
		case i == len(o.Route)-1:
			duty = approval.DutyDecide
		case i == 0 && id == handler:
			duty = approval.DutyHandle
		default:
			duty = approval.DutyReview
		}
		route = append(route, approval.Planned{Person: id, Duty: duty})
	}
	return handler, route, problems, nil
}

// received reads the time of receipt. A day without a time is its midnight.
func received(o Order, at time.Time) (time.Time, error) {
	s := strings.TrimSpace(o.Received)
	if s == "" {
		return at, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.ParseInLocation(time.DateOnly, s, approval.Zone)
	}
	switch {
	case err != nil:
		return time.Time{}, problem("received", "document.received.format", s)
	case t.After(at):
		return time.Time{}, problem("received", "document.received.future", s)
	}
	return t, nil
}
