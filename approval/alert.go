package approval

import (
	"regexp"
	"strings"
	"time"
)

// AlertKind says what an alert is about. The names are those of the kinds of
// notification that tell of it.
type AlertKind string

const (
	AlertNewDevice     AlertKind = "login.new_device" // 新裝置登入
	AlertReplaced      AlertKind = "device.replaced"  // 行動裝置已更換
	AlertAccount       AlertKind = "account.changed"  // 帳號設定變更
	AlertLinked        AlertKind = "channel.linked"   // 已綁定通知管道
	AlertUnlinked      AlertKind = "channel.unlinked" // 已解除綁定
	AlertSignature     AlertKind = "signature.prompt" // TW FidO 簽章請求
	AlertSignatureDebt AlertKind = "signature.debt"   // 待補簽
)

// What an alert of a kind says in particular. The words belong to who tells; a
// matter that nobody has words for is told as its kind.
const (
	// Of AlertNewDevice; none says that somebody has signed in.
	MatterWaiting = "waiting" // a sign-in waits to be confirmed; with Code or Link a text says how
	MatterReading = "reading" // confirmed by a text alone: reads only, and may be undone
	MatterDenied  = "denied"  // it was denied, and new devices are refused for a while
	MatterVouched = "vouched" // the registry desk or an administrator has vouched for it

	// Of AlertReplaced; none says that another phone took this one's place.
	MatterContext = "context" // another browser of the same phone was added

	// Of AlertAccount; none says that something has changed.
	MatterPassword  = "password"   // 密碼已變更
	MatterReset     = "reset"      // an administrator has reset the password
	MatterPhone     = "phone"      // the number for texts changes
	MatterFactor    = "factor"     // a second factor was added
	MatterFactorOff = "factor.off" // one was removed
	MatterSignedOut = "signed.out" // a device was signed out
	MatterNamed     = "named"      // a device was given another name
	MatterLocked    = "locked"     // the account was locked
	MatterUnlocked  = "unlocked"
)

// AlertWay narrows the channels of an alert.
type AlertWay string

const (
	AlertEveryWay AlertWay = ""        // as the policy has it
	AlertText     AlertWay = "text"    // by text message (簡訊) alone
	AlertNoText   AlertWay = "no text" // by everything else
)

// Alert is something to be told to one person that comes from no document's way:
// a sign-in, a change of the account, a signature that is waited for. It holds
// no free words; whoever tells it has them.
type Alert struct {
	Person PersonID
	Kind   AlertKind
	// Key makes it the same: a second one of this person and kind with the same
	// key is not told.
	Key string
	At  time.Time
	// Until is when it has lost its point; zero: as long as its kind lasts. What
	// is secret in it is forgotten then, at the latest after a day.
	Until time.Time

	Matter  string // see above; "" for the kind itself
	Device  string // "mobile", "desktop" or ""
	Network string // "intranet" 機關內網, "vpn", "outside" 外部 or ""
	Count   int    // of documents that wait; 0 for none
	Path    string // of our own pages, where a tap leads; the kind's own when ""
	Way     AlertWay

	// Code and Link are secret, and a text message alone carries one of them, never
	// both: Link, a path, where the provider of texts takes addresses of ours,
	// else Code. Deny is what refuses, on the page for it; it may stand beside
	// Code.
	Code, Link, Deny string
}

// AlertKey names alerts that were told before.
type AlertKey struct {
	Person PersonID
	Kind   AlertKind
	Key    string
}

var (
	alertPath = regexp.MustCompile(`^/[A-Za-z0-9_.~-]+(/[A-Za-z0-9_.~-]+)*$`)
	alertCode = regexp.MustCompile(`^[0-9A-Z]{4,10}$`)
	alertWord = regexp.MustCompile(`^[a-z.]{0,20}$`)
)

const (
	maxAlertPath = 120
	maxAlertLink = 40 // what a text message has room for
)

// Check says what is wrong with an alert: our own mistake, never somebody's
// input. It repeats nothing of what is secret.
func (a Alert) Check() error {
	bad := func(field string) error { return &InvalidError{Field: field, Reason: "alert.invalid"} }
	switch {
	case a.Person == "":
		return bad("person")
	case a.Kind == "":
		return bad("kind")
	case a.Key == "" || len(a.Key) > 120 || strings.ContainsRune(a.Key, 0):
		return bad("key")
	case a.At.IsZero() || !a.Until.IsZero() && !a.Until.After(a.At):
		return bad("time")
	case !alertWord.MatchString(a.Matter) || !alertWord.MatchString(a.Device) || !alertWord.MatchString(a.Network) || a.Count < 0:
		return bad("words")
	case a.Path != "" && !localPath(a.Path, maxAlertPath):
		return bad("path")
	case a.Link != "" && !localPath(a.Link, maxAlertLink):
		return bad("link")
	case a.Code != "" && !alertCode.MatchString(a.Code), a.Deny != "" && !alertCode.MatchString(a.Deny):
		return bad("code")
	case a.Way != AlertEveryWay && a.Way != AlertText && a.Way != AlertNoText:
		return bad("way")
	case (a.Code != "" || a.Link != "" || a.Deny != "") && (a.Until.IsZero() || a.Way == AlertNoText):
		return bad("secret") // it ends, and a text carries it
	}
	return nil
}

// localPath reports whether p is a path of ours and nothing else.
func localPath(p string, most int) bool {
	return len(p) <= most && alertPath.MatchString(p) && !strings.Contains(p, "/.")
}
