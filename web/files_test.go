package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"qianhe/approval"
	"qianhe/web/pdfview"
)

func TestAttachments(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	doc := "/d/" + string(o.flood)
	file := func(id approval.FileID) string { return doc + "/files/" + string(id) }
	o.get(t, "wang", doc).
		says(t, "h2.small", "附件 3").
		has(t, `.files a.open[href="`+file(o.pdf)+`/view"]`, 1).
		has(t, `.files a.save[download]`, 4).
		says(t, ".files", "防汛整備檢查表.pdf PDF · 318 KB · 點開檢視", "各區抽水站清冊.ods ODS · 42 KB").
		says(t, "details .files", "1150012345.di").
		has(t, `figure img[src="`+file(o.picture)+`/image"][loading=lazy]`, 1)

	a := o.get(t, "wang", file(o.sheet)).status(t, 200)
	for k, want := range map[string]string{
		"Content-Type":            "application/octet-stream",
		"Content-Disposition":     `attachment; filename="_______.ods"; filename*=UTF-8''%E5%90%84%E5%8D%80%E6%8A%BD%E6%B0%B4%E7%AB%99%E6%B8%85%E5%86%8A.ods`,
		"Content-Security-Policy": "sandbox; default-src 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Cache-Control":           "no-store",
		"Content-Length":          "42100",
	} {
		if got := a.Header.Get(k); got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	if got := o.get(t, "wang", file(o.pdf)).Header.Get("Content-Type"); got != "application/pdf" {
		t.Errorf("a PDF is %s", got)
	}
	o.get(t, "wang", file(o.pdf), "Range", "bytes=0-4").status(t, http.StatusPartialContent)
	if got := o.get(t, "wang", file(o.picture)+"/image").status(t, 200); !bytes.HasPrefix([]byte(got.text), []byte("\x89PNG")) || got.Header.Get("Content-Security-Policy") != filePolicy {
		t.Errorf("image: %v", got.Header)
	}
	for _, login := range []string{"kao", "lin"} {
		want := map[string]int{"kao": 404, "lin": 200}[login]
		o.get(t, login, file(o.pdf)).status(t, want)
		o.get(t, login, file(o.picture)+"/image").status(t, want)
		o.get(t, login, file(o.pdf)+"/view").status(t, want)
		o.get(t, login, file(o.pdf)+"/pages/1").status(t, want)
	}
	o.get(t, "wang", doc+"/files/none").status(t, 404)
}

// A picture may be kept by the browser, but is asked about each time.
func TestPicturesAreRevalidated(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := "/d/" + string(o.flood) + "/files/" + string(o.picture) + "/image"
	a := o.get(t, "wang", path).status(t, 200)
	if a.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("Cache-Control is %q", a.Header.Get("Cache-Control"))
	}
	o.get(t, "wang", path, "If-None-Match", a.Header.Get("ETag")).status(t, http.StatusNotModified)
	o.get(t, "kao", path, "If-None-Match", a.Header.Get("ETag")).status(t, http.StatusNotFound)
}

// What calls itself an image and is a program is not shown.
func TestOnlyRealImagesAreShown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	svg := o.store.attach(o.newID, o.flood, approval.FileAttachment, "圖.svg", "image/svg+xml", []byte("<svg onload='alert(1)'/>"))
	page := o.store.attach(o.newID, o.flood, approval.FileAttachment, "頁.html", "text/html", []byte("<script>alert(1)</script>"))
	doc := "/d/" + string(o.flood)
	o.get(t, "wang", doc).has(t, "figure img", 1)
	for _, id := range []approval.FileID{svg, page} {
		o.get(t, "wang", doc+"/files/"+string(id)+"/image").status(t, 404)
		if a := o.get(t, "wang", doc+"/files/"+string(id)).status(t, 200); a.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment; ") {
			t.Errorf("headers %v", a.Header)
		}
	}
}

func TestContentDisposition(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("長", 100) + ".pdf"
	tests := []struct{ name, want string }{
		{"a.pdf", `attachment; filename="a.pdf"; filename*=UTF-8''a.pdf`},
		{"函 一.di", `attachment; filename="_ _.di"; filename*=UTF-8''%E5%87%BD%20%E4%B8%80.di`},
		{`a"; filename="b.exe`, `attachment; filename="a_; filename=_b.exe"; filename*=UTF-8''a_%3B%20filename%3D_b.exe`},
		{"a\r\nX: y.pdf", `attachment; filename="a__X_ y.pdf"; filename*=UTF-8''a__X_%20y.pdf`},
		{"../../etc/passwd", `attachment; filename="_.._etc_passwd"; filename*=UTF-8''_.._etc_passwd`},
		{`C:\x.pdf`, `attachment; filename="C__x.pdf"; filename*=UTF-8''C__x.pdf`},
		{"fdp\u202excod.exe", `attachment; filename="fdp_xcod.exe"; filename*=UTF-8''fdp_xcod.exe`},
		{"50% '1'.txt", `attachment; filename="50_ '1'.txt"; filename*=UTF-8''50%25%20%271%27.txt`},
		{"...", `attachment; filename="file"; filename*=UTF-8''file`},
		{"\xff\xfe.bin", `attachment; filename="_.bin"; filename*=UTF-8''_.bin`},
	}
	for _, tt := range tests {
		if got := attachment(tt.name); got != tt.want {
			t.Errorf("attachment(%q) = %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := attachment(long); len(got) > 1000 || !strings.HasSuffix(got, ".pdf") {
		t.Errorf("a long name gives %d bytes: %s", len(got), got)
	}
}

func TestPagesOfAPDF(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := "/d/" + string(o.flood) + "/files/" + string(o.pdf)
	o.get(t, "wang", path+"/view").status(t, 200).
		has(t, `img[loading=lazy][width="1080"][height="1528"]`, 3).
		says(t, ".bar", "防汛整備檢查表.pdf", "3 頁").
		has(t, `.bar a[href="`+path+`"][download]`, 1).
		has(t, `img[src="`+path+`/pages/3?w=1080"][alt="防汛整備檢查表.pdf 第 3 頁，共 3 頁"]`, 1)
	a := o.get(t, "wang", path+"/pages/1?w=700").status(t, 200)
	if a.Header.Get("Content-Type") != "image/jpeg" || a.Header.Get("Cache-Control") != "private, no-cache" || !strings.HasSuffix(a.Header.Get("ETag"), `-1-720"`) {
		t.Errorf("headers %v", a.Header)
	}
	for _, n := range []string{"0", "-1", "4", "x", "99999999999999999999"} {
		o.get(t, "wang", path+"/pages/"+n).status(t, 404)
	}
}

// Where pages cannot be shown the original still can, and the page says why.
func TestPagesThatCannotBeShown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		status int
		says   string
	}{
		{pdfview.ErrFonts, 422, "沒有內嵌字型"},
		{pdfview.ErrEncrypted, 422, "密碼保護"},
		{pdfview.ErrBroken, 422, "無法讀取"},
		{pdfview.ErrTooLarge, 422, "太大"},
		{pdfview.ErrBusy, 503, "稍候再試"},
		{fmt.Errorf("page 3: %w", pdfview.ErrTimeout), 503, "稍候再試"},
	} {
		o := newOffice(t)
		o.pages.err = tt.err
		path := "/d/" + string(o.flood) + "/files/" + string(o.pdf)
		o.get(t, "wang", path+"/view").status(t, tt.status).says(t, ".wrong", tt.says).has(t, `main a.main[href="`+path+`"]`, 1)
		if a := o.get(t, "wang", path+"/pages/1").status(t, tt.status); a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("ETag") != "" {
			t.Errorf("a failure may be kept: %v", a.Header)
		}
	}
	o := newOffice(t, func(opt *Options) { opt.Pages = nil })
	path := "/d/" + string(o.flood) + "/files/" + string(o.pdf)
	o.get(t, "wang", path+"/view").status(t, 404)
	o.get(t, "wang", "/d/"+string(o.flood)).has(t, `.files a.open[href="`+path+`"][download]`, 1)
}
