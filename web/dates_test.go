package web

import (
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/workday"
)

func TestDates(t *testing.T) {
	t.Parallel()
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	zh, en := all[Chinese], all[English]
	now := time.Date(2026, 11, 23, 9, 10, 0, 0, approval.Zone)
	evening := time.Date(2026, 11, 22, 16, 30, 0, 0, time.UTC) // 00:30 on the 23rd in Taipei
	for _, tt := range []struct{ name, got, want string }{
		{"day", zh.Day(evening), "115年11月23日"},
		{"day", en.Day(evening), "23 November 2026"},
		{"no day", zh.Day(time.Time{}), ""},
		{"short day", zh.ShortDay(time.Date(2027, 1, 5, 0, 0, 0, 0, approval.Zone)), "116.01.05"},
		{"short day", en.ShortDay(evening), "23 Nov 2026"},
		{"moment today", zh.Moment(evening, now), "00:30"},
		{"moment this year", zh.Moment(now.AddDate(0, 0, -3), now), "11.20 09:10"},
		{"moment this year", en.Moment(now.AddDate(0, 0, -3), now), "20 Nov 09:10"},
		{"moment last year", zh.Moment(now.AddDate(-1, 0, 0), now), "114.11.23 09:10"},
		{"no moment", zh.Moment(time.Time{}, now), ""},
		{"today", zh.dayName(evening, now), "今天"},
		{"yesterday", zh.dayName(now.Add(-24*time.Hour), now), "昨天"},
		{"before", en.dayName(now.Add(-48*time.Hour), now), "21 November 2026"},
		{"waited", zh.waited(now, now), "剛送到"},
		{"waited", zh.waited(now.Add(time.Hour), now), "剛送到"},
		{"waited", zh.waited(now.Add(-25*time.Minute), now), "等候 25 分"},
		{"waited", zh.waited(now.Add(-4*time.Hour), now), "等候 4 小時"},
		{"waited", en.waited(now.Add(-24*time.Hour), now), "1 day"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	zh, cal := all[Chinese], workday.Official()
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, approval.Zone) }
	by := func(day int) approval.Deadline {
		return approval.Deadline{Due: at(day+1, 0)}
	}
	for _, tt := range []struct {
		name string
		now  time.Time
		d    approval.Deadline
		want due
	}{
		{"none", at(23, 9), approval.Deadline{}, due{Text: "未定期限"}},
		{"today", at(23, 9), by(23), due{Text: "今日到期", Tone: "soon", Date: "限 115.11.23"}},
		{"last minute", at(23, 23), by(23), due{Text: "今日到期", Tone: "soon", Date: "限 115.11.23"}},
		{"left", at(23, 9), by(26), due{Text: "剩 3 工作日", Date: "限 115.11.26"}},
		{"over a weekend", at(20, 9), by(23), due{Text: "剩 1 工作日", Date: "限 115.11.23"}},
		{"due on Sunday, seen on Saturday", at(21, 9), by(22), due{Text: "上班前到期", Tone: "soon", Date: "限 115.11.22"}},
		{"late", at(24, 0), by(23), due{Text: "逾期 1 日", Tone: "late", Date: "限 115.11.23"}},
		{"late on a Saturday", at(21, 9), by(20), due{Text: "逾期 1 日", Tone: "late", Date: "限 115.11.20"}},
		{"late over a weekend", at(24, 9), by(20), due{Text: "逾期 2 日", Tone: "late", Date: "限 115.11.20"}},
		{"doubtful", at(23, 9), approval.Deadline{Due: at(24, 0), Uncertain: true}, due{Text: "今日到期", Tone: "soon", Date: "限 115.11.23", Doubtful: true}},
	} {
		if got := zh.due(tt.now, tt.d, cal); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
