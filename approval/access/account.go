package access

import (
	"log/slog"
	"strings"

	"qianhe/approval"
)

// MaxLogin is the longest login, in bytes.
const MaxLogin = 64

// NewAccount is an account to be created.
type NewAccount struct {
	Login    string
	Password string
	Person   approval.PersonID
	Locale   string // "" is zh-TW
	// MustChange: whoever creates the account knows the password.
	MustChange bool
}

// LogValue leaves the password out.
func (n NewAccount) LogValue() slog.Value {
	return slog.GroupValue(slog.String("login", n.Login), slog.String("person", string(n.Person)))
}

// FoldLogin gives a login as it is compared: phones write the first letter
// large and leave a space behind. The result is at most [MaxLogin] bytes; what
// is longer is no login and gives "".
func FoldLogin(login string) string {
	login = strings.TrimSpace(login)
	if len(login) > MaxLogin {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, login)
}

// CheckLogin gives a folded login that an account may have: letters a-z, digits
// and . _ - @, beginning with a letter or digit. Others are refused with an
// [*approval.InvalidError].
func CheckLogin(login string) (string, error) {
	folded := FoldLogin(login)
	if folded == "" {
		return "", &approval.InvalidError{Field: "login", Reason: "login.length", Detail: "1-64"}
	}
	for i, r := range folded {
		alphanumeric := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if !alphanumeric && (i == 0 || !strings.ContainsRune("._-@", r)) {
			return "", &approval.InvalidError{Field: "login", Reason: "login.characters", Detail: "a-z 0-9 . _ - @"}
		}
	}
	return folded, nil
}

// CheckLocale gives the locale, zh-TW for "". One that there is no translation
// for is refused with an [*approval.InvalidError].
func CheckLocale(locale string) (string, error) {
	switch locale {
	case "":
		return "zh-TW", nil
	case "zh-TW", "en":
		return locale, nil
	}
	return "", &approval.InvalidError{Field: "locale", Reason: "locale.unknown", Detail: "zh-TW, en"}
}
