package si

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/traditionalchinese"
)

// Limits of a package. A 公文 with forty files has some ten megabytes.
const (
	MaxPackage = 512 << 20 // bytes, unpacked
	MaxFiles   = 4096
)

// Package is a sign-off log with the files that it is about, byte for byte.
type Package struct {
	Name  string // of the log, ending in .SI
	Log   []byte
	Files []PackageFile
}

// PackageFile is one file beside the log.
type PackageFile struct {
	Name  string // without a path
	Bytes []byte
}

// ReadZip reads a package. Names may be UTF-8 or Big5, in one folder or none.
// It refuses with a *PackageError what it could not say for sure which file is
// meant: two of one name, none or several logs, a name that leads elsewhere;
// and what is larger than the limits.
func ReadZip(r io.ReaderAt, size int64) (*Package, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, &PackageError{Reason: "not a zip archive: " + err.Error()}
	}
	if len(z.File) > MaxFiles {
		return nil, &PackageError{Reason: fmt.Sprintf("more than %d files", MaxFiles)}
	}
	p := &Package{}
	left := int64(MaxPackage)
	for _, f := range z.File {
		name, err := zipName(f)
		if err != nil {
			return nil, err
		}
		if name == "" { // a folder
			continue
		}
		if p.has(name) {
			return nil, &PackageError{Name: name, Reason: "stands twice in the package"}
		}
		b, err := unpack(f, left)
		if err != nil {
			return nil, &PackageError{Name: name, Reason: err.Error()}
		}
		left -= int64(len(b))
		if strings.EqualFold(extension(name), ".si") {
			if p.Name != "" {
				return nil, &PackageError{Name: name, Reason: "a second sign-off log beside " + p.Name}
			}
			p.Name, p.Log = name, b
			continue
		}
		p.Files = append(p.Files, PackageFile{name, b})
	}
	if p.Name == "" {
		return nil, &PackageError{Reason: "no sign-off log (.SI)"}
	}
	return p, nil
}

func (p *Package) has(name string) bool {
	return name == p.Name || slices.ContainsFunc(p.Files, func(f PackageFile) bool { return f.Name == name })
}

func extension(name string) string { return name[max(0, strings.LastIndexByte(name, '.')):] }

func unpack(f *zip.File, left int64) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(in, left+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > left {
		return nil, fmt.Errorf("package is larger than %d bytes unpacked", MaxPackage)
	}
	return b, in.Close()
}

// zipName gives the name of an entry without its folder, "" for a folder.
// Old systems write Big5 and do not say so.
func zipName(f *zip.File) (string, error) {
	name := f.Name
	if f.NonUTF8 || !utf8.ValidString(name) {
		if !utf8.ValidString(name) {
			decoded, err := traditionalchinese.Big5.NewDecoder().String(name)
			if err != nil || strings.ContainsRune(decoded, utf8.RuneError) {
				return "", &PackageError{Name: fmt.Sprintf("%q", name), Reason: "name is neither UTF-8 nor Big5"}
			}
			name = decoded
		}
	}
	if strings.HasSuffix(name, "/") || strings.HasSuffix(name, `\`) {
		return "", nil
	}
	elements := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' })
	switch {
	case len(elements) == 0, slices.Contains(elements, ".."), strings.ContainsFunc(name, unicode.IsControl):
		return "", &PackageError{Name: fmt.Sprintf("%q", name), Reason: "not the name of a file of this package"}
	}
	return elements[len(elements)-1], nil
}

// WriteZip writes a package: names in UTF-8, no times, the log first. The same
// package gives the same bytes.
func WriteZip(w io.Writer, p *Package) error {
	z := zip.NewWriter(w)
	put := func(name string, b []byte) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		_, err = io.Copy(f, bytes.NewReader(b))
		return err
	}
	if err := put(p.Name, p.Log); err != nil {
		return err
	}
	for _, f := range p.Files {
		if err := put(f.Name, f.Bytes); err != nil {
			return err
		}
	}
	return z.Close()
}
