package si

import "time"

// Log is a sign-off log (線上簽核) as it was read. What it says has been proven
// by nobody until [Verify] has looked at it.
type Log struct {
	Flow     []FlowEntry // 線上簽核流程, in the order of the file
	Steps    []Step      // 簽核點定義, in the order of the file
	Re       []ReSigning // 補簽追認
	Warnings []string    // what was read although it is not as it should be

	root *node
	b    []byte
}

// FlowEntry is one line of the list of steps. No signature covers it.
type FlowEntry struct {
	ID     string
	Action string // 異動別
}

// Step is one sign point.
type Step struct {
	ID       string // of the 簽核點定義
	Flow     string // the FlowEntry it is of
	Signer   Signer
	Action   string // 異動別: 送件, 核閱, 決行 ... every vendor has words of its own
	Opinion  string // 簽核意見
	Time     string // 簽章時間 as written
	At       time.Time
	Next     []Signer  // 次位簽核人員
	Borrowed *Borrowed // signed without the card, see 借卡
	Files    []File    // of this step, its incoming documents included
	Papers   []Paper   // 文稿清單

	node, object, signature *node
}

// Signer is a 簽核人員. These are the words of the log; the name in the
// certificate may be another.
type Signer struct {
	Agency  string `json:"agency,omitempty"`  // 機關全銜
	Unit    string `json:"unit,omitempty"`    // 單位
	Title   string `json:"title,omitempty"`   // 職稱
	Name    string `json:"name,omitempty"`    // 姓名
	Account string `json:"account,omitempty"` // 帳號
	Role    string `json:"role,omitempty"`    // 角色
}

// Borrowed is a 借卡: the step was signed with a certificate that is not the
// person's card, and is to be signed again.
type Borrowed struct {
	ID     string `json:"id"`     // what a 補簽 refers to
	Date   string `json:"date"`   // 借卡日期 as written
	Reason string `json:"reason"` // 借卡原因
}

// File is an 電子檔案資訊 of a step.
type File struct {
	Sequence string // 原始檔序號
	Name     string // 檔案名稱
	Size     int64  // 檔案大小, -1 when it is no number
	Format   string // 檔案格式
}

// Paper is a 文稿 of a step.
type Paper struct {
	Type  string // 類型
	Name  string // 名稱
	Kind  string // 文稿類型
	Pages string // 頁面數, "" when there is no 文稿頁面檔
}

// ReSigning is a 補簽人員: somebody signs for a step that was signed without a
// card.
type ReSigning struct {
	Flow   string // the FlowEntry of the step
	Note   string // 補簽註記
	Made   string // 產生時間 as written
	Signer Signer

	node, signature *node
}
