package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
)

// noticeReport says where a notice stands, without addresses.
type noticeReport struct {
	ID         string            `json:"id"`
	Key        string            `json:"key,omitempty"`
	Kind       hub.Kind          `json:"kind"`
	Created    string            `json:"created"`
	Done       string            `json:"done,omitempty"`
	Recipients []recipientReport `json:"recipients"`
}

// recipientReport says where it stands for one recipient. Times are there when
// it has come so far.
type recipientReport struct {
	Account      string          `json:"account"`
	Status       string          `json:"status"` // the furthest that it has come
	Notification string          `json:"notification,omitempty"`
	Written      string          `json:"written,omitempty"`
	Delivered    string          `json:"delivered,omitempty"`
	Seen         string          `json:"seen,omitempty"`
	Done         string          `json:"done,omitempty"`
	Channels     []channelReport `json:"channels,omitempty"`
}

// channelReport is one channel that it went, or goes, through.
type channelReport struct {
	Channel   hub.ChannelName `json:"channel"`
	State     hub.State       `json:"state"`
	Delivered string          `json:"delivered,omitempty"`
}

// report tells the sender of a notice what became of it.
func (a *API) report(w http.ResponseWriter, r *http.Request, token access.APIToken) error {
	id := r.PathValue("id")
	if !approval.ValidID(id) {
		return &problem{code: "notice_unknown"}
	}
	n, err := a.opt.Notices.NoticeReport(r.Context(), token.ID, id)
	if err != nil {
		return noticeUnknown(err)
	}
	slices.SortStableFunc(n.To, func(a, b hub.NoticeRecipient) int { return strings.Compare(a.Account, b.Account) })
	return answer(w, http.StatusOK, reportOf(n))
}

func reportOf(n hub.NoticeReport) noticeReport {
	out := noticeReport{ID: n.ID, Key: n.Key, Kind: n.Kind, Created: moment(n.Created), Done: moment(n.Done), Recipients: make([]recipientReport, 0, len(n.To))}
	for _, to := range n.To {
		r := recipientReport{
			Account: to.Account, Notification: to.Notification,
			Written: moment(to.Written), Delivered: moment(to.Delivered), Seen: moment(to.Seen), Done: moment(to.Closed),
		}
		switch {
		case to.Refused != "":
			r.Status = string(to.Refused)
		case r.Done != "":
			r.Status = "done"
		case r.Seen != "":
			r.Status = "seen"
		case r.Delivered != "":
			r.Status = "delivered"
		default:
			r.Status = "written"
		}
		for _, c := range to.Channels {
			r.Channels = append(r.Channels, channelReport{Channel: c.Channel, State: c.State, Delivered: moment(c.Delivered)})
		}
		out.Recipients = append(out.Recipients, r)
	}
	return out
}

// moment writes a time in Asia/Taipei, RFC 3339; "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(approval.Zone).Format(time.RFC3339)
}
