package sandbox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// node is one element of a rendered Flex message: what the template needs, no
// more. Looks are classes: the page's CSP allows no style attributes, so every
// value of the message becomes a class such as "fg-1f4e79", whose rule
// [flexCSS] writes.
type node struct {
	Kind     string // box, text, span, button, separator, filler
	Class    string
	Text     string
	Href     string // http or https only
	Tap      string // label of a button that is told to the account
	Key      string // whose phone and which message, for that
	Message  string
	Children []node
}

// What the words of a Flex message measure in LINE, in pixels
// (https://developers.line.biz/en/docs/messaging-api/flex-message-layout/).
var (
	spaces    = map[string]string{"none": "0px", "xs": "2px", "sm": "4px", "md": "8px", "lg": "12px", "xl": "16px", "xxl": "20px"}
	textSizes = map[string]string{"xxs": "11px", "xs": "13px", "sm": "14px", "md": "16px", "lg": "19px", "xl": "22px", "xxl": "29px", "3xl": "35px", "4xl": "48px", "5xl": "74px"}
)

// classes collects class names.
type classes struct{ list []string }

func (c *classes) add(names ...string) { c.list = append(c.list, names...) }

// value adds a class that carries a value of the message.
func (c *classes) value(prefix string, v any, words map[string]string) {
	s, ok := v.(string)
	if !ok || s == "" {
		return
	}
	if w, ok := words[s]; ok {
		s = w
	}
	s = strings.ToLower(strings.TrimPrefix(s, "#"))
	s = strings.NewReplacer("%", "pc", ".", "_").Replace(s)
	if name := prefix + "-" + s; tokenPattern.MatchString(name) {
		c.add(name)
	}
}

func (c *classes) String() string { return strings.Join(c.list, " ") }

// renderFlex turns the container of a Flex message, as received, into nodes.
func renderFlex(message []byte) (bubble node, ok bool) {
	var m struct {
		Type     string         `json:"type"`
		Contents map[string]any `json:"contents"`
	}
	if json.Unmarshal(message, &m) != nil || m.Type != "flex" || m.Contents["type"] != "bubble" {
		return node{}, false
	}
	c := classes{}
	size, _ := m.Contents["size"].(string)
	if size == "" {
		size = "mega"
	}
	c.add("fx-bubble", "fx-"+size)
	bubble = node{Kind: "box"}
	for _, block := range []string{"header", "hero", "body", "footer"} {
		fields, ok := m.Contents[block].(map[string]any)
		if !ok {
			continue
		}
		n := renderBox(fields, nil)
		n.Class += " fx-" + block
		bubble.Children = append(bubble.Children, n)
	}
	bubble.Class = c.String()
	return bubble, true
}

// renderAny renders one component. outer are the classes that its place in the
// parent gives it.
func renderAny(v any, outer []string) node {
	fields, _ := v.(map[string]any)
	c := classes{list: slices.Clone(outer)}
	switch fields["type"] {
	case "box":
		return renderBox(fields, outer)
	case "text":
		return renderText(fields, c)
	case "button":
		return renderButton(fields, c)
	case "separator":
		c.add("fx-separator")
		c.value("bg", fields["color"], nil)
		return node{Kind: "separator", Class: c.String()}
	default:
		return node{Kind: "filler", Class: c.String()}
	}
}

func renderBox(fields map[string]any, outer []string) node {
	c := classes{list: slices.Clone(outer)}
	layout, _ := fields["layout"].(string)
	c.add("fx-box", "fx-"+layout)
	c.value("bg", fields["backgroundColor"], nil)
	c.value("bc", fields["borderColor"], nil)
	c.value("cr", fields["cornerRadius"], spaces)
	for prefix, name := range map[string]string{"wd": "width", "mw": "maxWidth", "ht": "height", "mh": "maxHeight"} {
		c.value(prefix, fields[name], nil)
	}
	for _, p := range [][2]string{{"pa", "paddingAll"}, {"pt", "paddingTop"}, {"pb", "paddingBottom"}, {"ps", "paddingStart"}, {"pe", "paddingEnd"}} {
		c.value(p[0], fields[p[1]], spaces)
	}
	if v, ok := fields["justifyContent"].(string); ok {
		c.add("jc-" + v)
	}
	if v, ok := fields["alignItems"].(string); ok {
		c.add("ai-" + v)
	}
	n := node{Kind: "box", Href: href(fields["action"])}
	list, _ := fields["contents"].([]any)
	for i, e := range list {
		child, _ := e.(map[string]any)
		place := classes{}
		gap := child["margin"]
		if gap == nil && i > 0 {
			gap = fields["spacing"]
		}
		if gap != nil {
			place.value(map[bool]string{true: "mt", false: "ms"}[layout == "vertical"], gap, spaces)
		}
		place.add(flexClass(child["flex"], layout))
		n.Children = append(n.Children, renderAny(e, place.list))
	}
	slices.Sort(c.list[len(outer):])
	n.Class = c.String()
	return n
}

// flexClass: children of a horizontal box share its width, those of a vertical
// one take what they need.
func flexClass(v any, layout string) string {
	share, ok := v.(float64)
	if !ok && layout != "vertical" {
		share = 1
	}
	return "fl-" + strconv.Itoa(int(share))
}

func renderText(fields map[string]any, c classes) node {
	c.add("fx-text")
	textLooks(&c, fields)
	if v, ok := fields["align"].(string); ok {
		c.add("ta-" + v)
	}
	if fields["wrap"] == true {
		c.add("fx-wrap")
	}
	n := node{Kind: "text", Href: href(fields["action"])}
	n.Text, _ = fields["text"].(string)
	spans, _ := fields["contents"].([]any)
	for _, e := range spans {
		span, _ := e.(map[string]any)
		sc := classes{}
		textLooks(&sc, span)
		t, _ := span["text"].(string)
		n.Children = append(n.Children, node{Kind: "span", Class: sc.String(), Text: t})
	}
	n.Class = c.String()
	return n
}

func textLooks(c *classes, fields map[string]any) {
	c.value("fs", fields["size"], textSizes)
	c.value("fg", fields["color"], nil)
	if fields["weight"] == "bold" {
		c.add("fx-bold")
	}
	if v, ok := fields["decoration"].(string); ok && v != "none" {
		c.add("td-" + v)
	}
}

func renderButton(fields map[string]any, c classes) node {
	kind, _ := fields["style"].(string)
	if kind == "" {
		kind = "link"
	}
	c.add("fx-button", "fx-"+kind)
	if fields["height"] == "sm" {
		c.add("fx-low")
	}
	c.value(map[bool]string{true: "fg", false: "bg"}[kind == "link"], fields["color"], nil)
	n := node{Kind: "button", Class: c.String(), Href: href(fields["action"])}
	if a, ok := fields["action"].(map[string]any); ok {
		n.Text, _ = a["label"].(string)
		if a["type"] == "postback" || a["type"] == "message" {
			n.Tap = n.Text
		}
	}
	return n
}

// href gives where an action leads in a browser.
func href(v any) string {
	a, _ := v.(map[string]any)
	uri, _ := a["uri"].(string)
	if !absoluteURL(uri) {
		return ""
	}
	return uri
}

var tokenPattern = regexp.MustCompile(`^([a-z]{2})-([0-9a-f]{6}|[0-9a-f]{8}|[0-9]{1,4}(?:_[0-9]+)?(?:px|pc)|[0-9]{1,2})$`)

// tokens lists the classes in n that need a rule of their own, sorted.
func (n *node) tokens() []string {
	set := map[string]bool{}
	n.collect(set)
	list := make([]string, 0, len(set))
	for t := range set {
		list = append(list, t)
	}
	slices.Sort(list)
	return list
}

func (n *node) collect(set map[string]bool) {
	for name := range strings.FieldsSeq(n.Class) {
		if tokenPattern.MatchString(name) {
			set[name] = true
		}
	}
	for i := range n.Children {
		n.Children[i].collect(set)
	}
}

// properties are what a prefix sets.
var properties = map[string]string{
	"fg": "color:#%s", "bg": "background-color:#%s", "bc": "border:1px solid #%s",
	"pa": "padding:%s", "pt": "padding-top:%s", "pb": "padding-bottom:%s", "ps": "padding-inline-start:%s", "pe": "padding-inline-end:%s",
	"cr": "border-radius:%s", "wd": "width:%s", "mw": "max-width:%s", "ht": "height:%s", "mh": "max-height:%s",
	"mt": "margin-top:%s", "ms": "margin-inline-start:%s", "fs": "font-size:%s",
}

// flexCSS writes the rules of the given classes; names that are none are left
// out.
func flexCSS(names []string) string {
	var b strings.Builder
	for _, name := range names {
		parts := tokenPattern.FindStringSubmatch(name)
		if parts == nil {
			continue
		}
		value := strings.NewReplacer("pc", "%", "_", ".").Replace(parts[2])
		if parts[1] == "fl" && len(value) <= 2 {
			basis := "0 0"
			if value == "0" {
				basis = "0 auto"
			}
			fmt.Fprintf(&b, ".%s{flex:%s %s}\n", name, value, basis)
			continue
		}
		if p, ok := properties[parts[1]]; ok && isColor(parts[2]) == strings.Contains(p, "#") {
			fmt.Fprintf(&b, ".%s{%s}\n", name, fmt.Sprintf(p, value))
		}
	}
	return b.String()
}

func isColor(s string) bool {
	return !strings.HasSuffix(s, "px") && !strings.HasSuffix(s, "pc") && (len(s) == 6 || len(s) == 8)
}
