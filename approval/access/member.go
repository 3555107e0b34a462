package access

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"qianhe/approval"
)

var (
	// ErrMemberChanged: somebody else has changed the person, or the unit,
	// since the form was shown.
	ErrMemberChanged = errors.New("changed by somebody else meanwhile")
	// ErrLastAdmin: it would leave nobody to administer.
	ErrLastAdmin = errors.New("there must be an administrator")
	// ErrOwnAccess: nobody takes away what they themselves come in with.
	ErrOwnAccess = errors.New("not to one's own account")
)

// Member is a person as an administrator (管理者) sees them, with the account
// where there is one.
type Member struct {
	Person   approval.Person
	UnitName string
	Version  int // of person and account, for changes
	LeftAt   time.Time

	Account    string // "" when there is none
	Login      string
	Locale     string
	MustChange bool
	Local      bool // there is a password of ours to reset
	LockedAt   time.Time
	CreatedAt  time.Time
	LastSeenAt time.Time // of any device
	Devices    int       // that are known
	Sessions   int       // that have not ended
}

// MemberFilter narrows a list of people.
type MemberFilter struct {
	Find  string // part of a name or login
	Unit  approval.UnitID
	Role  approval.Role
	State MemberState
}

// MemberState is how an account stands.
type MemberState string

const (
	MemberAny       MemberState = ""
	MemberActive    MemberState = "active"
	MemberLocked    MemberState = "locked"
	MemberNoAccount MemberState = "none"
	MemberLeft      MemberState = "left"
)

// MemberPage is a part of a list of people, by name.
type MemberPage struct {
	Members []Member
	Next    string
}

// MemberDraft is what an administrator says of a person. Login and Locale count
// when somebody is entered.
type MemberDraft struct {
	Name   string
	Title  string
	Unit   approval.UnitID
	Roles  []approval.Role
	Login  string
	Locale string
}

const (
	maxName  = 60 // characters of a name or a title
	maxUnit  = 100
	maxCode  = 32
	nameForm = "name.form"
)

// Check brings a draft into form, and refuses what may not be with
// [*approval.InvalidError]s, joined.
func (d MemberDraft) Check() (MemberDraft, error) {
	var errs []error
	var err error
	if d.Name, err = checkText("name", d.Name, 1, maxName); err != nil {
		errs = append(errs, err)
	}
	if d.Title, err = checkText("title", d.Title, 0, maxName); err != nil {
		errs = append(errs, err)
	}
	if d.Unit == "" {
		errs = append(errs, &approval.InvalidError{Field: "unit", Reason: "unit.missing"})
	}
	d.Roles = slices.Clone(d.Roles)
	slices.Sort(d.Roles)
	d.Roles = slices.Compact(d.Roles)
	for _, r := range d.Roles {
		if !slices.Contains(approval.Roles(), r) {
			errs = append(errs, &approval.InvalidError{Field: "roles", Reason: "role.unknown", Detail: string(r)})
			break
		}
	}
	return d, errors.Join(errs...)
}

// UnitDraft is what an administrator says of a unit.
type UnitDraft struct {
	Name   string
	Code   string
	Parent approval.UnitID // "" for the agency itself
}

// Check brings a draft into form, and refuses what may not be.
func (d UnitDraft) Check() (UnitDraft, error) {
	var err1, err2 error
	d.Name, err1 = checkText("name", d.Name, 1, maxUnit)
	d.Code, err2 = checkText("code", d.Code, 0, maxCode)
	return d, errors.Join(err1, err2)
}

// checkText trims a line of text and bounds it, in characters.
func checkText(field, text string, least, most int) (string, error) {
	text = strings.TrimSpace(text)
	n := utf8.RuneCountInString(text)
	if n < least || n > most || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return text, &approval.InvalidError{Field: field, Reason: nameForm, Detail: strconv.Itoa(most)}
	}
	return text, nil
}

// UnitNode is a unit of the tree as it is shown, those above before those below.
type UnitNode struct {
	approval.Unit
	Version int
	Depth   int
	Members int      // who belong to it and have not left
	Heads   []string // 單位主管, see [approval.Staff]
}

// Changed is what a change of somebody's access has brought.
type Changed struct {
	Member Member
	// Ended are sessions whose live connections and push links are to be ended.
	Ended []string
	// Password is the one to be handed over, to be changed at the first sign-in;
	// it is shown once. "" when none was set.
	Password string
}
