package hub

import (
	"strings"
	"time"
	"unicode/utf8"

	"qianhe/approval"
)

// Answer is what is said in a chat to somebody who wrote or tapped there. It is
// under the content policy as every message is: counts, times and links, no
// subject, no 文號, and a name only where the organisation wants it.
type Answer string

const (
	AnswerCounts   Answer = "counts"   // how many are pending
	AnswerHelp     Answer = "help"     // what can be asked
	AnswerHow      Answer = "how"      // how to link this chat; says nothing of whether it was
	AnswerLinked   Answer = "linked"   // done, and how to end it
	AnswerAgain    Answer = "again"    // linking took too long, or its link was used before
	AnswerCode     Answer = "code"     // to be typed into our page
	AnswerUnlink   Answer = "unlink"   // asks whether to unlink
	AnswerUnlinked Answer = "unlinked" // done
	AnswerSeen     Answer = "seen"     // noted as read
	AnswerHandled  Answer = "handled"  // somebody has handled it already
	AnswerDead     Answer = "dead"     // this button does nothing any more
)

// Verbs of the buttons that messages and answers have.
const (
	VerbSeen   = "seen"   // 已讀, with a delivery
	VerbUnlink = "unlink" // 解除綁定, with a link
)

// AnswerData is what an answer may be made of.
type AnswerData struct {
	Setting
	Person approval.PersonID
	Counts Counts    // of AnswerCounts
	Link   string    // of AnswerHow: where to link; "" when there is no such address
	Code   string    // of AnswerCode
	At     time.Time // of AnswerHandled
	By     string    // of AnswerHandled, masked; "" where nobody is to be named
	Key    string    // what a button's verb is about
}

// Message makes the answer.
func (a Answer) Message(d AnswerData) Message {
	if a == AnswerCounts {
		m := Compose(Notification{Person: d.Person, Kind: KindDigest, At: d.Now}, d.Counts, d.Setting)
		m.Acts = nil // it is no delivery: there is nothing to note as read
		return m
	}
	w := answersOf(d.Lang)
	m := Message{Person: d.Person, Lang: w.lang, Agency: d.Agency, Sent: d.Now, Delivery: d.Key}
	m.Title, m.Text = w.titles[a], w.texts[a]
	base := strings.TrimRight(d.BaseURL, "/")
	switch a {
	case AnswerHelp:
		m.URL, m.Button = base+"/next", w.open
	case AnswerHow, AnswerAgain:
		m.URL, m.Button = d.Link, w.link
		if d.Link == "" {
			m.Text, m.URL, m.Button = w.byWeb, base+"/me/notifications", w.open
		}
	case AnswerLinked:
		m.URL, m.Button = base+"/next", w.open
	case AnswerCode:
		m.Title = w.code(d.Code)
	case AnswerUnlink:
		m.Acts = []Act{{Label: w.unlink, Verb: VerbUnlink}}
	case AnswerHandled:
		m.Title = w.handled(d.moment(), d.By)
		m.Text = m.Title
	}
	return m
}

// moment is a time as one says it: the day only where it is another one.
func (d AnswerData) moment() string {
	at := d.At.In(approval.Zone)
	switch {
	case approval.Midnight(d.At).Equal(approval.Midnight(d.Now)):
		return at.Format("15:04")
	case d.Lang == "en":
		return at.Format("Jan 2, 15:04")
	}
	return at.Format("1月2日 15:04")
}

// MaskName shows of a name what tells colleagues apart and nobody else who it
// is: the family name (王○○), or the first letter of one in Latin script.
func MaskName(name string) string {
	r, size := utf8.DecodeRuneInString(strings.TrimSpace(name))
	switch {
	case size == 0:
		return ""
	case r < 0x2e80: // before the first of the scripts of East Asia
		return string(r) + "."
	}
	return string(r) + "○○"
}

// answers are the words of answers, in one language.
type answers struct {
	lang    string
	titles  map[Answer]string
	texts   map[Answer]string
	byWeb   string
	open    string
	link    string
	unlink  string
	code    func(string) string
	handled func(at, by string) string
}

func answersOf(lang string) answers {
	if lang == "en" {
		return englishAnswers()
	}
	return chineseAnswers()
}

func chineseAnswers() answers {
	return answers{
		lang: "zh-TW",
		titles: map[Answer]string{
			AnswerHelp: "可以這樣用", AnswerHow: "綁定帳號", AnswerLinked: "已綁定", AnswerAgain: "請再綁定一次",
			AnswerUnlink: "要解除綁定嗎？", AnswerUnlinked: "已解除綁定", AnswerSeen: "已標為已讀", AnswerDead: "這個按鈕已失效",
		},
		texts: map[Answer]string{
			AnswerHelp:     "輸入「查詢」看待處理件數；輸入「解除綁定」停止在這裡通知。公文請在系統內閱讀與核簽。",
			AnswerHow:      "請按下方按鈕登入行動簽核並確認，之後待辦通知會送到這裡。可隨時解除綁定。",
			AnswerLinked:   "待辦通知會送到這裡。輸入「查詢」看待處理件數；輸入「解除綁定」可隨時停止。",
			AnswerAgain:    "綁定逾時，或連結已經用過。請重新開始。",
			AnswerCode:     "請在 10 分鐘內輸入您剛才開啟的簽核網頁。若不是您本人要綁定，請勿理會，也不要告訴任何人。",
			AnswerUnlink:   "解除後，這裡不再收到通知；其他通知方式照常。",
			AnswerUnlinked: "這裡不會再收到通知。要重新綁定，請輸入「綁定」。",
			AnswerSeen:     "已標為已讀，不再提醒這一則。",
			AnswerDead:     "這個按鈕已失效。輸入「查詢」看最新件數。",
		},
		byWeb:  "請登入行動簽核，到「我的」→「通知」綁定。可隨時解除綁定。",
		open:   "開啟行動簽核",
		link:   "綁定帳號",
		unlink: "解除綁定",
		code:   func(code string) string { return "驗證碼 " + code },
		handled: func(at, by string) string {
			if by != "" {
				by = "由" + by
			}
			return "此件已於 " + at + " " + by + "處理完畢"
		},
	}
}

func englishAnswers() answers {
	return answers{
		lang: "en",
		titles: map[Answer]string{
			AnswerHelp: "What you can do", AnswerHow: "Link your account", AnswerLinked: "Linked", AnswerAgain: "Please link again",
			AnswerUnlink: "Unlink this chat?", AnswerUnlinked: "Unlinked", AnswerSeen: "Marked as read", AnswerDead: "This button is no longer in use",
		},
		texts: map[Answer]string{
			AnswerHelp:     "Write “query” for what is pending, “unlink” to stop messages here. Documents are read and signed in the system.",
			AnswerHow:      "Tap the button, sign in and confirm; from then on you are told here. You can unlink at any time.",
			AnswerLinked:   "You will be told here. Write “query” for what is pending, “unlink” to stop at any time.",
			AnswerAgain:    "It took too long, or the link was used before. Please start again.",
			AnswerCode:     "Type it into the page you have just opened, within 10 minutes. If you did not ask for it, ignore it and tell nobody.",
			AnswerUnlink:   "You will no longer be told here. Other channels stay as they are.",
			AnswerUnlinked: "You will no longer be told here. To link again, write “link”.",
			AnswerSeen:     "Marked as read. You will not be reminded of it.",
			AnswerDead:     "This button is no longer in use. Write “query” for what is pending.",
		},
		byWeb:  "Sign in to the system, and link this chat under Me → Notifications. You can unlink at any time.",
		open:   "Open the system",
		link:   "Link account",
		unlink: "Unlink",
		code:   func(code string) string { return "Code " + code },
		handled: func(at, by string) string {
			if by != "" {
				by = " by " + by
			}
			return "This was handled at " + at + by
		},
	}
}
