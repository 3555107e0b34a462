package ldap

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"qianhe/approval/access"
)

// maxPassword is the longest password that is handed on, in bytes.
const maxPassword = 512

// Finish tries login and password.
func (d *Directory) Finish(ctx context.Context, _ []byte, a access.Answer) (access.Identity, error) {
	if a.Password == "" || len(a.Password) > maxPassword || strings.ContainsRune(a.Password, 0) || !typed(a.Login) {
		return access.Identity{}, access.ErrCredentials
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	conn, close, err := d.connect(ctx)
	if err != nil {
		return access.Identity{}, d.fault("connect", err)
	}
	defer close()
	var entry *ldap.Entry
	if d.config.BindDN != "" {
		entry, err = d.searchAndBind(conn, a)
	} else {
		entry, err = d.bindAndSearch(conn, a)
	}
	if err == nil && d.config.GroupFilter != "" {
		err = d.addGroups(conn, entry, a.Login)
	}
	if err != nil {
		// A connection that ends because its time is over says little.
		if ctx.Err() != nil {
			return access.Identity{}, d.fault("wait for an answer", ctx.Err())
		}
		return access.Identity{}, err
	}
	return d.identity(entry)
}

// typed reports whether somebody can have meant this as a login.
func typed(login string) bool {
	return login != "" && len(login) <= access.MaxLogin && utf8.ValidString(login) && !strings.ContainsFunc(login, unicode.IsControl)
}

func (d *Directory) searchAndBind(conn *ldap.Conn, a access.Answer) (*ldap.Entry, error) {
	if err := conn.Bind(d.config.BindDN, d.config.Password); err != nil {
		return nil, d.fault("bind as the server's own account", err)
	}
	entry, err := d.find(conn, a.Login)
	if err != nil {
		return nil, err
	}
	dn := "cn=nobody of that name," + d.config.Base
	if entry != nil {
		dn = entry.DN
	}
	if err := d.bind(conn, dn, a.Password); err != nil {
		return nil, err
	}
	if entry == nil { // a directory that lets anybody bind
		return nil, access.ErrCredentials
	}
	if d.config.GroupFilter != "" { // people may not see groups
		if err := conn.Bind(d.config.BindDN, d.config.Password); err != nil {
			return nil, d.fault("bind as the server's own account", err)
		}
	}
	return entry, nil
}

func (d *Directory) bindAndSearch(conn *ldap.Conn, a access.Answer) (*ldap.Entry, error) {
	dn, ok := d.userDN(a.Login)
	if !ok {
		return nil, access.ErrCredentials
	}
	if err := d.bind(conn, dn, a.Password); err != nil {
		return nil, err
	}
	entry, err := d.find(conn, a.Login)
	if err == nil && entry == nil {
		err = fmt.Errorf("%w: bound as a person who has no entry below the base", access.ErrCredentials)
	}
	return entry, err
}

// find gives the one entry of a login, nil when there is none or more than one.
func (d *Directory) find(conn *ldap.Conn, login string) (*ldap.Entry, error) {
	a := d.config.Attributes
	got, err := conn.Search(ldap.NewSearchRequest(d.config.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 0, false, d.filter(login),
		[]string{a.Subject, a.Login, a.Name, a.Title, a.Unit, a.Groups}, nil))
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
		return nil, nil
	case err != nil:
		return nil, d.fault("search", err)
	case len(got.Entries) != 1:
		return nil, nil
	}
	return got.Entries[0], nil
}

// addGroups adds the groups that the group filter finds.
func (d *Directory) addGroups(conn *ldap.Conn, entry *ldap.Entry, login string) error {
	got, err := conn.Search(ldap.NewSearchRequest(d.config.GroupBase, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, d.groupFilter(entry.DN, login), []string{"1.1"}, nil))
	if err != nil {
		return d.fault("search groups", err)
	}
	var names []string
	for _, g := range got.Entries {
		names = append(names, g.DN)
	}
	entry.Attributes = append(entry.Attributes, ldap.NewEntryAttribute(groupsFound, names))
	return nil
}

// groupsFound is where addGroups leaves what it found; no attribute is called
// that.
const groupsFound = "\x00groups"

// bind tries a password. It gives access.ErrCredentials when the directory says
// no to it, and not when it says anything else.
func (d *Directory) bind(conn *ldap.Conn, dn, password string) error {
	err := conn.Bind(dn, password)
	var e *ldap.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e):
		return d.fault("bind", err)
	}
	switch e.ResultCode {
	case ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax,
		ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultConstraintViolation, ldap.LDAPResultUnwillingToPerform:
		return fmt.Errorf("%w: LDAP result %d%s", access.ErrCredentials, e.ResultCode, reason(e))
	}
	return d.fault("bind", err)
}

// activeDirectory finds what Active Directory adds to result 49: 525 unknown,
// 52e wrong password, 530-531 not now or not here, 532 expired, 533 closed, 701
// ended, 773 must be changed, 775 locked. It is for the log.
var activeDirectory = regexp.MustCompile(`\bdata ([0-9a-f]{1,8})\b`)

func reason(e *ldap.Error) string {
	if e.Err == nil {
		return ""
	}
	if m := activeDirectory.FindStringSubmatch(e.Err.Error()); m != nil {
		return ", data " + m[1]
	}
	return ""
}

// identity reads an entry.
func (d *Directory) identity(e *ldap.Entry) (access.Identity, error) {
	a := d.config.Attributes
	id := access.Identity{
		Subject: subject(e.GetEqualFoldRawAttributeValue(a.Subject)),
		Login:   e.GetEqualFoldAttributeValue(a.Login),
		Name:    e.GetEqualFoldAttributeValue(a.Name),
		Title:   e.GetEqualFoldAttributeValue(a.Title),
		Unit:    e.GetEqualFoldAttributeValue(a.Unit),
		Groups:  append(e.GetEqualFoldAttributeValues(a.Groups), e.GetAttributeValues(groupsFound)...),
	}
	if id.Subject == "" {
		return access.Identity{}, d.fault("read the entry", fmt.Errorf("it has no %s", a.Subject))
	}
	return id, nil
}

// subject writes what identifies an entry: text as it is, an objectGUID, which
// is 16 bytes, in hexadecimal digits.
func subject(raw []byte) string {
	if utf8.Valid(raw) && !strings.ContainsFunc(string(raw), unicode.IsControl) && len(raw) != 16 {
		return string(raw)
	}
	return hex.EncodeToString(raw)
}
