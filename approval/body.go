package approval

import "strings"

// DocumentType is the root element of the DI format (公文類別).
type DocumentType string

const (
	TypeLetter     DocumentType = "函"
	TypeMemo       DocumentType = "簽"
	TypeOrder      DocumentType = "令"
	TypeNotice     DocumentType = "公告"
	TypeMeeting    DocumentType = "開會通知單"
	TypeInspection DocumentType = "會勘通知單"
	TypeReview     DocumentType = "簽稿會核單"
)

// Valid reports whether t is one of the types that this system handles.
func (t DocumentType) Valid() bool {
	switch t {
	case TypeLetter, TypeMemo, TypeOrder, TypeNotice, TypeMeeting, TypeInspection, TypeReview:
		return true
	}
	return false
}

// Speed is the handling speed (速別), in the words of the format.
type Speed string

const (
	SpeedNormal  Speed = "普通件"
	SpeedUrgent  Speed = "速件"
	SpeedHighest Speed = "最速件"
)

// Valid reports whether s is one of the three speeds, or absent.
func (s Speed) Valid() bool {
	return s == "" || s == SpeedNormal || s == SpeedUrgent || s == SpeedHighest
}

// Rank orders speeds: 0 for 最速件, 1 for 速件, 2 for everything else.
func (s Speed) Rank() int {
	switch s {
	case SpeedHighest:
		return 0
	case SpeedUrgent:
		return 1
	}
	return 2
}

// Grade is the classification (密等). The empty grade means unclassified.
type Grade string

const (
	GradeNone         Grade = ""
	GradeConfidential Grade = "密"
	GradeSecret       Grade = "機密"
	GradeTopSecret    Grade = "極機密"
	GradeAbsolute     Grade = "絕對機密"
)

// Classified reports whether the grade keeps content off screens and messages.
// An unknown word counts as classified: what cannot be read as harmless is not.
func (g Grade) Classified() bool { return g != GradeNone }

// Body is the content of an official document in the terms of the DI format
// (文書及檔案管理電腦化作業規範, 附錄 DTD 104). It is a superset of what each
// type holds; which fields a type uses is said in package di.
type Body struct {
	Type       DocumentType
	Category   string            // 函類別 or 令類別 (@代碼), such as 書函
	Issuers    []Organization    // 發文機關 (one or more), or the 單位 of a 簽
	Address    string            // 地址
	Contacts   []string          // 聯絡方式, 聯絡人及電話
	Recipient  Recipient         // 受文者
	Date       string            // 發文日期 or 年月日, as written: "中華民國115年11月20日"
	References []Reference       // 發文字號 (several for joint letters); the 文號 of a 簽
	Received   *Reference        // 收文字號 (簽稿會核單)
	Speed      Speed             // 速別; "" when absent
	Grade      Grade             // 密等
	Release    string            // 解密條件或保密期限
	Enclosure  string            // 附件/文字, such as 如主旨
	Files      []FileRef         // 附件檔名, resolved through the entity declarations
	Subject    string            // 主旨, 開會事由, 會勘事由 or 案情摘要
	Sections   []Section         // 段落
	Meeting    *Meeting          // 開會通知單 and 會勘通知單
	Primary    []Addressee       // 正本
	Copies     []Addressee       // 副本
	Submit     []Addressee       // 敬陳 (簽)
	Handling   *Organization     // 承辦單位 (簽稿會核單)
	Reviews    []Review          // 會辦單位 (簽稿會核單)
	Remarks    []Item            // 備註
	Signatures []string          // 署名
	Options    map[string]string // coded attributes without a field of their own: 擬辦方式, 會陳狀態 ...
}

// Organization names an agency (全銜) or a unit of it (單位名).
type Organization struct {
	Name     string // 全銜 or 單位名
	Code     string // 機關代碼
	UnitCode string // 單位代碼
	IsUnit   bool   // written as 單位名 rather than 全銜
}

// Recipient is 受文者: one named addressee, or a reference to the roster.
type Recipient struct {
	Addressee
	Roster     string // entity name of the 交換表單, when the roster is meant
	RosterText string // what stands in its place: 如正副本行文單位
}

// Addressee is one line of 正本, 副本, 出席者, 敬陳 or of the SW roster.
type Addressee struct {
	Kind       AddresseeKind
	Name       string
	Title      string // 職稱
	AgencyCode string
	UnitCode   string
	Enclosed   string // 含附件, as written
	Portable   string // 內含本文與附件之可攜式文件檔名
	Copy       string // 本別: 正本, 副本, 抄本 ...
}

// AddresseeKind says which element names the addressee.
type AddresseeKind string

const (
	ByPerson AddresseeKind = "姓名"
	ByAgency AddresseeKind = "全銜"
	ByUnit   AddresseeKind = "單位名"
	ByGroup  AddresseeKind = "總稱"
	ByTitle  AddresseeKind = "職稱"
)

// Reference is 字 and 文號, or the whole as one text.
type Reference struct {
	Word   string // 字, such as 青工防
	Year   string // 年度, 民國
	Serial string // 流水號
	Branch string // 支號
	Text   string // the whole 發文字號 when it was written as one 文字
}

// Number is the 文號: year, serial and branch, without the word. Empty when
// the reference was written as text only.
func (r Reference) Number() string { return r.Year + r.Serial + r.Branch }

// String gives the reference as it is cited: 青工防字第1150012345號.
func (r Reference) String() string {
	if r.Text != "" {
		return r.Text
	}
	n := r.Number()
	if n == "" {
		return ""
	}
	if r.Word == "" {
		return n
	}
	return strings.TrimSuffix(r.Word, "字") + "字第" + n + "號"
}

// FileRef is an attachment's entity and the file name it was declared with.
type FileRef struct {
	Entity string
	Name   string
}

// Section is 段落: a heading such as 說明 and what stands under it.
type Section struct {
	Heading string // 段名, as written
	Text    string
	Items   []Item
}

// Item is 條列. The format nests without limit, letters use four levels:
// 一、 (一) 1、 (1).
type Item struct {
	Ordinal string // 序號, as written
	Text    string
	Items   []Item
}

// Meeting is what a meeting or inspection notice adds to a letter.
type Meeting struct {
	Times     []string    // 開會時間, 會勘時間 (several since 104)
	Place     string      // 開會地點, 會勘地點
	Host      string      // 主持人
	Attendees []Addressee // 出席者
	Observers []Addressee // 列席者
}

// Review is one unit asked for its opinion on a 簽稿會核單.
type Review struct {
	Unit     Organization
	Opinions []Section // 會核意見
	Received string    // 收會時間
	Finished string    // 會畢時間
}
