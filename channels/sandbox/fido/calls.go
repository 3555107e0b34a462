package fido

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

var idNumber = regexp.MustCompile(`^[A-Z][0-9A-Z]{9}$`)

// getTicket is ATH-01.
func (s *Server) getTicket(m map[string]any) (map[string]any, string) {
	if _, ok := m["device_user_def_desc"]; ok {
		return nil, "PM_INV_NF"
	}
	return s.issue(m, field(m, "op_mode"), []string{"ATH", "SIGN"}, []string{"I-SCAN", "APP2APP", "MWEB2APP"}, func(data string) []string {
		return []string{field(m, "transaction_id"), field(m, "sp_service_id"), field(m, "id_num"), field(m, "op_code"), field(m, "op_mode"), field(m, "hint"), data}
	})
}

// push is ATH-03. A push has no op_mode, and no alias is no key.
func (s *Server) push(m map[string]any) (map[string]any, string) {
	if _, ok := m["op_mode"]; ok {
		return nil, "PM_INV_NF"
	}
	if device, ok := m["device_user_def_desc"]; ok && device == "" || device == nil && ok {
		return nil, "PM_INV_NF"
	}
	return s.issue(m, "PUSH", []string{"ATH", "SIGN"}, []string{"PUSH"}, func(data string) []string {
		return []string{field(m, "transaction_id"), field(m, "sp_service_id"), field(m, "id_num"), field(m, "device_user_def_desc"), field(m, "op_code"), field(m, "hint"), data}
	})
}

// batch is ATH-04.
func (s *Server) batch(m map[string]any) (map[string]any, string) {
	return s.issue(m, field(m, "op_mode"), []string{"BATSIGN"}, []string{"PUSH", "APP2APP", "MWEB2APP"}, func(string) []string {
		return []string{field(m, "transaction_id"), field(m, "sp_service_id"), field(m, "id_num"), field(m, "op_code"), field(m, "op_mode"), field(m, "hint")}
	})
}

// issue checks a request in the order of the specification and makes a ticket.
func (s *Server) issue(m map[string]any, mode string, ops, modes []string, payload func(data string) []string) (map[string]any, string) {
	for _, name := range []string{"transaction_id", "sp_service_id", "sp_checksum", "id_num", "op_code"} {
		if field(m, name) == "" {
			return nil, "PM_INV_NF"
		}
	}
	if _, ok := m["hint"].(string); !ok || len(field(m, "transaction_id")) > 100 {
		return nil, "PM_INV_NF"
	}
	info, _ := m["sign_info"].(map[string]any)
	data := field(info, "sign_data")
	person := s.people[field(m, "id_num")]
	life, code := lifetime(m["time_limit"])
	op := field(m, "op_code")
	switch {
	case field(m, "sp_service_id") != s.opt.ServiceID:
		return nil, "SPSVCID_NF"
	case !s.checksum(m, payload(data)...):
		return nil, "INV_SP_CHECKSUM"
	case !idNumber.MatchString(field(m, "id_num")):
		return nil, "PM_IDN_FT_ERR"
	case !slices.Contains(ops, op):
		return nil, "TGT_INV"
	case !slices.Contains(modes, mode):
		return nil, "PM_INV_NF"
	case code != "":
		return nil, code
	}
	all, code := signData(op, info)
	switch {
	case code != "":
		return nil, code
	case s.transactions[field(m, "transaction_id")]:
		return nil, "TXNLOG_INS_ERR"
	case person == nil:
		return nil, "IDNUM_USERPROF_NF"
	case field(m, "device_user_def_desc") != "" && field(m, "device_user_def_desc") != person.device:
		return nil, "DEV_DESC_MISMATCH"
	case mode == "PUSH" && person.silent:
		return nil, "PS_FCM_NOT_FOUND"
	}
	t := &ticket{transaction: field(m, "transaction_id"), person: person, op: op, mode: mode, hint: field(m, "hint"), data: all, expires: s.opt.Now().Add(life)}
	s.keep(t)
	return map[string]any{"sp_ticket": t.raw, "idp_checksum": s.proof(t.transaction, "0", t.raw)}, ""
}

// signData reads what is to be signed.
func signData(op string, info map[string]any) (all []string, code string) {
	if op == "ATH" {
		if info != nil {
			return nil, "PM_INV_NF"
		}
		return nil, ""
	}
	if field(info, "sign_type") != "RAW" || field(info, "tbs_encoding") != "base64" || info["hash_algorithm"] != nil {
		return nil, "PM_INV_NF" // other types are not played
	}
	if op == "SIGN" {
		all = []string{field(info, "sign_data")}
	} else {
		set, _ := info["sign_data_set"].([]any)
		for _, d := range set {
			text, _ := d.(string)
			all = append(all, text)
		}
		if len(all) > 20 {
			return nil, "BATSIGN_CNT_LIMIT"
		}
	}
	if len(all) == 0 {
		return nil, "PM_INV_NF"
	}
	for _, d := range all {
		if d == "" {
			return nil, "PM_INV_NF"
		}
		if utf8.RuneCountInString(d) > 1024 {
			return nil, "SIGNDATA_LEN_LIMIT"
		}
	}
	return all, ""
}

// lifetime reads time_limit, a number or one in quotes.
func lifetime(v any) (time.Duration, string) {
	n := 60
	switch v := v.(type) {
	case nil:
	case float64:
		n = int(v)
	case string:
		i, err := strconv.Atoi(v)
		if err != nil {
			return 0, "SPTKT_TIME_FT_ERR"
		}
		n = i
	default:
		return 0, "SPTKT_TIME_FT_ERR"
	}
	if n < 30 || n > 600 {
		return 0, "SPTKT_TIME_ORV"
	}
	return time.Duration(n) * time.Second, ""
}

// keep gives a ticket its name and remembers it.
func (s *Server) keep(t *ticket) {
	t.id = "TKT-" + rand.Text()
	p := map[string]string{
		"transaction_id": t.transaction, "sp_ticket_id": t.id, "op_code": t.op, "op_mode": t.mode, "sp_service_id": s.opt.ServiceID,
		"sp_name": s.opt.ServiceName, "hint": t.hint, "expiration_time": strconv.FormatInt(t.expires.UnixMilli(), 10),
	}
	if t.person != nil {
		p["hashed_id_num"] = s.pseudonym(t.person.idNumber)
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // a map of strings
	}
	payload := base64.RawURLEncoding.EncodeToString(b)
	sum := sha256.Sum256([]byte(payload))
	t.raw = payload + "." + base64.RawURLEncoding.EncodeToString(sum[:])
	s.tickets[t.id] = t
	s.transactions[t.transaction] = true
	close(s.changed)
	s.changed = make(chan struct{})
}

// result is ATH-02.
func (s *Server) result(m map[string]any) (map[string]any, string) {
	transaction, id := field(m, "transaction_id"), field(m, "sp_ticket_id")
	switch {
	case transaction == "" || id == "" || field(m, "sp_checksum") == "":
		return nil, "PM_INV_NF"
	case field(m, "sp_service_id") != s.opt.ServiceID:
		return nil, "SPSVCID_NF"
	case !s.checksum(m, transaction, s.opt.ServiceID, id):
		return nil, "INV_SP_CHECKSUM"
	}
	t := s.tickets[id]
	notYet := s.fault.NotYet
	if notYet == "" {
		notYet = "SPTKTID_TXNLOG_NF"
	}
	switch {
	case t == nil:
		return nil, "SPTKTID_SPTKT_NF"
	case t.state == cancelled:
		return nil, "APP_USER_CANCEL"
	case t.state == waiting && !s.opt.Now().Before(t.expires):
		return nil, "SPTKT_OVD"
	case t.state == waiting:
		return nil, notYet
	case s.fault.Pending > 0:
		s.fault.Pending--
		return nil, notYet
	}
	r := map[string]any{"hashed_id_num": s.pseudonym(t.person.idNumber)}
	signed := ""
	switch t.op {
	case "SIGN":
		signed = t.signed[0]
		r["signed_response"] = signed
	case "BATSIGN":
		r["signed_response_set"] = t.signed
	}
	if len(t.signed) > 0 {
		r["cert"] = base64.StdEncoding.EncodeToString(t.cert.Raw)
	}
	r["idp_checksum"] = s.proof(transaction, "0", r["hashed_id_num"].(string), signed)
	return r, ""
}

// device is LF-01.
func (s *Server) device(m map[string]any) (map[string]any, string) {
	transaction, id := field(m, "transaction_id"), field(m, "id_num")
	switch {
	case transaction == "" || id == "":
		return nil, "PM_INV_NF"
	case field(m, "sp_service_id") != s.opt.ServiceID:
		return nil, "SPSVCID_NF"
	case !s.checksum(m, transaction, s.opt.ServiceID, id):
		return nil, "INV_SP_CHECKSUM"
	case !idNumber.MatchString(id):
		return nil, "PM_IDN_FT_ERR"
	}
	flag := "N"
	if s.people[id] != nil {
		flag = "Y"
	}
	return map[string]any{"is_fido": flag, "is_mcert_sign": flag, "idp_checksum": s.proof(transaction, "0", flag, flag)}, ""
}
