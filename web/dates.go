package web

import (
	"fmt"
	"time"

	"qianhe/approval"
)

// rocEpoch is what a year of the Republic (民國) is behind the common era.
const rocEpoch = 1911

// Day writes a day in full: 115年11月20日, 20 November 2026. Days are those of
// Asia/Taipei.
func (w *words) Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(approval.Zone)
	if w.lang == Chinese {
		return fmt.Sprintf("%d年%d月%d日", t.Year()-rocEpoch, t.Month(), t.Day())
	}
	return t.Format("2 January 2006")
}

// ShortDay writes a day for a narrow place: 115.11.20, 20 Nov 2026.
func (w *words) ShortDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(approval.Zone)
	if w.lang == Chinese {
		return fmt.Sprintf("%d.%02d.%02d", t.Year()-rocEpoch, t.Month(), t.Day())
	}
	return t.Format("2 Jan 2006")
}

// Moment writes a time as near as it is: 10:32 today, 11.20 16:32 this year,
// 114.12.31 16:32 before.
func (w *words) Moment(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	t, now = t.In(approval.Zone), now.In(approval.Zone)
	clock := t.Format("15:04")
	switch {
	case approval.Midnight(t).Equal(approval.Midnight(now)):
		return clock
	case t.Year() != now.Year():
		return w.ShortDay(t) + " " + clock
	case w.lang == Chinese:
		return fmt.Sprintf("%d.%02d %s", t.Month(), t.Day(), clock)
	}
	return t.Format("2 Jan ") + clock
}

// waited says how long something has been waiting: minutes, then hours, then
// days.
func (w *words) waited(since, now time.Time) string {
	d := now.Sub(since)
	switch {
	case since.IsZero() || d < time.Minute:
		return w.T("waited.now")
	case d < time.Hour:
		return w.N("waited.minutes", int(d/time.Minute))
	case d < 24*time.Hour:
		return w.N("waited.hours", int(d/time.Hour))
	}
	return w.N("waited.days", int(d/(24*time.Hour)))
}

// due is how a deadline is shown.
type due struct {
	Text string // 剩 3 工作日
	Tone string // late, soon or ""
	Date string // 限 115.11.22
	// Doubtful says that the days were counted without an official calendar.
	Doubtful bool
}

// due puts a deadline into words, in working days of cal.
func (w *words) due(now time.Time, d approval.Deadline, cal approval.Calendar) due {
	if d.IsZero() {
		return due{Text: w.T("due.none")}
	}
	day := w.ShortDay(d.Day())
	if w.lang != Chinese && d.Day().Year() == now.In(approval.Zone).Year() {
		day = d.Day().Format("2 Jan")
	}
	out := due{Date: w.T("due.date", day), Doubtful: d.Uncertain}
	left := cal.Remaining(now, d)
	switch {
	case d.Overdue(now):
		out.Text, out.Tone = w.N("due.late", max(-left, 1)), "late"
	case approval.Midnight(now).Equal(d.Day()):
		out.Text, out.Tone = w.T("due.today"), "soon"
	case left <= 0:
		out.Text, out.Tone = w.T("due.noworkday"), "soon"
	default:
		out.Text = w.N("due.left", left)
	}
	return out
}

// dayName writes a day as people speak of it: today, yesterday, the date.
func (w *words) dayName(t, now time.Time) string {
	switch approval.Midnight(now).Sub(approval.Midnight(t)) {
	case 0:
		return w.T("day.today")
	case 24 * time.Hour:
		return w.T("day.yesterday")
	}
	return w.Day(t)
}
