package access_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"qianhe/approval/access"
)

func TestRecoveryCode(t *testing.T) {
	t.Parallel()
	code := access.NewRecoveryCode(rand.Reader)
	want, ok := access.HashRecoveryCode(code)
	if !ok || len(code) != 19 {
		t.Fatalf("code %q", code)
	}
	for _, typed := range []string{strings.ToUpper(code), strings.ReplaceAll(code, "-", ""), " " + strings.ReplaceAll(code, "-", " ") + " ", strings.NewReplacer("o", "0", "l", "1").Replace(code)} {
		if got, ok := access.HashRecoveryCode(typed); !ok || got != want {
			t.Errorf("%q is not %q", typed, code)
		}
	}
	if _, ok := access.HashRecoveryCode("123456"); ok {
		t.Error("six digits are taken for a code")
	}
	if access.NewRecoveryCode(rand.Reader) == code {
		t.Error("the same code twice")
	}
}

// Nobody can type a login whose failures count as those of a second factor.
func TestFactorKeyIsNoLoginKey(t *testing.T) {
	t.Parallel()
	if access.FactorKey("lin") == access.LoginKey("lin") || access.FactorKey("lin") == access.FactorKey("wang") {
		t.Error("keys are the same")
	}
}
