package api

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// problem is a refusal with a code from the table below.
type problem struct {
	code       string
	errors     []fault
	existing   string        // id of the document in the way
	retryAfter time.Duration // when another try makes sense
	allow      string        // method that would be allowed
	scope      string        // that is missing
	cause      error         // for the log only
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.code + ": " + p.cause.Error()
	}
	return p.code
}

func (p *problem) Unwrap() error { return p.cause }

// fault says what is wrong where.
type fault struct {
	File   string `json:"file,omitempty"`   // name of the file, as it was sent
	Line   int    `json:"line,omitempty"`   // of the DI, from 1
	Field  string `json:"field,omitempty"`  // of the order, or element of the DI
	Reason string `json:"reason"`           // key that does not change, or the parser's words
	Detail string `json:"detail,omitempty"` // offending value or limit
}

// body is a problem document, RFC 9457.
type body struct {
	Type     string            `json:"type"`
	Title    string            `json:"title"`
	Status   int               `json:"status"`
	Code     string            `json:"code"`
	Detail   string            `json:"detail"`
	Details  map[string]string `json:"details"`
	Existing string            `json:"existing,omitempty"`
	Errors   []fault           `json:"errors,omitempty"`
}

// entry is one line of the table of codes.
type entry struct {
	status int
	title  string
	zh, en string
}

// table says what each code means. A code that callers have seen keeps its
// meaning.
func table(code string) entry {
	switch code {
	case "token_missing":
		return entry{http.StatusUnauthorized, "Token missing", "請求未附權杖。請於 Authorization 標頭附上 Bearer 權杖。", "The request carries no token. Send it as a bearer token in the Authorization header."}
	case "token_invalid":
		return entry{http.StatusUnauthorized, "Token not valid", "權杖無效、已撤銷或已逾期。請洽系統管理者重新核發。", "The token is unknown, was revoked or has expired. Ask the operator for a new one."}
	case "scope_missing":
		return entry{http.StatusForbidden, "Scope missing", "權杖未具備所需權限，請洽系統管理者重新核發。", "The token does not allow this; ask the operator for one that does."}
	case "network_refused":
		return entry{http.StatusForbidden, "Not from this network", "機關未開放由此網路呼叫，請改由機關內網或 VPN 呼叫，或洽系統管理者。", "The agency does not allow calls from this network. Call from its intranet or VPN, or ask the operator."}
	case "not_found":
		return entry{http.StatusNotFound, "No such address", "查無此介面。介面說明見 /api/v1/openapi.json。", "There is nothing at this address. See /api/v1/openapi.json."}
	case "method_not_allowed":
		return entry{http.StatusMethodNotAllowed, "Method not allowed", "此介面不接受該 HTTP 方法。", "This address does not take that HTTP method."}
	case "number_taken":
		return entry{http.StatusConflict, "Number taken", "同一發文機關已有相同文號但內容不同的公文，未匯入。請確認文號。", "The issuer already has a document of this number with another content; nothing was stored. Check the number."}
	case "too_large":
		return entry{http.StatusRequestEntityTooLarge, "Too large", "檔案或請求超過大小上限，未予受理。", "A file or the whole request is larger than allowed; nothing was stored."}
	case "media_type":
		return entry{http.StatusUnsupportedMediaType, "Not multipart/form-data", "請以 multipart/form-data 傳送，欄位為 di、order、attachment 及 roster。", "Send multipart/form-data with the parts di, order, attachment and roster."}
	case "malformed":
		return entry{http.StatusBadRequest, "Malformed request", "請求格式有誤，未予受理。請依 errors 修正。", "The request is not of the form that is described; nothing was stored. See errors."}
	case "di_invalid":
		return entry{http.StatusUnprocessableEntity, "DI cannot be read", "文書本文檔（DI）或交換表單（SW）格式有誤，未匯入。請依 errors 所列行號修正。", "The DI or SW cannot be read; nothing was stored. The lines are in errors."}
	case "invalid":
		return entry{http.StatusUnprocessableEntity, "Not acceptable", "公文或流程資料不符規定，未匯入。請依 errors 修正。", "The document or its order is not acceptable; nothing was stored. See errors."}
	case "json_expected":
		return entry{http.StatusUnsupportedMediaType, "Not application/json", "請以 application/json 傳送。", "Send application/json."}
	case "notice_invalid":
		return entry{http.StatusUnprocessableEntity, "Not acceptable", "通知內容不符規定，未送出。請依 errors 修正。", "The notice is not acceptable; nobody was told. See errors."}
	case "recipients_unknown":
		return entry{http.StatusUnprocessableEntity, "Nobody to tell", "收件帳號均不存在或已停用，未送出。", "None of the recipients has an account in use; nobody was told."}
	case "key_taken":
		return entry{http.StatusConflict, "Key taken", "相同的 key 已用於內容不同的通知，未送出。請更換 key，或以原內容重送。", "The key was used for a notice of another content; nobody was told. Use another key, or send the first content again."}
	case "notice_unknown":
		return entry{http.StatusNotFound, "No such notice", "查無此通知，或非本權杖所送。", "There is no such notice, or another token has sent it."}
	case "rate_limited":
		return entry{http.StatusTooManyRequests, "Too many calls", "呼叫次數過多，請於 Retry-After 所示秒數後再試。", "Too many calls; try again after the seconds in Retry-After."}
	case "busy":
		return entry{http.StatusTooManyRequests, "Too many uploads", "同時上傳件數已達上限，請於 Retry-After 所示秒數後再試。", "Too many uploads at this moment; try again after the seconds in Retry-After."}
	case "unavailable":
		return entry{http.StatusServiceUnavailable, "Not available", "系統暫時無法服務，請稍後以相同內容重送。", "The server cannot do this now; send the same again later."}
	}
	return entry{http.StatusInternalServerError, "Internal error", "系統發生錯誤，請稍後以相同內容重送；如仍發生請洽系統管理者。", "Something went wrong here. Send the same again later, or tell the operator."}
}

// refuse writes err as a problem document.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := explain(err)
	e := table(p.code)
	level := slog.LevelInfo
	if e.status >= 500 {
		level = slog.LevelError
		if r.Context().Err() != nil {
			level = slog.LevelInfo // the caller has gone
		}
	}
	a.opt.Log.LogAttrs(r.Context(), level, "api request refused", slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("code", p.code), slog.Any("error", err))

	h := w.Header()
	switch {
	case p.code == "token_missing":
		h.Set("WWW-Authenticate", `Bearer realm="qianhe"`)
	case p.code == "token_invalid":
		h.Set("WWW-Authenticate", `Bearer realm="qianhe", error="invalid_token"`)
	case p.code == "scope_missing":
		h.Set("WWW-Authenticate", `Bearer realm="qianhe", error="insufficient_scope", scope="`+p.scope+`"`)
	case p.allow != "":
		h.Set("Allow", p.allow)
	case p.retryAfter > 0:
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	b := body{
		Type:   "urn:qianhe:problem:" + p.code,
		Title:  e.title,
		Status: e.status,
		Code:   p.code,
		Detail: e.zh, Details: map[string]string{"zh-TW": e.zh, "en": e.en},
		Existing: p.existing,
		Errors:   p.errors,
	}
	language := "zh-TW"
	if prefersEnglish(r.Header.Get("Accept-Language")) {
		language, b.Detail = "en", e.en
	}
	h.Set("Content-Language", language)
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(b) // nobody is left to be told
}

// prefersEnglish reports whether the first language that we have, in the order
// of an Accept-Language header, is English.
func prefersEnglish(header string) bool {
	best, english := 0.0, false
	for _, part := range strings.Split(header, ",") {
		tag, params, _ := strings.Cut(part, ";")
		q := 1.0
		if _, v, ok := strings.Cut(params, "q="); ok {
			q, _ = strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
		language, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if (language == "zh" || language == "en") && q > best {
			best, english = q, language == "en"
		}
	}
	return english
}
