package pdfview_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf16"
)

// build writes a PDF of these objects; the first one is the catalogue.
func build(trailer string, objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, trailer, xref)
	return b.Bytes()
}

func stream(dict, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>stream\n%s\nendstream", dict, len(data), data)
}

// onePage has the given page entries and content; further objects begin at 5.
func onePage(entries, content string, more ...string) []byte {
	return build("", append([]string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/Contents 4 0 R " + entries + ">>",
		stream("", content),
	}, more...)...)
}

const a4Box = "/MediaBox[0 0 595 842]"

// redSquare fills a square of 100 points in the lower left corner.
const redSquare = "1 0 0 rg 0 0 100 100 re f"

func plain() []byte { return onePage(a4Box, redSquare) }

// pages has n empty pages.
func pages(n int) []byte {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>", ""}
	var kids strings.Builder
	for i := range n {
		fmt.Fprintf(&kids, "%d 0 R ", i+3)
		objects = append(objects, "<</Type/Page/Parent 2 0 R"+a4Box+">>")
	}
	objects[1] = fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", kids.String(), n)
	return build("", objects...)
}

// encrypted asks for a password: its /U matches no empty one.
func encrypted() []byte {
	return build("/Encrypt 4 0 R/ID[<00><00>]",
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R"+a4Box+">>",
		"<</Filter/Standard/V 1/R 2/O<"+strings.Repeat("11", 32)+">/U<"+strings.Repeat("22", 32)+">/P -4>>")
}

// namedFont shows Chinese text in a font that the file does not carry, and
// Latin text in one that PDFium has.
func namedFont(chinese bool) []byte {
	content := "BT /F2 24 Tf 50 650 Td (Hello) Tj ET"
	if chinese {
		var text strings.Builder
		for _, u := range utf16.Encode([]rune("防汛整備")) {
			fmt.Fprintf(&text, "%04X", u)
		}
		content += " BT /F1 24 Tf 50 700 Td <" + text.String() + "> Tj ET"
	}
	return onePage(a4Box+"/Resources<</Font<</F1 5 0 R/F2 8 0 R>>>>", content,
		"<</Type/Font/Subtype/Type0/BaseFont/PMingLiU/Encoding/UniCNS-UCS2-H/DescendantFonts[6 0 R]>>",
		"<</Type/Font/Subtype/CIDFontType0/BaseFont/PMingLiU/CIDSystemInfo<</Registry(Adobe)/Ordering(CNS1)/Supplement 3>>/FontDescriptor 7 0 R/DW 1000>>",
		"<</Type/FontDescriptor/FontName/PMingLiU/Flags 4/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 880/StemV 93/FontBBox[0 -120 1000 880]>>",
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
}

// transparent paints a half transparent square over nothing.
func transparent() []byte {
	return onePage(a4Box+"/Group<</S/Transparency/CS/DeviceRGB>>/Resources<</ExtGState<</G 5 0 R>>>>", "/G gs "+redSquare, "<</ca 0.5>>")
}

// endless draws a form that draws a form ten times, and so on: 10^depth
// squares from a file of a few hundred bytes.
func endless(depth int) []byte {
	var forms []string
	for i := range depth {
		content := redSquare
		resources := ""
		if i < depth-1 {
			content = strings.Repeat("/X Do ", 10)
			resources = fmt.Sprintf("/Resources<</XObject<</X %d 0 R>>>>", i+6)
		}
		forms = append(forms, stream("/Type/XObject/Subtype/Form/BBox[0 0 595 842]"+resources, content))
	}
	return onePage(a4Box+"/Resources<</XObject<</X 5 0 R>>>>", "/X Do", forms...)
}

// widget is a form field with a green appearance, as a visible signature has.
func widget() []byte {
	return onePage(a4Box+"/Annots[5 0 R]", "",
		"<</Type/Annot/Subtype/Widget/FT/Sig/T(s)/F 4/Rect[0 0 100 100]/P 3 0 R/AP<</N 6 0 R>>>>",
		stream("/Type/XObject/Subtype/Form/BBox[0 0 100 100]", "0 1 0 rg 0 0 100 100 re f"))
}

func letter(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/letter.pdf")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// source gives a file as the viewer takes it.
func source(b []byte) ([32]byte, func() ([]byte, error)) {
	return sha256.Sum256(b), func() ([]byte, error) { return b, nil }
}

func hexOf(sha [32]byte) string { return hex.EncodeToString(sha[:4]) }
