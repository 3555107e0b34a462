package sandbox

import (
	"slices"
	"time"
)

// linePage is LINE on a phone.
type linePage struct {
	Person  Person
	Account string
	Version int
	Clock   string
	Friend  bool
	Blocked bool
	Items   []lineItem
	Quick   []string // labels of the quick replies below the latest message
	Latest  string   // that message
	flex    node     // of all cards, for their rules
}

// lineItem is one bubble of the chat.
type lineItem struct {
	ID   string
	Day  string // set on the first of a day
	Time string
	Mine bool // the person's own
	Flex *node
	Text string
	at   time.Time
}

// linePage reads the chat of a person.
func (s *Sandbox) linePage(p Person) linePage {
	s.mu.Lock()
	defer s.mu.Unlock()
	page := linePage{Person: p, Account: s.account(), Version: s.version, Clock: clock(s.opt.Now())}
	if p.LINE == "" {
		return page
	}
	_, page.Friend = s.line.friends[p.LINE]
	page.Blocked = s.line.blocked[p.LINE]
	var quick []string
	var latest Message
	if box := s.arrived[p.LINE]; box != nil {
		for _, m := range box.messages {
			item := lineItem{ID: m.ID, at: m.At}
			if flex, ok := renderFlex(m.JSON); ok {
				flex.address(p.Key, m.ID)
				item.Flex = &flex
				page.flex.Children = append(page.flex.Children, flex)
			} else {
				item.Text = m.Title
			}
			page.Items = append(page.Items, item)
			latest = m
		}
	}
	for _, said := range s.line.said[p.LINE] {
		page.Items = append(page.Items, lineItem{ID: said.id, Mine: true, Text: said.text, at: said.at})
	}
	slices.SortStableFunc(page.Items, func(a, b lineItem) int { return a.at.Compare(b.at) })
	if n := len(page.Items); n > 0 && page.Items[n-1].ID == latest.ID && !page.Blocked {
		quick = quickReplies(latest.JSON)
	}
	page.Quick, page.Latest = quick, latest.ID
	last := ""
	for i := range page.Items {
		item := &page.Items[i]
		item.Time = clock(item.at)
		if d := day(item.at.In(taipei)); d != last {
			item.Day, last = d, d
		}
	}
	return page
}

// address tells the buttons of a card whose they are, and of which message.
func (n *node) address(key, message string) {
	n.Key, n.Message = key, message
	for i := range n.Children {
		n.Children[i].address(key, message)
	}
}
