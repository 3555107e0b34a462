package access

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
)

func ids(list []Device) string {
	var out []string
	for _, d := range list {
		out = append(out, d.ID)
	}
	return strings.Join(out, " ")
}

func TestDisplaced(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	phone := func(id, of string, ago time.Duration) Device {
		return Device{ID: id, Class: Mobile, Phone: of, LastSeenAt: now.Add(-ago)}
	}
	desk := func(id string, ago time.Duration) Device {
		return Device{ID: id, Class: Desktop, LastSeenAt: now.Add(-ago)}
	}
	known := []Device{phone("a", "a", time.Hour), phone("a2", "a", time.Minute), phone("b", "b", 10*time.Minute), desk("d", time.Minute), desk("e", time.Hour)}
	for _, tt := range []struct {
		name             string
		newcomer         Device
		phones, desktops int
		want             string
	}{
		{"one phone", phone("n", "n", 0), 1, 0, "a a2 b"},
		{"two phones: the one used last stays, by its latest context", phone("n", "n", 0), 2, 0, "b"},
		{"three", phone("n", "n", 0), 3, 0, ""},
		{"any number", phone("n", "n", 0), 0, 1, ""},
		{"another context of the same phone displaces no context of it", phone("n", "a", 0), 1, 0, "b"},
		{"again the same context", phone("a2", "a", 0), 1, 0, "b"},
		{"a desktop where desktops are not counted", desk("n", 0), 1, 0, ""},
		{"one desktop", desk("n", 0), 0, 1, "d e"},
		{"two desktops", desk("n", 0), 1, 2, "e"},
	} {
		if got := ids(Displaced(known, tt.newcomer, tt.phones, tt.desktops)); got != tt.want {
			t.Errorf("%s: %q go, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPhonesOf(t *testing.T) {
	t.Parallel()
	s := DefaultSettings()
	s.Phones, s.SingleRoles = 1, []approval.Role{approval.RoleOfficial}
	for _, tt := range []struct {
		roles []approval.Role
		want  int
	}{
		{[]approval.Role{approval.RoleOfficial}, 1},
		{[]approval.Role{approval.RoleHandler, approval.RoleOfficial}, 1},
		{[]approval.Role{approval.RoleHandler}, 0},
		{nil, 1},
	} {
		if got := s.PhonesOf(tt.roles); got != tt.want {
			t.Errorf("%v: %d phones, want %d", tt.roles, got, tt.want)
		}
	}
}

// However devices came, one more leaves no more phones and desktops than are
// allowed, and never takes its own place.
func FuzzDisplaced(f *testing.F) {
	f.Add([]byte{1, 2, 3, 130, 131}, byte(0), byte(1), byte(2))
	f.Fuzz(func(t *testing.T, list []byte, which, phones, desktops byte) {
		if len(list) == 0 || len(list) > 50 {
			return
		}
		now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
		var known []Device
		for i, b := range list {
			d := Device{ID: strconv.Itoa(i), Class: Desktop, LastSeenAt: now.Add(time.Duration(b) * time.Second)}
			if b&1 == 0 {
				d.Class, d.Phone = Mobile, "p"+strconv.Itoa(int(b>>5))
			}
			known = append(known, d)
		}
		newcomer := known[int(which)%len(known)]
		gone := Displaced(known, newcomer, int(phones%5), int(desktops%5))
		left := map[Class]map[string]bool{Mobile: {}, Desktop: {}}
		for _, d := range known {
			if !slices.ContainsFunc(gone, func(g Device) bool { return g.ID == d.ID }) {
				left[d.Class][d.unit()] = true
			}
		}
		if !left[newcomer.Class][newcomer.unit()] {
			t.Error("the newcomer went itself")
		}
		most := int(desktops % 5)
		if newcomer.Class == Mobile {
			most = int(phones % 5)
		}
		if n := len(left[newcomer.Class]); most > 0 && n > most {
			t.Errorf("%d left, %d are allowed", n, most)
		}
		for _, g := range gone {
			if g.Class != newcomer.Class {
				t.Error("a device of another class went")
			}
		}
	})
}
