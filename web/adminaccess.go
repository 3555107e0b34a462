package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// accessPage is what the organisation has decided about who is let in, from
// where and how: every setting with its value and a sentence of help, group by
// group, and who has changed what.
type accessPage struct {
	base
	Groups  []accessTable
	History []policyChange
}

// accessTable is the settings of one group.
type accessTable struct {
	URL   string
	Title string
	Rows  []accessRow
}

// accessRow is one setting.
type accessRow struct {
	Title   string
	Value   string
	Help    string
	Departs bool
}

// accessChanges is how many changes the page shows.
const accessChanges = 20

func (s *Server) accessTable(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, words := r.Context(), v.words
	b, err := s.counted(ctx, v, words.T("access.title"), "me")
	if err != nil {
		return err
	}
	history, err := s.Access.SettingsHistory(ctx, accessChanges+1)
	if err != nil {
		return err
	}
	p := &accessPage{base: b}
	p.Note = saved(v, r)
	now, house := history[0].Settings, access.DefaultSettings()
	for _, d := range access.SettingTable() {
		if n := len(p.Groups); n == 0 || p.Groups[n-1].URL != groupURL(d.Group) {
			p.Groups = append(p.Groups, accessTable{URL: groupURL(d.Group), Title: words.T("settings." + d.Group)})
		}
		g := &p.Groups[len(p.Groups)-1]
		g.Rows = append(g.Rows, accessRow{
			Title: words.T("setting." + d.Key + ".title"), Help: words.T("setting." + d.Key + ".text"),
			Value: words.setting(d, now), Departs: d.Text(now) != d.Text(house),
		})
	}
	for i, h := range history[:min(accessChanges, len(history))] {
		if i+1 == len(history) {
			break // the default, by nobody; or one too many
		}
		p.History = append(p.History, policyChange{Who: words.changer(h), When: words.Moment(h.At, v.now), What: words.settingChanges(h.Settings, history[i+1].Settings)})
	}
	return s.render(w, r, http.StatusOK, "access", p)
}

func groupURL(group string) string { return "/admin/access/" + group }

// changer is who has set a version.
func (w *words) changer(v access.SettingsVersion) string {
	if v.Name == "" {
		return w.T("access.operator")
	}
	return v.Name
}

// setting says what a setting is.
func (w *words) setting(d access.Setting, s access.Settings) string {
	text := d.Text(s)
	switch d.Form {
	case access.FormToggle:
		if text == "true" {
			return w.T("general.yes")
		}
		return w.T("general.no")
	case access.FormSpan:
		n, _ := strconv.Atoi(text) // as it is kept
		return w.span(time.Duration(n) * d.Unit)
	case access.FormChoice:
		return w.T("choice." + text)
	case access.FormMany:
		if text == "" {
			return w.T("access.nobody")
		}
		list := strings.Split(text, ",")
		if len(list) == len(d.Options) {
			return w.T("access.everybody")
		}
		for i, o := range list {
			list[i] = w.T("choice." + o)
		}
		return strings.Join(list, w.T("comma"))
	case access.FormNetworks:
		if text == "" {
			return w.T("access.unset")
		}
	}
	return text
}

func unitKey(unit time.Duration) string {
	switch unit {
	case time.Minute:
		return "access.minutes"
	case time.Hour:
		return "access.hours"
	}
	return "access.days"
}

// settingChanges says in what two versions differ.
func (w *words) settingChanges(now, before access.Settings) string {
	var list []string
	for _, d := range access.SettingTable() {
		if d.Text(now) != d.Text(before) {
			list = append(list, w.T("policy.change", w.T("setting."+d.Key+".title"), w.setting(d, before), w.setting(d, now)))
		}
	}
	if len(list) == 0 {
		return w.T("policy.change.none")
	}
	return strings.Join(list, w.T("comma"))
}

// accessGroupPage changes the settings of a group.
type accessGroupPage struct {
	base
	policyForm
	URL    string
	Fields []accessField
}

// accessField is one setting in a form.
type accessField struct {
	Key     string
	Title   string
	Help    string
	Value   string
	Unit    string
	Least   int
	Most    int
	Choices []choice // of FormChoice and FormMany
	Many    bool
	Toggle  bool
	Number  bool
	Wrong   string
}

// settingsOf gives the settings of the group in the address.
func settingsOf(r *http.Request) []access.Setting {
	return slices.DeleteFunc(access.SettingTable(), func(d access.Setting) bool { return d.Group != r.PathValue("group") })
}

func (s *Server) accessGroup(w http.ResponseWriter, r *http.Request, v *visit) error {
	history, err := s.Access.SettingsHistory(r.Context(), 1)
	if err != nil {
		return err
	}
	return s.showAccessGroup(w, r, v, http.StatusOK, history[0].Version, func(d access.Setting) string { return d.Text(history[0].Settings) }, nil)
}

// showAccessGroup shows the form with values by setting, and what is wrong with
// them.
func (s *Server) showAccessGroup(w http.ResponseWriter, r *http.Request, v *visit, status, version int, value func(access.Setting) string, wrong error) error {
	group := r.PathValue("group")
	list := settingsOf(r)
	if len(list) == 0 {
		return errNowhere
	}
	b, err := s.counted(r.Context(), v, v.words.T("settings."+group), "me")
	if err != nil {
		return err
	}
	p := &accessGroupPage{base: b, policyForm: s.policyForm(v, version, "access "+group), URL: groupURL(group)}
	fields := v.words.wrongs(wrong)
	for _, d := range list {
		p.Fields = append(p.Fields, v.words.field(d, value(d), fields[d.Key]))
	}
	if group == "reach" {
		settings, err := s.Access.Settings(r.Context())
		if err != nil {
			return err
		}
		p.Note = &note{Text: v.words.T("access.here", v.from.Address, v.words.T(networkKey(settings.Network(v.from.Address))))}
	}
	if wrong != nil {
		p.Error, v.record.err = v.words.T("error.invalid.text"), wrong
	}
	if lockout, ok := errors.AsType[*lockoutError](wrong); ok {
		p.Error = v.words.T("access.lockout", lockout.reason)
	}
	return s.render(w, r, status, "accessgroup", p)
}

// field gives a setting as it stands in a form.
func (w *words) field(d access.Setting, value, wrong string) accessField {
	f := accessField{
		Key: d.Key, Title: w.T("setting." + d.Key + ".title"), Help: w.T("setting." + d.Key + ".text"), Value: value, Least: d.Least, Most: d.Most, Wrong: wrong,
		Toggle: d.Form == access.FormToggle, Many: d.Form == access.FormMany, Number: d.Form == access.FormNumber || d.Form == access.FormSpan,
	}
	if d.Form == access.FormSpan {
		f.Unit = w.T(unitKey(d.Unit))
	}
	if d.Form == access.FormNetworks {
		f.Value = strings.ReplaceAll(value, " ", "\n")
	}
	have := strings.Split(value, ",")
	for _, o := range d.Options {
		f.Choices = append(f.Choices, choice{Value: o, Text: w.T("choice." + o), Checked: slices.Contains(have, o)})
	}
	return f
}

// entered gives what a form says of a setting, as its Set reads it.
func entered(f url.Values, d access.Setting) string {
	switch d.Form {
	case access.FormToggle:
		return strconv.FormatBool(f.Get(d.Key) != "")
	case access.FormMany:
		return strings.Join(f[d.Key], ",")
	}
	return f.Get(d.Key)
}

// readSettings puts what a form says of some settings over the others. What
// cannot be is in the error, one for each field.
func readSettings(f url.Values, list []access.Setting, s access.Settings) (access.Settings, error) {
	s = s.Clone()
	var bad []*approval.InvalidError
	for _, d := range list {
		bad = append(bad, invalids(d.Set(&s, entered(f, d)))...)
	}
	return s, joined(bad)
}

// lockoutError: whoever saves would be refused from then on.
type lockoutError struct{ reason string }

func (e *lockoutError) Error() string { return "would lock out whoever saves: " + e.reason }

// setAccessGroup changes the settings of a group.
func (s *Server) setAccessGroup(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	f := r.PostForm
	version, err := strconv.Atoi(f.Get("version"))
	if err != nil {
		return errForm
	}
	if _, err := s.Forms.Check(f.Get("token"), v.session.ID, "policy", version, "access "+r.PathValue("group"), v.now); err != nil {
		return formError(err)
	}
	history, err := s.Access.SettingsHistory(r.Context(), 1)
	if err != nil {
		return err
	}
	if history[0].Version != version {
		return access.ErrSettingsChanged
	}
	to, wrong := readSettings(f, settingsOf(r), history[0].Settings)
	if wrong != nil {
		return s.showAccessGroup(w, r, v, http.StatusUnprocessableEntity, version, func(d access.Setting) string { return entered(f, d) }, wrong)
	}
	if err := to.Check(); err != nil {
		return s.showAccessGroup(w, r, v, http.StatusUnprocessableEntity, version, func(d access.Setting) string { return entered(f, d) }, err)
	}
	for _, gate := range []access.Gate{admins.gate(), governs.gate()} {
		if err := to.Allow(gate, v.from); err != nil {
			v.record.err = err
			reason := strings.TrimRight(s.classify(v, err).title, "。.")
			return s.showAccessGroup(w, r, v, http.StatusUnprocessableEntity, version, func(d access.Setting) string { return entered(f, d) }, &lockoutError{reason})
		}
	}
	if err := s.Access.SaveSettings(r.Context(), v.session.Person.ID, version, to); err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/access?ok=settings", http.StatusSeeOther)
	return nil
}
