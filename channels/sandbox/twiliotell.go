package sandbox

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// twilioTellLocked calls back with every status that a message has been
// through, in order or, if asked, in the reverse. Only addresses on this machine
// are called.
func (s *Sandbox) twilioTellLocked(m *twilioMessage) {
	s.changeLocked()
	if !onThisMachine(m.hook) {
		return
	}
	list := []string{"queued", "sent", m.status}
	if m.service != "" {
		list = append([]string{"accepted"}, list...)
	}
	if s.twilio.reverse {
		slices.Reverse(list)
	}
	for _, status := range list {
		form := url.Values{
			"AccountSid": {s.opt.Twilio.AccountSID}, "ApiVersion": {"2010-04-01"}, "From": {m.from}, "To": {m.to},
			"MessageSid": {m.sid}, "SmsSid": {m.sid}, "MessageStatus": {status}, "SmsStatus": {status},
		}
		if m.service != "" {
			form.Set("MessagingServiceSid", m.service)
		}
		if status == "undelivered" || status == "failed" {
			form.Set("ErrorCode", strconv.Itoa(m.code))
		}
		s.callLocked("twilio", m.hook, []byte(form.Encode()), func(_ []byte, forged bool) http.Header {
			token := s.opt.Twilio.AuthToken
			if forged {
				token = s.opt.Twilio.APISecret // which signs nothing at Twilio
			}
			return http.Header{
				"Content-Type":               {"application/x-www-form-urlencoded"},
				"X-Twilio-Signature":         {signTwilio(token, m.hook, form)},
				"I-Twilio-Idempotency-Token": {randomID(16)},
			}
		})
	}
}

// signTwilio gives the X-Twilio-Signature of a form.
func signTwilio(token, address string, form url.Values) string {
	var names []string
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString(address)
	for _, name := range names {
		b.WriteString(name + form.Get(name))
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(b.String()))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// onThisMachine reports whether an address is one that a sandbox may call.
func onThisMachine(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback() || u.Hostname() == "localhost"
}
