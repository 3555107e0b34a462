package twfido

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"qianhe/approval"
)

// Config of a service provider.
type Config struct {
	API       *url.URL // https://fidoapi.moi.gov.tw
	Web       *url.URL // https://fido.moi.gov.tw; for Redirect
	ServiceID string   // sp_service_id
	Key       Key
	Anchors   []*x509.Certificate // authorities that may vouch for people: those of production and of the test system are not the same
	// Client speaks to TW FidO; nil means one with a time-out of 15 seconds.
	Client *http.Client
	Now    func() time.Time
	Random io.Reader
}

// Client asks TW FidO. It is safe for concurrent use.
type Client struct{ config Config }

// New checks the configuration. It connects to nothing.
func New(c Config) (*Client, error) {
	switch {
	case c.API == nil || c.API.Host == "" || c.Web == nil || c.Web.Host == "":
		return nil, errors.New("twfido: no address of the interface or of the page")
	case c.ServiceID == "":
		return nil, errors.New("twfido: no sp_service_id")
	case c.Key.aead == nil:
		return nil, errors.New("twfido: no key")
	case len(c.Anchors) == 0:
		return nil, errors.New("twfido: no authority is believed: nobody could sign")
	}
	if c.Client == nil {
		c.Client = &http.Client{}
	}
	own := *c.Client
	own.Timeout = cmp.Or(own.Timeout, 15*time.Second)
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Client = &own
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return &Client{c}, nil
}

// newTransaction is a UUID of version 4: one that is used twice is refused.
func (c *Client) newTransaction() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(c.config.Random, b[:]); err != nil {
		return "", fmt.Errorf("source of randomness: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// signInfo is what is to be signed, as the interface writes it.
type signInfo struct {
	Type     string   `json:"sign_type"`
	Data     string   `json:"sign_data,omitempty"`
	DataSet  []string `json:"sign_data_set,omitempty"`
	Encoding string   `json:"tbs_encoding"`
}

func (r *Request) signInfo() *signInfo {
	s := &signInfo{Type: "RAW", Encoding: "base64"}
	switch len(r.Sign) {
	case 0:
		return nil
	case 1:
		s.Data = signData(r.Sign[0])
	default:
		for _, sum := range r.Sign {
			s.DataSet = append(s.DataSet, signData(sum))
		}
	}
	return s
}

// ask is what ATH-01, ATH-03 and ATH-04 are sent.
type ask struct {
	Transaction string    `json:"transaction_id"`
	Service     string    `json:"sp_service_id"`
	Checksum    string    `json:"sp_checksum"`
	IDNumber    string    `json:"id_num"`
	OpCode      string    `json:"op_code"`
	OpMode      string    `json:"op_mode,omitempty"` // never with a push
	Hint        string    `json:"hint"`              // always, empty or not
	Device      string    `json:"device_user_def_desc,omitempty"`
	Life        int       `json:"time_limit"`
	Sign        *signInfo `json:"sign_info,omitempty"`
}

// Ask asks for a ticket, and with Push has the phones prompt at once. The error
// is an *approval.InvalidError, an *Error, a *TransportError, or one that says
// ErrUnproven.
func (c *Client) Ask(ctx context.Context, r Request) (Ticket, error) {
	if err := r.check(); err != nil {
		return Ticket{}, err
	}
	if r.Mode == Redirect {
		return Ticket{}, &approval.InvalidError{Field: "mode", Reason: "twfido.mode"}
	}
	transaction, err := c.newTransaction()
	if err != nil {
		return Ticket{}, err
	}
	a := ask{Transaction: transaction, Service: c.config.ServiceID, IDNumber: r.IDNumber, OpCode: r.opCode(), OpMode: string(r.Mode), Hint: r.Hint, Device: r.Device, Life: int(r.Life / time.Second), Sign: r.signInfo()}
	data := ""
	if a.Sign != nil {
		data = a.Sign.Data
	}
	id, path := "SP-API-ATH-01", "getSpTicket"
	payload := []string{a.Transaction, a.Service, a.IDNumber, a.OpCode, a.OpMode, a.Hint, data}
	switch {
	case a.OpCode == "BATSIGN":
		id, path = "SP-API-ATH-04", "doBatchSigning"
		payload = payload[:6] // what is signed is not covered
	case r.Mode == Push:
		id, path = "SP-API-ATH-03", "requestAthOrSignPush"
		a.OpMode = ""
		payload = []string{a.Transaction, a.Service, a.IDNumber, a.Device, a.OpCode, a.Hint, data}
	}
	if a.Checksum, err = c.config.Key.seal(c.config.Random, payload...); err != nil {
		return Ticket{}, err
	}
	asked := c.config.Now()
	var result struct {
		Ticket   string `json:"sp_ticket"`
		Checksum string `json:"idp_checksum"`
	}
	if err := c.call(ctx, id, path, a, &result); err != nil {
		return Ticket{}, err
	}
	if !c.config.Key.proves(result.Checksum, transaction, "0", result.Ticket) {
		return Ticket{}, fmt.Errorf("%s: %w: the checksum of the ticket", id, ErrUnproven)
	}
	t, err := parseTicket(result.Ticket)
	if err != nil {
		return Ticket{}, fmt.Errorf("%s: %w", id, err)
	}
	t.Transaction = transaction
	// Our clock and theirs differ: the life that was asked for, from when it was
	// asked, is what a ticket has at most.
	if most := asked.Add(r.Life); t.Expires.IsZero() || t.Expires.After(most) || t.Expires.Before(asked) {
		t.Expires = most
	}
	return t, nil
}

// Device is what is known of somebody's phones.
type Device struct {
	Bound bool // one is bound: sign-in works
	Signs bool // and has a certificate for signatures
}

// Device asks whether somebody has a phone that can be asked.
func (c *Client) Device(ctx context.Context, idNum string) (Device, error) {
	if !idNumber.MatchString(idNum) {
		return Device{}, &approval.InvalidError{Field: "id", Reason: "twfido.id"}
	}
	transaction, err := c.newTransaction()
	if err != nil {
		return Device{}, err
	}
	request := struct {
		Transaction string `json:"transaction_id"`
		Service     string `json:"sp_service_id"`
		Checksum    string `json:"sp_checksum"`
		IDNumber    string `json:"id_num"`
	}{transaction, c.config.ServiceID, "", idNum}
	if request.Checksum, err = c.config.Key.seal(c.config.Random, transaction, c.config.ServiceID, idNum); err != nil {
		return Device{}, err
	}
	var result struct {
		Bound    string `json:"is_fido"`
		Signs    string `json:"is_mcert_sign"`
		Checksum string `json:"idp_checksum"`
	}
	const id = "SP-API-LF-01"
	if err := c.call(ctx, id, "checkDeviceStatus", request, &result); err != nil {
		return Device{}, err
	}
	if !c.config.Key.proves(result.Checksum, transaction, "0", result.Bound, result.Signs) {
		return Device{}, fmt.Errorf("%s: %w: the checksum", id, ErrUnproven)
	}
	return Device{result.Bound == "Y", result.Signs == "Y"}, nil
}

// maxAnswer is far more than twenty signatures and a certificate.
const maxAnswer = 1 << 20

// call posts JSON and reads the envelope of the answer.
func (c *Client) call(ctx context.Context, id, path string, request, result any) error {
	failed := func(format string, args ...any) error {
		return &TransportError{id, fmt.Errorf(format, args...)}
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	at := c.config.API.JoinPath("moise", "sp", path).String()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Accept", "application/json")
	resp, err := c.config.Client.Do(req)
	if err != nil {
		return &TransportError{id, err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return &TransportError{id, err}
	case len(b) > maxAnswer:
		return failed("answer of more than %d bytes", maxAnswer)
	case resp.StatusCode != http.StatusOK:
		return failed("status %d", resp.StatusCode)
	}
	var envelope struct {
		Code   json.RawMessage `json:"error_code"`
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(b, &envelope); err != nil {
		return failed("answer is no JSON")
	}
	switch code := bare(strings.Trim(string(envelope.Code), `"`)); {
	case code == "" || code == "null":
		return failed("answer has no error_code")
	case pending(code):
		return ErrPending
	case code != "0":
		return &Error{id, code}
	}
	if err := json.Unmarshal(envelope.Result, result); err != nil {
		return failed("result cannot be read")
	}
	return nil
}
