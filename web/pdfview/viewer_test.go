package pdfview_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"qianhe/approval"
	"qianhe/web/pdfview"
)

// shared is a compiled module for all tests of the package.
var shared = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "pdfview-test-") })

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := shared(); err == nil {
		os.RemoveAll(dir)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func newViewer(t testing.TB, opt pdfview.Options) *pdfview.Viewer {
	t.Helper()
	if opt.Dir == "" {
		dir, err := shared()
		if err != nil {
			t.Fatal(err)
		}
		opt.Dir = dir
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.RenderTimeout == 0 {
		opt.RenderTimeout = time.Minute // the race detector and a busy machine
	}
	if opt.QueueTimeout == 0 {
		opt.QueueTimeout = 5 * time.Minute
	}
	v, err := pdfview.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return v
}

func decode(t *testing.T, b []byte) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("not a JPEG: %v", err)
	}
	return img
}

// near reports whether the pixel has about this colour; JPEG is not exact.
func near(t *testing.T, img image.Image, x, y int, want color.RGBA) {
	t.Helper()
	r, g, b, _ := img.At(x, y).RGBA()
	got := [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}
	for i, w := range [3]uint8{want.R, want.G, want.B} {
		if d := got[i] - int(w); d < -12 || d > 12 {
			t.Errorf("pixel %d,%d is %v, want about %v", x, y, got, want)
			return
		}
	}
}

var (
	white = color.RGBA{R: 255, G: 255, B: 255}
	red   = color.RGBA{R: 255}
	green = color.RGBA{G: 255}
	pink  = color.RGBA{R: 255, G: 128, B: 128}
)

func TestPage(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{})
	tests := []struct {
		name          string
		pdf           []byte
		width         int
		wantW, wantH  int
		corner, other color.RGBA // lower left, upper right
	}{
		{"A4", plain(), 720, 720, 1019, red, white},
		{"snapped up", plain(), 800, 1080, 1528, red, white},
		{"largest", plain(), 9000, 1440, 2038, red, white},
		{"turned by 90 degrees", onePage(a4Box+"/Rotate 90", redSquare), 720, 720, 509, white, white},
		{"transparency stays on white paper", transparent(), 720, 720, 1019, pink, white},
		{"signature field is shown", widget(), 720, 720, 1019, green, white},
		{"very long page gets narrower", onePage("/MediaBox[0 0 100 4000]", redSquare), 720, 72, 2880, red, white},
		{"very large page", onePage("/MediaBox[0 0 14400 14400]", "1 0 0 rg 0 0 7000 7000 re f"), 720, 720, 720, red, white},
		{"latin text in a font that PDFium has", namedFont(false), 720, 720, 1019, white, white},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sha, get := source(tt.pdf)
			b, err := v.Page(t.Context(), sha, 0, tt.width, get)
			if err != nil {
				t.Fatalf("Page: %v", err)
			}
			img := decode(t, b)
			if got := img.Bounds(); got.Dx() != tt.wantW || got.Dy() != tt.wantH {
				t.Errorf("image is %d x %d, want %d x %d", got.Dx(), got.Dy(), tt.wantW, tt.wantH)
			}
			near(t, img, 5, img.Bounds().Dy()-6, tt.corner)
			near(t, img, img.Bounds().Dx()-6, 5, tt.other)
			sizes, err := v.PageSizes(t.Context(), sha, get)
			if err != nil || len(sizes) != 1 {
				t.Fatalf("PageSizes: %v, %v", sizes, err)
			}
			if w, h := sizes[0].Pixels(tt.width); w != tt.wantW || h != tt.wantH {
				t.Errorf("Pixels says %d x %d, want %d x %d", w, h, tt.wantW, tt.wantH)
			}
		})
	}
}

func TestChineseDocument(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{})
	sha, get := source(letter(t))
	n, err := v.Pages(t.Context(), sha, get)
	if err != nil || n != 2 {
		t.Fatalf("Pages: got %d, %v, want 2", n, err)
	}
	sizes, err := v.PageSizes(t.Context(), sha, get)
	if err != nil {
		t.Fatal(err)
	}
	var got [][2]int
	for _, s := range sizes {
		w, h := s.Pixels(720)
		got = append(got, [2]int{w, h})
	}
	if diff := cmp.Diff([][2]int{{720, 1019}, {720, 509}}, got); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
	b, err := v.Page(t.Context(), sha, 0, 1080, get)
	if err != nil {
		t.Fatalf("Page: %v", err)
	}
	ink := 0
	img := decode(t, b)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if r, _, _, _ := img.At(x, y).RGBA(); r < 0x4000 {
				ink++
			}
		}
	}
	if ink < 1000 {
		t.Errorf("the page shows %d dark pixels, want text", ink)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{MaxBytes: 64 << 10, MaxPages: 5})
	tests := []struct {
		name string
		pdf  []byte
		want error
	}{
		{"empty", nil, pdfview.ErrBroken},
		{"not a PDF", []byte("PK\x03\x04 this is something else"), pdfview.ErrBroken},
		{"cut off at the head", plain()[200:], pdfview.ErrBroken},
		{"header only", []byte("%PDF-1.7\n%%EOF"), pdfview.ErrBroken},
		{"no pages", build("", "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>"), pdfview.ErrBroken},
		{"page tree that contains itself", build("", "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R]/Count 3>>"), pdfview.ErrBroken},
		{"claims a million pages", build("", "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 1000000>>"), pdfview.ErrTooLarge},
		{"password", encrypted(), pdfview.ErrEncrypted},
		{"too many pages", pages(6), pdfview.ErrTooLarge},
		{"too many bytes", append(plain(), make([]byte, 64<<10)...), pdfview.ErrTooLarge},
		{"Chinese text without its font", namedFont(true), pdfview.ErrFonts},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sha, get := source(tt.pdf)
			for range 2 { // the second time from memory
				if _, err := v.Page(t.Context(), sha, 0, 720, get); !errors.Is(err, tt.want) {
					t.Errorf("Page: got error %v, want %v", err, tt.want)
				}
			}
			// And nothing of it stays behind.
			sha, get = source(plain())
			if _, err := v.Page(t.Context(), sha, 0, 720, get); err != nil {
				t.Errorf("the next file: %v", err)
			}
		})
	}
}

func TestBrokenFileIsReadOnce(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{})
	reads := 0
	get := func() ([]byte, error) { reads++; return []byte("nothing"), nil }
	for page := range 3 {
		if _, err := v.Page(t.Context(), [32]byte{1}, page, 720, get); !errors.Is(err, pdfview.ErrBroken) {
			t.Errorf("page %d: got error %v, want ErrBroken", page, err)
		}
	}
	if _, err := v.Pages(t.Context(), [32]byte{1}, get); !errors.Is(err, pdfview.ErrBroken) {
		t.Errorf("Pages: got error %v, want ErrBroken", err)
	}
	if reads != 1 {
		t.Errorf("the file was read %d times, want once", reads)
	}
}

func TestNoSuchPage(t *testing.T) {
	t.Parallel()
	v := newViewer(t, pdfview.Options{})
	sha, get := source(plain())
	for _, n := range []int{-1, 1, 1, 1 << 40} {
		_, err := v.Page(t.Context(), sha, n, 720, get)
		if !errors.Is(err, pdfview.ErrNoPage) || !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("page %d: got error %v, want ErrNoPage", n, err)
		}
	}
}

func TestEndlessPageIsCutOff(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	v := newViewer(t, pdfview.Options{RenderTimeout: 3 * time.Second, Now: func() time.Time { return clock }})
	sha, get := source(endless(9))
	if _, err := v.Page(t.Context(), sha, 0, 720, get); !errors.Is(err, pdfview.ErrTimeout) {
		t.Fatalf("got error %v, want ErrTimeout", err)
	}
	never := func() ([]byte, error) { t.Error("the file is tried again at once"); return nil, nil }
	if _, err := v.Page(t.Context(), sha, 0, 720, never); !errors.Is(err, pdfview.ErrTimeout) {
		t.Errorf("the second time: got error %v, want ErrTimeout", err)
	}
	clock = clock.Add(time.Hour)
	sorry := errors.New("asked again")
	if _, err := v.Page(t.Context(), sha, 0, 720, func() ([]byte, error) { return nil, sorry }); !errors.Is(err, sorry) {
		t.Errorf("after an hour: got error %v, want another try", err)
	}
	sha, get = source(transparent())
	if _, err := v.Page(t.Context(), sha, 0, 720, get); err != nil {
		t.Errorf("the next file: %v", err)
	}
}

func TestDamagedStoredCode(t *testing.T) {
	t.Parallel()
	sha, get := source(plain())
	first := newViewer(t, pdfview.Options{})
	if _, err := first.Page(t.Context(), sha, 0, 720, get); err != nil {
		t.Fatal(err)
	}
	whole, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "code")
	if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	damaged := 0
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		damaged++
		return os.Truncate(path, 100)
	})
	if err != nil || damaged == 0 {
		t.Fatalf("%d files of stored code, %v", damaged, err)
	}
	second := newViewer(t, pdfview.Options{Dir: dir})
	if _, err := second.Page(t.Context(), sha, 0, 720, get); err != nil {
		t.Errorf("Page: %v", err)
	}
	healed := 0
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 1000 {
			healed++
		}
		return err
	})
	if err != nil || healed != damaged {
		t.Errorf("%d of %d files of stored code are whole again, %v", healed, damaged, err)
	}
}

func BenchmarkPage(b *testing.B) {
	v := newViewer(b, pdfview.Options{})
	pdf := letter(b)
	sha, get := source(pdf)
	if _, err := v.Page(b.Context(), sha, 0, 720, get); err != nil {
		b.Fatal(err)
	}
	for _, width := range []int{720, 1080, 1440} {
		b.Run(fmt.Sprint(width), func(b *testing.B) {
			for b.Loop() {
				img, err := v.Page(context.Background(), sha, 0, width, get)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(img)), "B/image")
			}
		})
	}
}

// BenchmarkStart is the first page of a process, the code read from disk.
func BenchmarkStart(b *testing.B) {
	sha, get := source(plain())
	for b.Loop() {
		v := newViewer(b, pdfview.Options{})
		if _, err := v.Page(context.Background(), sha, 0, 720, get); err != nil {
			b.Fatal(err)
		}
		v.Close()
	}
}
