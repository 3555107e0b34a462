// Package pdfview shows pages of PDF files as JPEG images, for phones without
// a viewer of their own and for a record of what a signer was shown.
//
// PDFium does the work, compiled to WebAssembly and run inside this process by
// wazero: no cgo, no child process. What it can reach is the bytes of one file
// and a bounded memory. It sees no file system, so a page looks the same on
// every host; a page that needs a font which the file does not carry is refused
// with [ErrFonts] rather than shown with holes in it. Every file is opened in
// an instance of its own, which is thrown away after one answer: a file that
// breaks PDFium breaks nothing else, one that keeps it busy is cut off after
// [Options.RenderTimeout].
//
// The first page that anybody asks for costs some seconds and a few hundred
// megabytes for a moment, while the module is compiled; with [Options.Dir]
// later processes read the compiled code from there. After that an A4 page
// takes some ten milliseconds. Never call this on the way of a decision: the
// original can always be opened instead.
package pdfview
