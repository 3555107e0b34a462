// Package workday is the office calendar of Taiwanese agencies: which days are
// worked, when a document is due, and how many working days are left.
//
// # Sources
//
// The days are those of 政府行政機關辦公日曆表, published each year, usually in
// June for the next, by 行政院人事行政總處 as data set 14718 on data.gov.tw.
// The files of 2024 to 2027 are embedded ([Official]); [ParseCSV] reads further
// ones in the form in which they are published. Days on which an agency
// departs from it (停班 for a typhoon, 補班) are [Override]s.
//
// The time limits are those of 文書處理手冊 §78: 最速件 1 day, 速件 3 days, 普通件
// 6 days, counted in working days from the day after receipt to the day of
// dispatch. 限期公文 ("文到10日內") counts calendar days, holidays included, see
// [Within].
//
// # Years without a calendar
//
// A year of which no official calendar is known is counted with Saturdays and
// Sundays off, and never silently: [approval.Deadline] has Uncertain set, its
// Calendar names the year with "weekends", and [Calendar.Warnings] says so for
// a screen before it matters.
package workday
