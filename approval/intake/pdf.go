package intake

import (
	"bytes"
	"strconv"
	"strings"
)

// pdfEncrypted reports whether a PDF has an encryption dictionary (ISO 32000-1,
// 7.6.1: key Encrypt of the trailer). The trailer is found as a reader finds it,
// by startxref: as the dictionary after "trailer", or as that of a cross
// reference stream. A file in which that leads nowhere is searched as a whole.
func pdfEncrypted(b []byte) bool {
	found := false
	header := bytes.Index(b, []byte("%PDF-"))
	for end, n := len(b), 0; n < 100; n++ {
		i := bytes.LastIndex(b[:end], []byte("startxref"))
		if i < 0 {
			break
		}
		end = i
		p := &pdfScanner{b: b, pos: i + len("startxref")}
		offset, err := strconv.Atoi(p.word())
		if err != nil || offset < 0 {
			continue
		}
		for _, at := range []int{offset, offset + header} { // with something before the header, from the header on
			has, ok := pdfTrailerAt(b, at)
			if has {
				return true
			}
			found = found || ok
		}
	}
	if found {
		return false
	}
	for _, mark := range []string{"trailer", "obj"} {
		for end, n := len(b), 0; n < pdfMarks; n++ {
			i := bytes.LastIndex(b[:end], []byte(mark))
			if i < 0 {
				break
			}
			end = i
			p := &pdfScanner{b: b, pos: i + len(mark)}
			if has, ok := p.trailer(mark == "obj"); ok && has {
				return true
			}
		}
	}
	return false
}

// A broken or hostile file is not searched without end: trailers are small and
// stand near the end.
const (
	pdfMarks   = 4096
	pdfTrailer = 16 << 10
)

// pdfTrailerAt looks at the cross reference table or stream that begins at pos.
func pdfTrailerAt(b []byte, pos int) (encrypted, ok bool) {
	if pos < 0 || pos >= len(b) {
		return false, false
	}
	p := &pdfScanner{b: b, pos: pos}
	first := p.word()
	if first == "xref" {
		i := bytes.Index(b[p.pos:], []byte("trailer"))
		if i < 0 {
			return false, false
		}
		p.pos += i + len("trailer")
		return p.trailer(false)
	}
	if _, err := strconv.Atoi(first); err != nil {
		return false, false
	}
	if p.word(); p.word() != "obj" {
		return false, false
	}
	return p.trailer(true)
}

// pdfScanner reads just enough of PDF to find the keys of one dictionary.
type pdfScanner struct {
	b   []byte
	pos int
}

// trailer reads a dictionary; with stream it must be that of a cross reference
// stream (Type XRef).
func (p *pdfScanner) trailer(stream bool) (encrypted, ok bool) {
	p.space()
	p.b = p.b[:min(len(p.b), p.pos+pdfTrailer)]
	if !p.take("<<") {
		return false, false
	}
	isStream := false
	for {
		p.space()
		if p.take(">>") {
			return encrypted, !stream || isStream
		}
		if !p.take("/") {
			return false, false
		}
		key := p.name()
		start := p.pos
		if !p.object(0) {
			return false, false
		}
		switch value := bytes.TrimSpace(p.b[start:p.pos]); key {
		case "Encrypt":
			encrypted = encrypted || string(value) != "null"
		case "Type":
			isStream = string(value) == "/XRef"
		}
		// What is left of a reference (12 0 R).
		for p.space(); p.pos < len(p.b) && p.b[p.pos] != '/' && p.b[p.pos] != '>'; p.space() {
			if p.word() == "" {
				return false, false
			}
		}
	}
}

// object skips one object and reports whether there was one.
func (p *pdfScanner) object(depth int) bool {
	p.space()
	switch {
	case depth > 50 || p.pos >= len(p.b):
		return false
	case p.take("<<"):
		return p.until(">>", depth)
	case p.take("["):
		return p.until("]", depth)
	case p.take("<"):
		return p.skip('>')
	case p.take("("):
		return p.text()
	case p.take("/"):
		p.name()
		return true
	}
	return p.word() != ""
}

func (p *pdfScanner) until(end string, depth int) bool {
	for {
		p.space()
		if p.take(end) {
			return true
		}
		if !p.object(depth + 1) {
			return false
		}
	}
}

// text skips a string after its opening parenthesis.
func (p *pdfScanner) text() bool {
	for depth := 1; p.pos < len(p.b); p.pos++ {
		switch p.b[p.pos] {
		case '\\':
			p.pos++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.pos++
				return true
			}
		}
	}
	return false
}

// name reads a name after its slash, with #xx as the character it stands for.
func (p *pdfScanner) name() string {
	word := p.word()
	var name []byte
	for i := 0; i < len(word); i++ {
		if word[i] == '#' && i+2 < len(word) {
			if c, err := strconv.ParseUint(word[i+1:i+3], 16, 8); err == nil {
				name = append(name, byte(c))
				i += 2
				continue
			}
		}
		name = append(name, word[i])
	}
	return string(name)
}

// word reads up to the next space or delimiter.
func (p *pdfScanner) word() string {
	p.space()
	start := p.pos
	for p.pos < len(p.b) && strings.IndexByte("\x00\t\n\f\r ()<>[]{}/%", p.b[p.pos]) < 0 {
		p.pos++
	}
	return string(p.b[start:p.pos])
}

func (p *pdfScanner) space() {
	for p.pos < len(p.b) {
		switch p.b[p.pos] {
		case 0, '\t', '\n', '\f', '\r', ' ':
			p.pos++
		case '%':
			for p.pos < len(p.b) && p.b[p.pos] != '\n' && p.b[p.pos] != '\r' {
				p.pos++
			}
		default:
			return
		}
	}
}

func (p *pdfScanner) take(s string) bool {
	if !bytes.HasPrefix(p.b[p.pos:], []byte(s)) {
		return false
	}
	p.pos += len(s)
	return true
}

func (p *pdfScanner) skip(end byte) bool {
	i := bytes.IndexByte(p.b[p.pos:], end)
	if i < 0 {
		return false
	}
	p.pos += i + 1
	return true
}
