package intake_test

import (
	"testing"

	"qianhe/approval/intake"
)

func TestMediaType(t *testing.T) {
	t.Parallel()
	const unknown = "application/octet-stream"
	types := zipped{name: "[Content_Types].xml", bytes: []byte("<Types/>")}
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, unknown},
		{"pdf", []byte(pdf), "application/pdf"},
		{"pdf in html", []byte("<html>%PDF-1.4"), unknown},
		{"png", []byte("\x89PNG\r\n\x1a\n"), "image/png"},
		{"jpeg", []byte("\xff\xd8\xff\xe0"), "image/jpeg"},
		{"gif", []byte("GIF89a"), "image/gif"},
		{"tiff", []byte("II*\x00"), "image/tiff"},
		{"webp", []byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "image/webp"},
		{"rtf", []byte(`{\rtf1\ansi}`), "application/rtf"},
		{"text", []byte("一、抽水站\r\n\t二、"), "text/plain; charset=utf-8"},
		{"csv", []byte("\xef\xbb\xbf站,水位 < 3\n"), "text/plain; charset=utf-8"},
		{"big5 text", []byte(big5(t, "一、抽水站\r\n")), "text/plain; charset=big5"},
		{"binary", []byte("a\x00b"), unknown},
		{"neither UTF-8 nor Big5", []byte("a\xff\xffb"), unknown},
		{"html", []byte("<!DOCTYPE html><p>"), unknown},
		{"html with a mark", []byte("\xef\xbb\xbf \n<P onclick=x>"), unknown},
		{"html later", []byte("hello <ScRipt src=x>"), unknown},
		{"svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), unknown},
		{"svg later", []byte("x\n<svg onload=x>"), unknown},
		{"xml", []byte("<?xml version=\"1.0\"?><a/>"), unknown},
		{"php", []byte("x <?php x"), unknown},
		{"shell", []byte("#!/bin/sh\n"), unknown},
		{"zip", archive(t, zipped{name: "a.txt"}), "application/zip"},
		{"zip that is broken", []byte("PK\x03\x04xxxx"), unknown},
		{"docx", archive(t, types, zipped{name: "word/document.xml"}), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"xlsx", archive(t, types, zipped{name: "xl/workbook.xml"}), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{"pptx", archive(t, zipped{name: "ppt/presentation.xml"}, types), "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
		{"zip with a folder called word", archive(t, zipped{name: "word/a.txt"}), "application/zip"},
		{"odt", archive(t, zipped{name: "mimetype", bytes: []byte("application/vnd.oasis.opendocument.text"), store: true}), "application/vnd.oasis.opendocument.text"},
		{"ods", archive(t, zipped{name: "mimetype", bytes: []byte("application/vnd.oasis.opendocument.spreadsheet")}), "application/vnd.oasis.opendocument.spreadsheet"},
		{"zip that calls itself html", archive(t, zipped{name: "mimetype", bytes: []byte("text/html")}), "application/zip"},
		{"doc", ole("WordDocument", nil), "application/msword"},
		{"xls", ole("Workbook", nil), "application/vnd.ms-excel"},
		{"ppt", ole("PowerPoint Document", nil), "application/vnd.ms-powerpoint"},
		{"other ole", ole("Contents", nil), "application/x-ole-storage"},
	}
	for _, tt := range tests {
		if got := intake.MediaType(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
