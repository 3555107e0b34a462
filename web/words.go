package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
)

//go:embed words/*.json
var wordFiles embed.FS

// Languages there are, the first one is the default.
const (
	Chinese = "zh-TW"
	English = "en"
)

// words is the catalogue of one language, with everything that depends on the
// language: sentences, counts, dates. It is read-only.
type words struct {
	lang string
	text map[string]string
}

// catalogues holds one catalogue for each language.
type catalogues map[string]*words

func loadWords() (catalogues, error) {
	all := catalogues{}
	names, err := fs.Glob(wordFiles, "words/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		b, err := wordFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		w := &words{lang: strings.TrimSuffix(path.Base(name), ".json")}
		if err := json.Unmarshal(b, &w.text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[w.lang] = w
	}
	if all[Chinese] == nil || all[English] == nil {
		return nil, fmt.Errorf("catalogues of %s and %s are needed", Chinese, English)
	}
	return all, nil
}

// in gives the catalogue of a language, or of the default one.
func (c catalogues) in(lang string) *words {
	if w := c[lang]; w != nil {
		return w
	}
	return c[Chinese]
}

// accepted gives the catalogue that an Accept-Language header asks for
// (RFC 9110 §12.5.4): any Chinese is Chinese, any English is English.
func (c catalogues) accepted(header string) *words {
	type wish struct {
		lang string
		q    float64
	}
	var list []wish
	for _, part := range strings.Split(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64)
		}
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		switch {
		case q <= 0:
		case primary == "zh":
			list = append(list, wish{Chinese, q})
		case primary == "en":
			list = append(list, wish{English, q})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].q > list[j].q })
	if len(list) == 0 {
		return c[Chinese]
	}
	return c[list[0].lang]
}

// Lang is the language as a BCP 47 tag, for the lang attribute.
func (w *words) Lang() string {
	if w.lang == Chinese {
		return "zh-Hant-TW"
	}
	return w.lang
}

// DocLang is the lang attribute of what documents and people say, "" where
// that is the language of the page.
func (w *words) DocLang() string {
	if w.lang == Chinese {
		return ""
	}
	return "zh-Hant-TW"
}

// has reports whether there is a sentence of this name.
func (w *words) has(key string) bool { _, ok := w.text[key]; return ok }

// T gives a sentence by its key, {0}, {1} ... replaced by the arguments. A key
// that is missing is shown as it is; a test keeps that from happening.
func (w *words) T(key string, args ...any) string {
	s, ok := w.text[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return s
	}
	pairs := make([]string, 0, 2*len(args))
	for i, a := range args {
		pairs = append(pairs, "{"+strconv.Itoa(i)+"}", fmt.Sprint(a))
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// N is T for a number, which is {0}. Where the language has words of their own
// for one, they stand under key.one.
func (w *words) N(key string, n int, args ...any) string {
	if n == 1 && w.has(key+".one") {
		key += ".one"
	}
	return w.T(key, append([]any{n}, args...)...)
}
