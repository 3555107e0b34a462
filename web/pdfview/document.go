package pdfview

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"
)

// quality of the images: small text stays legible, an A4 page of text at 1080
// pixels takes some 60 to 120 KB.
const quality = 80

// document is a file that is open in an instance.
type document struct {
	pdfium   pdfium.Pdfium
	ref      references.FPDF_DOCUMENT
	maxPages int
}

// sizes gives the size of each page.
func (d *document) sizes() ([]Size, error) {
	count, err := d.pdfium.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: d.ref})
	switch {
	case err != nil:
		return nil, err
	case count.PageCount < 1:
		return nil, fmt.Errorf("%w: no pages (%w)", ErrBroken, errWholeFile)
	case count.PageCount > d.maxPages:
		return nil, fmt.Errorf("%w: %d pages, at most %d (%w)", ErrTooLarge, count.PageCount, d.maxPages, errWholeFile)
	}
	sizes := make([]Size, count.PageCount)
	for i := range sizes {
		size, err := d.pdfium.FPDF_GetPageSizeByIndex(&requests.FPDF_GetPageSizeByIndex{Document: d.ref, Index: i})
		sizes[i] = a4
		if err != nil {
			continue // drawing it says what is wrong
		}
		if s := (Size{Width: size.Width, Height: size.Height}); s.valid() {
			sizes[i] = s
		}
	}
	return sizes, nil
}

// jpeg draws page n.
func (d *document) jpeg(n int, size Size, width int) ([]byte, error) {
	loaded, err := d.pdfium.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: d.ref, Index: n})
	if err != nil {
		return nil, fmt.Errorf("%w: page %d: %w", ErrBroken, n, err)
	}
	page := requests.Page{ByReference: &loaded.Page}
	// What lies on top of the page, such as a visible signature, a stamp or what
	// was filled into a form, becomes part of it and is drawn with it.
	flat, err := d.pdfium.FPDFPage_Flatten(&requests.FPDFPage_Flatten{Page: page, Usage: requests.FPDFPage_FlattenUsageNormalDisplay})
	if err != nil {
		return nil, err
	}
	if flat.Result == responses.FPDFPage_FlattenResultSuccess {
		if loaded, err = d.pdfium.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: d.ref, Index: n}); err != nil {
			return nil, fmt.Errorf("%w: page %d: %w", ErrBroken, n, err)
		}
		page = requests.Page{ByReference: &loaded.Page}
	}
	missing, err := d.missingFonts(page)
	if err != nil {
		return nil, err
	}
	if missing {
		return nil, fmt.Errorf("%w (page %d)", ErrFonts, n)
	}
	w, h := size.Pixels(width)
	// BGRx rather than BGRA: PDFium then blends onto the white paper itself.
	// With alpha, transparent parts of a page would come out black in a JPEG.
	bitmap, err := d.pdfium.FPDFBitmap_CreateEx(&requests.FPDFBitmap_CreateEx{Width: w, Height: h, Format: enums.FPDF_BITMAP_FORMAT_BGRX, Pointer: uint64(0)})
	if err != nil {
		return nil, err
	}
	if _, err = d.pdfium.FPDFBitmap_FillRect(&requests.FPDFBitmap_FillRect{Bitmap: bitmap.Bitmap, Width: w, Height: h, Color: 0xFFFFFFFF}); err != nil {
		return nil, err
	}
	_, err = d.pdfium.FPDF_RenderPageBitmap(&requests.FPDF_RenderPageBitmap{
		Bitmap: bitmap.Bitmap, Page: page, SizeX: w, SizeY: h,
		Flags: enums.FPDF_RENDER_FLAG_ANNOT | enums.FPDF_RENDER_FLAG_REVERSE_BYTE_ORDER,
	})
	if err != nil {
		return nil, err
	}
	pixels, err := d.pdfium.FPDFBitmap_GetBuffer(&requests.FPDFBitmap_GetBuffer{Bitmap: bitmap.Bitmap})
	if err != nil {
		return nil, err
	}
	if len(pixels.Buffer) < 4*w*h {
		return nil, fmt.Errorf("%w: no memory for %d x %d pixels", ErrTooLarge, w, h)
	}
	var out bytes.Buffer
	img := &image.RGBA{Pix: pixels.Buffer, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// maxChars bounds the search for missing fonts.
const maxChars = 20000

// firstCJK is where the characters begin (CJK Radicals Supplement) for which
// PDFium has no built-in font.
const firstCJK = 0x2E80

// missingFonts reports whether the page has text that would be left out of the
// image: Chinese characters, or codes without a meaning, in a font that the
// file only names.
func (d *document) missingFonts(page requests.Page) (bool, error) {
	text, err := d.pdfium.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: page})
	if err != nil {
		return false, err
	}
	count, err := d.pdfium.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text.TextPage})
	if err != nil {
		return false, err
	}
	for i := range min(count.Count, maxChars) {
		char, err := d.pdfium.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: text.TextPage, Index: i})
		if err != nil {
			return false, err
		}
		if char.Unicode > 0 && char.Unicode < firstCJK {
			continue
		}
		object, err := d.pdfium.FPDFText_GetTextObject(&requests.FPDFText_GetTextObject{TextPage: text.TextPage, Index: i})
		if err != nil {
			continue // a character that PDFium made up has none
		}
		font, err := d.pdfium.FPDFTextObj_GetFont(&requests.FPDFTextObj_GetFont{PageObject: object.TextObject})
		if err != nil {
			continue
		}
		embedded, err := d.pdfium.FPDFFont_GetIsEmbedded(&requests.FPDFFont_GetIsEmbedded{Font: font.Font})
		if err != nil {
			continue
		}
		if !embedded.IsEmbedded {
			return true, nil
		}
	}
	return false, nil
}
