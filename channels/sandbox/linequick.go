package sandbox

import "fmt"

const (
	maxQuickReplies = 13
	maxQuickLabel   = 20
)

// quickReply checks the quick replies of a message: at most 13, with labels of
// at most 20 characters.
func quickReply(c *checker, path string, v any) {
	fields, _ := v.(map[string]any)
	c.object(path, fields, map[string]rule{"items": func(c *checker, path string, v any) {
		list, _ := v.([]any)
		if n := len(list); n < 1 || n > maxQuickReplies {
			c.add(path, "Size must be between 1 and %d", maxQuickReplies)
		}
		for i, e := range list {
			item, _ := e.(map[string]any)
			c.object(fmt.Sprintf("%s[%d]", path, i), item, map[string]rule{
				"type": oneOf("action"), "imageUrl": text(1, 1000),
				"action": func(c *checker, path string, v any) {
					if a, _ := v.(map[string]any); utf16Len(fmt.Sprint(a["label"])) > maxQuickLabel {
						c.add(path+"/label", "Length must be between 1 and %d", maxQuickLabel)
					}
					labelledAction(c, path, v)
				},
			}, "type", "action")
		}
	}}, "items")
}

// quickReplies gives the labels of a message's quick replies.
func quickReplies(raw []byte) []string {
	var list []string
	for _, a := range quickActions(raw) {
		list = append(list, a.Label)
	}
	return list
}
