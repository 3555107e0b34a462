package gateway

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/traditionalchinese"
)

// Charsets by their names in the file.
const (
	charsetUTF8  = "utf-8"
	charsetBig5  = "big5"
	charsetUTF16 = "utf-16be-hex"
)

// missing (□) stands where a character is that the charset lacks.
const missing = "□"

// toBig5 writes s in Big5 as Taiwan's systems know it: with ETEN's extensions,
// without those of Hong Kong. A character that it lacks becomes □ and is in
// lacks, once.
func toBig5(s string) (out []byte, lacks []rune) {
	encoder := traditionalchinese.Big5.NewEncoder()
	for _, r := range s {
		b, err := encoder.Bytes([]byte(string(r)))
		if err != nil || len(b) == 2 && b[0] < 0xa1 {
			if !slices.Contains(lacks, r) {
				lacks = append(lacks, r)
			}
			b, _ = encoder.Bytes([]byte(missing)) // which it has
		}
		out = append(out, b...)
	}
	return out, lacks
}

// hexUTF16 writes s as hexadecimal digits of UTF-16BE.
func hexUTF16(s string) string {
	units := utf16.Encode([]rune(s))
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = append(b, byte(u>>8), byte(u))
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

// codes names characters by their code points, for the log.
func codes(list []rune) string {
	var names []string
	for _, r := range list {
		names = append(names, fmt.Sprintf("U+%04X", r))
	}
	return strings.Join(names, " ")
}

// encode writes s in a charset.
func encode(charset, s string) (out []byte, lacks []rune) {
	if charset == charsetBig5 {
		return toBig5(s)
	}
	return []byte(s), nil
}
