package hub

import (
	"strings"
	"unicode"
)

// Command is what somebody asks for in a chat.
type Command string

const (
	CommandNone   Command = ""       // not text: a picture, a sticker
	CommandQuery  Command = "query"  // 查詢
	CommandLink   Command = "link"   // 綁定
	CommandUnlink Command = "unlink" // 解除綁定
	CommandOther  Command = "other"
)

// maxCommand is more than any command has, in bytes: what is longer is talk.
const maxCommand = 60

// ParseCommand reads what was typed, however wide, spaced or punctuated.
func ParseCommand(text string) Command {
	if len(text) > maxCommand {
		return CommandOther
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～': // full width
			r -= '！' - '!'
		case unicode.IsSpace(r) || r == '　':
			return -1
		}
		if unicode.IsPunct(r) || unicode.IsSymbol(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
	switch text {
	case "":
		return CommandNone
	case "查詢", "查询", "查", "待辦", "待办", "待辦件數", "查詢待辦", "件數", "件数", "公文", "有幾件", "幾件", "query", "status", "count", "pending":
		return CommandQuery
	case "綁定", "绑定", "綁定帳號", "重新綁定", "連結", "link", "start":
		return CommandLink
	case "解除綁定", "解除绑定", "解綁", "取消綁定", "取消通知", "停止", "unlink", "stop", "unsubscribe":
		return CommandUnlink
	}
	return CommandOther
}

// SpokenLang guesses the language to answer in from what was typed: English
// for Latin letters only.
func SpokenLang(text string) string {
	letters := false
	for _, r := range text {
		if r > unicode.MaxLatin1 {
			return "zh-TW"
		}
		letters = letters || unicode.IsLetter(r)
	}
	if letters {
		return "en"
	}
	return "zh-TW"
}
