package workday

import (
	"strconv"
	"time"

	"qianhe/approval"
)

// Identifiers of the rules by which a deadline is set, kept in
// approval.Deadline.Rule. One that was stored is never given another meaning.
const (
	RuleHighest = "speed.highest" // 最速件: 1 working day, 文書處理手冊 §78
	RuleUrgent  = "speed.urgent"  // 速件: 3 working days, 文書處理手冊 §78
	RuleNormal  = "speed.normal"  // 普通件: 6 working days, 文書處理手冊 §78
	RuleWithin  = "within.days"   // 限期公文: calendar days, 新北市政府文書處理要點 §92
)

// limit is the rule of a speed and its number of working days. A speed that is
// not known is 普通件.
func limit(speed approval.Speed) (rule string, days int) {
	switch speed {
	case approval.SpeedHighest:
		return RuleHighest, 1
	case approval.SpeedUrgent:
		return RuleUrgent, 3
	case approval.SpeedNormal:
	}
	return RuleNormal, 6
}

// maxWithin bounds the days of [Within]: ten years are a typing error.
const maxWithin = 3650

// Within gives the deadline of a 限期公文 that asks for an answer so many days
// after receipt ("文到10日內"): calendar days, holidays included, from the day
// after receipt. Received on 10/7 with 10 days it is due on 10/17. A last day
// that is not worked stays the last day. No office calendar is needed and none
// is named in the deadline.
//
// Days outside 1 to 3650 are refused with an *approval.InvalidError.
func Within(received time.Time, days int) (approval.Deadline, error) {
	if days < 1 || days > maxWithin {
		return approval.Deadline{}, &approval.InvalidError{Field: "days", Reason: "range", Detail: "1-" + strconv.Itoa(maxWithin)}
	}
	return approval.Deadline{Due: approval.Midnight(received).AddDate(0, 0, days+1), Rule: RuleWithin}, nil
}
