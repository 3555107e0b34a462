package intake

import (
	"archive/zip"
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/traditionalchinese"
)

// unknownType is what is stored for everything that is not recognised, and for
// everything that a browser could run: HTML, SVG and other XML, scripts.
const unknownType = "application/octet-stream"

var (
	oleMagic = []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	odfType  = regexp.MustCompile(`^application/vnd\.oasis\.opendocument\.[a-z-]{1,40}$`)
	markup   = regexp.MustCompile(`(?i)^\x{FEFF}?\s*<|^#!|<!doctype|<\?(?:xml|php)|<(?:html|head|body|script|svg|iframe|img|object|embed|style|link|meta)\b`)
)

// mediaType finds out what a file is by its bytes. The name and what the sender
// says have no part in it.
func mediaType(b []byte) string {
	for _, t := range []struct {
		at    int
		magic string
		kind  string
	}{
		{0, "%PDF-", "application/pdf"},
		{0, "\x89PNG\r\n\x1a\n", "image/png"},
		{0, "\xff\xd8\xff", "image/jpeg"},
		{0, "GIF87a", "image/gif"},
		{0, "GIF89a", "image/gif"},
		{0, "II*\x00", "image/tiff"},
		{0, "MM\x00*", "image/tiff"},
		{8, "WEBPVP8", "image/webp"},
		{4, "ftypheic", "image/heic"},
		{4, "ftypisom", "video/mp4"},
		{4, "ftypmp42", "video/mp4"},
		{0, `{\rtf1`, "application/rtf"},
		{0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"},
		{0, "Rar!\x1a\x07", "application/vnd.rar"},
	} {
		if len(b) >= t.at && bytes.HasPrefix(b[t.at:], []byte(t.magic)) {
			return t.kind
		}
	}
	switch {
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		return zipType(b)
	case bytes.HasPrefix(b, oleMagic):
		return oleType(b)
	}
	return textType(b)
}

// zipType tells office files from other archives.
func zipType(b []byte) string {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return unknownType
	}
	kind := "application/zip"
	office := false
	parts := map[string]string{
		"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"xl/":   "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"ppt/":  "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	}
	found := ""
	for _, f := range z.File {
		switch f.Name {
		case "mimetype":
			if t, err := readEntry(f, 100); err == nil && odfType.Match(t) {
				return string(t)
			}
		case "[Content_Types].xml":
			office = true
		}
		for prefix, t := range parts {
			if strings.HasPrefix(f.Name, prefix) {
				found = t
			}
		}
	}
	if office && found != "" {
		return found
	}
	return kind
}

func oleType(b []byte) string {
	for e := range oleEntries(b) {
		switch e.name {
		case "WordDocument":
			return "application/msword"
		case "Workbook", "Book":
			return "application/vnd.ms-excel"
		case "PowerPoint Document":
			return "application/vnd.ms-powerpoint"
		}
	}
	return "application/x-ole-storage"
}

// textType recognises plain text in UTF-8 and Big5.
func textType(b []byte) string {
	if len(b) == 0 || bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' }) || markup.Match(b) {
		return unknownType
	}
	if utf8.Valid(b) {
		return "text/plain; charset=utf-8"
	}
	if s, err := traditionalchinese.Big5.NewDecoder().Bytes(b); err == nil && !bytes.ContainsRune(s, utf8.RuneError) {
		return "text/plain; charset=big5"
	}
	return unknownType
}
