package sms

import (
	"strings"
	"unicode/utf16"
)

// Size is what a text takes on the air.
type Size struct {
	// Segments is how many messages it is billed as.
	Segments int
	// Units are septets of GSM-7, or UTF-16 units.
	Units int
	// UCS2: one character is not in GSM-7, so all are sent in two bytes.
	UCS2 bool
}

// What one message holds, and each of several, which carry six bytes to join
// them (3GPP TS 23.040 §9.2.3.24.1).
const (
	gsmSingle, gsmPart   = 160, 153
	ucs2Single, ucs2Part = 70, 67
)

// The alphabet of GSM-7 and those of its extension, which take two septets
// (3GPP TS 23.038 §6.2.1).
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// Measure counts a text exactly: a character that takes two units, a surrogate
// pair or one of the extension of GSM-7, is not divided between two messages.
func Measure(text string) Size {
	var s Size
	var widths []int
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			widths = append(widths, 1)
		case strings.ContainsRune(gsmExtended, r):
			widths = append(widths, 2)
		default:
			s.UCS2 = true
		}
		if s.UCS2 {
			break
		}
	}
	single, part := gsmSingle, gsmPart
	if s.UCS2 {
		single, part = ucs2Single, ucs2Part
		widths = widths[:0]
		for _, r := range text {
			widths = append(widths, utf16.RuneLen(r)) // what is not UTF-8 ranges as U+FFFD
		}
	}
	room := 0
	for _, w := range widths {
		s.Units += w
		if w > room {
			s.Segments++
			room = part
		}
		room -= w
	}
	if s.Units <= single {
		s.Segments = min(s.Units, 1)
	}
	return s
}
