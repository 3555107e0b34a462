package messenger_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/channels/channeltest"
	"qianhe/channels/messenger"
	"qianhe/channels/sandbox"
	"qianhe/hub"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	graph := sandbox.GraphError
	tests := []struct {
		name  string
		fault sandbox.Fault
		want  string
	}{
		{"200 of nothing", sandbox.Answer(200, ""), "accepted"},
		{"200 with an error", graph(200, 100, 0, "Invalid parameter"), "rejected"},
		{"301", sandbox.Answer(301, ""), "rejected"},
		{"outside the window", graph(403, 10, 2018278, "outside of allowed window"), "rejected"},
		{"outside, older", graph(400, 10, 2018065, "outside of allowed window"), "rejected"},
		{"outside, Instagram's", graph(400, 10, 2534022, "outside of allowed window"), "rejected"},
		{"parameter", graph(400, 100, 0, "Invalid parameter"), "rejected"},
		{"dead tag", graph(400, 100, 0, "The message tag is no longer supported"), "rejected"},
		{"no such person", graph(400, 100, 2018001, "No matching user found"), "permanent"},
		{"not available", graph(400, 551, 0, "This person isn't available right now."), "rejected"},
		{"not receiving", graph(403, 200, 1545041, "Message Not Sent: This Person Isn't Receiving Messages From You Right Now."), "rejected"},
		{"not receiving at the moment", graph(403, 10, 2018108, "cannot receive messages"), "rejected"},
		{"no role", graph(403, 200, 2018028, "Cannot message users who are not admins, developers or testers of the app"), "rejected"},
		{"no role, other code", graph(403, 10, 2018028, "Cannot message users"), "rejected"},
		{"token", graph(401, 190, 463, "Session has expired"), "channel down"},
		{"token, other code", graph(401, 102, 0, "Session key invalid"), "channel down"},
		{"restricted", graph(403, 10, 1893063, "restricted from sending"), "channel down"},
		{"policy", graph(403, 368, 0, "temporarily blocked for policies violations"), "channel down"},
		{"no such Page", graph(400, 100, 33, "Object does not exist"), "channel down"},
		{"no such alias", graph(404, 803, 0, "Some of the aliases you requested do not exist"), "channel down"},
		{"proof", graph(400, 100, 0, "Invalid appsecret_proof provided in the API argument"), "channel down"},
		{"app limit", sandbox.GraphLimited(4, 0), "retry after 0s"},
		{"user limit", sandbox.GraphLimited(17, 0), "retry after 0s"},
		{"Page limit", sandbox.GraphLimited(32, 30*time.Second), "retry after 30s"},
		{"call limit", sandbox.GraphLimited(613, 0), "retry after 0s"},
		{"Messenger's limit", sandbox.GraphLimited(80006, 5*time.Minute), "retry after 5m0s"},
		{"Messenger's limit for an hour", sandbox.GraphLimited(80006, time.Hour), "channel down"},
		{"429", sandbox.RateLimited(7 * time.Second), "retry after 7s"},
		{"temporary", graph(400, 1200, 0, "Temporary send message failure"), "unknown"},
		{"service", graph(500, 2, 0, "An unexpected error has occurred. Please retry your request later."), "unknown"},
		{"unknown", graph(500, 1, 99, "An unknown error occurred"), "unknown"},
		{"500 of nothing", sandbox.Answer(500, ""), "unknown"},
		{"502 of a proxy", sandbox.Answer(502, "<html>Bad Gateway</html>"), "unknown"},
		{"408", sandbox.Answer(408, ""), "unknown"},
		{"permission", graph(403, 10, 0, "Application does not have permission for this action"), "rejected"},
		{"404 of nothing", sandbox.Answer(404, ""), "rejected"},
		{"code to come", graph(400, 99999, 0, "?"), "rejected"},
		{"cut", sandbox.Fault{}, "unknown"},
	}
	for i, tt := range tests {
		to := st.address()
		st.SetFault(to.Value, tt.fault)
		m := message(to)
		m.Person = approval.PersonID(fmt.Sprint("person ", i%2)) // never three people
		_, err := st.channel.Send(t.Context(), m)
		if got := channeltest.Outcome(err); got != tt.want {
			t.Errorf("%s: got %s (%v), want %s", tt.name, got, err, tt.want)
		}
	}
}

// TestReason: what Graph says gets into rows and logs, without whom it is about.
func TestReason(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	to := st.address()
	body := `{"error":{"message":"(#100) Invalid user ` + to.Value + ` \n<b>","type":"OAuthException","code":100,"error_subcode":17,"fbtrace_id":"BLBz/WZt8dN"}}`
	st.SetFault(to.Value, sandbox.Answer(http.StatusBadRequest, body))
	_, err := st.channel.Send(t.Context(), message(to))
	if got, want := fmt.Sprint(err), "message was refused: 400 #100/17 (#100) Invalid user … b (trace BLBz/WZt8dN)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestRegainAccess: an hour without the Page closes the channel for that hour.
func TestRegainAccess(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	st := newStand(t, func() time.Time { return now }, nil)
	for minutes, want := range map[int]time.Time{17: now.Add(17 * time.Minute), 9000: now.Add(24 * time.Hour)} {
		to := st.address()
		st.SetFault(to.Value, sandbox.GraphLimited(80006, time.Duration(minutes)*time.Minute))
		_, err := st.channel.Send(t.Context(), message(to))
		var down *hub.ChannelDown
		if !errors.As(err, &down) || !down.Until.Equal(want) {
			t.Errorf("%d minutes: got %v (%+v), want down until %s", minutes, err, down, want)
		}
	}
}

// TestAbsent: refusals close together are one; three over time are the end,
// unless the person shows a sign of life or gets a message in between.
func TestAbsent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	st := newStand(t, func() time.Time { return now }, nil)
	to := st.address()
	steps := []struct {
		pass    time.Duration
		blocked bool
		heard   bool // something came from the person just before
		want    string
	}{
		{0, true, false, "rejected"}, {time.Minute, true, false, "rejected"}, {time.Minute, true, false, "rejected"}, {time.Minute, true, false, "rejected"},
		{time.Hour, true, false, "rejected"}, {0, false, false, "accepted"},
		{time.Hour, true, false, "rejected"}, {time.Hour, true, false, "rejected"}, {time.Minute, true, true, "rejected"},
		{time.Hour, true, false, "rejected"}, {time.Hour, true, false, "permanent"},
		{time.Hour, true, false, "rejected"}, // linked again: counted anew
	}
	for i, s := range steps {
		now = now.Add(s.pass)
		if s.heard {
			st.Say(to.Value, "在")
			to.Heard = now
		}
		st.BlockPage(to.Value, s.blocked)
		_, err := st.channel.Send(t.Context(), message(to))
		if got := channeltest.Outcome(err); got != s.want {
			t.Errorf("step %d: got %s (%v), want %s", i, got, err, s.want)
		}
	}
}

// TestDenials: one person's refusals, however many, do not close the channel;
// three people's do, and a message that is taken opens it again.
func TestDenials(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	send := func(person string, denied bool) string {
		to := st.address()
		if denied {
			st.SetFault(to.Value, sandbox.GraphError(403, 10, 0, "Application does not have permission for this action"))
		}
		m := message(to)
		m.Person = approval.PersonID(person)
		_, err := st.channel.Send(t.Context(), m)
		return channeltest.Outcome(err)
	}
	for i, s := range []struct {
		person string
		denied bool
		want   string
	}{
		{"a", true, "rejected"}, {"a", true, "rejected"}, {"a", true, "rejected"}, {"b", true, "rejected"}, {"c", false, "accepted"},
		{"a", true, "rejected"}, {"b", true, "rejected"}, {"c", true, "channel down"}, {"b", false, "accepted"}, {"a", true, "rejected"},
	} {
		if got := send(s.person, s.denied); got != s.want {
			t.Errorf("step %d, %s: got %s, want %s", i, s.person, got, s.want)
		}
	}
}

// TestDeadTag: an error about a tag, of which we send none, alarms somebody.
func TestDeadTag(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	st := newStand(t, nil, func(c *messenger.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	to := st.address()
	st.SetFault(to.Value, sandbox.GraphError(400, 100, 0, "The message tag ACCOUNT_UPDATE is no longer supported"))
	if _, err := st.channel.Send(t.Context(), message(to)); channeltest.Outcome(err) != "rejected" {
		t.Errorf("got %v, want rejected", err)
	}
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("log: %s", log.String())
	}
}
