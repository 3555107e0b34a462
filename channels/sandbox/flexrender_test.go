package sandbox

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRenderFlex(t *testing.T) {
	t.Parallel()
	message := `{"type":"flex","altText":"題","contents":{"type":"bubble","size":"kilo",
	 "header":{"type":"box","layout":"vertical","backgroundColor":"#1F4E79","paddingAll":"14px","contents":[{"type":"text","text":"待處理公文","color":"#ffffff","weight":"bold"}]},
	 "body":{"type":"box","layout":"vertical","spacing":"md","contents":[
	  {"type":"text","contents":[{"type":"span","text":"5","size":"3xl"},{"type":"span","text":" 件","color":"#5f6878"}]},
	  {"type":"separator","margin":"lg"},
	  {"type":"box","layout":"horizontal","contents":[{"type":"text","text":"逾期","flex":2},{"type":"text","text":"1","align":"end"}]},
	  {"type":"button","style":"primary","color":"#1f4e79","height":"sm","action":{"type":"uri","label":"立即處理","uri":"https://a.example/inbox"}},
	  {"type":"button","action":{"type":"postback","label":"核可","data":"f=1"}}]}}}`
	got, ok := renderFlex([]byte(message))
	if !ok {
		t.Fatal("not rendered")
	}
	want := node{Kind: "box", Class: "fx-bubble fx-kilo", Children: []node{
		{Kind: "box", Class: "bg-1f4e79 fx-box fx-vertical pa-14px fx-header", Children: []node{
			{Kind: "text", Class: "fl-0 fx-text fg-ffffff fx-bold", Text: "待處理公文"},
		}},
		{Kind: "box", Class: "fx-box fx-vertical fx-body", Children: []node{
			{Kind: "text", Class: "fl-0 fx-text", Children: []node{
				{Kind: "span", Class: "fs-35px", Text: "5"},
				{Kind: "span", Class: "fg-5f6878", Text: " 件"},
			}},
			{Kind: "separator", Class: "mt-12px fl-0 fx-separator"},
			{Kind: "box", Class: "mt-8px fl-0 fx-box fx-horizontal", Children: []node{
				{Kind: "text", Class: "fl-2 fx-text", Text: "逾期"},
				{Kind: "text", Class: "fl-1 fx-text ta-end", Text: "1"},
			}},
			{Kind: "button", Class: "mt-8px fl-0 fx-button fx-primary fx-low bg-1f4e79", Text: "立即處理", Href: "https://a.example/inbox"},
			{Kind: "button", Class: "mt-8px fl-0 fx-button fx-link", Text: "核可", Tap: "核可"},
		}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	wantCSS := `.bg-1f4e79{background-color:#1f4e79}
.fg-5f6878{color:#5f6878}
.fg-ffffff{color:#ffffff}
.fl-0{flex:0 0 auto}
.fl-1{flex:1 0 0}
.fl-2{flex:2 0 0}
.fs-35px{font-size:35px}
.mt-12px{margin-top:12px}
.mt-8px{margin-top:8px}
.pa-14px{padding:14px}
`
	if diff := cmp.Diff(wantCSS, flexCSS(got.tokens())); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// TestFlexCSSIsTame: the names come from a message, and then from an address.
func TestFlexCSSIsTame(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "fg", "fg-red", "fg-12px", "pa-ffffff", "zz-ffffff", "fg-ffffff}body{", "wd-url(x)", "fs-9_", "mt--4px", "fl-1px"} {
		if got := flexCSS([]string{name}); got != "" {
			t.Errorf("flexCSS(%q) = %q, want nothing", name, got)
		}
	}
	if got, want := flexCSS([]string{"wd-50pc", "fs-12_5px"}), ".wd-50pc{width:50%}\n.fs-12_5px{font-size:12.5px}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRenderFlexRefuses(t *testing.T) {
	t.Parallel()
	for _, message := range []string{"", "{}", `{"type":"text","text":"a"}`, `{"type":"flex","contents":{"type":"carousel"}}`, `{"type":"flex","contents":[]}`} {
		if n, ok := renderFlex([]byte(message)); ok {
			t.Errorf("%s: rendered as %+v", message, n)
		}
	}
}

func FuzzRenderFlex(f *testing.F) {
	f.Add(`{"type":"flex","contents":{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[{"type":"text","text":"a","color":"#123456"}]}}}`)
	f.Add(`{"type":"flex","contents":{"type":"bubble","body":{"type":"box","contents":[null,1,{"type":"button","action":7}]}}}`)
	f.Fuzz(func(t *testing.T, message string) {
		n, _ := renderFlex([]byte(message))
		if css := flexCSS(n.tokens()); strings.ContainsAny(css, `<>@\"'(`) {
			t.Errorf("rules %q", css)
		}
	})
}
