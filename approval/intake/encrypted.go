package intake

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"iter"
	"regexp"
	"unicode/utf16"
)

// encryptedEntry are the bits of a zip entry that say it is encrypted: bit 0
// the file, bit 13 the directory (APPNOTE.TXT 4.4.4).
const encryptedEntry = 1 | 1<<13

// encrypted reports whether a file cannot be read without a password: a PDF, a
// zip archive or office file with an encrypted part, an encrypted Office or
// OpenDocument file.
func encrypted(b []byte) bool {
	switch {
	case bytes.Contains(b[:min(len(b), 1024)], []byte("%PDF-")):
		return pdfEncrypted(b)
	case bytes.HasPrefix(b, []byte("PK")):
		return zipEncrypted(b)
	case bytes.HasPrefix(b, oleMagic):
		return oleEncrypted(b)
	}
	return false
}

var encryptionData = regexp.MustCompile(`<(?:[\w.-]+:)?encryption-data[\s/>]`)

func zipEncrypted(b []byte) bool {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return false
	}
	for _, f := range z.File {
		if f.Flags&encryptedEntry != 0 {
			return true
		}
		// OpenDocument 1.2 part 3, 4.8.4: an encrypted file has this element.
		if f.Name == "META-INF/manifest.xml" {
			if manifest, err := readEntry(f, 4<<20); err == nil && encryptionData.Match(manifest) {
				return true
			}
		}
	}
	return false
}

// oleEncrypted knows Office files that were encrypted as a whole ([MS-OFFCRYPTO]
// 2.3.2: stream EncryptedPackage) and Word 97 to 2003 documents ([MS-DOC] 2.5.2:
// fEncrypted).
func oleEncrypted(b []byte) bool {
	for e := range oleEntries(b) {
		switch e.name {
		case "EncryptedPackage":
			return true
		case "WordDocument":
			if fib := e.data; len(fib) >= 12 && binary.LittleEndian.Uint16(fib) == 0xA5EC && binary.LittleEndian.Uint16(fib[10:])&0x0100 != 0 {
				return true
			}
		}
	}
	return false
}

// oleEntry is a stream of a compound file.
type oleEntry struct {
	name string
	data []byte // from its first sector on; its length and order are not looked up
}

// oleEntries finds the streams of a compound file ([MS-CFB] 2.6.1). Directory
// entries have 128 bytes and begin at multiples of that; they are recognised by
// their form, so a broken allocation table hides none.
func oleEntries(b []byte) iter.Seq[oleEntry] {
	return func(yield func(oleEntry) bool) {
		if len(b) < 512 {
			return
		}
		shift := binary.LittleEndian.Uint16(b[30:])
		if shift != 9 && shift != 12 {
			return
		}
		for at := 512; at+128 <= len(b); at += 128 {
			e := b[at : at+128]
			length := int(binary.LittleEndian.Uint16(e[64:]))
			if e[66] != 2 || e[67] > 1 || length < 4 || length > 64 || length%2 != 0 || e[length-2] != 0 || e[length-1] != 0 {
				continue
			}
			units := make([]uint16, length/2-1)
			for i := range units {
				units[i] = binary.LittleEndian.Uint16(e[2*i:])
			}
			entry := oleEntry{name: string(utf16.Decode(units))}
			if start := (uint64(binary.LittleEndian.Uint32(e[116:])) + 1) << shift; start < uint64(len(b)) {
				entry.data = b[start:]
			}
			if !yield(entry) {
				return
			}
		}
	}
}
