package ldaptest

import (
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// matches reports whether an entry is what a filter (RFC 4511 §4.5.1.7) looks
// for.
func matches(e Entry, f *ber.Packet) bool {
	values := func(name string) []string {
		for n, v := range e.Attributes {
			if strings.EqualFold(n, name) {
				return v
			}
		}
		return nil
	}
	text := func(p *ber.Packet) string { return p.Data.String() }
	switch f.Tag {
	case ldap.FilterAnd:
		for _, c := range f.Children {
			if !matches(e, c) {
				return false
			}
		}
		return true
	case ldap.FilterOr:
		for _, c := range f.Children {
			if matches(e, c) {
				return true
			}
		}
		return false
	case ldap.FilterNot:
		return !matches(e, f.Children[0])
	case ldap.FilterPresent:
		name := f.Data.String()
		return strings.EqualFold(name, "objectClass") || len(values(name)) > 0
	case ldap.FilterEqualityMatch:
		for _, v := range values(text(f.Children[0])) {
			if strings.EqualFold(v, text(f.Children[1])) {
				return true
			}
		}
	case ldap.FilterExtensibleMatch: // (member:1.2.840.113556.1.4.1941:=DN), nested groups left out
		var name, value string
		for _, c := range f.Children {
			switch c.Tag {
			case ldap.MatchingRuleAssertionType:
				name = text(c)
			case ldap.MatchingRuleAssertionMatchValue:
				value = text(c)
			}
		}
		for _, v := range values(name) {
			if strings.EqualFold(v, value) {
				return true
			}
		}
	case ldap.FilterSubstrings:
		for _, v := range values(text(f.Children[0])) {
			rest, ok := strings.ToLower(v), true
			for _, part := range f.Children[1].Children {
				_, after, found := strings.Cut(rest, strings.ToLower(text(part)))
				rest, ok = after, ok && found
			}
			if ok {
				return true
			}
		}
	}
	return false
}
