package sandbox

import "strings"

// gsm7 is the alphabet of GSM-7 and of its extension (3GPP TS 23.038 §6.2.1).
const (
	gsm7         = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsm7Extended = "\f^{}\\[~]|€"
)

// segmentsOf counts what a text is billed as, as a carrier does: greedily, no
// character in two messages.
func segmentsOf(body string) int {
	unicode := strings.ContainsFunc(body, func(r rune) bool { return !strings.ContainsRune(gsm7+gsm7Extended, r) })
	width := func(r rune) int {
		switch {
		case unicode && r > 0xffff, !unicode && strings.ContainsRune(gsm7Extended, r):
			return 2
		}
		return 1
	}
	single, part := 160, 153
	if unicode {
		single, part = 70, 67
	}
	total, count, left := 0, 0, 0
	for _, r := range body {
		w := width(r)
		total += w
		if w > left {
			count, left = count+1, part
		}
		left -= w
	}
	if total <= single {
		return 1
	}
	return count
}
