package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"qianhe/approval/access"
)

// usedKeys are the message keys that templates, our code, and the errors of
// the domain name.
func usedKeys(t *testing.T, known map[string]string) map[string]string {
	t.Helper()
	used := map[string]string{}
	inTemplate := regexp.MustCompile(`\.[TN] "([^"]+)"`)
	for _, name := range glob(t, "templates/*.tmpl") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inTemplate.FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = name
		}
	}
	// In code a key is a literal; error.x stands for error.x.title and .text.
	for _, name := range glob(t, "*.go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, s := range literals(t, name) {
			switch {
			case known[s] != "" || s == "tile.unit":
				used[s] = name
			case known[s+".title"] != "" && known[s+".text"] != "":
				used[s+".title"], used[s+".text"] = name, name
			}
		}
	}
	// Settings of access stand in a table, which names them.
	for _, d := range access.SettingTable() {
		used["settings."+d.Group] = "the table of settings"
		for _, key := range []string{"setting." + d.Key + ".title", "setting." + d.Key + ".text"} {
			used[key] = "the table of settings"
		}
		for _, o := range d.Options {
			used["choice."+o] = "the table of settings"
		}
	}
	// Reasons of refused input, which the person reads.
	for _, name := range slices.Concat(glob(t, "../approval/action.go"), glob(t, "../approval/return.go"), glob(t, "../approval/access/account.go"), glob(t, "../approval/access/member.go"), glob(t, "../approval/pgaccess/member*.go"),
		glob(t, "../approval/pgaccess/unit.go"), glob(t, "../approval/pgapproval/reassign.go"), glob(t, "../approval/reassign.go"),
		glob(t, "../approval/access/password/policy.go"), glob(t, "../approval/pgaccess/factor.go"), glob(t, "../channels/webpush/subscription.go"), glob(t, "../hub/validate.go"), glob(t, "../approval/access/settingtable.go")) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, s := range literals(t, name) {
			if regexp.MustCompile(`^(login|name|unit|role|account|person|reassign|opinion|return|action|password|factor|push|locale|policy|setting)\.[a-z.]+$`).MatchString(s) && !strings.HasSuffix(s, ".com") {
				used[s] = name
			}
		}
	}
	return used
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// literals are the texts in a Go file.
func literals(t *testing.T, name string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				list = append(list, s)
			}
		}
		return true
	})
	return list
}

// Every sentence that is used exists in both languages with the same places to
// fill, and every sentence that exists is used.
func TestCatalogues(t *testing.T) {
	t.Parallel()
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	zh, en := all[Chinese].text, all[English].text
	used := usedKeys(t, zh)
	if len(used) < 150 {
		t.Fatalf("only %d keys found in use: the test does not look right", len(used))
	}
	for key, where := range used {
		if _, ok := zh[key]; !ok {
			t.Errorf("%s: %q is not in the Chinese catalogue", where, key)
		}
		if _, ok := en[key]; !ok {
			t.Errorf("%s: %q is not in the English catalogue", where, key)
		}
	}
	places := regexp.MustCompile(`\{\d\}`)
	for key, text := range zh {
		if used[key] == "" {
			t.Errorf("nobody says %q (%s)", key, text)
		}
		a, b := places.FindAllString(text, -1), places.FindAllString(en[key], -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(slices.Compact(a), slices.Compact(b)) {
			t.Errorf("%s: places %q in Chinese, %q in English", key, a, b)
		}
		if text == "" {
			t.Errorf("%s is empty", key)
		}
	}
	for key := range en {
		if _, ok := zh[strings.TrimSuffix(key, ".one")]; !ok {
			t.Errorf("%q is in the English catalogue only", key)
		}
	}
	simplified := regexp.MustCompile(`[门问间们这还进过对发现说请让谁没为会后国学]`)
	for key, text := range zh {
		if s := simplified.FindString(text); s != "" {
			t.Errorf("%s has the simplified character %s", key, s)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		lang string
		n    int
		want string
	}{{English, 1, "1 day late"}, {English, 2, "2 days late"}, {Chinese, 1, "逾期 1 日"}, {"fr", 3, "逾期 3 日"}} {
		if got := all.in(tt.lang).N("due.late", tt.n); got != tt.want {
			t.Errorf("%d in %s: %q, want %q", tt.n, tt.lang, got, tt.want)
		}
	}
}

func TestAcceptLanguage(t *testing.T) {
	t.Parallel()
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"": Chinese, "zh-TW": Chinese, "zh-CN,zh;q=0.9": Chinese, "en": English, "en-US,en;q=0.9,zh-TW;q=0.8": English,
		"ja,zh;q=0.5,en;q=0.4": Chinese, "ja": Chinese, "fr;q=1, en ; q=0.2": English, "zh;q=0, en;q=0.1": English, "en;q=x": Chinese, ";;,,": Chinese, "ENGLISH": Chinese,
		"EN-gb": English,
	} {
		if got := all.accepted(header).lang; got != want {
			t.Errorf("%q gives %s, want %s", header, got, want)
		}
	}
}
