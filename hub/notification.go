package hub

import (
	"time"

	"qianhe/approval"
)

// Kind says what a notification is about.
type Kind string

// The kinds of DESIGN.md §3. A kind without a plan cannot be sent.
const (
	KindDigest        Kind = "pending.digest"     // 待辦件數
	KindArrived       Kind = "document.arrived"   // 公文到達
	KindReturned      Kind = "document.returned"  // 公文退回
	KindRecalled      Kind = "document.recalled"  // 公文抽回
	KindDecided       Kind = "document.decided"   // 已決行
	KindForm          Kind = "form.pending"       // 待審核表單
	KindOverdueSoon   Kind = "overdue.soon"       // 即將到期
	KindOverdue       Kind = "overdue.reminder"   // 到期、逾期提醒
	KindEscalation    Kind = "overdue.escalation" // 稽催
	KindExtension     Kind = "extension.pending"  // 展期待核
	KindNewDevice     Kind = "login.new_device"   // 新裝置登入
	KindReplaced      Kind = "device.replaced"    // 行動裝置已更換
	KindAccount       Kind = "account.changed"    // 帳號設定變更
	KindLinked        Kind = "channel.linked"     // 已綁定通知管道
	KindUnlinked      Kind = "channel.unlinked"   // 已解除綁定
	KindSignature     Kind = "signature.prompt"   // TW FidO 簽章請求
	KindSignatureDebt Kind = "signature.debt"     // 待補簽
	KindAnnouncement  Kind = "announcement"       // 公告
	KindTest          Kind = "test"               // 測試訊息
	KindRefresh       Kind = "tray.refresh"       // 待辦件數更新, see [Policy].Refresh
)

// Kinds lists every kind of which people read and decide, in that order.
// [KindRefresh] is none: it replaces what others have left on a screen.
func Kinds() []Kind {
	return []Kind{
		KindArrived, KindReturned, KindRecalled, KindDecided, KindDigest, KindForm, KindExtension,
		KindOverdueSoon, KindOverdue, KindEscalation, KindSignature, KindSignatureDebt,
		KindNewDevice, KindReplaced, KindAccount, KindLinked, KindUnlinked, KindAnnouncement, KindTest,
	}
}

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
	Seen     time.Time   // zero while not seen
	About    ChannelName // of KindLinked and KindUnlinked
	Alert    Alert       // of what comes from no document
}

// Counts is the state of a person's in-tray. Channels carry it, and the latest
// one wins.
type Counts struct {
	Pending  int `json:"pending"`   // 待處理
	Highest  int `json:"highest"`   // of these 最速件
	Overdue  int `json:"overdue"`   // of these past their deadline
	DueToday int `json:"due_today"` // of these due today
	Forms    int `json:"forms"`     // 待審核表單 in other systems
}
