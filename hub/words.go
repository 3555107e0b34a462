package hub

import (
	"qianhe/approval"
)

// words are all the words that a message can be made of, in one language.
type words struct {
	lang                 string
	handle               string // the button when something waits to be done
	open                 string
	list                 string // the button of a list of late documents
	devices              string // the button of what is about the safety of an account
	matters              map[Kind]map[string]said
	debts                said // signatures that are owed, counted
	byCode               said // how a new device is confirmed
	byCodeOrDeny, byLink said
	classes              map[string]string // of devices
	networks             map[string]string
	channels             map[ChannelName]string // with what stands before it
	where                func(class, network string) string
	read                 string // the button of a chat that confirms
	classified           string
	atOffice             string
	speed                string
	due                  string
	number               string
	subject              string
	speeds               map[approval.Speed]string
	buckets              map[bucket]string
	pending              func(int) string
	forms                func(int) string
	inAll                func(int) string
	highest              func(int) string
	overdue              func(int) string
	dueToday             func(int) string
	labels               [3]string // of highest, overdue, due today
	unit                 func(int) string
	soon                 func(int) string
	today                func(int) string
	late                 func(int) string
	others               func(int) string
	chase                func(int) string
	done                 string          // nothing is pending any more
	titles               map[Kind]string // of kinds that always say the same
	texts                map[Kind]string // the whole sentence, where that is more than the title
	highestNew           string          // title of a 最速件 that arrived
}

// wordsOf gives the words of a language: English for "en", else those of
// Taiwan.
func wordsOf(lang string) words {
	if lang == "en" {
		return english()
	}
	return chinese()
}

// sums are the parts of the counts that are not nothing, in words.
func (w words) sums(c Counts) []string {
	return parts([]int{c.Highest, c.Overdue, c.DueToday, c.Forms}, w.highest, w.overdue, w.dueToday, w.forms)
}

// tally are the parts of what is due or late, gravest first.
func (w words) tally(t Tally) []string {
	return parts([]int{t.Late, t.Today, t.Soon, t.Others}, w.late, w.today, w.soon, w.others)
}

func parts(numbers []int, in ...func(int) string) []string {
	var list []string
	for i, n := range numbers {
		if n > 0 {
			list = append(list, in[i](n))
		}
	}
	return list
}

// facts are the counts as lines of a card.
func (w words) facts(c Counts) []Fact {
	var list []Fact
	for i, n := range []int{c.Highest, c.Overdue, c.DueToday} {
		if n > 0 {
			list = append(list, Fact{Label: w.labels[i], Value: w.unit(n), Alarm: i < 2})
		}
	}
	return list
}
