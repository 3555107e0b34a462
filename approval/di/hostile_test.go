package di_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"qianhe/approval"
	"qianhe/approval/di"
)

func letter(declarations, elements string) string {
	return "<?xml version=\"1.0\"?>\n<!DOCTYPE 函 SYSTEM \"104_2_utf8.dtd\" [" + declarations + "]>\n<函>" + elements + "</函>"
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	nested := strings.Repeat("<條列>", 40) + strings.Repeat("</條列>", 40)
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, `<!ENTITY a%d SYSTEM "%d.pdf" NDATA _X>`, i, i)
	}
	var attached strings.Builder
	for i := range approval.MaxAttachments + 1 {
		fmt.Fprintf(&attached, "a%d ", i)
	}
	tests := []struct {
		name, in string
		line     int
		element  string
		reason   string
	}{
		{"empty", "", 0, "", "no XML document"},
		{"not XML", "主旨：測試", 1, "", "outside of the root element"},
		{"not closed", "<函>\n<主旨>", 2, "主旨", "unexpected EOF"},
		{"not nested", "<函>\n<主旨></函>", 2, "主旨", "closed by"},
		{"second root", "<函/>\n<函/>", 2, "函", "second root"},
		{"another type", "<?xml version=\"1.0\"?>\n<便簽/>", 2, "便簽", "not a type"},
		{"a roster", "<交換表單/>", 1, "交換表單", "not a type"},
		{"UTF-16", "\xff\xfe<\x00", 1, "", "UTF-16"},
		{"NUL", "<函>\n\n\x00</函>", 3, "", "NUL"},
		{"invalid UTF-8", "<函>\n\xa4\x40</函>", 2, "", "invalid UTF-8"},
		{"invalid Big5", "<?xml version=\"1.0\" encoding=\"big5\"?>\n<a>\n\xa4\xff</a>", 3, "", "invalid Big5"},
		{"other encoding", `<?xml version="1.0" encoding="gb18030"?><函/>`, 1, "", `"gb18030"`},
		{"control character", "<函>\n\x01</函>", 2, "函", "illegal character"},
		{"reference to a control character", "<函>&#1;</函>", 1, "函", "illegal character"},
		{"undeclared reference", "<函>\n<主旨>&x;</主旨></函>", 2, "主旨", "reference &x; is not allowed"},
		{"HTML reference", "<函>\n<主旨>&nbsp;</主旨></函>", 2, "主旨", "reference &nbsp; is not allowed"},
		{"lone ampersand", "<函>\n<主旨>a & b</主旨></函>", 2, "主旨", "reference &"},
		{"internal entity", letter(`<!ENTITY a "哈">`, "<主旨>&a;</主旨>"), 2, "DOCTYPE", `entity "a" is declared with a text of its own`},
		{"internal entity, single quotes, unused", letter("\n<!ENTITY a '哈'>", ""), 3, "DOCTYPE", "not allowed"},
		{"external parsed entity", letter(`<!ENTITY x SYSTEM "passwd">`, "<主旨>&x;</主旨>"), 2, "DOCTYPE", "no NDATA"},
		{"parameter entity", letter(`<!ENTITY % p SYSTEM "p.ent">`, ""), 2, "DOCTYPE", "parameter entity"},
		{"parameter entity, reference", letter(`%p;`, ""), 2, "DOCTYPE", "parameter entity"},
		{"attribute defaults", letter(`<!ATTLIST 密等 代碼 CDATA "密">`, ""), 2, "DOCTYPE", "ATTLIST"},
		{"unknown declaration", letter(`<!FOO>`, ""), 2, "DOCTYPE", "cannot be read"},
		{"text among declarations", letter(`foo`, ""), 2, "DOCTYPE", "cannot be read"},
		{"entity without name", letter(`<!ENTITY SYSTEM "a.pdf" NDATA _X>`, ""), 2, "DOCTYPE", "a text of its own"},
		{"entity without file", letter(`<!ENTITY a NDATA _X>`, ""), 2, "DOCTYPE", "names no file"},
		{"declaration goes on", letter(`<!ENTITY a SYSTEM "a.pdf" NDATA _X "b">`, ""), 2, "DOCTYPE", "does not end"},
		{"long entity name", letter(`<!ENTITY `+strings.Repeat("a", 65)+` SYSTEM "a.pdf" NDATA _X>`, ""), 2, "DOCTYPE", "longer than 64"},
		{"way up", letter(`<!ENTITY a SYSTEM "../../etc/passwd" NDATA _X>`, ""), 2, "DOCTYPE", "leads out"},
		{"way up, backslashes", letter(`<!ENTITY a SYSTEM "..\a.pdf" NDATA _X>`, ""), 2, "DOCTYPE", "leads out"},
		{"address", letter(`<!ENTITY a SYSTEM "file:///etc/passwd" NDATA _X>`, ""), 2, "DOCTYPE", "address"},
		{"drive", letter(`<!ENTITY a SYSTEM "C:\a.pdf" NDATA _X>`, ""), 2, "DOCTYPE", "colon"},
		{"empty file name", letter(`<!ENTITY a SYSTEM "" NDATA _X>`, ""), 2, "DOCTYPE", "empty"},
		{"folder", letter(`<!ENTITY a SYSTEM "a/" NDATA _X>`, ""), 2, "DOCTYPE", "empty"},
		{"dot", letter(`<!ENTITY a SYSTEM "a/." NDATA _X>`, ""), 2, "DOCTYPE", "empty"},
		{"line end in a file name", letter("<!ENTITY a SYSTEM \"a\nb.pdf\" NDATA _X>", ""), 3, "DOCTYPE", "control character"},
		{"turned file name", letter("<!ENTITY a SYSTEM \"\u202efdp.exe\" NDATA _X>", ""), 2, "DOCTYPE", "control character"},
		{"long file name", letter(`<!ENTITY a SYSTEM "`+strings.Repeat("字", 86)+`" NDATA _X>`, ""), 2, "DOCTYPE", "too long"},
		{"entity twice", letter(`<!ENTITY a SYSTEM "a.pdf" NDATA _X><!ENTITY a SYSTEM "b.pdf" NDATA _X>`, ""), 2, "DOCTYPE", "declared twice"},
		{"many entities", letter(many.String(), ""), 2, "DOCTYPE", "more than 256"},
		{"many attachments", letter(many.String()[:strings.Index(many.String(), "<!ENTITY a250 ")], `<附件><附件檔名 附件名="`+attached.String()+`"/></附件>`), 3, "附件檔名", "more than 200"},
		{"attachment not declared", letter("", `<附件><附件檔名 附件名="ATTCH1"/></附件>`), 3, "附件檔名", `"ATTCH1" is not declared`},
		{"second DOCTYPE", "<!DOCTYPE 函>\n<!DOCTYPE 函><函/>", 2, "", "where none may stand"},
		{"DOCTYPE inside", "<函>\n<!DOCTYPE 函></函>", 2, "函", "where none may stand"},
		{"other declaration", "<!ELEMENT 函 ANY><函/>", 1, "DOCTYPE", "not DOCTYPE"},
		{"attribute twice", "<函>\n<速別 代碼=\"速件\" 代碼=\"最速件\"/></函>", 2, "速別", "stands twice"},
		{"subject twice", "<函><主旨>甲</主旨>\n<主旨>乙</主旨></函>", 2, "主旨", "more than once"},
		{"deep", "<函><段落>" + nested + "</段落></函>", 1, "條列", "deeper than 32"},
		{"many elements", "<函>" + strings.Repeat("<a/>", 20_000) + "</函>", 1, "a", "more than 20000"},
		{"large", "<函>" + strings.Repeat(" ", di.MaxBytes) + "</函>", 0, "", "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := di.Decode([]byte(tt.in))
			se, ok := errors.AsType[*di.SyntaxError](err)
			if !ok {
				t.Fatalf("got %+v, error %v, want a SyntaxError", d, err)
			}
			if se.Line != tt.line || se.Element != tt.element || !strings.Contains(se.Reason, tt.reason) {
				t.Errorf("got line %d, element %q, reason %q, want %d, %q, %q", se.Line, se.Element, se.Reason, tt.line, tt.element, tt.reason)
			}
		})
	}
}

func TestSyntaxErrorText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  di.SyntaxError
		want string
	}{
		{di.SyntaxError{Line: 3, Element: "主旨", Reason: "r"}, "line 3, 主旨: r"},
		{di.SyntaxError{Line: 3, Reason: "r"}, "line 3: r"},
		{di.SyntaxError{Element: "主旨", Reason: "r"}, "主旨: r"},
		{di.SyntaxError{Reason: "r"}, "r"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestDecodeCharset(t *testing.T) {
	t.Parallel()
	const big5 = "<?xml version=\"1.0\" encoding=\"%s\"?><!DOCTYPE \xa8\xe7 SYSTEM \"99_2_big5.dtd\"><\xa8\xe7><\xa5D\xa6\xae>\xa5\\%s</\xa5D\xa6\xae></\xa8\xe7>"
	tests := []struct {
		name, in, subject, encoding string
		warned                      string
	}{
		{"big5", fmt.Sprintf(big5, "BIG5", ""), "功", di.Big5, ""},
		{"cp950", fmt.Sprintf(big5, "cp950", ""), "功", di.Big5, ""},
		{"own character", fmt.Sprintf(big5, "big5", "\xfa\x40"), "功\uFFFD", di.Big5, "造字, Big5 FA40"},
		{"own character, low area", fmt.Sprintf(big5, "big5", "\x81\x40\x81\x41"), "功\uFFFD\uFFFD", di.Big5, "Big5 8141"},
		{"no declaration", strings.TrimPrefix(fmt.Sprintf(big5, "", ""), `<?xml version="1.0" encoding=""?>`), "功", di.Big5, ""},
		{"UTF-8 called Big5", `<?xml version="1.0" encoding="big5"?><!DOCTYPE 函 SYSTEM "99_2_big5.dtd"><函><主旨>功能測</主旨></函>`, "功能測", di.UTF8, "declared as Big5"},
		{"marked UTF-8 called Big5", "\xef\xbb\xbf" + `<?xml version="1.0" encoding="big5"?><!DOCTYPE 函 SYSTEM "99_2_big5.dtd"><函><主旨>功</主旨></函>`, "功", di.UTF8, "marked as UTF-8"},
		{"no declaration, UTF-8", `<!DOCTYPE 函 SYSTEM "99_2_utf8.dtd"><函><主旨>功</主旨></函>`, "功", di.UTF8, ""},
	}
	for _, tt := range tests {
		d, err := di.Decode([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d.Body.Subject != tt.subject || d.Encoding != tt.encoding {
			t.Errorf("%s: got subject %q, encoding %q", tt.name, d.Body.Subject, d.Encoding)
		}
		if w := strings.Join(d.Warnings, "\n"); !strings.Contains(w, tt.warned) || (w == "") != (tt.warned == "") {
			t.Errorf("%s: got warnings %q, want %q", tt.name, w, tt.warned)
		}
	}
}

// A file that warns of everything does not fill the memory.
func TestDecodeWarningsBounded(t *testing.T) {
	t.Parallel()
	d, err := di.Decode([]byte("<函>" + strings.Repeat("<a/>", 10_000) + "</函>"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.Warnings); n != 51 || !strings.Contains(d.Warnings[50], "more") {
		t.Errorf("got %d warnings, the last %q", n, d.Warnings[n-1])
	}
}
