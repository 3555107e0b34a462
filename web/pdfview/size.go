package pdfview

import "math"

// Widths are the image widths there are, in pixels. A few only, so that phones
// of different sizes share the stored images.
var widths = [...]int{720, 1080, 1440}

// maxStretch limits how many times higher than wide an image may be; a longer
// page is drawn narrower.
const maxStretch = 4

// Snap gives the image width that is used for a wish, in pixels: the next one
// up of 720, 1080 and 1440, or the largest.
func Snap(width int) int {
	for _, w := range widths {
		if width <= w {
			return w
		}
	}
	return widths[len(widths)-1]
}

// Size is the size of a page as it is looked at, rotation applied, in points
// (1/72 inch).
type Size struct {
	Width, Height float64
}

// a4 stands for a page whose size cannot be read.
var a4 = Size{Width: 595.28, Height: 841.89}

// valid reports whether the page has an area at all.
func (s Size) valid() bool {
	return s.Width > 0 && s.Height > 0 && !math.IsInf(s.Width, 0) && !math.IsInf(s.Height, 0)
}

// Pixels gives the size of the image that [Viewer.Page] makes of such a page
// for this width, which is snapped first: what belongs into the width and
// height of an img element.
func (s Size) Pixels(width int) (w, h int) {
	if !s.valid() {
		s = a4
	}
	w = Snap(width)
	ratio := s.Height / s.Width
	if ratio <= maxStretch {
		return w, max(1, int(math.Round(float64(w)*ratio)))
	}
	h = w * maxStretch
	return max(1, int(math.Round(float64(h)/ratio))), h
}
