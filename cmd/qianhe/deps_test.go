package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDeps holds the house rules of who may import whom. Each line says which
// packages, what they may not reach, even through others, and why.
func TestDeps(t *testing.T) {
	t.Parallel()
	rules := []struct {
		packages string   // a package, or all below it with /...
		except   []string // prefixes that the rule leaves alone
		denied   []string
		why      string
	}{
		{"qianhe/approval", nil, []string{"qianhe/", "net/http", "database/sql", "github.com/", "golang.org/"}, "the domain imports the standard library only, no HTTP, no SQL"},
		{"qianhe/approval/...", nil, []string{"qianhe/hub", "qianhe/channels", "qianhe/web", "qianhe/cmd"}, "approval knows nothing of who is told and how"},
		{"qianhe/approval/access", nil, []string{"github.com/", "golang.org/", "net/http"}, "the rules of access are standard library and crypto only"},
		{"qianhe/...", []string{"qianhe/approval/access/ldap", "qianhe/cmd/"}, []string{"github.com/go-ldap"}, "a way to sign in is one package"},
		{"qianhe/...", []string{"qianhe/approval/access/oidc", "qianhe/cmd/"}, []string{"github.com/coreos/go-oidc", "golang.org/x/oauth2"}, "a way to sign in is one package"},
		{"qianhe/...", []string{"qianhe/approval/access/passkey", "qianhe/approval/access/totp", "qianhe/approval/pgaccess", "qianhe/cmd/"}, []string{"github.com/go-webauthn", "github.com/pquerna"}, "second factors are judged where they are kept"},
		{"qianhe/...", []string{"qianhe/approval/access/oidc/issuertest"}, []string{"qianhe/approval/access/oidc/issuertest"}, "the issuer of tests is for tests"},
		{"qianhe/...", []string{"qianhe/approval/access/ldap/ldaptest"}, []string{"qianhe/approval/access/ldap/ldaptest"}, "the directory of tests is for tests"},
		{"qianhe/hub", nil, []string{"qianhe/channels", "qianhe/web", "github.com/jackc", "database/sql"}, "the hub's rules need no channel, no page and no SQL"},
		{"qianhe/hub/...", nil, []string{"qianhe/channels", "qianhe/web"}, "channels import the hub, not the reverse"},
		{"qianhe/hub/live", nil, []string{"qianhe/hub/pghub", "qianhe/hub/natsbus", "github.com/jackc", "github.com/nats-io"}, "connections know neither where inboxes are kept nor what carries changes"},
		{"qianhe/hub/natsbus", nil, []string{"qianhe/hub/pghub", "qianhe/hub/live", "github.com/jackc"}, "a bus carries ids and numbers, and knows nothing else"},
		{"qianhe/...", []string{"qianhe/hub/natsbus", "qianhe/cmd/"}, []string{"github.com/nats-io"}, "NATS is one way among others"},
		{"qianhe/...", nil, []string{"github.com/nats-io/nats-server"}, "the NATS server is for tests"},
		{"qianhe/...", []string{"qianhe/hub/bustest"}, []string{"qianhe/hub/bustest"}, "suites are for tests"},
		{"qianhe/channels/messenger", nil, []string{"qianhe/channels", "qianhe/web", "github.com/jackc"}, "a channel knows no other channel, no page and no SQL"},
		{"qianhe/channels/webhook", nil, []string{"qianhe/channels", "qianhe/web", "github.com/"}, "events to an agency's systems need the hub's types and the standard library"},
		{"qianhe/channels/sms/...", nil, []string{"qianhe/channels/line", "qianhe/channels/messenger", "qianhe/channels/webpush", "qianhe/channels/sandbox", "qianhe/web", "github.com/jackc"}, "a channel knows no other channel, no page and no SQL"},
		{"qianhe/...", nil, []string{"github.com/twilio/twilio-go/rest/verify"}, "twilio-go's root package brings all of Twilio and compiles for most of a minute"},
		{"qianhe/channels/webpush", nil, []string{"qianhe/channels/line", "qianhe/channels/sandbox", "qianhe/web", "github.com/jackc"}, "a channel knows no other channel, no page and no SQL"},
		{"qianhe/channels/line", nil, []string{"qianhe/channels/webpush", "qianhe/channels/sandbox", "qianhe/web", "github.com/jackc"}, "a channel knows no other channel, no page and no SQL"},
		{"qianhe/web/...", nil, []string{"qianhe/channels", "qianhe/hub/pghub", "qianhe/approval/pgapproval", "qianhe/approval/pgaccess"}, "pages take what they need through small interfaces"},
	}
	for _, rule := range rules {
		for pkg, deps := range dependencies(t, rule.packages) {
			if slices.ContainsFunc(rule.except, func(p string) bool { return strings.HasPrefix(pkg, p) }) {
				continue
			}
			for _, dep := range deps {
				if slices.ContainsFunc(rule.denied, func(d string) bool {
					return dep == strings.TrimSuffix(d, "/") || strings.HasPrefix(dep, d) && (strings.HasSuffix(d, "/") || strings.HasPrefix(dep, d+"/"))
				}) {
					t.Errorf("%s reaches %s: %s", pkg, dep, rule.why)
				}
			}
		}
	}
}

// TestOnlyTheCommandKnowsTheSandbox: stand-in providers must not get into a
// package that a real server is made of.
func TestOnlyTheCommandKnowsTheSandbox(t *testing.T) {
	t.Parallel()
	for pkg, deps := range dependencies(t, "qianhe/...") {
		if strings.HasPrefix(pkg, "qianhe/cmd/") || strings.HasPrefix(pkg, "qianhe/channels/sandbox") {
			continue
		}
		if slices.Contains(deps, "qianhe/channels/sandbox") {
			t.Errorf("%s reaches the sandbox", pkg)
		}
	}
}

// dependencies gives, for each package, all that it is made of, itself and its
// tests left out.
func dependencies(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.ImportPath}}\t{{join .Deps \" \"}}", pattern).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pattern, err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		pkg, deps, _ := strings.Cut(strings.TrimSpace(line), "\t")
		own := strings.Fields(deps)
		own = slices.DeleteFunc(own, func(d string) bool { return d == pkg || strings.HasPrefix(d, "vendor/") })
		all[pkg] = own
	}
	if len(all) == 0 {
		t.Fatalf("go list %s found nothing", pattern)
	}
	return all
}
