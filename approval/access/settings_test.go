package access

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
)

// Every setting can be read and written, has a default that it takes, refuses
// nonsense under its key, and shares nothing with the one it was copied from.
func TestSettingTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	last := ""
	groups := map[string]bool{}
	for _, d := range SettingTable() {
		if seen[d.Key] {
			t.Errorf("%s is there twice", d.Key)
		}
		seen[d.Key] = true
		if d.Group != last && groups[d.Group] {
			t.Errorf("%s stands apart from its group %s", d.Key, d.Group)
		}
		groups[d.Group], last = true, d.Group
		s := DefaultSettings()
		was := d.Text(s)
		if err := d.Set(&s, was); err != nil || d.Text(s) != was {
			t.Errorf("%s: its default %q becomes %q, %v", d.Key, was, d.Text(s), err)
		}
		if err := d.Set(&s, "\x00 no such"); err == nil || d.Text(s) != was {
			t.Errorf("%s takes nonsense, and is %q", d.Key, d.Text(s))
		} else if e, ok := err.(*approval.InvalidError); !ok || e.Field != d.Key {
			t.Errorf("%s: error %v", d.Key, err)
		}
		for _, value := range other(d) {
			work := s.Clone()
			if err := d.Set(&work, value); err != nil {
				t.Errorf("%s refuses %q: %v", d.Key, value, err)
			}
			if d.Text(s) != was {
				t.Errorf("%s: a copy changes its original", d.Key)
			}
			got := DefaultSettings().With(work.Changes(DefaultSettings()))
			if d.Text(got) != d.Text(work) {
				t.Errorf("%s: %q is kept as %q", d.Key, value, d.Text(got))
			}
		}
	}
}

// other gives values that a setting may have.
func other(d Setting) []string {
	switch d.Form {
	case FormToggle:
		return []string{"true", "false"}
	case FormNumber, FormSpan:
		return []string{"  " + strconv.Itoa(d.Least), strconv.Itoa(d.Most)}
	case FormNetworks:
		return []string{"", "10.0.0.0/8 2001:db8::/32", "10.1.2.3/8\r\n192.0.2.7、::ffff:10.0.0.0/104"}
	case FormMany:
		return append([]string{"", strings.Join(d.Options, ", ")}, d.Options...)
	}
	return d.Options
}

func TestSettingsOfAnotherVersion(t *testing.T) {
	t.Parallel()
	s := DefaultSettings().With(map[string]string{"gone": "1", "reach.handler": "moon", "proof.fresh": "30", "reach.official": "agency"})
	if s.Reach[approval.RoleHandler] != ReachOpen || s.Reach[approval.RoleOfficial] != ReachAgency || s.Fresh != 30*time.Minute {
		t.Errorf("settings are %+v", s)
	}
}

func TestRolesOfASetting(t *testing.T) {
	t.Parallel()
	s := DefaultSettings()
	d, ok := FindSetting("mobile.roles")
	if !ok {
		t.Fatal("no such setting")
	}
	if err := d.Set(&s, "admin,official,admin"); err != nil {
		t.Fatal(err)
	}
	if want := []approval.Role{approval.RoleOfficial, approval.RoleAdmin}; !slices.Equal(s.MobileRoles, want) {
		t.Errorf("roles are %q, want %q", s.MobileRoles, want)
	}
	if _, ok := FindSetting("no.such"); ok {
		t.Error("there is a setting of any name")
	}
}

// The forms that a line of the table may have, whether one has it today or not.
func TestForms(t *testing.T) {
	t.Parallel()
	var on bool
	var n int
	for _, tt := range []struct {
		setting   Setting
		good, bad []string
	}{
		{toggle("a", "b", func(*Settings) *bool { return &on }), []string{"true", "false"}, []string{"", "yes", "2"}},
		{number("a", "b", 2, 5, func(*Settings) *int { return &n }), []string{"2", "5"}, []string{"", "1", "6", "3.0", "-3", "99999999999999999999"}},
	} {
		s := DefaultSettings()
		for _, text := range tt.good {
			if err := tt.setting.Set(&s, text); err != nil || tt.setting.Text(s) != text {
				t.Errorf("%q becomes %q, %v", text, tt.setting.Text(s), err)
			}
		}
		for _, text := range tt.bad {
			if tt.setting.Set(&s, text) == nil {
				t.Errorf("%q is taken", text)
			}
		}
	}
}
