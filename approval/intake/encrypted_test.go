package intake_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"qianhe/approval/intake"
)

// pdfOf is a PDF with this trailer dictionary after a cross reference table.
func pdfOf(content, trailer string) []byte {
	head := "%PDF-1.4\n" + content
	return fmt.Appendf(nil, "%sxref\n0 1\n0000000000 65535 f \ntrailer\n%s\nstartxref\n%d\n%%%%EOF\n", head, trailer, len(head))
}

func encryptedPDF() []byte { return pdfOf("", "<< /Size 1 /Root 1 0 R /Encrypt 5 0 R >>") }

// pdfStream is a PDF whose cross references stand in a stream.
func pdfStream(dictionary string) []byte {
	head := "%PDF-1.5\n1 0 obj << /Type /Catalog >> endobj\n"
	return fmt.Appendf(nil, "%s7 0 obj\n%s\nstream\nx\nendstream\nendobj\nstartxref\n%d\n%%%%EOF", head, dictionary, len(head))
}

// ole is a compound file with one stream of this name and content.
func ole(name string, content []byte) []byte {
	b := make([]byte, 512*3+len(content))
	copy(b, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	binary.LittleEndian.PutUint16(b[30:], 9)
	entry := func(at int, name string, kind byte, start uint32) {
		units := utf16.Encode([]rune(name))
		for i, u := range units {
			binary.LittleEndian.PutUint16(b[at+2*i:], u)
		}
		binary.LittleEndian.PutUint16(b[at+64:], uint16(2*len(units)+2))
		b[at+66], b[at+67] = kind, 1
		binary.LittleEndian.PutUint32(b[at+116:], start)
	}
	entry(512, "Root Entry", 5, 0)
	entry(640, name, 2, 2)
	copy(b[512*3:], content)
	return b
}

func TestEncrypted(t *testing.T) {
	t.Parallel()
	manifest := func(inside string) []byte {
		return []byte(`<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="encryption-data.xml">` + inside + `</manifest:file-entry></manifest:manifest>`)
	}
	odf := zipped{name: "mimetype", bytes: []byte("application/vnd.oasis.opendocument.text"), store: true}
	fib := func(flags uint16) []byte {
		b := make([]byte, 512)
		binary.LittleEndian.PutUint16(b, 0xA5EC)
		binary.LittleEndian.PutUint16(b[10:], flags)
		return b
	}
	tests := []struct {
		name string
		in   []byte
		want bool
	}{
		{"empty", nil, false},
		{"text", []byte("/Encrypt 5 0 R"), false},
		{"pdf", []byte(pdf), false},
		{"pdf, trailer", encryptedPDF(), true},
		{"pdf, dictionary in the trailer", pdfOf("", "<</Encrypt<</Filter/Standard/V 1>>/Size 1>>"), true},
		{"pdf, name in hexadecimal", pdfOf("", "<</Encr#79pt 5 0 R>>"), true},
		{"pdf, null", pdfOf("", "<</Encrypt null/Size 1>>"), false},
		{"pdf, as a value", pdfOf("", "<</Type/Encrypt/Size 1>>"), false},
		{"pdf, one level down", pdfOf("", "<</Info<</Encrypt 5 0 R>>/Size 1>>"), false},
		{"pdf, in strings", pdfOf("", `<</A(/Encrypt 5 0 R \) (/Encrypt) )/B<2F456E>/C[(>>)/Encrypt]/Size 1>>`), false},
		{"pdf, in a comment", pdfOf("", "<</Size 1 % /Encrypt 5 0 R\n>>"), false},
		{"pdf, in the text", pdfOf("1 0 obj <</Length 20>> stream\ntrailer <</Encrypt 1 0 R>>\nendstream endobj\n", "<</Size 1>>"), false},
		{"pdf, stream", pdfStream("<</Type/XRef/Encrypt 5 0 R/W[1 2 1]/ID[<00><00>]>>"), true},
		{"pdf, plain stream", pdfStream("<</Type/XRef/W[1 2 1]>>"), false},
		{"pdf, something before the header", append([]byte("junk\n"), encryptedPDF()...), true},
		{"pdf, updated", append(encryptedPDF(), pdfOf("", "<</Encrypt 5 0 R/Prev 9>>")...), true},
		{"pdf, no way to the trailer", bytes.Replace(encryptedPDF(), []byte("startxref\n9"), []byte("startxref\n5"), 1), true},
		{"pdf, no way to the stream", bytes.Replace(pdfStream("<</Type/XRef/Encrypt 5 0 R>>"), []byte("startxref"), []byte("startxxxx"), 1), true},
		{"pdf, cut off", []byte("%PDF-1.4\ntrailer <<"), false},
		{"pdf, endless", []byte("%PDF-1.4\n" + strings.Repeat("obj<</A(", 100_000)), false},
		{"pdf, deep", pdfOf("", "<</A"+strings.Repeat("[", 10_000)+">>"), false},
		{"zip", archive(t, zipped{name: "a.txt", bytes: []byte("a")}), false},
		{"zip, entry", archive(t, zipped{name: "a.txt", bytes: []byte("a")}, zipped{name: "b.txt", bytes: []byte("b"), flags: 1}), true},
		{"zip, directory", archive(t, zipped{name: "a.txt", bytes: []byte("a"), flags: 1 << 13}), true},
		{"zip, cut off", []byte("PK\x03\x04"), false},
		{"odf", archive(t, odf, zipped{name: "META-INF/manifest.xml", bytes: manifest("")}), false},
		{"odf, encrypted", archive(t, odf, zipped{name: "META-INF/manifest.xml", bytes: manifest(`<manifest:encryption-data manifest:checksum="x"/>`)}), true},
		{"ole", ole("Workbook", nil), false},
		{"ole, package", ole("EncryptedPackage", nil), true},
		{"ole, word in a text", ole("Workbook", []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")), false},
		{"ole, doc", ole("WordDocument", fib(0)), false},
		{"ole, encrypted doc", ole("WordDocument", fib(0x0100)), true},
		{"ole, cut off", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := intake.Encrypted(tt.in); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

// Every kind of encrypted file is refused by Prepare, by name.
func TestPrepareRefusesEncrypted(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"PDF":    encryptedPDF(),
		"zip":    archive(t, zipped{name: "a.txt", bytes: []byte("a"), flags: 1}),
		"Office": ole("EncryptedPackage", nil),
		"ODF":    archive(t, zipped{name: "META-INF/manifest.xml", bytes: []byte("<m><encryption-data/></m>")}),
	} {
		p := letter(t)
		p.Attachments[1].Bytes = b
		_, err := prepare(t, p, order())
		if err == nil || err.Error() != "letter.di: attachments: attachment.encrypted (檢查表.pdf)" {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func FuzzBytes(f *testing.F) {
	f.Add(encryptedPDF())
	f.Add(pdfStream("<</Type/XRef/Encrypt 5 0 R/W[1 2 1]/ID[<00>(a)]>>"))
	f.Add(ole("WordDocument", []byte("\xec\xa5")))
	f.Add(archive(f, zipped{name: "mimetype", bytes: []byte("application/vnd.oasis.opendocument.text"), store: true}, zipped{name: "a/b.di", bytes: []byte("<函/>")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		intake.Encrypted(b)
		if intake.MediaType(b) == "" {
			t.Error("no media type")
		}
		packages, err := intake.Read([]intake.File{{Name: "a.zip", Bytes: b}, {Name: "b.di", Bytes: b}})
		if len(packages) == 0 && err == nil {
			t.Error("neither a package nor an error")
		}
	})
}
