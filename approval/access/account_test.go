package access_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"qianhe/approval"
	"qianhe/approval/access"
)

func TestCheckLogin(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want, reason string }{
		{"lin", "lin", ""},
		{" Lin ", "lin", ""},
		{"A1150023", "a1150023", ""},
		{"mei.lin_2@qingchuan.example", "mei.lin_2@qingchuan.example", ""},
		{strings.Repeat("a", 64), strings.Repeat("a", 64), ""},
		{"", "", "login.length"},
		{"  ", "", "login.length"},
		{strings.Repeat("a", 65), "", "login.length"},
		{".lin", "", "login.characters"},
		{"li n", "", "login.characters"},
		{"lin\x00", "", "login.characters"},
		{"林美惠", "", "login.characters"},
		{"ﬁ", "", "login.characters"},
		{"lin\xff", "", "login.characters"},
	}
	for _, tt := range tests {
		got, err := access.CheckLogin(tt.in)
		invalid, _ := errors.AsType[*approval.InvalidError](err)
		reason := ""
		if invalid != nil {
			reason = invalid.Reason
		}
		if got != tt.want || reason != tt.reason {
			t.Errorf("CheckLogin(%q): got %q, %v, want %q, %q", tt.in, got, err, tt.want, tt.reason)
		}
	}
}

func TestCheckLocale(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "zh-TW", "zh-TW": "zh-TW", "en": "en", "de": "", "zh-tw": ""} {
		if got, err := access.CheckLocale(in); got != want || (err == nil) != (want != "") {
			t.Errorf("CheckLocale(%q): got %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestActor(t *testing.T) {
	t.Parallel()
	s := access.Session{
		ID:       "01session",
		Person:   approval.Person{ID: "p1", Name: "王大明", Title: "科長", Unit: "u1", Roles: []approval.Role{approval.RoleOfficial}},
		UnitName: "水利科",
	}
	got := s.Actor("203.0.113.7")
	if got.Person != "p1" || got.Name != "王大明" || got.Title != "科長" || got.Unit != "水利科" ||
		got.Session != "01session" || got.Address != "203.0.113.7" || len(got.Roles) != 1 || got.OnBehalfOf != "" {
		t.Errorf("got %+v", got)
	}
}

func TestLogsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	const secret = "kept-to-itself"
	var log bytes.Buffer
	l := slog.New(slog.NewJSONHandler(&log, nil))
	l.Info("sign-in",
		"in", access.SignIn{Login: secret, Password: secret, DeviceCookie: secret, SessionCookie: secret, Address: "203.0.113.7"},
		"out", access.SignedIn{SessionCookie: secret, DeviceCookie: secret},
		"new", access.NewAccount{Login: "lin", Password: secret})
	if strings.Contains(log.String(), secret) || !strings.Contains(log.String(), "203.0.113.7") {
		t.Errorf("got %s", log.String())
	}
}
