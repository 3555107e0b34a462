package web

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// newer are features that Chrome 80 or Safari 13 do not have and whose absence
// breaks what uses them. Properties that an old browser passes over without
// harm are not here.
var newer = map[string][]struct{ name, pattern string }{
	".css": {
		{":has(), Chrome 105", `:has\(`},
		{":is() and :where(), Chrome 88, Safari 14", `:(is|where)\(`},
		{"inset, Chrome 87, Safari 14.1", `\binset(-block|-inline)?\s*:`},
		{"gap in flex boxes, Chrome 84, Safari 14.1: write grid-gap in grids and margins elsewhere", `(^|[^-])\b(row-|column-)?gap\s*:`},
		{"aspect-ratio, Chrome 88, Safari 15", `aspect-ratio\s*:`},
		{"min(), max(), clamp(), Safari 13.1", `\b(min|max|clamp)\(`},
		{"logical shorthands, Chrome 87, Safari 14.1", `(margin|padding|border)-(inline|block)\s*:`},
		{"small and dynamic viewport units, Chrome 108, Safari 15.4", `\d(svh|dvh|lvh|svw|dvw)\b`},
		{"@layer, @container, @scope", `@(layer|container|scope|property|starting-style)\b`},
		{"nesting, Chrome 112, Safari 16.5", `&\s*[.:#\[{>+~]`},
		{"new colours", `\b(oklch|oklab|lab|lch|color-mix|light-dark|color)\(`},
		{"individual transforms, Chrome 104, Safari 14.1", `[;{]\s*(rotate|scale|translate)\s*:`},
		{"ranges in media queries, Chrome 104, Safari 16.4", `@media[^{]*[<>]`},
		{"subgrid", `\bsubgrid\b`},
		{"overflow: clip", `overflow[-xy]*\s*:\s*clip`},
		{"text-wrap as the only line breaking", `text-wrap\s*:`},
		{"backdrop-filter without prefix, Safari 18", `[^-]backdrop-filter\s*:`},
		{"alternative text of content", `content:[^;]*"\s*/\s*"`},
	},
	".js": {
		{"optional chaining, Safari 13.1", `\?\.[\w\[(]`},
		{"nullish coalescing, Safari 13.1", `\?\?`},
		{"logical assignment, Chrome 85, Safari 14", `(\|\||&&|\?\?)=`},
		{"optional catch binding, ES2019", `catch\s*\{`},
		{"private fields", `\bthis\.#|^\s*#\w+`},
		{"static blocks", `\bstatic\s*\{`},
		{"numeric separators, Safari 13 has none", `\b\d+_\d`},
		{"BigInt, Safari 14", `\b\d+n\b|BigInt`},
		{"replaceAll, Chrome 85", `\.replaceAll\(`},
		{"at(), Chrome 92, Safari 15.4", `\.at\(`},
		{"flat and fromEntries, ES2019", `\.(flat|flatMap|trimStart|trimEnd)\(|Object\.fromEntries`},
		{"matchAll, ES2020", `\.matchAll\(`},
		{"allSettled, any, ES2020", `Promise\.(allSettled|any|withResolvers)`},
		{"globalThis, ES2020", `\bglobalThis\b`},
		{"replaceChildren, Chrome 86, Safari 14", `\.replaceChildren\(`},
		{"structuredClone, hasOwn", `structuredClone|Object\.hasOwn`},
		{"AbortSignal.timeout", `AbortSignal\.`},
		{"crypto.randomUUID", `randomUUID`},
		{"import() and modules: their addresses have no hash", `\bimport\b|\bexport\b`},
		{"top-level await", `^await\b`},
		{"regular expressions with lookbehind, Safari 16.4", `\(\?<[=!]`},
		{"text that becomes a page or a script", `innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|parseFromString|setTimeout\(\s*['"]`},
		{"sleeping without a limit on what is kept", `localStorage`},
	},
}

// What the oldest phones load has nothing in it that they do not know.
func TestOldPhones(t *testing.T) {
	t.Parallel()
	comments := regexp.MustCompile(`(?s)/\*.*?\*/|(?m)//.*$|"data:[^"]*"`)
	for _, name := range glob(t, "static/*") {
		ext := name[strings.LastIndex(name, "."):]
		b, err := staticFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := comments.ReplaceAllString(string(b), "")
		for _, f := range newer[ext] {
			if m := regexp.MustCompile(`(?m)` + f.pattern).FindString(text); m != "" {
				t.Errorf("%s uses %q: %s", name, m, f.name)
			}
		}
	}
	// The patterns find what they are for.
	for ext, samples := range map[string][]string{
		".css": {"a:has(b){}", "x{inset: 0}", "x{display:flex;gap: 4px}", "x{width:min(1px,2px)}", "x{margin-inline: 1px}", "@layer a{}", "x{height:100dvh}", ".a{&.b{}}", "@media (width > 3px){}", "x{color:color-mix(a)}"},
		".js":  {"a?.b", "a ?? b", "a ||= b", "try {} catch {", "x.at(-1)", "s.replaceAll('a','b')", "el.innerHTML = x", "1_000", "import('x')"},
	} {
		for _, s := range samples {
			found := false
			for _, f := range newer[ext] {
				found = found || regexp.MustCompile(`(?m)`+f.pattern).MatchString(s)
			}
			if !found {
				t.Errorf("%q in %s is not found", s, ext)
			}
		}
	}
}

// The whole first view of the in-tray fits through a bad line.
func TestFirstViewIsSmall(t *testing.T) {
	t.Parallel()
	const most = 32_000 // bytes; 50 KB are allowed
	o := newOffice(t)
	o.fillTray(t, 30)
	total := 0
	add := func(path string) {
		a := o.get(t, "wang", path, "Accept-Encoding", "gzip").status(t, 200)
		n := len(a.text)
		for k, list := range a.Header {
			for _, v := range list {
				n += len(k) + len(v) + 4
			}
		}
		t.Logf("%6d %s", n, path)
		total += n
	}
	page := o.get(t, "wang", "/inbox").has(t, ".card", 20)
	add("/inbox")
	for _, selector := range []string{"[src]", "link[href]"} {
		for i := range page.page.Find(selector).Length() {
			s := page.page.Find(selector).Eq(i)
			add(s.AttrOr("src", s.AttrOr("href", "")))
		}
	}
	// What the scripts, the manifest and the worker fetch besides.
	for _, path := range []string{"/sw.js", "/offline", o.assets.url("icon-192.png")} {
		add(path)
	}
	t.Logf("%6d in all", total)
	if total > most {
		t.Errorf("the first view takes %d bytes, want at most %d", total, most)
	}
}

// No page is heavy, not even those of the administrator with all their fields.
func TestPagesAreSmall(t *testing.T) {
	t.Parallel()
	const most = 8_000 // bytes of HTML on the wire; style and scripts are kept from page to page
	o := newOffice(t)
	for _, s := range o.stops() {
		if a := o.get(t, s.who(), s.path, "Accept-Encoding", "gzip"); len(a.text) > most {
			t.Errorf("%s takes %d bytes, want at most %d", s.name, len(a.text), most)
		}
	}
	if a := o.get(t, "", o.assets.url("settings.css"), "Accept-Encoding", "gzip"); len(a.text) > most {
		t.Errorf("settings.css takes %d bytes, want at most %d", len(a.text), most)
	}
}

// Text can be read: WCAG 2.2 AA asks for 4.5:1, and 3:1 for the edges of what
// one operates.
func TestContrast(t *testing.T) {
	t.Parallel()
	b, err := staticFiles.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(string(b), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d sets of colours, want 2", len(blocks))
	}
	for i, scheme := range []string{"light", "dark"} {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(blocks[i][1], -1) {
			colour[m[1]] = luminance(t, m[2])
		}
		for _, pair := range []struct {
			ink, on string
			least   float64
		}{
			{"ink", "paper", 4.5}, {"ink", "sheet", 4.5}, {"ink-2", "paper", 4.5}, {"ink-2", "sheet", 4.5}, {"ink-3", "paper", 4.5}, {"ink-3", "sheet", 4.5},
			{"accent", "paper", 4.5}, {"accent", "sheet", 4.5}, {"accent", "accent-soft", 4.5}, {"on-accent", "accent", 4.5},
			{"seal", "paper", 4.5}, {"seal", "sheet", 4.5}, {"seal", "seal-soft", 4.5}, {"on-seal", "seal", 4.5},
			{"warn", "sheet", 4.5}, {"warn", "warn-soft", 4.5}, {"ok", "paper", 4.5}, {"ok", "sheet", 4.5}, {"ok", "ok-soft", 4.5},
			{"ink-2", "accent-soft", 4.5}, {"ink-3", "accent-soft", 4.5}, {"seal", "ok-soft", 4.5}, {"edge", "sheet", 3}, {"edge", "paper", 3},
		} {
			a, okA := colour[pair.ink]
			c, okC := colour[pair.on]
			if !okA || !okC {
				t.Fatalf("%s: no colour %s or %s", scheme, pair.ink, pair.on)
			}
			if got := (math.Max(a, c) + .05) / (math.Min(a, c) + .05); got < pair.least {
				t.Errorf("%s: %s on %s has %.2f:1, want %.1f:1", scheme, pair.ink, pair.on, got, pair.least)
			}
		}
	}
	if !strings.Contains(blocks[0][1], "--paper: "+paperColor) {
		t.Errorf("the manifest has another paper than %s", paperColor)
	}
}

// luminance is the relative luminance of WCAG 2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(c uint64) float64 {
		v := float64(c&255) / 255
		if v <= .04045 {
			return v / 12.92
		}
		return math.Pow((v+.055)/1.055, 2.4)
	}
	return .2126*linear(n>>16) + .7152*linear(n>>8) + .0722*linear(n)
}
