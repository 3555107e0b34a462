package password_test

import (
	"errors"
	"strings"
	"testing"

	"qianhe/approval"
	"qianhe/approval/access/password"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	words := []string{"mei.lin", "林美惠", "青川市政府", "工務局水利科"}
	tests := []struct{ password, want string }{
		{"correct horse battery", ""},
		{"tr7-Kw0p-zz4q", ""},
		{"春天的河水很清今天不下雨", ""},
		{"KZ4M7QWD2XN5RTVB", ""},
		{"三號水門每年汛期前檢修", "password.short"}, // 11
		{"三號水門每年汛期前要檢修", ""},
		{"Lin-has-3-kayaks", ""},
		{"security-of-horses-matters", ""},
		{"", "password.short"},
		{"tr7-Kw0p-zz", "password.short"},
		{"ｔｒ７Ｋｗ０ｐｚｚ４", "password.short"},
		{strings.Repeat("correct horse ", 9), ""},
		{strings.Repeat("k7", 65), "password.long"},
		{strings.Repeat("水", 129), "password.long"},
		{strings.Repeat("ﷺ", 100), "password.long"}, // NFKC makes 18 of each
		{strings.Repeat("x", 1<<20), "password.long"},
		{"tr7-Kw0p-zz4q\x00", "password.characters"},
		{"tr7-Kw0p\tzz4q", "password.characters"},
		{"tr7-Kw0p-zz4q\xff", "password.characters"},
		{"password1234", "password.common"},
		{"Password2026!", "password.common"},
		{"P@ssw0rd2026", "password.common"},
		{"administrator", "password.common"},
		{"123456789012", "password.common"},
		{"aaaaaaaaaaaaaaaa", "password.common"},
		{"abababababab", "password.common"},
		{"qwertyuiop[]", "password.common"},
		{"qwertyuiop1234567890", "password.common"},
		{"abcdefghijklmnop", "password.common"},
		{"zyxwvutsrqponm", "password.common"},
		{"1qaz2wsx3edc4rfv", "password.common"},
		{"1q2w3e4r5t6y", "password.common"},
		{"Mei.Lin-2026!", "password.common"},
		{"meilin mei.lin", "password.common"},
		{"林美惠1150023林美惠", "password.common"},
		{"Qingchuan2026", "password.common"},
		{"青川市政府水利科公文", "password.short"},
		{"青川市政府水利科公文簽核123", "password.common"},
		{"ｐａｓｓｗｏｒｄ１２３４", "password.common"},
		{"taiwan-taipei-2026", "password.common"},
	}
	policy := password.Policy{Words: []string{"水利科"}}
	for _, tt := range tests {
		err := policy.Check(tt.password, words...)
		invalid, _ := errors.AsType[*approval.InvalidError](err)
		got := ""
		if invalid != nil {
			got = invalid.Reason
			if invalid.Field != "password" || strings.Contains(invalid.Error(), tt.password) && tt.password != "" {
				t.Errorf("%.40q: got %v, want field password and not the password", tt.password, err)
			}
		}
		if got != tt.want || (err == nil) != (tt.want == "") {
			t.Errorf("Check(%.40q): got %q (%v), want %q", tt.password, got, err, tt.want)
		}
	}
}

func TestPolicyMin(t *testing.T) {
	t.Parallel()
	if err := (password.Policy{Min: 15}).Check("tr7-Kw0p-zz4q"); err == nil {
		t.Error("13 characters were accepted where 15 are asked")
	}
	if err := (password.Policy{Min: 8}).Check("tr7-Kw0p"); err != nil {
		t.Errorf("8 characters where 8 are asked: %v", err)
	}
	// A word too short to mean anything does not take a password apart.
	if err := (password.Policy{}).Check("a-b-cat-d-e-f-g", "a", "", "b-"); err != nil {
		t.Errorf("short words: %v", err)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add("correct horse battery", "mei.lin")
	f.Add("密碼密碼密碼密碼密碼密碼", "")
	f.Add("\x00\xff", "\xff")
	f.Fuzz(func(t *testing.T, text, word string) {
		if err := (password.Policy{}).Check(text, word); err == nil {
			if n := len([]rune(text)); len(text) > 512 || n == 0 {
				t.Errorf("accepted %d characters in %d bytes", n, len(text))
			}
		}
	})
}
