package password

import (
	"errors"
	"strings"
	"testing"
)

const vector = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	if h, err := parse(vector); err != nil || h.String() != vector {
		t.Fatalf("parse(%q): got %q, %v", vector, h, err)
	}
	replace := func(old, with string) string { return strings.Replace(vector, old, with, 1) }
	tests := map[string]string{
		"empty":               "",
		"plain text":          "password",
		"other algorithm":     replace("argon2id", "argon2i"),
		"bcrypt":              "$2y$10$abcdefghijklmnopqrstuuW1X1X1X1X1X1X1X1X1X1X1X1X1X1X1X1X",
		"old version":         replace("v=19", "v=16"),
		"no version":          replace("$v=19", ""),
		"one part more":       vector + "$",
		"text before":         "x" + vector,
		"all the memory":      replace("m=256", "m=4294967295"),
		"more than a number":  replace("m=256", "m=18446744073709551872"),
		"too much memory":     replace("m=256", "m=131073"),
		"too little memory":   replace("m=256", "m=7"),
		"no memory":           replace("m=256", "m=0"),
		"many passes":         replace("t=2", "t=11"),
		"no passes":           replace("t=2", "t=0"),
		"many lanes":          replace("p=1", "p=5"),
		"lanes that wrap":     replace("p=1", "p=257"),
		"no lanes":            replace("p=1", "p=0"),
		"negative":            replace("t=2", "t=-2"),
		"signed":              replace("t=2", "t=+2"),
		"leading zero":        replace("t=2", "t=02"),
		"not a number":        replace("t=2", "t=x"),
		"other order":         replace("m=256,t=2", "t=2,m=256"),
		"cost missing":        replace(",p=1", ""),
		"cost twice":          replace("p=1", "p=1,p=1"),
		"short salt":          replace("c29tZXNhbHQ", "c29tZXM"),
		"no salt":             replace("c29tZXNhbHQ", ""),
		"long salt":           replace("c29tZXNhbHQ", strings.Repeat("AAAA", 22)),
		"padded salt":         replace("c29tZXNhbHQ", "c29tZXNhbHQ="),
		"salt with line end":  replace("c29tZXNhbHQ", "c29tZXNh\nbHQ"),
		"salt with spare bit": replace("c29tZXNhbHQ", "c29tZXNhbHR"),
		"short hash":          replace("nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "nf65EOgLrQMR"),
		"no hash":             replace("nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", ""),
		"url alphabet":        replace("/uIP", "_uIP"),
		"huge":                vector + strings.Repeat("A", 1<<20),
	}
	for name, text := range tests {
		h, err := parse(text)
		if _, ok := errors.AsType[*FormatError](err); !ok {
			t.Errorf("%s: got %v, %v, want a FormatError", name, h, err)
		}
		if err != nil && len(text) > 8 && strings.Contains(err.Error(), text[len(text)-8:]) {
			t.Errorf("%s: the error %q repeats the hash", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{vector, "", "$argon2id$v=19$m=19456,t=2,p=1$$", strings.Replace(vector, "256", "4294967295", 1), "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parse(text)
		if err != nil {
			return
		}
		if got := h.String(); got != text {
			t.Errorf("%q was read and is written as %q", text, got)
		}
		if !h.params.valid() || h.params.Memory > maxMemory || h.params.Time > maxTime || h.params.Threads > maxThreads ||
			len(h.salt) < minSalt || len(h.salt) > maxSalt || len(h.key) < minKey || len(h.key) > maxKey {
			t.Errorf("%q is out of bounds and was read", text)
		}
	})
}
