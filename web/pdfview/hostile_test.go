package pdfview_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"qianhe/web/pdfview"
)

func deflate(b []byte) string {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.String()
}

// TestHostile: whatever the file, there is an answer that a caller can name,
// and the next file is shown.
func TestHostile(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{RenderTimeout: 20 * time.Second})
	image := func(dict, data string) []byte {
		return onePage(a4Box+"/Resources<</XObject<</X 5 0 R>>>>", "595 0 0 842 0 0 cm /X Do", stream("/Type/XObject/Subtype/Image"+dict, data))
	}
	const square = "/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceRGB"
	tests := map[string][]byte{
		"image of 60000 x 60000 pixels, 40 MB of them": image(square+"/Filter/FlateDecode", deflate(make([]byte, 40<<20))),
		"image with a mask of the same size":           image(square+"/SMask 5 0 R/Filter/FlateDecode", deflate(make([]byte, 1<<20))),
		"image with nothing in it":                     image(square+"/Filter[/FlateDecode/FlateDecode/LZWDecode]", "x"),
		"page box of nothing":                          onePage("/MediaBox[0 0 0 0]", redSquare),
		"page box beyond numbers":                      onePage("/MediaBox[-1e38 -1e38 1e38 1e38]", redSquare),
		"page box of a hair":                           onePage("/MediaBox[0 0 0.0001 14400]", redSquare),
		"deep arrays":                                  onePage(a4Box+"/Annots"+strings.Repeat("[", 100000), redSquare),
		"content that never closes":                    onePage(a4Box, strings.Repeat("q ", 200000)),
		"form that draws itself":                       onePage(a4Box+"/Resources<</XObject<</X 5 0 R>>>>", "/X Do", stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>", "/X Do")),
		"page that is missing":                         build("", "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[9 0 R]/Count 1>>"),
		"tiling pattern of a hundredth point": onePage(a4Box+"/Resources<</Pattern<</P 5 0 R>>>>", "/Pattern cs /P scn 0 0 595 842 re f",
			stream("/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 .01 .01]/XStep .01/YStep .01/Resources<<>>", "0 0 .005 .005 re f")),
	}
	for name, pdf := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sha, get := source(pdf)
			answered(t, v, sha, get)
			sha, get = source(plain())
			if _, err := v.Page(t.Context(), sha, 0, 720, get); err != nil {
				t.Errorf("the next file: %v", err)
			}
		})
	}
}

// answered asks for the first page and fails for an error without a name.
func answered(t *testing.T, v *pdfview.Viewer, sha [32]byte, get func() ([]byte, error)) {
	t.Helper()
	b, err := v.Page(t.Context(), sha, 0, 720, get)
	named := []error{pdfview.ErrBroken, pdfview.ErrEncrypted, pdfview.ErrFonts, pdfview.ErrTooLarge, pdfview.ErrNoPage, pdfview.ErrTimeout}
	for _, n := range named {
		if errors.Is(err, n) {
			return
		}
	}
	if err != nil {
		t.Fatalf("got error %v, want one that has a name", err)
	}
	if c, err := jpeg.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width > 1440 || c.Height > 4*1440 {
		t.Errorf("image of %d x %d pixels, error %v", c.Width, c.Height, err)
	}
}

func FuzzPage(f *testing.F) {
	for _, pdf := range [][]byte{plain(), transparent(), widget(), encrypted(), namedFont(true), endless(3), pages(2), letter(f)} {
		f.Add(pdf)
	}
	v := newViewer(f, pdfview.Options{RenderTimeout: 20 * time.Second})
	n := 0
	f.Fuzz(func(t *testing.T, pdf []byte) {
		n++
		sha, _ := source(fmt.Append(pdf, n)) // never from memory
		answered(t, v, sha, func() ([]byte, error) { return pdf, nil })
	})
}
