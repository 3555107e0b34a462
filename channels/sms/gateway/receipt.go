package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"qianhe/approval"
	"qianhe/channels/sms"
	"qianhe/hub"
)

// receipts are [Receipts], checked.
type receipts struct {
	cfg                        Receipts
	verify                     verifier // nil: nothing is believed
	list                       jsonPath
	id, delivery, status, code jsonPath
	statuses                   map[string]said
}

// said is what a status means.
type said struct {
	data    string
	outcome hub.Outcome
}

// maxReceipts is how many a callback may hold.
const maxReceipts = 1000

func newReceipts(r *Receipts, fixed func(string) bool, values map[string]string) (*receipts, error) {
	if r == nil {
		return nil, nil
	}
	c := &receipts{cfg: *r, statuses: map[string]said{}}
	var err error
	if c.verify, err = newVerifier(r.Verify, fixed, values); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	switch r.Format {
	case "", "form", "json", "query":
	default:
		return nil, fmt.Errorf("format %q is none of form, json, query", r.Format)
	}
	if r.Format == "query" && r.Verify.Type == "hmac" {
		return nil, errors.New("hmac is over a body, and a query has none")
	}
	if r.Status == "" || len(r.Statuses) == 0 {
		return nil, errors.New("status, and what its words mean, are needed")
	}
	if r.Format == "json" {
		for _, f := range []struct {
			field string
			path  *jsonPath
		}{{r.List, &c.list}, {r.ID, &c.id}, {r.Delivery, &c.delivery}, {r.Status, &c.status}, {r.Code, &c.code}} {
			if *f.path, err = parsePath(f.field); err != nil {
				return nil, err
			}
		}
	}
	for word, meaning := range r.Statuses {
		if c.statuses[word], err = parseSaid(meaning); err != nil {
			return nil, fmt.Errorf("statuses: %s: %w", word, err)
		}
	}
	return c, nil
}

// parseSaid reads "delivered" or "failed permanent".
func parseSaid(s string) (said, error) {
	data, then, more := strings.Cut(s, " ")
	failed := data == "undelivered" || data == "failed"
	if !failed && !slices.Contains([]string{"accepted", "queued", "sending", "sent", "delivered"}, data) || more && !failed {
		return said{}, fmt.Errorf("%q is not such as delivered, or failed permanent", s)
	}
	if !failed {
		return said{data: data}, nil
	}
	switch then {
	case "", thenRejected:
		return said{data, hub.OutcomeRejected}, nil
	case thenPermanent:
		return said{data, hub.OutcomePermanent}, nil
	case thenRetry:
		return said{data, hub.OutcomeRetry}, nil
	case thenDown:
		return said{data, hub.OutcomeChannelDown}, nil
	}
	return said{}, fmt.Errorf("what follows from %q is none of permanent, rejected, retry, down", s)
}

// ParseInbound verifies a callback and gives what it says of texts. It returns
// an error wrapping [hub.ErrSignature] where it does not prove whose it is.
func (s *Sender) ParseInbound(cb hub.Callback) ([]hub.Inbound, error) {
	r := s.receipts
	if r == nil || r.verify == nil || !r.verify(cb) {
		return nil, fmt.Errorf("gateway: %w", hub.ErrSignature)
	}
	about := ""
	if r.cfg.Verify.Type == "hmac" {
		// It is over the body: whoever has caught one could write any delivery
		// into the address.
	} else if q, err := url.ParseQuery(cb.Query); err == nil && approval.ValidID(q.Get("a")) {
		about = q.Get("a")
	}
	reports, err := r.read(cb)
	if err != nil {
		return nil, err
	}
	var list []hub.Inbound
	for _, report := range reports {
		in, err := s.inbound(report, about)
		if err != nil {
			s.opt.Log.Warn("receipt cannot be read", "provider", s.cfg.Name, "err", err)
			continue
		}
		list = append(list, in)
	}
	return list, nil
}

// report gives the fields of one receipt.
type report func(field string, path jsonPath) string

// read takes a callback apart into its receipts.
func (r *receipts) read(cb hub.Callback) ([]report, error) {
	if r.cfg.Format == "json" {
		return r.readJSON(cb.Body)
	}
	raw := string(cb.Body)
	if r.cfg.Format == "query" {
		raw = cb.Query
	}
	form, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errors.New("gateway: receipt is not a form")
	}
	return []report{func(field string, _ jsonPath) string { return form.Get(field) }}, nil
}

func (r *receipts) readJSON(body []byte) ([]report, error) {
	v, err := readJSON(body)
	if err != nil {
		return nil, fmt.Errorf("gateway: receipt is %w", err)
	}
	v, ok := r.list.at(v)
	if !ok {
		return nil, errors.New("gateway: receipt has no list")
	}
	items, many := v.([]any)
	if !many {
		items = []any{v}
	}
	if len(items) > maxReceipts {
		return nil, fmt.Errorf("gateway: more than %d receipts at once", maxReceipts)
	}
	var reports []report
	for _, item := range items {
		reports = append(reports, func(field string, path jsonPath) string {
			if field == "" {
				return ""
			}
			text, _ := path.text(item)
			return text
		})
	}
	return reports, nil
}

// inbound gives what one receipt says; about is the delivery that the address
// named.
func (s *Sender) inbound(field report, about string) (hub.Inbound, error) {
	r := s.receipts
	word := strings.TrimSpace(field(r.cfg.Status, r.status))
	says, ok := r.statuses[word]
	if !ok {
		return hub.Inbound{}, fmt.Errorf("status %q is not in the file", sms.Words(word, 40))
	}
	in := hub.Inbound{Channel: hub.SMS, Kind: hub.InStatus, Data: says.data, Outcome: says.outcome, Delivery: about}
	if d := strings.TrimSpace(field(r.cfg.Delivery, r.delivery)); approval.ValidID(d) {
		if about != "" && about != d {
			return hub.Inbound{}, errors.New("address and receipt name two deliveries")
		}
		in.Delivery = d
	}
	id := name(strings.TrimSpace(field(r.cfg.ID, r.id)))
	if id != "" {
		in.Provider = []string{id}
	}
	if id == "" && in.Delivery == "" {
		return hub.Inbound{}, errors.New("it names no text")
	}
	in.ID = strings.Join([]string{id, in.Delivery, hub.Clip(word, 40)}, ":")
	if says.outcome != "" {
		in.Code = sms.Words(field(r.cfg.Code, r.code), 40)
		if in.Code == "" {
			in.Code = sms.Words(word, 40)
		}
	}
	return in, nil
}
