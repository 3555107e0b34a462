package hub

import (
	"strconv"

	"qianhe/approval"
)

// words are all the words that a message can be made of, in one language.
type words struct {
	lang       string
	handle     string // the button when something waits to be done
	open       string
	decided    string
	classified string
	atOffice   string
	speed      string
	due        string
	speeds     map[approval.Speed]string
	buckets    map[bucket]string
	pending    func(int) string
	inAll      func(int) string
	highest    func(int) string
	overdue    func(int) string
	dueToday   func(int) string
	labels     [3]string // of highest, overdue, due today
	unit       func(int) string
	arrived    func(Notification) string
}

// wordsOf gives the words of a language: English for "en", else those of
// Taiwan.
func wordsOf(lang string) words {
	if lang == "en" {
		return english()
	}
	return chinese()
}

func chinese() words {
	count := func(before string) func(int) string {
		return func(n int) string { return before + " " + strconv.Itoa(n) + " 件" }
	}
	return words{
		lang:       "zh-TW",
		handle:     "立即處理",
		open:       "開啟檢視",
		decided:    "承辦公文已決行",
		classified: "機密件公文 1 件",
		atOffice:   "，請至辦公室辦理",
		speed:      "速別",
		due:        "限辦",
		speeds:     map[approval.Speed]string{approval.SpeedHighest: "最速件", approval.SpeedUrgent: "速件"},
		buckets:    map[bucket]string{bucketLate: "已逾期", bucketToday: "今日到期", bucketTomorrow: "明日到期", bucketSoon: "3 日內到期"},
		pending:    count("待處理公文"),
		inAll:      count("，待處理共"),
		highest:    count("最速件"),
		overdue:    count("逾期"),
		dueToday:   count("今日到期"),
		labels:     [3]string{"最速件", "逾期", "今日到期"},
		unit:       func(n int) string { return strconv.Itoa(n) + " 件" },
		arrived: func(n Notification) string {
			switch {
			case n.Kind == KindReturned:
				return "公文退回 1 件"
			case n.Speed == approval.SpeedHighest:
				return "新到最速件公文 1 件"
			}
			return "新到公文 1 件"
		},
	}
}

func english() words {
	count := func(after string) func(int) string {
		return func(n int) string { return strconv.Itoa(n) + " " + after }
	}
	return words{
		lang:       "en",
		handle:     "Handle now",
		open:       "Open",
		decided:    "A document of yours was decided",
		classified: "1 classified document",
		atOffice:   ": please handle it at the office",
		speed:      "Speed",
		due:        "Due",
		speeds:     map[approval.Speed]string{approval.SpeedHighest: "most urgent", approval.SpeedUrgent: "urgent"},
		buckets:    map[bucket]string{bucketLate: "overdue", bucketToday: "today", bucketTomorrow: "tomorrow", bucketSoon: "within 3 days"},
		pending: func(n int) string {
			if n == 1 {
				return "1 document pending"
			}
			return strconv.Itoa(n) + " documents pending"
		},
		inAll:    func(n int) string { return ", " + strconv.Itoa(n) + " pending in all" },
		highest:  count("most urgent"),
		overdue:  count("overdue"),
		dueToday: count("due today"),
		labels:   [3]string{"Most urgent", "Overdue", "Due today"},
		unit:     strconv.Itoa,
		arrived: func(n Notification) string {
			switch {
			case n.Kind == KindReturned:
				return "1 document returned"
			case n.Speed == approval.SpeedHighest:
				return "1 new document, most urgent"
			}
			return "1 new document"
		},
	}
}

// sums are the parts of the counts that are not nothing, in words.
func (w words) sums(c Counts) []string {
	var list []string
	for _, s := range []struct {
		n    int
		text func(int) string
	}{{c.Highest, w.highest}, {c.Overdue, w.overdue}, {c.DueToday, w.dueToday}} {
		if s.n > 0 {
			list = append(list, s.text(s.n))
		}
	}
	return list
}

// facts are the same as lines of a card.
func (w words) facts(c Counts) []Fact {
	var list []Fact
	for i, n := range []int{c.Highest, c.Overdue, c.DueToday} {
		if n > 0 {
			list = append(list, Fact{Label: w.labels[i], Value: w.unit(n), Alarm: i < 2})
		}
	}
	return list
}
