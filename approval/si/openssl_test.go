package si

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOpenSSL: what is signed here is proven by a tool that knows nothing of
// this package. Of the log it is given only what regular expressions cut out:
//
//	openssl x509 -in cert.pem -pubkey -noout > key.pem
//	openssl dgst -sha256 -verify key.pem -signature value.bin signedinfo.xml
//
// Logs made here hold no white space between elements, no comments and no
// namespaces, and write every element as canonical XML does: SignedInfo as it
// stands in the file is its own canonical form. DESIGN.md says how to do the
// same by hand.
func TestOpenSSL(t *testing.T) {
	tool, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no openssl: install it (Debian: apt-get install -y openssl)")
		}
		t.Skip("no openssl on this machine (Debian: apt-get install -y openssl)")
	}
	o := newOffice(t)
	p := o.sample(t)
	found := regexp.MustCompile(`(?s)(<SignedInfo>.*?</SignedInfo>)<SignatureValue>(.*?)</SignatureValue>.*?<X509Certificate>(.*?)</X509Certificate>`).FindAllSubmatch(p.Log, -1)
	if len(found) != 4 {
		t.Fatalf("%d signatures in\n%s", len(found), p.Log)
	}
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for i, f := range found {
		value, err := base64.StdEncoding.DecodeString(string(f[2]))
		if err != nil {
			t.Fatal(err)
		}
		der, err := base64.StdEncoding.DecodeString(string(f[3]))
		if err != nil {
			t.Fatal(err)
		}
		cert := put("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		key, err := exec.CommandContext(t.Context(), tool, "x509", "-in", cert, "-pubkey", "-noout").Output()
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"dgst", "-sha256", "-verify", put("key.pem", key), "-signature", put("value.bin", value)}
		out, err := exec.CommandContext(t.Context(), tool, append(args, put("info.xml", f[1]))...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Verified OK") {
			t.Errorf("signature %d: %s, %v", i+1, out, err)
		}
		if out, err := exec.CommandContext(t.Context(), tool, append(args, put("info.xml", append(f[1], ' ')))...).CombinedOutput(); err == nil {
			t.Errorf("signature %d holds over something else: %s", i+1, out)
		}
	}
	// The digests of what was signed, the same way.
	for _, id := range []string{"1", "2", "3"} {
		object := regexp.MustCompile(`<Object Id="Object_1150000123_` + id + `">.*?</Object>`).Find([]byte(strings.ReplaceAll(string(p.Log), "\n", "\x00")))
		sum := sha256.Sum256([]byte(strings.ReplaceAll(string(object), "\x00", "\n")))
		want := `<Reference URI="#Object_1150000123_` + id + `"><DigestMethod Algorithm="` + digestSHA256 + `"></DigestMethod><DigestValue>` + base64.StdEncoding.EncodeToString(sum[:]) + `</DigestValue>`
		if !strings.Contains(string(p.Log), want) {
			t.Errorf("no %s", want)
		}
	}
}
