package pdfview

import (
	"errors"
	"fmt"

	"qianhe/approval"
)

// What a caller can be told. Each one means that there is no image, and that
// the original is still there to be opened; only [ErrBusy], [ErrTimeout] and
// [ErrClosed] may be gone on another try.
var (
	// ErrBroken: not a PDF, or one that cannot be read.
	ErrBroken = errors.New("pdf cannot be read")
	// ErrEncrypted: the PDF asks for a password.
	ErrEncrypted = errors.New("pdf is encrypted")
	// ErrFonts: the page has Chinese text in a font that is not in the file.
	// An image would show nothing in its place.
	ErrFonts = errors.New("pdf does not contain the fonts of this page")
	// ErrTooLarge: more bytes or pages than the limits allow.
	ErrTooLarge = errors.New("pdf is too large to show")
	// ErrNoPage: the PDF has fewer pages. It is also [approval.ErrNotFound].
	ErrNoPage = fmt.Errorf("pdf has no such page: %w", approval.ErrNotFound)
	// ErrTimeout: the page took too long to draw.
	ErrTimeout = errors.New("pdf page took too long")
	// ErrBusy: too many pages are asked for at this moment.
	ErrBusy = errors.New("too many pdf pages are waiting")
	// ErrClosed: the viewer was closed.
	ErrClosed = errors.New("pdf viewer is closed")
)

// lasting reports whether err is a property of the file, which another try
// would find again.
func lasting(err error) bool {
	return errors.Is(err, ErrBroken) || errors.Is(err, ErrEncrypted) || errors.Is(err, ErrFonts) || errors.Is(err, ErrTooLarge)
}
