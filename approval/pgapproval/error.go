package pgapproval

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"qianhe/approval"
)

// SQLSTATE of what can be said in the words of the domain.
const (
	foreignKeyViolation     = "23503"
	uniqueViolation         = "23505"
	checkViolation          = "23514"
	characterNotInText      = "22021" // NUL, or bytes that are no UTF-8
	untranslatableCharacter = "22P05" // \u0000 in JSON
)

// fail says what failed, and as an error of package approval where there is
// one for it.
func fail(what string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return approval.ErrNotFound
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if known := meaning(pg); known != nil {
			return known
		}
	}
	return fmt.Errorf("pgapproval: %s: %w", what, err)
}

func meaning(pg *pgconn.PgError) error {
	switch pg.Code {
	case uniqueViolation:
		switch pg.ConstraintName {
		case "form_token_pkey":
			return approval.ErrReplayed
		case "document_source_sha256_key":
			return &approval.DuplicateError{SameFile: true}
		case "document_issuer_number_key":
			return &approval.DuplicateError{}
		}
	case foreignKeyViolation:
		switch pg.ConstraintName {
		case "document_handler_fkey":
			return &approval.InvalidError{Field: "handler", Reason: "route.person.unknown"}
		case "step_person_fkey", "step_principal_fkey", "step_acted_by_fkey", "decision_person_fkey", "decision_on_behalf_of_fkey":
			return &approval.InvalidError{Field: "route", Reason: "route.person.unknown"}
		case "person_unit_fkey", "unit_parent_fkey":
			return &approval.InvalidError{Field: "unit", Reason: "unit.unknown"}
		case "phrase_person_fkey":
			return &approval.InvalidError{Field: "person", Reason: "route.person.unknown"}
		}
	case checkViolation:
		return &approval.InvalidError{Field: pg.TableName, Reason: "value.refused", Detail: pg.ConstraintName}
	case characterNotInText, untranslatableCharacter:
		return &approval.InvalidError{Field: "text", Reason: "text.characters"}
	}
	return nil
}
