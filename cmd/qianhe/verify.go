package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"qianhe/approval/si"
)

// runVerify proves or refutes packages, offline and of any agency.
func runVerify(_ context.Context, e env, args []string) error {
	fs := newFlags(e, "verify", "[flags] PACKAGE ...\n\nA PACKAGE is a zip with a sign-off log (.SI) and its files, or the log itself\nwith its files beside it. The exit status is the number of packages that are\nnot sound.\n")
	var o si.Options
	fs.Func("anchor", "`FILE` with certificates of authorities that are believed (PEM or DER);\nnatural:FILE says that they give out 自然人憑證, agency:FILE software certificates", func(s string) error {
		return addAnchors(&o, s)
	})
	fs.Func("crl", "`FILE` with a revocation list of such an authority (PEM or DER)", func(s string) error { return addRevocations(&o, s) })
	asJSON := fs.Bool("json", false, "print the whole report as JSON")
	lang := fs.String("lang", "zh-TW", "zh-TW or en")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return misuse("which package? See 'qianhe verify -h'")
	}
	failed := 0
	for _, path := range fs.Args() {
		p, err := openPackage(path)
		var r *si.Report
		if err == nil {
			r, err = si.Verify(p, o)
		}
		if err != nil {
			failed++
			fmt.Fprintf(e.stderr, "%s: %v\n", path, err)
			continue
		}
		if r.Verdict != si.Sound {
			failed++
		}
		if *asJSON {
			enc := json.NewEncoder(e.stdout)
			enc.SetIndent("", "  ")
			enc.SetEscapeHTML(false)
			if err := enc.Encode(r); err != nil {
				return err
			}
			continue
		}
		if _, err := io.WriteString(e.stdout, reportText(r, *lang)); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &failedError{failed, fs.NArg()}
	}
	return nil
}

func addAnchors(o *si.Options, s string) error {
	kind := si.Kind("")
	for _, k := range []si.Kind{si.NaturalPerson, si.AgencySoftware} {
		if rest, ok := strings.CutPrefix(s, string(k)+":"); ok {
			kind, s = k, rest
		}
	}
	return eachBlock(s, func(der []byte) error {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		o.Anchors = append(o.Anchors, si.Anchor{Certificate: cert, Kind: kind})
		return nil
	})
}

func addRevocations(o *si.Options, s string) error {
	return eachBlock(s, func(der []byte) error {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return err
		}
		o.Revocations = append(o.Revocations, list)
		return nil
	})
}

// eachBlock gives the contents of a DER file, or of each block of a PEM file.
func eachBlock(path string, take func(der []byte) error) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	block, rest := pem.Decode(b)
	if block == nil {
		return take(b)
	}
	for ; block != nil; block, rest = pem.Decode(rest) {
		if err := take(block.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// openPackage reads a zip, or a log with the files of its folder.
func openPackage(path string) (*si.Package, error) {
	if !strings.EqualFold(filepath.Ext(path), ".si") {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return si.ReadZip(bytes.NewReader(b), int64(len(b)))
	}
	log, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &si.Package{Name: filepath.Base(path), Log: log}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Name() == p.Name || !entry.Type().IsRegular() {
			continue
		}
		if len(p.Files) == si.MaxFiles {
			return nil, fmt.Errorf("more than %d files in the folder of %s", si.MaxFiles, path)
		}
		b, err := os.ReadFile(filepath.Join(filepath.Dir(path), entry.Name()))
		if err != nil {
			return nil, err
		}
		p.Files = append(p.Files, si.PackageFile{Name: entry.Name(), Bytes: b})
	}
	return p, nil
}

// reportText writes a report for people.
func reportText(r *si.Report, lang string) string {
	say := func(zh, en string) string {
		if lang == "en" {
			return en
		}
		return zh
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", r.Log, r.Verdict.Text(lang))
	problems := func(list []si.Problem) {
		for _, p := range list {
			mark := "✗"
			if p.Doubt {
				mark = "?"
			}
			if p.Code == si.DoubtUnchecked {
				mark = "·"
			}
			fmt.Fprintf(&b, "     %s %s", mark, p.Code.Text(lang))
			if p.Detail != "" {
				fmt.Fprintf(&b, say("：%s", ": %s"), p.Detail)
			}
			b.WriteByte('\n')
		}
	}
	problems(r.Problems)
	for i, s := range r.Steps {
		at := ""
		if !s.ClaimedAt.IsZero() {
			at = fmt.Sprintf("%d-%s", s.ClaimedAt.Year()-1911, s.ClaimedAt.Format("01-02 15:04"))
		}
		fmt.Fprintf(&b, "\n %2d. %s  %s  %s %s\n", i+1, s.Action, strings.Join(strings.Fields(s.Signer.Title+" "+s.Signer.Name), " "), at, say("（簽核人所載時間）", "(as claimed by the signer)"))
		if s.Opinion != "" {
			fmt.Fprintf(&b, "     %s%s\n", say("意見：", "opinion: "), strings.ReplaceAll(s.Opinion, "\n", "\n       "))
		}
		signatureText(&b, s.Signature, s.Certificate, lang, say)
		files := 0
		for _, c := range s.Covers {
			if c.Kind == si.CoversFile && c.Match {
				files++
			}
		}
		fmt.Fprintf(&b, say("     涵蓋 %d 個檔案", "     covers %d files"), files)
		if len(s.Previous) > 0 {
			fmt.Fprintf(&b, say("；接續 %s", "; chained to %s"), strings.Join(s.Previous, "、"))
		}
		b.WriteByte('\n')
		if s.Borrowed != nil {
			fmt.Fprintf(&b, "     %s%s", say("借卡：", "signed without the card: "), s.Borrowed.Reason)
			if len(s.ReSignedBy) > 0 {
				fmt.Fprintf(&b, say("；已由 %s 補簽", "; signed again by %s"), strings.Join(s.ReSignedBy, "、"))
			} else {
				b.WriteString(say("；尚未補簽", "; not signed again yet"))
			}
			b.WriteByte('\n')
		}
		problems(s.Problems)
	}
	for _, re := range r.Re {
		fmt.Fprintf(&b, "\n  %s %s  %s\n", say("補簽", "re-signing"), re.Step, re.Signer.Name)
		signatureText(&b, re.Signature, re.Certificate, lang, say)
		problems(re.Problems)
	}
	var parts []string
	seen := map[si.Part]bool{}
	for _, u := range r.Uncovered {
		if !seen[u.What] {
			seen[u.What] = true
			parts = append(parts, u.What.Text(lang))
		}
	}
	if len(parts) > 0 {
		fmt.Fprintf(&b, "\n %s%s\n", say("任何簽章均未涵蓋：", "covered by no signature: "), strings.Join(parts, say("、", "; ")))
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, " · %s\n", w)
	}
	return b.String()
}

func signatureText(b *strings.Builder, s si.Signature, c *si.Certificate, lang string, say func(zh, en string) string) {
	state := say("簽章無效", "signature not valid")
	if s.Valid {
		state = say("簽章有效", "signature valid")
	}
	fmt.Fprintf(b, "     %s", state)
	if s.Algorithm != "" {
		fmt.Fprintf(b, " (%s)", s.Algorithm)
	}
	if c != nil {
		fmt.Fprintf(b, say("；%s %s，有效期間 %s 至 %s", "; %s %s, valid %s to %s"), c.Kind.Text(lang), c.Name, c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly))
	}
	b.WriteByte('\n')
}
