package si

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSample(t *testing.T) {
	o := newOffice(t)
	p := o.sample(t)
	r := verify(t, p, o.options())
	if got := r.faults(); len(got) > 0 || r.Verdict != Sound || len(r.Debts) > 0 {
		t.Fatalf("%s, debts %v, %q\n%s", r.Verdict, r.Debts, got, p.Log)
	}
	want := []struct {
		signer, action, opinion string
		kind                    Kind
		previous                string
		files                   int
	}{
		{"林小明", "送件", "", NaturalPerson, "", 3},
		{"王大同", "核閱", "擬請依計畫辦理 <速> & \"妥\"\n並副知各區", AgencySoftware, "SignStep_1150000123_1", 3},
		{"柯長青", "決行", "如擬", Mobile, "SignStep_1150000123_2", 4},
	}
	for i, w := range want {
		s := r.Steps[i]
		files := 0
		for _, c := range s.Covers {
			if c.Kind == CoversFile {
				files++
			}
		}
		if s.Signer.Name != w.signer || s.Action != w.action || s.Opinion != w.opinion || s.Certificate.Kind != w.kind || strings.Join(s.Previous, ",") != w.previous || files != w.files || s.Signature.Form != Stripped || s.Signature.Algorithm != "rsa-sha256" || !s.ClaimedAt.Equal(monday.Add(time.Duration(i)*time.Hour)) {
			t.Errorf("sign point %d is %+v, certificate %+v", i+1, s, s.Certificate)
		}
	}
	if s := r.Steps[1]; s.Borrowed == nil || s.Borrowed.Reason != "行動簽核" || !slices.Equal(s.ReSignedBy, []string{"王大同"}) {
		t.Errorf("borrowed %+v, signed again by %q", s.Borrowed, s.ReSignedBy)
	}
	if len(r.Re) != 1 || r.Re[0].Step != r.Steps[1].ID || r.Re[0].Covers[0].Kind != CoversBorrowed || r.Re[0].Certificate.Kind != NaturalPerson {
		t.Errorf("re-signings %+v", r.Re)
	}
	if f := r.Files[3]; f.Name != view.Name || len(f.CoveredBy) != 1 || len(r.Files[0].CoveredBy) != 3 {
		t.Errorf("files %+v", r.Files)
	}
	if log, _ := Decode(p.Log); log.Steps[2].Papers[0].Pages != "2" || log.Steps[0].Next[0].Name != "王大同" {
		t.Errorf("steps read as %+v", log.Steps)
	}
}

// indent writes a log as producers save it: a byte order mark, CRLF, every
// element on a line of its own.
func indent(b []byte) []byte {
	b = regexp.MustCompile(`>\s*<`).ReplaceAll(b, []byte(">\r\n    <"))
	return append(slices.Clone(bom), bytes.TrimPrefix(b, bom)...)
}

// What others save indented still holds, and more can be signed after it.
func TestIndentedAndContinued(t *testing.T) {
	o := newOffice(t)
	p := o.sample(t)
	p.Log = indent(p.Log)
	if r := verify(t, p, o.options()); r.Verdict != Sound {
		t.Fatalf("indented: %q", r.faults())
	}
	before := slices.Clone(p.Log)
	d := draft("林小明", "送歸檔", "", monday.Add(50*time.Hour), di, first, plan, view)
	p = o.lin.add(t, p, d)
	r := verify(t, p, o.options())
	if r.Verdict != Sound || len(r.Steps) != 4 || r.Steps[3].Previous[0] != r.Steps[2].ID {
		t.Fatalf("continued: %q\n%s", r.faults(), p.Log)
	}
	// What was there stands there byte for byte.
	rest := regexp.MustCompile(`<簽核點定義 Id="SignStep_1150000123_4".*</簽核點定義>|<簽核流程 Id="Flow_1150000123_4_1".*?</簽核流程>`).ReplaceAll(p.Log, nil)
	if !bytes.Equal(rest, before) {
		t.Errorf("without the new sign point the log is\n%s\nwant\n%s", rest, before)
	}
	if saved := indent(p.Log); verify(t, &Package{Log: saved, Files: p.Files}, o.options()).Verdict != Sound {
		t.Error("indented again it does not hold")
	}
}

// Producers sign with white space too.
func TestSignedAsIs(t *testing.T) {
	o := newOffice(t)
	const template = `<線上簽核 Id="a">
 <線上簽核流程 Id="FlowInfo"><簽核流程 Id="Flow_1" 異動別="送件"/></線上簽核流程>
 <線上簽核資訊 Id="b"><簽核點定義 URI="#Flow_1" Id="SignStep_1"><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="s">
 <ds:SignedInfo>
  <ds:CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
  <ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"/>
  <ds:Reference URI="#Object_1"><ds:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/><ds:DigestValue>DIGEST</ds:DigestValue></ds:Reference>
 </ds:SignedInfo>
 <ds:SignatureValue>VALUE</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>CERT</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>
 <Object Id="Object_1">
  <異動資訊><簽核人員><姓名>林小明</姓名></簽核人員> <異動別>送件</異動別><簽章時間>11503021004</簽章時間></異動資訊>
 </Object></簽核點定義></線上簽核資訊></線上簽核>`
	log := template
	digestOf := func(alg crypto.Hash, id, path string) []byte {
		root, err := parse([]byte(log))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.walk() {
			if n.id() == id {
				if path != "" {
					n = n.child(path)
				}
				h := alg.New()
				if err := canonical(h, n, AsIs); err != nil {
					t.Fatal(err)
				}
				return h.Sum(nil)
			}
		}
		t.Fatalf("no %s", id)
		return nil
	}
	log = strings.Replace(log, "DIGEST", base64.StdEncoding.EncodeToString(digestOf(crypto.SHA1, "Object_1", "")), 1)
	signed, err := rsa.SignPKCS1v15(nil, o.lin.key, crypto.SHA512, digestOf(crypto.SHA512, "s", "SignedInfo"))
	if err != nil {
		t.Fatal(err)
	}
	log = strings.Replace(log, "VALUE", base64.StdEncoding.EncodeToString(signed), 1)
	log = strings.Replace(log, "CERT", base64.StdEncoding.EncodeToString(o.lin.cert.Raw), 1)
	r := verify(t, &Package{Log: []byte(log)}, o.options())
	s := r.Steps[0]
	if !s.Signature.Valid || s.Signature.Form != AsIs || s.Signature.Algorithm != "rsa-sha512" || s.Covers[0].Form != AsIs || s.Covers[0].Digest != "sha1" {
		t.Errorf("read as %+v", s)
	}
	if !Has(s.Problems, DoubtWeak) || r.Verdict != Doubtful {
		t.Errorf("SHA-1 is not said to be weak: %q", r.faults())
	}
	// CRLF is the same document; other white space is not.
	if r := verify(t, &Package{Log: []byte(strings.ReplaceAll(log, "\n", "\r\n"))}, o.options()); r.Verdict != Doubtful {
		t.Errorf("with CRLF: %q", r.faults())
	}
	if r := verify(t, &Package{Log: []byte(strings.ReplaceAll(log, "\n ", "\n  "))}, o.options()); r.Verdict != Broken {
		t.Errorf("indented otherwise: %s", r.Verdict)
	}
}

// Every sort of tampering is told apart, at the sign point that it touches.
func TestTampering(t *testing.T) {
	o := newOffice(t)
	good := o.sample(t)
	log := string(good.Log)
	part := func(from, to string) string {
		a := strings.Index(log, from)
		b := a + strings.Index(log[a:], to) + len(to)
		return log[a:b]
	}
	step := func(n string) string {
		return part(`<簽核點定義 Id="SignStep_1150000123_`+n, `</簽核點定義>`)
	}
	flow := func(n string) string { return part(`<簽核流程 Id="Flow_1150000123_`+n, `</簽核流程>`) }
	certOf := func(c card) string { return base64.StdEncoding.EncodeToString(c.cert.Raw) }
	again := o.moica.give(t, o.ko.key, "柯長清", 104, nil) // another certificate for the same key
	const s1, s2, s3 = "SignStep_1150000123_1", "SignStep_1150000123_2", "SignStep_1150000123_3"
	tests := []struct {
		what string
		log  string
		file func([]PackageFile) []PackageFile
		want []string
	}{
		{what: "changed file", file: func(f []PackageFile) []PackageFile { f[0].Bytes = []byte("其他"); return f },
			want: []string{"package file.loose", s1 + " file.changed", s1 + " file.size", s2 + " file.changed", s2 + " file.size", s3 + " file.changed", s3 + " file.size"}},
		{what: "swapped attachments", file: func(f []PackageFile) []PackageFile {
			f[1].Bytes, f[2].Bytes = f[2].Bytes, f[1].Bytes
			return f
		}, want: []string{"package file.loose", "package file.loose", s1 + " file.changed", s1 + " file.changed", s2 + " file.changed", s2 + " file.changed", s3 + " file.changed", s3 + " file.changed"}},
		{what: "missing file", file: func(f []PackageFile) []PackageFile { return f[:3] }, want: []string{s3 + " file.missing"}},
		{what: "additional file", file: func(f []PackageFile) []PackageFile { return append(f, PackageFile{"別的.pdf", []byte("x")}) }, want: []string{"package file.loose"}},
		{what: "first step removed", log: strings.Replace(log, step("1"), "", 1), want: []string{"package flow.extra", s2 + " chain.missing"}},
		{what: "middle step removed, with its line", log: strings.Replace(strings.Replace(log, step("2"), "", 1), flow("2"), "", 1),
			want: []string{s1 + " chain.branch", s3 + " chain.missing", "re  part.missing"}},
		{what: "last step removed", log: strings.Replace(log, step("3"), "", 1), want: []string{"package flow.extra", "package file.loose"}},
		{what: "steps reordered", log: strings.NewReplacer(step("1"), step("2"), step("2"), step("1")).Replace(log), want: []string{s2 + " chain.order", s1 + " chain.start"}},
		{what: "opinion edited", log: strings.Replace(log, "<簽核意見>如擬</簽核意見>", "<簽核意見>不同意</簽核意見>", 1), want: []string{s3 + " step.changed"}},
		{what: "opinion of an earlier step edited", log: strings.Replace(log, "並副知各區", "免副知", 1), want: []string{s2 + " step.changed", s3 + " chain.changed"}},
		{what: "certificate of another person", log: strings.Replace(log, certOf(o.ko), certOf(o.lin), 1), want: []string{"package file.loose", s3 + " signature.wrong"}},
		{what: "another certificate of the same key", log: strings.Replace(log, certOf(o.ko), certOf(again), 1), want: []string{s3 + " signer.name"}},
		{what: "certificate of an earlier step", log: strings.Replace(log, certOf(o.soft), certOf(o.wang), 1), want: []string{s2 + " signature.wrong", s3 + " chain.changed"}},
		{what: "line of the flow changed", log: strings.Replace(log, `異動別="決行"`, `異動別="退回"`, 1)},
		{what: "claimed time", log: strings.Replace(log, "<簽章時間>11503021204</簽章時間>", "<簽章時間>11503021205</簽章時間>", 1), want: []string{s3 + " step.changed"}},
		{what: "file taken out of SignedInfo", log: strings.Replace(log, part(`<Reference URI="1150000123_頁面.pdf">`, `</Reference>`), "", 1), want: []string{"package file.loose", s3 + " signature.wrong", s3 + " file.uncovered"}},
		{what: "re-signing put at another step", log: strings.Replace(log, `<補簽人員 URI="#Flow_1150000123_2`, `<補簽人員 URI="#Flow_1150000123_3`, 1), want: []string{"re " + s2 + " resign.foreign"}},
		{what: "reason of the borrowed card", log: strings.Replace(log, "行動簽核", "未帶卡", 1), want: []string{s2 + " step.changed", s3 + " chain.changed", "re " + s2 + " part.changed"}},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			p := &Package{Name: good.Name, Log: good.Log, Files: slices.Clone(good.Files)}
			if test.log != "" {
				if test.log == log {
					t.Fatal("nothing was changed")
				}
				p.Log = []byte(test.log)
			}
			if test.file != nil {
				p.Files = test.file(p.Files)
			}
			r := verify(t, p, o.options())
			var got []string
			for _, f := range r.faults() {
				if f != "" {
					got = append(got, f)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	o := newOffice(t)
	k := keys()
	stranger := newAuthority(t, k[5], pkix.Name{CommonName: "別人憑證管理中心"})
	one := func(c card, at time.Time) *Report {
		return verify(t, c.add(t, &Package{Files: []PackageFile{di}}, draft(c.name, "核閱", "", at, di)), o.options())
	}
	self := card{"王大同", certify(t, &x509.Certificate{SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: "王大同"}, NotBefore: issued, NotAfter: issued.AddDate(1, 0, 0)}, &x509.Certificate{SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: "王大同"}}, k[3].Public(), k[3]), k[3]}
	tests := []struct {
		what string
		got  *Report
		kind Kind
		want []Code
	}{
		{"good", one(o.lin, monday), NaturalPerson, nil},
		{"run out at the claimed time", one(o.lin, issued.AddDate(1, 5, 0)), NaturalPerson, []Code{DoubtExpired}},
		{"of an authority that is not believed", one(stranger.give(t, k[2], "林小明", 5, nil), monday), AgencySoftware, []Code{DoubtUntrusted}},
		{"signed by oneself", one(self, monday), SelfSigned, []Code{DoubtUntrusted}},
		{"an authority's own", one(card{"", o.agency.cert, o.agency.key}.named("範例市政府憑證管理中心"), monday), AgencySoftware, []Code{DoubtUsage}},
		{"for encryption", one(o.moica.give(t, k[2], "林小明", 6, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), monday), NaturalPerson, []Code{DoubtUsage}},
	}
	for _, test := range tests {
		var got []Code
		for _, p := range test.got.Steps[0].Problems {
			if p.Code != DoubtUnchecked {
				got = append(got, p.Code)
			}
		}
		if !slices.Equal(got, test.want) || test.got.Steps[0].Certificate.Kind != test.kind {
			t.Errorf("%s: %v, %s", test.what, got, test.got.Steps[0].Certificate.Kind)
		}
	}
}

func (c card) named(name string) card { c.name = name; return c }

func TestRevocation(t *testing.T) {
	o := newOffice(t)
	p := o.sample(t)
	list := func(by *authority, at time.Time, serial int64) *x509.RevocationList {
		der, err := x509.CreateRevocationList(nil, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: at, NextUpdate: at.AddDate(0, 0, 7), RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(serial), RevocationTime: at}}}, by.cert, by.key)
		if err != nil {
			t.Fatal(err)
		}
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	with := func(lists ...*x509.RevocationList) *Report {
		options := o.options()
		options.Revocations = lists
		return verify(t, p, options)
	}
	if r := with(list(o.moica, monday, 101)); !Has(r.Steps[0].Problems, FaultCertificateRevoked) || r.Verdict != Broken {
		t.Errorf("revoked before: %q", r.faults())
	}
	if r := with(list(o.moica, monday.AddDate(0, 1, 0), 101)); r.Verdict != Sound || r.Steps[0].Certificate.Revoked.IsZero() || Has(r.Steps[0].Problems, DoubtUnchecked) || !Has(r.Steps[1].Problems, DoubtUnchecked) {
		t.Errorf("revoked after: %q, %+v", r.faults(), r.Steps[0])
	}
	// A list that somebody else has signed says nothing.
	forged := newAuthority(t, keys()[5], o.moica.cert.Subject)
	if r := with(list(forged, monday, 101)); r.Verdict != Sound || r.Steps[0].Certificate.Listed {
		t.Errorf("forged list: %q", r.faults())
	}
}

// Branches sign side by side, and a later sign point joins them (並會整併).
func TestBranches(t *testing.T) {
	o := newOffice(t)
	p := o.lin.add(t, &Package{Files: []PackageFile{di}}, draft("林小明", "送件", "", monday, di))
	begin := "SignStep_1150000123_1"
	left := draft("王大同", "並會", "無意見", monday.Add(time.Hour), di)
	left.After = []string{begin}
	right := draft("柯長青", "並會", "照辦", monday.Add(time.Hour), di)
	right.After = []string{begin}
	p = o.ko.add(t, o.wang.add(t, p, left), right)
	if r := verify(t, p, o.options()); r.Verdict != Doubtful || !slices.Equal(r.faults(), []string{"SignStep_1150000123_2 chain.branch"}) {
		t.Errorf("open branches: %q", r.faults())
	}
	p = o.lin.add(t, p, draft("林小明", "並會整併", "", monday.Add(3*time.Hour), di))
	r := verify(t, p, o.options())
	if r.Verdict != Sound || !slices.Equal(r.Steps[3].Previous, []string{"SignStep_1150000123_2", "SignStep_1150000123_3"}) {
		t.Errorf("merged: %q, %v", r.faults(), r.Steps[3].Previous)
	}
	// A sign point that is chained to nothing was put in.
	loose := draft("王大同", "決行", "照辦", monday, di)
	loose.After = []string{}
	if _, err := Prepare(p.Log, loose); err == nil {
		t.Error("a sign point that follows none was made")
	}
}

func TestDebtsAndDeputies(t *testing.T) {
	o := newOffice(t)
	d := draft("王大同", "核閱", "", monday, di)
	d.Borrowed = &Borrowed{Date: "1150302", Reason: "未帶卡"}
	p := o.soft.add(t, &Package{Files: []PackageFile{di}}, d)
	r := verify(t, p, o.options())
	if !slices.Equal(r.Debts, []string{"SignStep_1150000123_1"}) || r.Verdict != Sound {
		t.Errorf("debts %q, %q", r.Debts, r.faults())
	}
	pending, err := PrepareReSigning(p.Log, "SignStep_1150000123_1", Signer{Name: "林小明"}, monday.AddDate(0, 0, 2), "本人離職")
	if err != nil {
		t.Fatal(err)
	}
	p = o.lin.complete(t, p, pending)
	r = verify(t, p, o.options())
	if len(r.Debts) > 0 || !slices.Equal(r.faults(), []string{"re SignStep_1150000123_1 resign.other"}) || r.Re[0].Note != "本人離職" {
		t.Errorf("debts %q, %q, %+v", r.Debts, r.faults(), r.Re)
	}
	if _, err := PrepareReSigning(o.sample(t).Log, "SignStep_1150000123_1", Signer{Name: "林小明"}, monday, ""); err == nil {
		t.Error("a sign point without 借卡 was signed again")
	}
	// A second one is counted with the first.
	pending, err = PrepareReSigning(p.Log, "SignStep_1150000123_1", Signer{Name: "王大同"}, monday.AddDate(0, 0, 3), "")
	if err != nil {
		t.Fatal(err)
	}
	p = o.wang.complete(t, p, pending)
	if r = verify(t, p, o.options()); len(r.Re) != 2 || !bytes.Contains(p.Log, []byte(`補簽人員數="2"`)) || !slices.Equal(r.Steps[0].ReSignedBy, []string{"林小明", "王大同"}) {
		t.Errorf("two: %+v\n%s", r.Re, p.Log)
	}
}

func TestCompleteRefuses(t *testing.T) {
	o := newOffice(t)
	pending, err := Prepare(nil, draft("林小明", "送件", "", monday, di))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("something else"))
	signed, _ := rsa.SignPKCS1v15(nil, o.lin.key, crypto.SHA256, sum[:])
	if _, err := pending.Complete(signed, o.lin.cert); err == nil {
		t.Error("a signature over something else was taken")
	}
	sum = pending.Digest()
	signed, _ = rsa.SignPKCS1v15(nil, o.lin.key, crypto.SHA256, sum[:])
	if _, err := pending.Complete(signed, o.wang.cert); err == nil {
		t.Error("a signature of another key was taken")
	}
	if _, err := pending.Complete(signed); err == nil {
		t.Error("a signature without a certificate was taken")
	}
}
