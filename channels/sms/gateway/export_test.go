package gateway

import (
	"net/http"

	"qianhe/channels/sms"
)

// Build gives the request that Send would make.
func (s *Sender) Build(t sms.Text) (*http.Request, []rune, error) {
	values, _ := s.values(t)
	return s.send.build(values)
}
