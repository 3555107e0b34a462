package pghub

import (
	"qianhe/approval"
	"qianhe/hub"
)

// movedInboxes are the inboxes that notices have moved, and where to.
type movedInboxes struct {
	people []approval.PersonID
	epochs []string
	seqs   []int64
	revs   []int64
}

// changes tells of them, each with what it got: the pages of this node need not
// read what this node has just written. A form counts among what is pending, so
// whoever got one is read.
func (m *movedInboxes) changes(rows *noticeRows, fresh []string) []hub.Change {
	kinds := make(map[string]hub.Kind, len(fresh))
	for _, id := range fresh {
		kinds[id] = ""
	}
	for i, id := range rows.ids {
		if _, ok := kinds[id]; ok {
			kinds[id] = hub.Kind(rows.kinds[i])
		}
	}
	changes, at := make([]hub.Change, len(m.people)), make(map[approval.PersonID]int, len(m.people))
	added := make([]hub.Added, len(m.people))
	for i, p := range m.people {
		at[p] = i
		added[i] = hub.Added{Epoch: m.epochs[i], From: m.revs[i] - 1}
		changes[i] = hub.Change{Person: p, Rev: m.revs[i], Added: &added[i]}
	}
	for k, notice := range rows.notices {
		kind, ok := kinds[notice]
		if !ok {
			continue
		}
		p := approval.PersonID(rows.people[k])
		i := at[p]
		if kind != hub.KindAnnouncement {
			changes[i].Added = nil
		}
		added[i].Notifications = append(added[i].Notifications, hub.Notification{ID: rows.notifications[k], Person: p, Kind: kind})
	}
	for i := range added {
		list := added[i].Notifications
		for k := range list {
			list[k].Seq = m.seqs[i] - int64(len(list)-1-k)
		}
	}
	return changes
}
