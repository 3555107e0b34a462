package access

import (
	"cmp"
	"slices"
	"time"

	"qianhe/approval"
)

// Single mobile device (單一行動裝置): how many phones an account may have at once,
// and what becomes of the others when one more is confirmed. A phone may hold
// several browser contexts, which come and go together.

// Phones gives how many phones a person with these roles may have at once, 0
// for any number.
func (s Settings) PhonesOf(roles []approval.Role) int {
	for _, r := range roles {
		if slices.Contains(s.SingleRoles, r) {
			return s.Phones
		}
	}
	if len(roles) == 0 {
		return s.Phones // who has no role has no exception either
	}
	return 0
}

// Displaced gives the devices that make room for one which is about to be
// trusted, in the order of the list: all contexts of the phones that were used
// longest ago, or, for a desktop, the desktops. Those that are not trusted take
// no room. Devices of the newcomer's own phone stay.
func Displaced(known []Device, newcomer Device, phones, desktops int) []Device {
	most := desktops
	if newcomer.Class == Mobile {
		most = phones
	}
	if most <= 0 {
		return nil
	}
	last := map[string]time.Time{} // of each phone or desktop, by its name
	for _, d := range known {
		if d.ID == newcomer.ID || d.Class != newcomer.Class || d.unit() == newcomer.unit() {
			continue
		}
		if at := last[d.unit()]; d.LastSeenAt.After(at) || at.IsZero() {
			last[d.unit()] = d.LastSeenAt
		}
	}
	units := make([]string, 0, len(last))
	for u := range last {
		units = append(units, u)
	}
	slices.SortFunc(units, func(a, b string) int {
		return cmp.Or(last[b].Compare(last[a]), cmp.Compare(a, b))
	})
	if len(units) < most {
		return nil
	}
	gone := units[most-1:] // the newcomer takes one place
	var out []Device
	for _, d := range known {
		if d.ID != newcomer.ID && d.Class == newcomer.Class && slices.Contains(gone, d.unit()) {
			out = append(out, d)
		}
	}
	return out
}

// unit is what counts as one: a phone with all its contexts, or a desktop
// browser.
func (d Device) unit() string {
	if d.Class == Mobile {
		return "phone " + cmp.Or(d.Phone, d.ID)
	}
	return d.ID
}
