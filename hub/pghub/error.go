package pghub

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"qianhe/approval"
)

// SQLSTATEs that mean something to us (PostgreSQL, appendix A).
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
)

func hasState(err error, state string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == state
}

// translate turns what the database says into the domain's words: a row that
// is not there, or one that something new would have to belong to.
func translate(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows), hasState(err, foreignKeyViolation):
		return fmt.Errorf("%s: %w", what, approval.ErrNotFound)
	}
	return fmt.Errorf("%s: %w", what, err)
}
