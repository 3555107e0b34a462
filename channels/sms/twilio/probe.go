package twilio

import (
	"context"
	"fmt"

	api "github.com/twilio/twilio-go/rest/api/v2010"
)

// Probe reads one message of the account: whoever may not do that may not send
// either. What is left of the balance is told where the key may read it.
func (s *Sender) Probe(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	service, c := s.api(ctx)
	if _, err := service.PageMessage((&api.ListMessageParams{}).SetPageSize(1), "", ""); err != nil {
		return nil, c.trouble("account", err)
	}
	lines := []string{"Twilio account AC…" + s.cfg.AccountSID[len(s.cfg.AccountSID)-4:]}
	if s.cfg.MessagingServiceSID != "" {
		lines = append(lines, "sender: messaging service MG…"+s.cfg.MessagingServiceSID[len(s.cfg.MessagingServiceSID)-4:])
	} else {
		lines = append(lines, "sender: "+s.cfg.From+" (in Taiwan the carriers write another number)")
	}
	switch {
	case s.hook != nil:
		lines = append(lines, "status callbacks to "+s.hook.String())
	case s.cfg.AuthToken == "":
		lines = append(lines, "no auth token: callbacks cannot be verified, so none are asked for")
	default:
		lines = append(lines, "no address for callbacks: none are asked for")
	}
	service, _ = s.api(ctx)
	if b, err := service.FetchBalance(nil); err == nil && b.Balance != nil {
		lines = append(lines, fmt.Sprintf("balance: %.16s %.3s", *b.Balance, deref(b.Currency)))
	}
	return lines, nil
}
