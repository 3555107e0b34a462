package si

import (
	"strconv"
	"time"
)

// taipei is the time of every time in a log. Taiwan has had no summer time
// since 1979.
var taipei = time.FixedZone("CST", 8*60*60)

// ParseTime reads a 簽章時間: the year of the Republic without leading zeros or
// with, then month, day, hour and minute, two digits each; seconds may follow.
// "11312191504" is 15:04 on 19 December 2024, in Taiwan.
func ParseTime(s string) (time.Time, bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
	}
	layout := "01021504"
	switch len(s) {
	case 10, 11: // yy or yyy
	case 12, 13:
		layout += "05"
	default:
		return time.Time{}, false
	}
	digits := len(s) - len(layout)
	year, err := strconv.Atoi(s[:digits])
	if err != nil || year == 0 {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation("2006"+layout, strconv.Itoa(year+1911)+s[digits:], taipei)
	return t, err == nil
}

// FormatTime writes a 簽章時間, to the minute.
func FormatTime(t time.Time) string {
	t = t.In(taipei)
	year := strconv.Itoa(t.Year() - 1911)
	if len(year) < 3 {
		year = "0" + year
	}
	return year + t.Format("01021504")
}
