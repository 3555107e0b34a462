package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// created is the answer to a document that was stored.
type created struct {
	ID       string   `json:"id"`
	Number   string   `json:"number"`
	Due      string   `json:"due,omitempty"` // last day in time, YYYY-MM-DD in Asia/Taipei
	URL      string   `json:"url"`
	Warnings []string `json:"warnings,omitempty"`
}

// duplicate is the answer to a file that was stored before.
type duplicate struct {
	ID        string `json:"id"`
	Duplicate bool   `json:"duplicate"`
	URL       string `json:"url"`
}

// createDocument puts a document on its way.
func (a *API) createDocument(w http.ResponseWriter, r *http.Request, _ access.APIToken) error {
	select {
	case a.uploads <- struct{}{}:
		defer func() { <-a.uploads }()
	default:
		return &problem{code: "busy", retryAfter: 5 * time.Second}
	}
	u, err := a.readUpload(w, r)
	if err != nil {
		return err
	}
	res, err := a.opt.Importer.Import(r.Context(), u.files, u.order)
	if d, ok := errors.AsType[*approval.DuplicateError](err); ok && d.SameFile {
		return answer(w, http.StatusOK, duplicate{ID: string(d.Existing), Duplicate: true, URL: a.opt.DocumentURL(string(d.Existing))})
	}
	if err != nil {
		return within(u.files, err)
	}
	doc := res.Document
	out := created{ID: string(doc.ID), Number: doc.Number, URL: a.opt.DocumentURL(string(doc.ID)), Warnings: res.Warnings}
	if !doc.Deadline.IsZero() {
		out.Due = doc.Deadline.Day().Format(time.DateOnly)
	}
	w.Header().Set("Location", out.URL)
	return answer(w, http.StatusCreated, out)
}

func answer(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // nobody is left to be told
	return nil
}
