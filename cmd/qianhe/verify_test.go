package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qianhe/approval/si"
)

// TestVerify: a package is proven or refuted from the command line, as a zip
// and as a folder, in words and as JSON.
func TestVerify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 2, 4, 0, 0, time.UTC)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "王大同"}, NotBefore: at.AddDate(0, -1, 0), NotAfter: at.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	file := si.PackageFile{Name: "1150000123.di", Bytes: []byte("<函/>")}
	pending, err := si.Prepare(nil, si.Draft{Number: "1150000123", Signer: si.Signer{Name: "王大同", Title: "科長"}, Action: "決行", Opinion: "如擬", At: at, Files: []si.DraftFile{si.NewFile(file.Name, file.Bytes)}})
	if err != nil {
		t.Fatal(err)
	}
	sum := pending.Digest()
	value, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	log, err := pending.Complete(value, cert)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var z bytes.Buffer
	if err := si.WriteZip(&z, &si.Package{Name: "1150000123.SI", Log: log, Files: []si.PackageFile{file}}); err != nil {
		t.Fatal(err)
	}
	zip := write("1150000123.zip", z.Bytes())
	anchor := "agency:" + write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write("folder/"+file.Name, file.Bytes)
	folder := write("folder/1150000123.SI", log)
	write("broken/"+file.Name, []byte("<簽/>"))
	broken := write("broken/1150000123.SI", log)

	verify := func(status int, args ...string) (string, string) {
		t.Helper()
		var out, problems bytes.Buffer
		if got := run(t.Context(), env{strings.NewReader(""), &out, &problems, nil}, append([]string{"verify"}, args...)); got != status {
			t.Errorf("verify %q gives %d, want %d\n%s%s", args, got, status, &out, &problems)
		}
		return out.String(), problems.String()
	}
	for _, path := range []string{zip, folder} {
		out, _ := verify(0, "-anchor", anchor, path)
		for _, want := range []string{"可信", "決行  科長 王大同  115-03-02 10:04", "如擬", "簽章有效 (rsa-sha256)；機關軟體憑證 王大同", "涵蓋 1 個檔案", "任何簽章均未涵蓋"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", path, want, out)
			}
		}
	}
	if out, _ := verify(1, zip); !strings.Contains(out, "有疑慮") || !strings.Contains(out, "非由信任的憑證機構") {
		t.Errorf("without an anchor:\n%s", out)
	}
	if out, _ := verify(1, "-lang", "en", "-anchor", anchor, broken); !strings.Contains(out, "broken") || !strings.Contains(out, "a file was changed: 1150000123.di") {
		t.Errorf("broken:\n%s", out)
	}
	out, _ := verify(0, "-json", "-anchor", anchor, zip)
	var r si.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Verdict != si.Sound || len(r.Steps) != 1 || r.Steps[0].Signer.Name != "王大同" {
		t.Errorf("JSON: %v, %+v", err, r)
	}
	if _, problems := verify(2, write("x.zip", []byte("x")), filepath.Join(dir, "missing.zip")); !strings.Contains(problems, "not a zip") {
		t.Errorf("unreadable: %s", problems)
	}
	verify(2)
	verify(2, "-anchor", filepath.Join(dir, "missing.pem"), zip)
}
