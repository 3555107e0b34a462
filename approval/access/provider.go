package access

import (
	"context"
	"log/slog"
	"net/url"
)

// Provider is one way to show who one is that the agency has chosen: a
// directory, a portal. Several stand side by side, each under a name of its
// own, and none knows of another: to add one is to write its package and to
// name it in the configuration.
//
// A provider says who somebody is and nothing more. Limits, the account, the
// device and the session come after it, the same for all of them.
type Provider interface {
	// Name is that of the configuration, such as "ad". Identities are kept under
	// it.
	Name() string
	// Method is what a session shows that was opened this way.
	Method() Method
	// Begin is called when somebody chooses this way. A provider that asks for
	// login and password on our own page has nothing to begin. Back is the address that a browser is sent back to.
	Begin(ctx context.Context, back string) (Begun, error)
	// Finish looks at what came back. It returns [ErrCredentials] when that
	// shows nobody, and [*ProviderError] when the provider cannot say: then
	// nobody else is asked.
	Finish(ctx context.Context, kept []byte, answer Answer) (Identity, error)
}

// Begun is a sign-in on its way.
type Begun struct {
	// Redirect is where the browser goes; "" when our own page asks for login and
	// password.
	Redirect string
	// Kept is what Finish needs to know. It is kept on the server for this very
	// browser, for minutes, and given out once.
	Kept []byte
}

// LogValue leaves out what is kept, and the address, which carries half of it.
func (Begun) LogValue() slog.Value { return slog.StringValue("(begun)") }

// Answer is what came back: login and password from our own page, or what the
// browser brought from the provider's.
type Answer struct {
	Login    string
	Password string
	Values   url.Values
}

// LogValue leaves everything out.
func (Answer) LogValue() slog.Value { return slog.StringValue("(answer)") }

// Identity is who a provider says that somebody is.
type Identity struct {
	// Subject does not change while the person lives, whatever the name: an
	// objectGUID, a sub.
	Subject string
	Login   string
	Name    string
	Title   string
	Unit    string   // as the provider writes it
	Groups  []string // what roles are made of
}

// LogValue leaves out who it is.
func (Identity) LogValue() slog.Value { return slog.StringValue("(identity)") }
