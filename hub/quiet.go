package hub

import (
	"time"

	"qianhe/approval"
)

// Quiet are hours of a day in Asia/Taipei in which people are not disturbed
// (勿擾時段). From and To are minutes since midnight; From > To spans midnight;
// From == To means none. DaysOff makes every day that is not worked quiet as a
// whole.
type Quiet struct {
	From    int  `json:"from"`
	To      int  `json:"to"`
	DaysOff bool `json:"days_off"`
}

// longestQuiet bounds the search for its end: the longest holiday has nine days,
// and overrides that closed an office for good must not hold anything for ever.
const longestQuiet = 30

// Until gives t, or when it is quiet at t the moment at which that ends. worked
// says which days are; nil means all.
func (q Quiet) Until(t time.Time, worked func(time.Time) bool) time.Time {
	at := t
	for range 2 * longestQuiet {
		day := approval.Midnight(at)
		minute := int(at.Sub(day) / time.Minute)
		switch {
		case q.DaysOff && worked != nil && !worked(day):
			at = day.AddDate(0, 0, 1)
		case q.From == q.To:
			return at
		case q.From < q.To && minute >= q.From && minute < q.To, q.From > q.To && minute < q.To:
			at = day.Add(time.Duration(q.To) * time.Minute)
		case q.From > q.To && minute >= q.From:
			at = day.AddDate(0, 0, 1)
		default:
			return at
		}
	}
	return at
}
