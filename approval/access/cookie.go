package access

// CookieNames gives the names of the session and the device cookie. Over TLS
// they carry the prefix that lets only this very host set them, with Secure and
// Path=/ (RFC 6265bis §4.1.3.2).
func CookieNames(tls bool) (session, device string) {
	if tls {
		return "__Host-qianhe_session", "__Host-qianhe_device"
	}
	return "qianhe_session", "qianhe_device"
}
