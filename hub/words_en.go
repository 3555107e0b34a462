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
			KindLinked:        "A notification channel was linked",
			KindUnlinked:      "A notification channel was unlinked",
			KindAnnouncement:  "1 new announcement",
			KindTest:          "Test message",
		},
		texts: map[Kind]string{
			KindSignature:     "Please confirm your signature in TW FidO; refuse if it was not you",
			KindSignatureDebt: "Documents wait for your signature, before they are filed",
			KindNewDevice:     "Sign-in on a new device. Not you? Sign in at the usual address and stop it under Devices",
			KindReplaced:      "Your mobile device was replaced. Not you? Sign in at the usual address and stop it",
			KindLinked:        "A notification channel was linked. Not you? Sign in at the usual address and remove it",
			KindUnlinked:      "A notification channel was unlinked. Not you? Sign in at the usual address and check",
			KindTest:          "Test message: this channel works",
		},
	}
}
