package sandbox

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// problem is one line of the details of LINE's error body.
type problem struct {
	Message  string `json:"message"`
	Property string `json:"property"`
}

// checker collects what is wrong with a message.
type checker struct{ problems []problem }

func (c *checker) add(path, format string, args ...any) {
	c.problems = append(c.problems, problem{fmt.Sprintf(format, args...), path})
}

// rule checks one value.
type rule func(c *checker, path string, v any)

// object checks that fields has the required members and no unknown ones, and
// each by its rule.
func (c *checker) object(path string, fields map[string]any, rules map[string]rule, required ...string) {
	for _, name := range required {
		if _, ok := fields[name]; !ok {
			c.add(path+"/"+name, "must be specified")
		}
	}
	for name, v := range fields {
		if check, ok := rules[name]; ok {
			check(c, path+"/"+name, v)
		} else {
			c.add(path+"/"+name, "unknown field")
		}
	}
}

func anything(*checker, string, any) {}

// text is a string of low to high UTF-16 code units.
func text(low, high int) rule {
	return func(c *checker, path string, v any) {
		s, ok := v.(string)
		if n := utf16Len(s); !ok || n < low || n > high || !utf8.ValidString(s) {
			c.add(path, "Length must be between %d and %d", low, high)
		}
	}
}

func oneOf(words ...string) rule {
	return func(c *checker, path string, v any) {
		if s, ok := v.(string); !ok || !slices.Contains(words, s) {
			c.add(path, "must be one of the following values: [%s]", strings.Join(words, ", "))
		}
	}
}

func matches(pattern *regexp.Regexp, what string) rule {
	return func(c *checker, path string, v any) {
		if s, ok := v.(string); !ok || !pattern.MatchString(s) {
			c.add(path, "must be %s", what)
		}
	}
}

func boolean(c *checker, path string, v any) {
	if _, ok := v.(bool); !ok {
		c.add(path, "must be a boolean")
	}
}

func number(c *checker, path string, v any) {
	if n, ok := v.(float64); !ok || n < 0 || n != float64(int(n)) {
		c.add(path, "must be a number from 0")
	}
}

var (
	colorPattern = regexp.MustCompile(`^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$`)
	marginWord   = regexp.MustCompile(`^(none|xs|sm|md|lg|xl|xxl|\d{1,4}(\.\d+)?px)$`)
	paddingWord  = regexp.MustCompile(`^(none|xs|sm|md|lg|xl|xxl|\d{1,4}(\.\d+)?(px|%))$`)
	lengthWord   = regexp.MustCompile(`^\d{1,4}(\.\d+)?(px|%)$`)
	textSizeWord = regexp.MustCompile(`^(xxs|xs|sm|md|lg|xl|xxl|[345]xl|\d{1,4}(\.\d+)?px)$`)

	color   = matches(colorPattern, "a color such as #rrggbb")
	margin  = matches(marginWord, "none, xs, sm, md, lg, xl, xxl or pixels")
	padding = matches(paddingWord, "none, xs, sm, md, lg, xl, xxl, pixels or per cent")
	length  = matches(lengthWord, "pixels or per cent")
	size    = matches(textSizeWord, "a text size")
	align   = oneOf("start", "end", "center")
	weight  = oneOf("regular", "bold")
	decor   = oneOf("none", "underline", "line-through")
	style   = oneOf("normal", "italic")
	gravity = oneOf("top", "bottom", "center")
	space   = oneOf("flex-start", "center", "flex-end", "space-between", "space-around", "space-evenly")
)

// component rules, by https://developers.line.biz/en/reference/messaging-api/#flex-message
var (
	placed = map[string]rule{"flex": number, "margin": margin, "position": oneOf("relative", "absolute"),
		"offsetTop": margin, "offsetBottom": margin, "offsetStart": margin, "offsetEnd": margin}
	boxRules = with(placed, map[string]rule{"layout": oneOf("horizontal", "vertical", "baseline"), "spacing": margin,
		"backgroundColor": color, "borderColor": color, "borderWidth": anything, "cornerRadius": margin,
		"width": length, "maxWidth": length, "height": length, "maxHeight": length,
		"paddingAll": padding, "paddingTop": padding, "paddingBottom": padding, "paddingStart": padding, "paddingEnd": padding,
		"justifyContent": space, "alignItems": oneOf("flex-start", "center", "flex-end")})
	spanRules = map[string]rule{"text": text(1, 2000), "size": size, "color": color, "weight": weight, "style": style, "decoration": decor}
	textRules = with(with(placed, spanRules), map[string]rule{"align": align, "gravity": gravity, "wrap": boolean,
		"maxLines": number, "lineSpacing": length, "adjustMode": oneOf("shrink-to-fit"), "scaling": boolean})
	buttonRules = with(placed, map[string]rule{"height": oneOf("sm", "md"), "style": oneOf("primary", "secondary", "link"),
		"color": color, "gravity": gravity, "adjustMode": oneOf("shrink-to-fit"), "scaling": boolean})
	separatorRules = map[string]rule{"margin": margin, "color": color}
)

// with gives a table of its own with the rules of both, and the type.
func with(a, b map[string]rule) map[string]rule {
	all := map[string]rule{"type": anything}
	for _, m := range []map[string]rule{a, b} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

const maxDepth = 10

// container checks a bubble.
func container(c *checker, path string, v any) {
	fields, _ := v.(map[string]any)
	if fields["type"] != "bubble" {
		c.add(path+"/type", "must be bubble (carousels are not part of the sandbox)")
		return
	}
	block := func(c *checker, path string, v any) { component(c, path, v, "", 1, "box") }
	blockStyle := func(c *checker, path string, v any) {
		f, _ := v.(map[string]any)
		c.object(path, f, map[string]rule{"backgroundColor": color, "separator": boolean, "separatorColor": color})
	}
	styles := func(c *checker, path string, v any) {
		f, _ := v.(map[string]any)
		c.object(path, f, map[string]rule{"header": blockStyle, "hero": blockStyle, "body": blockStyle, "footer": blockStyle})
	}
	c.object(path, fields, map[string]rule{"type": anything, "size": oneOf("nano", "micro", "deca", "hecto", "kilo", "mega", "giga"),
		"direction": oneOf("ltr", "rtl"), "header": block, "hero": block, "body": block, "footer": block, "styles": styles, "action": action})
	if fields["header"] == nil && fields["hero"] == nil && fields["body"] == nil && fields["footer"] == nil {
		c.add(path, "At least one block must be specified")
	}
}

// component checks one component in a box of the given layout ("" for a block
// of the bubble). allowed are the types that may stand here.
func component(c *checker, path string, v any, layout string, depth int, allowed ...string) {
	fields, _ := v.(map[string]any)
	kind, _ := fields["type"].(string)
	if !slices.Contains(allowed, kind) {
		c.add(path+"/type", "%q is not one of %v, which may stand here", kind, allowed)
		return
	}
	if depth > maxDepth {
		c.add(path, "nested too deeply")
		return
	}
	switch kind {
	case "box":
		inner, _ := fields["layout"].(string)
		children := func(c *checker, path string, v any) {
			list, ok := v.([]any)
			if !ok {
				c.add(path, "must be an array")
			}
			may := []string{"box", "button", "text", "separator", "filler"}
			if inner == "baseline" {
				may = []string{"text", "filler"}
			}
			for i, e := range list {
				component(c, fmt.Sprintf("%s[%d]", path, i), e, inner, depth+1, may...)
			}
		}
		c.object(path, fields, with(boxRules, map[string]rule{"contents": children, "action": action}), "layout", "contents")
	case "text":
		spans := func(c *checker, path string, v any) {
			list, _ := v.([]any)
			if len(list) == 0 {
				c.add(path, "must be an array of spans")
			}
			for i, e := range list {
				component(c, fmt.Sprintf("%s[%d]", path, i), e, layout, depth+1, "span")
			}
		}
		c.object(path, fields, with(textRules, map[string]rule{"contents": spans, "action": action}))
		if fields["text"] == nil && fields["contents"] == nil {
			c.add(path+"/text", "must be specified")
		}
		if layout == "baseline" && fields["gravity"] != nil {
			c.add(path+"/gravity", "cannot be used in a baseline box")
		}
	case "span":
		c.object(path, fields, with(spanRules, nil), "text")
	case "button":
		c.object(path, fields, with(buttonRules, map[string]rule{"action": labelledAction}), "action")
	case "separator":
		c.object(path, fields, with(separatorRules, nil))
	case "filler":
		c.object(path, fields, map[string]rule{"type": anything, "flex": number})
	}
}

// labelledAction is the action of a button: it has a label.
func labelledAction(c *checker, path string, v any) {
	if f, _ := v.(map[string]any); f["label"] == nil {
		c.add(path+"/label", "must be specified")
	}
	action(c, path, v)
}

func action(c *checker, path string, v any) {
	fields, _ := v.(map[string]any)
	rules := map[string]rule{"type": anything, "label": text(1, 40)}
	switch fields["type"] {
	case "uri":
		c.object(path, fields, with(rules, map[string]rule{"uri": uri, "altUri": func(c *checker, path string, v any) {
			f, _ := v.(map[string]any)
			c.object(path, f, map[string]rule{"desktop": uri})
		}}), "uri")
	case "postback":
		c.object(path, fields, with(rules, map[string]rule{"data": text(1, 300), "displayText": text(1, 300), "text": text(1, 300),
			"inputOption": oneOf("closeRichMenu", "openRichMenu", "openKeyboard", "openVoice"), "fillInText": text(1, 300)}), "data")
	case "message":
		c.object(path, fields, with(rules, map[string]rule{"text": text(1, 300)}), "text")
	default:
		c.add(path+"/type", "must be uri, postback or message")
	}
}

// uri: at most 1,000 characters, of a known scheme, percent-encoded.
func uri(c *checker, path string, v any) {
	s, _ := v.(string)
	u, err := url.Parse(s)
	switch {
	case utf16Len(s) < 1 || utf16Len(s) > 1000:
		c.add(path, "Length must be between 1 and 1000")
	case err != nil || !slices.Contains([]string{"http", "https", "line", "tel"}, u.Scheme):
		c.add(path, "invalid uri scheme")
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }):
		c.add(path, "must be percent-encoded")
	}
}

// absoluteURL reports whether s names a scheme and a host.
func absoluteURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
