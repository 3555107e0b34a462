package twfido

import (
	"fmt"
	"net/url"
	"time"
)

// Form is what the browser posts to TW FidO's own page (WEB-01). The answer
// comes back through the browser to the address that is registered there.
type Form struct {
	Action      string
	Transaction string
	Fields      url.Values
}

// Form makes the form of a Redirect request.
func (c *Client) Form(r Request) (Form, error) {
	if err := r.check(); err != nil {
		return Form{}, err
	}
	transaction, err := c.newTransaction()
	if err != nil {
		return Form{}, err
	}
	v := url.Values{
		"transaction_id": {transaction}, "op_code": {r.opCode()}, "sp_service_id": {c.config.ServiceID},
		"hint": {r.Hint}, "time_limit": {fmt.Sprint(int(r.Life / time.Second))},
	}
	data := ""
	if s := r.signInfo(); s != nil {
		data = s.Data
		v.Set("sign_type", s.Type)
		v.Set("sign_data", s.Data)
		v.Set("tbs_encoding", s.Encoding)
	}
	sum, err := c.config.Key.seal(c.config.Random, transaction, c.config.ServiceID, r.opCode(), r.Hint, data)
	if err != nil {
		return Form{}, err
	}
	v.Set("sp_checksum", sum)
	return Form{c.config.Web.JoinPath("fidoRedirect", "web").String(), transaction, v}, nil
}

// Callback reads what the browser brought back from TW FidO's page. The
// transaction must be one that is under way and must be taken once; the request
// comes from another site, without our cookies. For a sign-in the identity
// number in it has to be the account's, which Expect says.
func (c *Client) Callback(v url.Values, transaction string, e Expect) (*Answer, error) {
	const id = "SP-API-WEB-01"
	code, number, signed := v.Get("error_code"), v.Get("id_num"), v.Get("signed_response")
	if v.Get("transaction_id") != transaction || transaction == "" || !c.config.Key.proves(v.Get("idp_checksum"), transaction, code, number, signed) {
		return nil, unproven(id, "the checksum")
	}
	switch b := bare(code); {
	case pending(b):
		return nil, ErrPending
	case b != "0":
		return nil, &Error{id, b}
	}
	if FoldID(number) != e.IDNumber || e.IDNumber == "" {
		return nil, unproven(id, "another person has answered")
	}
	if len(e.Sign) == 0 {
		return &Answer{}, nil
	}
	return c.prove(id, "", v.Get("cert"), []string{signed}, e)
}
