package intake

import (
	"context"

	"qianhe/approval"
)

// Limits of one document, in bytes and files. What is larger is refused.
const (
	MaxFile    = 20 << 20
	MaxPackage = 100 << 20
	MaxFiles   = approval.MaxAttachments
)

// File is a file as it came. Name may hold a path, which only groups files.
type File struct {
	Name  string
	Bytes []byte
}

// Package is a DI and what belongs to it.
type Package struct {
	DI          File
	Roster      *File // the SW, nil when none came
	Attachments []File
}

// Order says what shall be done with a document.
type Order struct {
	// Number is the 文號; "" takes it from the DI, else from the roster's name.
	Number  string `json:"number,omitempty"`
	Handler string `json:"handler"` // login of the 承辦人
	// Received is when it was received or, for an own draft, begun: RFC 3339
	// or YYYY-MM-DD in Taipei; "" is now.
	Received string       `json:"received,omitempty"`
	Route    []RouteEntry `json:"route"`
}

// RouteEntry is one station.
type RouteEntry struct {
	Account string `json:"account"` // login
	// Duty is handle, review, consult or decide. "" is decide for the last
	// station, handle for the first when it is the handler, else review.
	Duty string `json:"duty,omitempty"`
}

// People finds who is meant by a login. An unknown one gives an error that is
// approval.ErrNotFound; any other error stops the import.
type People interface {
	PersonByLogin(ctx context.Context, login string) (approval.Person, error)
}

// Result is a document on its way, with what is to be stored of it.
type Result struct {
	Document *approval.Document
	Events   []approval.Event
	Body     approval.Body
	Files    []approval.File // the DI, the roster, the attachments in the order of the DI
	Blobs    map[[32]byte][]byte
	Source   [32]byte // SHA-256 of the DI: the same is not imported twice
	Warnings []string
}

func problem(field, reason, detail string) *approval.InvalidError {
	return &approval.InvalidError{Field: field, Reason: reason, Detail: detail}
}
