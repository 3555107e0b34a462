package access

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
)

// SettingForm is how a setting is entered and shown.
type SettingForm int

// Forms of settings, with what their text is.
const (
	FormToggle   SettingForm = iota // true or false
	FormNumber                      // a number from Least to Most
	FormSpan                        // a number of Unit from Least to Most
	FormChoice                      // one of Options
	FormMany                        // some of Options, separated by commas
	FormNetworks                    // networks such as 10.0.0.0/8, separated by spaces
)

// Setting is one line of the table of settings: how it is called, entered,
// read and written.
type Setting struct {
	Key     string // setting.KEY.title and .text in the catalogues
	Group   string // settings.GROUP in the catalogues
	Form    SettingForm
	Least   int
	Most    int
	Unit    time.Duration
	Options []string // choice.OPTION in the catalogues

	get func(s *Settings) string
	set func(s *Settings, text string) error
}

// Text gives the value in s, as Set reads it.
func (d Setting) Text(s Settings) string { return d.get(&s) }

// Set changes s, or gives an [*approval.InvalidError] for the key and leaves it
// as it was.
func (d Setting) Set(s *Settings, text string) error {
	work := s.Clone()
	if err := d.set(&work, strings.TrimSpace(text)); err != nil {
		if invalid, ok := errors.AsType[*approval.InvalidError](err); ok {
			invalid.Field = d.Key
		}
		return err
	}
	*s = work
	return nil
}

// SettingTable gives all settings in the order in which they are shown, those
// of a group together.
func SettingTable() []Setting {
	table := []Setting{
		networks("network.intranet", "reach", func(s *Settings) *[]netip.Prefix { return &s.Intranet }),
		networks("network.vpn", "reach", func(s *Settings) *[]netip.Prefix { return &s.VPN }),
	}
	reaches := []string{string(ReachOpen), string(ReachAgency), string(ReachIntranet)}
	for _, r := range approval.Roles() {
		table = append(table, choice("reach."+string(r), "reach", reaches,
			func(s *Settings) string { return string(s.Reach[r]) }, func(s *Settings, v string) { s.Reach[r] = Reach(v) }))
	}
	table = append(table,
		choice("reach.api", "reach", append(slices.Clone(reaches), string(ReachNowhere)),
			func(s *Settings) string { return string(s.API) }, func(s *Settings, v string) { s.API = Reach(v) }),
		roles("mobile.roles", "mobile", func(s *Settings) *[]approval.Role { return &s.MobileRoles }),
		number("mobile.phones", "mobile", 0, 5, func(s *Settings) *int { return &s.Phones }),
		roles("mobile.single", "mobile", func(s *Settings) *[]approval.Role { return &s.SingleRoles }),
		number("mobile.contexts", "mobile", 1, MaxContexts, func(s *Settings) *int { return &s.PhoneContexts }),
		number("mobile.desktops", "mobile", 0, 20, func(s *Settings) *int { return &s.Desktops }),
	)
	table = append(table,
		choice("newdevice.confirming", "newdevice", []string{string(ConfirmNumber), string(ConfirmAlways), string(ConfirmLater), string(ConfirmOff)},
			func(s *Settings) string { return string(s.Confirming) }, func(s *Settings, v string) { s.Confirming = Confirming(v) }),
		span("newdevice.reading", "newdevice", time.Hour, 1, 72, func(s *Settings) *time.Duration { return &s.Reading }),
		span("newdevice.refuse", "newdevice", time.Hour, 1, 168, func(s *Settings) *time.Duration { return &s.Refuse }),
	)
	for _, a := range Acts() {
		proofs := []string{string(ProofNone), string(ProofFresh), string(ProofSecond), string(ProofBoth)}
		if a == ActPassword {
			proofs = proofs[:2] // whoever has no second factor sets it up there
		}
		table = append(table, choice("proof."+string(a), "proof", proofs,
			func(s *Settings) string { return string(s.Proof[a]) }, func(s *Settings, v string) { s.Proof[a] = Proof(v) }))
	}
	return append(table,
		span("proof.fresh", "proof", time.Minute, 1, 480, func(s *Settings) *time.Duration { return &s.Fresh }),
		number("keep.audit", "keep", 6, 120, func(s *Settings) *int { return &s.KeepAudit }),
		number("keep.sessions", "keep", 7, 730, func(s *Settings) *int { return &s.KeepSessions }),
	)
}

// Check refuses settings that let nobody in, with an [*approval.InvalidError].
func (s Settings) Check() error {
	for _, d := range SettingTable() {
		switch text := d.get(&s); {
		case d.Group != "reach":
		case text == string(ReachAgency) && len(s.Intranet)+len(s.VPN) == 0, text == string(ReachIntranet) && len(s.Intranet) == 0:
			return &approval.InvalidError{Field: d.Key, Reason: "setting.unreachable"}
		}
	}
	return nil
}

// FindSetting gives the setting with a key, and whether there is one.
func FindSetting(key string) (Setting, bool) {
	table := SettingTable()
	i := slices.IndexFunc(table, func(d Setting) bool { return d.Key == key })
	if i < 0 {
		return Setting{}, false
	}
	return table[i], true
}

// Changes gives the settings, by key, in which s departs from other: what is
// kept of it when other is the default.
func (s Settings) Changes(other Settings) map[string]string {
	out := map[string]string{}
	for _, d := range SettingTable() {
		if text := d.get(&s); text != d.get(&other) {
			out[d.Key] = text
		}
	}
	return out
}

// With gives s with the settings of a map put in. What there is not, or cannot
// be any more, is left as it is in s: it was written by another version.
func (s Settings) With(values map[string]string) Settings {
	s = s.Clone()
	for _, d := range SettingTable() {
		if text, ok := values[d.Key]; ok {
			_ = d.Set(&s, text)
		}
	}
	return s
}

func toggle(key, group string, field func(*Settings) *bool) Setting {
	return Setting{
		Key: key, Group: group, Form: FormToggle,
		get: func(s *Settings) string { return strconv.FormatBool(*field(s)) },
		set: func(s *Settings, text string) error {
			b, err := strconv.ParseBool(text)
			if err != nil {
				return &approval.InvalidError{Reason: "setting.choice", Detail: text}
			}
			*field(s) = b
			return nil
		},
	}
}

func number(key, group string, least, most int, field func(*Settings) *int) Setting {
	return Setting{
		Key: key, Group: group, Form: FormNumber, Least: least, Most: most,
		get: func(s *Settings) string { return strconv.Itoa(*field(s)) },
		set: func(s *Settings, text string) error {
			n, err := within(text, least, most)
			if err == nil {
				*field(s) = n
			}
			return err
		},
	}
}

// span is a time in whole units: minutes, hours or days.
func span(key, group string, unit time.Duration, least, most int, field func(*Settings) *time.Duration) Setting {
	return Setting{
		Key: key, Group: group, Form: FormSpan, Unit: unit, Least: least, Most: most,
		get: func(s *Settings) string { return strconv.Itoa(int(*field(s) / unit)) },
		set: func(s *Settings, text string) error {
			n, err := within(text, least, most)
			if err == nil {
				*field(s) = time.Duration(n) * unit
			}
			return err
		},
	}
}

func choice(key, group string, options []string, get func(*Settings) string, set func(*Settings, string)) Setting {
	return Setting{
		Key: key, Group: group, Form: FormChoice, Options: options, get: get,
		set: func(s *Settings, text string) error {
			if !slices.Contains(options, text) {
				return &approval.InvalidError{Reason: "setting.choice", Detail: text}
			}
			set(s, text)
			return nil
		},
	}
}

func roles(key, group string, field func(*Settings) *[]approval.Role) Setting {
	options := words(approval.Roles())
	return Setting{
		Key: key, Group: group, Form: FormMany, Options: options,
		get: func(s *Settings) string { return strings.Join(words(*field(s)), ",") },
		set: func(s *Settings, text string) error {
			var list []approval.Role
			for _, w := range split(text) {
				if !slices.Contains(options, w) {
					return &approval.InvalidError{Reason: "setting.choice", Detail: w}
				}
				list = append(list, approval.Role(w))
			}
			slices.SortFunc(list, func(a, b approval.Role) int {
				return cmp.Compare(slices.Index(options, string(a)), slices.Index(options, string(b)))
			})
			*field(s) = slices.Compact(list)
			return nil
		},
	}
}

// maxNetworks is how many networks a list may have.
const maxNetworks = 64

func networks(key, group string, field func(*Settings) *[]netip.Prefix) Setting {
	return Setting{
		Key: key, Group: group, Form: FormNetworks,
		get: func(s *Settings) string { return strings.Join(words(*field(s)), " ") },
		set: func(s *Settings, text string) error {
			var list []netip.Prefix
			for _, w := range split(text) {
				p, err := parseNetwork(w)
				if err != nil || len(list) == maxNetworks {
					return &approval.InvalidError{Reason: "setting.network", Detail: clip(w)}
				}
				list = append(list, p)
			}
			*field(s) = list
			return nil
		},
	}
}

// parseNetwork reads a network or a single address.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, errors.New("neither IPv4 nor IPv6")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

func within(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, &approval.InvalidError{Reason: "setting.range", Detail: fmt.Sprintf("%d-%d", least, most)}
	}
	return n, nil
}

func split(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", ;、，；\t\r\n", r) })
}

func words[T ~string | netip.Prefix](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// clip keeps what a person typed short enough to say it back to them.
func clip(s string) string {
	const most = 43 // the longest IPv6 network
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
