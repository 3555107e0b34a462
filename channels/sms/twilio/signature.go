package twilio

import (
	"crypto/hmac"
	"crypto/sha1" // Twilio signs with HMAC-SHA1, which is not broken by SHA-1's collisions
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	"qianhe/hub"
)

// signed reports whether Twilio signed a callback for our configured address
// (https://www.twilio.com/docs/usage/webhooks/webhooks-security): HMAC-SHA1
// under the primary auth token of the address with its query, followed by each
// parameter of a form, sorted by name, or, for any other body, with the hash of
// it in the query. Where the address has the default port of its scheme, or
// none, Twilio signs either.
func (s *Sender) signed(cb hub.Callback) bool {
	given, err := base64.StdEncoding.DecodeString(cb.Header.Get("X-Twilio-Signature"))
	if err != nil || len(given) != sha1.Size || s.cfg.AuthToken == "" {
		return false
	}
	params := ""
	if hash := bodyHash(cb.Query); hash != "" {
		sum := sha256.Sum256(cb.Body)
		if subtle.ConstantTimeCompare([]byte(strings.ToLower(hash)), []byte(hex.EncodeToString(sum[:]))) != 1 {
			return false
		}
	} else {
		form, err := url.ParseQuery(string(cb.Body))
		if err != nil {
			return false
		}
		params = concatenate(form)
	}
	ok := false
	for _, address := range addresses(*s.hook, cb.Query) {
		mac := hmac.New(sha1.New, []byte(s.cfg.AuthToken))
		mac.Write([]byte(address + params))
		if hmac.Equal(mac.Sum(nil), given) {
			ok = true
		}
	}
	return ok
}

// bodyHash is the hash that the query has for a body that is not a form.
func bodyHash(query string) string {
	q, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return q.Get("bodySHA256")
}

// concatenate writes the parameters as they are signed: sorted by name, those of
// the same name sorted and each once (as twilio-node does; twilio-go looks at
// the first only).
func concatenate(form url.Values) string {
	var names []string
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			b.WriteString(name)
			b.WriteString(v)
		}
	}
	return b.String()
}

// addresses are the ways in which the address of a callback may have been
// signed: with and without the default port.
func addresses(u url.URL, query string) []string {
	u.RawQuery = query
	list := []string{u.String()}
	port := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	switch u.Port() {
	case "":
		u.Host += ":" + port
		list = append(list, u.String())
	case port:
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
		list = append(list, u.String())
	}
	return list
}
