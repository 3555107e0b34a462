package intake

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/traditionalchinese"

	"qianhe/approval"
)

// isArchive reports whether a file is a zip archive by name and content. Office
// files are zip archives too, but not by name.
func isArchive(f File) bool {
	return extension(f.Name) == ".zip" && bytes.HasPrefix(f.Bytes, []byte("PK"))
}

// unpack reads a zip archive. What the archive says of sizes is not believed:
// every file and the whole are cut off at their limits. Archives inside are
// files like any other and stay closed.
func unpack(archive File) ([]File, error) {
	name := baseName(archive.Name)
	z, err := zip.NewReader(bytes.NewReader(archive.Bytes), int64(len(archive.Bytes)))
	if err != nil {
		return nil, problem("files", "archive.broken", name)
	}
	var files []File
	left := int64(MaxPackage)
	for _, entry := range z.File {
		inside, err := entryName(entry)
		if err != nil {
			return nil, err
		}
		folder, base := split(inside)
		if litter(folder, base) || entry.FileInfo().IsDir() {
			continue
		}
		at := name + ": " + base
		switch {
		case !acceptable(base) || strings.Contains("/"+folder+"/", "/../") || !entry.Mode().IsRegular():
			return nil, problem("files", "archive.name", at)
		case entry.Flags&encryptedEntry != 0:
			return nil, problem("files", "archive.encrypted", at)
		case len(files) == MaxFiles+2: // the attachments, the DI and the SW
			return nil, problem("files", "package.files", fmt.Sprintf("%s: %d", name, MaxFiles))
		}
		b, err := readEntry(entry, min(MaxFile, left))
		switch {
		case err != nil:
			return nil, problem("files", "archive.broken", at)
		case b == nil && left < MaxFile:
			return nil, problem("files", "package.large", fmt.Sprintf("%s: %d", name, MaxPackage))
		case b == nil:
			return nil, problem("files", "file.large", at)
		}
		left -= int64(len(b))
		files = append(files, File{Name: inside, Bytes: b})
	}
	return files, nil
}

// readEntry gives nil when there is more than limit.
func readEntry(entry *zip.File, limit int64) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil || int64(len(b)) > limit {
		return nil, err
	}
	return b, nil
}

// entryName gives the name of an entry. Without the flag for UTF-8 the name is
// in the code page of the sender's system, in Taiwan Big5; many tools write
// UTF-8 all the same. It is decoded before it is cut at slashes: the second
// byte of a Big5 character may be a backslash.
func entryName(entry *zip.File) (string, error) {
	if utf8.ValidString(entry.Name) {
		return entry.Name, nil
	}
	const utf8Flag = 0x800
	if entry.Flags&utf8Flag == 0 {
		if name, err := traditionalchinese.Big5.NewDecoder().String(entry.Name); err == nil && !strings.ContainsRune(name, utf8.RuneError) {
			return name, nil
		}
	}
	return "", &approval.InvalidError{Field: "files", Reason: "archive.name", Detail: fmt.Sprintf("%q", entry.Name)}
}
