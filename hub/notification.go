package hub

import (
	"time"

	"qianhe/approval"
)

// Kind says what a notification is about.
type Kind string

// The kinds of DESIGN.md §3. A kind without a plan cannot be sent.
const (
	KindDigest   Kind = "pending.digest"    // 待辦件數
	KindArrived  Kind = "document.arrived"  // 公文到達
	KindReturned Kind = "document.returned" // 公文退回
	KindDecided  Kind = "document.decided"  // 已決行
)

// Notification is one thing told to one person: a row, written in the
// transaction that caused it. Every push about it is only a hint.
type Notification struct {
	ID       string
	Person   approval.PersonID
	Seq      int64 // in the person's inbox, without gaps, in commit order
	Kind     Kind
	Document approval.DocumentID // "" when about no single document
	Step     approval.StepID
	Speed    approval.Speed
	Grade    approval.Grade
	Due      time.Time // zero when none
	At       time.Time
	Seen     time.Time // zero while not seen
}

// Counts is the state of a person's in-tray. Channels carry it, and the latest
// one wins.
type Counts struct {
	Pending  int `json:"pending"`   // 待處理
	Highest  int `json:"highest"`   // of these 最速件
	Overdue  int `json:"overdue"`   // of these past their deadline
	DueToday int `json:"due_today"` // of these due today
}
