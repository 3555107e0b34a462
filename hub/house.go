package hub

import (
	"time"

	"qianhe/approval"
)

// DefaultUnseen is how long a notification may stay unseen before it goes to
// a channel that disturbs and costs.
const DefaultUnseen = 15 * time.Minute

// lastResort is how long a 最速件 may stay unseen everywhere before it is worth
// an SMS.
const lastResort = 30 * time.Minute

// Groups of the house: what says how the in-tray stands, how forms do, what is
// late in one's own hands and in those of others.
const (
	groupTray  = "tray"
	groupDone  = "done"
	groupForm  = "form"
	groupDue   = "due"
	groupChase = "chase"
	groupDebt  = "debt"
)

// House is the house's own table: how each kind is brought to people where the
// organisation has not said otherwise. unseen is how long channels that disturb
// wait. An unknown kind has no steps.
//
// Web Push is free and quiet: at once. LINE and Messenger buzz, and LINE is
// billed by message: at once for what the day begins with, for 最速件 and for
// security, else only what was not seen. SMS is the last resort, for 最速件 that
// nobody has seen anywhere, and the first for the sign-in on a new device, which
// is told through every channel at the same time.
func House(kind Kind, unseen time.Duration) Rule {
	const workday = 10 * time.Hour // a morning's news is none in the evening
	const most = 20 * time.Hour    // below the 24 hours for which LINE remembers a retry key; what is older is in the next digest
	push := []Step{{WebPush, 0}}
	chats := []Step{{WebPush, 0}, {LINE, unseen}, {Messenger, unseen}}
	atOnce := []Step{{WebPush, 0}, {LINE, 0}, {Messenger, 0}}
	highest := []Step{{WebPush, 0}, {LINE, 0}, {Messenger, 0}, {SMS, lastResort}}
	all := []Step{{SMS, 0}, {WebPush, 0}, {LINE, 0}, {Messenger, 0}}

	switch kind {
	case KindArrived, KindReturned, KindExtension:
		return Rule{Steps: chats, Highest: highest, Urgency: UrgencyNormal, TTL: most, Group: groupTray, Quiet: QuietUrgent}
	case KindRecalled:
		return Rule{Steps: push, Urgency: UrgencyNormal, TTL: workday, Group: groupTray, Quiet: QuietHold}
	case KindRefresh: // one a minute at most: it waits for what else is handled
		return Rule{Steps: []Step{{WebPush, time.Minute}}, Urgency: UrgencyLow, TTL: time.Hour, Group: groupTray, Quiet: QuietHold}
	case KindDecided:
		return Rule{Steps: chats, Highest: atOnce, Urgency: UrgencyNormal, TTL: most, Group: groupDone, Quiet: QuietHold}
	case KindDigest:
		return Rule{Steps: atOnce, Urgency: UrgencyNormal, TTL: workday, Group: groupTray, Quiet: QuietHold}
	case KindForm:
		return Rule{Steps: chats, Highest: highest, Urgency: UrgencyNormal, TTL: most, Group: groupForm, Quiet: QuietUrgent}
	case KindOverdueSoon, KindOverdue:
		return Rule{Steps: chats, Urgency: UrgencyNormal, TTL: workday, Group: groupDue, Quiet: QuietHold}
	case KindEscalation:
		return Rule{Steps: atOnce, Urgency: UrgencyNormal, TTL: workday, Group: groupChase, Quiet: QuietHold}
	case KindSignature:
		return Rule{Steps: atOnce, Urgency: UrgencyHigh, TTL: 10 * time.Minute, Quiet: QuietThrough}
	case KindSignatureDebt:
		return Rule{Steps: chats, Urgency: UrgencyLow, TTL: workday, Group: groupDebt, Quiet: QuietHold}
	case KindNewDevice:
		return Rule{Steps: all, Urgency: UrgencyHigh, TTL: most, Quiet: QuietThrough, Held: true}
	case KindReplaced:
		return Rule{Steps: []Step{{WebPush, 0}, {LINE, 0}, {Messenger, 0}, {SMS, lastResort}}, Urgency: UrgencyHigh, TTL: most, Quiet: QuietThrough, Held: true}
	case KindAccount, KindLinked, KindUnlinked:
		return Rule{Steps: atOnce, Urgency: UrgencyHigh, TTL: most, Quiet: QuietThrough, Held: true}
	case KindAnnouncement:
		return Rule{Steps: chats, Urgency: UrgencyLow, TTL: workday, Quiet: QuietHold}
	case KindTest:
		return Rule{Steps: all, Urgency: UrgencyNormal, TTL: 10 * time.Minute, Quiet: QuietThrough, Held: true}
	}
	return Rule{}
}

// HousePolicy is the policy of an organisation that has not decided anything,
// with every field filled in.
func HousePolicy() Policy {
	ladder, names, refresh := approval.HouseLadder(), false, true
	return Policy{
		Unseen:         DefaultUnseen,
		Quiet:          &Quiet{From: 20 * 60, To: 7*60 + 30, DaysOff: true},
		Digests:        []int{8*60 + 30},
		Cap:            12,
		Tier:           TierCounts,
		NamesInReplies: &names,
		Refresh:        &refresh,
		QuotaShare:     0.9,
		Keep:           400,
		Chase:          &ladder,
	}
}

// TTL is the house's own for a kind, [Rule].TTL where no policy is at hand.
func (k Kind) TTL() time.Duration { return House(k, DefaultUnseen).TTL }
