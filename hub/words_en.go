package hub

import (
	"strconv"

	"qianhe/approval"
)

func english() words {
	count := func(after string) func(int) string {
		return func(n int) string { return strconv.Itoa(n) + " " + after }
	}
	documents := func(one, many string) func(int) string {
		return func(n int) string {
			if n == 1 {
				return "1 " + one
			}
			return strconv.Itoa(n) + " " + many
		}
	}
	return words{
		lang:       "en",
		handle:     "Handle now",
		open:       "Open",
		list:       "See the list",
		devices:    "Check devices",
		read:       "Seen",
		classified: "1 classified document",
		atOffice:   ": please handle it at the office",
		speed:      "Speed",
		due:        "Due",
		number:     "Number",
		subject:    "Subject",
		speeds:     map[approval.Speed]string{approval.SpeedHighest: "most urgent", approval.SpeedUrgent: "urgent"},
		buckets:    map[bucket]string{bucketLate: "overdue", bucketToday: "today", bucketTomorrow: "tomorrow", bucketSoon: "within 3 days"},
		pending:    documents("document pending", "documents pending"),
		forms:      documents("form to review", "forms to review"),
		inAll:      func(n int) string { return ", " + strconv.Itoa(n) + " pending in all" },
		highest:    count("most urgent"),
		overdue:    count("overdue"),
		dueToday:   count("due today"),
		labels:     [3]string{"Most urgent", "Overdue", "Due today"},
		unit:       strconv.Itoa,
		soon:       documents("document due soon", "documents due soon"),
		today:      documents("document due today", "documents due today"),
		late:       documents("document overdue", "documents overdue"),
		others:     documents("overdue in your units", "overdue in your units"),
		chase:      documents("overdue document is being chased", "overdue documents are being chased"),
		done:       "Nothing is pending any more",
		highestNew: "1 new document, most urgent",
		titles: map[Kind]string{
			KindArrived:       "1 new document",
			KindReturned:      "1 document returned",
			KindRecalled:      "1 document was taken back by its sender",
			KindDecided:       "A document of yours was decided",
			KindForm:          "1 form to review",
			KindExtension:     "1 request for more time to review",
			KindSignature:     "Please confirm your signature in TW FidO",
			KindSignatureDebt: "Documents wait for your signature",
			KindNewDevice:     "Sign-in on a new device",
			KindReplaced:      "Your mobile device was replaced",
			KindAccount:       "Your account was changed",
			KindLinked:        "A notification channel was linked{about}",
			KindUnlinked:      "A notification channel was unlinked{about}",
			KindAnnouncement:  "1 new announcement",
			KindTest:          "Test message",
		},
		texts: map[Kind]string{
			KindSignature:     "Please confirm your signature in TW FidO; refuse if it was not you",
			KindSignatureDebt: "Documents wait for your signature, before they are filed",
			KindNewDevice:     "Sign-in on a new device{where}. Not you? Sign in at the usual address and stop it under Devices",
			KindReplaced:      "Your mobile device was replaced. Not you? Sign in at the usual address and stop it",
			KindAccount:       "Your account was changed. Not you? Sign in at the usual address and check, or call us",
			KindLinked:        "A notification channel was linked{about}. Not you? Sign in at the usual address and remove it",
			KindUnlinked:      "A notification channel was unlinked{about}. Not you? Sign in at the usual address and check",
			KindTest:          "Test message: this channel works",
		},
		matters: map[Kind]map[string]said{
			KindNewDevice: {
				approval.MatterWaiting: {"A new device waits for you", "{at} sign-in on a new device{where}. Not you? Sign in at the usual address and refuse it", "Confirm or refuse"},
				approval.MatterReading: {"New device, by a text alone", "A new device{where} came in by a text, to read. Not you? Undo it at the usual address within 24 h", "Check devices"},
				approval.MatterDenied:  {"A new device was refused", "A new device{where} was refused; no new ones for now. Not by you? Check at the usual address", "Check devices"},
				approval.MatterVouched: {"A new device was vouched for", "Your agency vouched for a new device{where}. Not you? Sign in at the usual address and stop it", "Check devices"},
			},
			KindReplaced: {
				approval.MatterContext: {"Another browser of your phone", "Another browser of your phone may handle documents now. Not you? Stop it at the usual address", "Check devices"},
			},
			KindAccount: {
				approval.MatterPassword:  {"Your password was changed", "Your password was changed. Not you? Sign in at the usual address and check, or call us", ""},
				approval.MatterReset:     {"Your password was reset", "An administrator reset your password. Change it at the usual address; call us if you did not ask", ""},
				approval.MatterPhone:     {"Your number is changing", "Your number for texts is about to change. Not you? Stop it at the usual address, or call us", ""},
				approval.MatterFactor:    {"A second factor was added", "A second factor was added. Not you? Sign in at the usual address and remove it", ""},
				approval.MatterFactorOff: {"A second factor was removed", "A second factor was removed. Not you? Sign in at the usual address and check", ""},
				approval.MatterSignedOut: {"A device was signed out", "A device was signed out of your account. Not you? Sign in at the usual address and check", ""},
				approval.MatterNamed:     {"A device has a new name", "A device of yours was given another name. Not you? Sign in at the usual address and check", ""},
				approval.MatterLocked:    {"Your account was closed", "An administrator closed your account; call us. Once it is open, sign in at the usual address", ""},
				approval.MatterUnlocked:  {"Your account is open again", "Your account is open again: sign in at the usual address", ""},
			},
		},
		debts: said{"{n} documents wait for your signature", "{n} documents wait for your signature, before they are filed", ""},
		byCode: said{
			title: "Code {code}; staff never ask. Not you? Usual address, Not me",
			text:  "Code {code}; staff never ask. {at} new device{where}. Not you? Usual address, Not me",
		},
		byCodeOrDeny: said{
			title: "Code {code}; staff never ask. Not you? Usual address, Not me: {deny}",
			text:  "Code {code}; staff never ask. {at} new device{where}. Not you? Usual address: {deny}",
		},
		byLink: said{
			title: "New device: confirm or refuse at {link} , staff never ask for it",
			text:  "{at} new device{where}: confirm or refuse at {link} ({minutes} min), staff never ask for it",
		},
		classes:  map[string]string{"mobile": "phone", "desktop": "computer"},
		networks: map[string]string{"intranet": "office network", "vpn": "VPN", "outside": "outside"},
		channels: map[ChannelName]string{LINE: ": LINE", Messenger: ": Messenger", SMS: ": text messages", WebPush: ": browser"},
		where: func(class, network string) string {
			switch {
			case class == "" && network == "":
				return ""
			case class == "" || network == "":
				return " (" + class + network + ")"
			}
			return " (" + class + ", " + network + ")"
		},
	}
}
