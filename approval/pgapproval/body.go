package pgapproval

import (
	"encoding/json"
	"fmt"
	"reflect"

	"qianhe/approval"
)

// encodeBody writes a body as JSON of its Go names. Every field is written,
// empty ones too, so that a nil list and an empty one stay apart and a body
// comes back exactly as it was. Returns an [*approval.InvalidError] when it
// would not: JSON cannot hold bytes that are no text.
func encodeBody(b approval.Body) ([]byte, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	back, err := decodeBody(text)
	if err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(b, back) {
		return nil, &approval.InvalidError{Field: "body", Reason: "text.characters"}
	}
	return text, nil
}

func decodeBody(text []byte) (approval.Body, error) {
	var b approval.Body
	if err := json.Unmarshal(text, &b); err != nil {
		return approval.Body{}, fmt.Errorf("body: %w", err)
	}
	return b, nil
}
