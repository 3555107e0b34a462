package si

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // old logs are read, and marked as weak
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"hash"
	"net/url"
	"strings"
	"time"
)

type digest struct {
	name string
	hash crypto.Hash
	make func() hash.Hash
	weak bool
}

var digests = map[string]digest{
	"http://www.w3.org/2000/09/xmldsig#sha1":        {"sha1", crypto.SHA1, sha1.New, true},
	"http://www.w3.org/2001/04/xmlenc#sha256":       {"sha256", crypto.SHA256, sha256.New, false},
	"http://www.w3.org/2001/04/xmldsig-more#sha384": {"sha384", crypto.SHA384, sha512.New384, false},
	"http://www.w3.org/2001/04/xmlenc#sha512":       {"sha512", crypto.SHA512, sha512.New, false},
}

var signatures = map[string]digest{
	"http://www.w3.org/2000/09/xmldsig#rsa-sha1":        {"rsa-sha1", crypto.SHA1, sha1.New, true},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": {"rsa-sha256", crypto.SHA256, sha256.New, false},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": {"rsa-sha384", crypto.SHA384, sha512.New384, false},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": {"rsa-sha512", crypto.SHA512, sha512.New, false},
}

// checked is what came of one Signature.
type checked struct {
	signature   Signature
	covers      []Coverage
	targets     []*node // of each of covers, nil for files and what is missing
	certificate *Certificate
	problems    []Problem
}

func (c *checked) fault(code Code, detail string) {
	c.problems = append(c.problems, Problem{code, false, detail})
}
func (c *checked) doubt(code Code, detail string) {
	c.problems = append(c.problems, Problem{code, true, detail})
}

// check checks a Signature: its value, and every reference in it. Classify says
// what a part of the log is to this signature.
func (v *verifier) check(sig *node, at time.Time, name string, classify func(*node) (kind Covers, changed Code)) *checked {
	c := &checked{covers: []Coverage{}}
	info := sig.child("SignedInfo")
	if sig == nil || info == nil || sig.child("SignatureValue") == nil {
		c.fault(FaultSignatureMissing, "")
		return c
	}
	v.value(c, sig, info, at, name)
	for ref := range info.all("Reference") {
		v.reference(c, ref, classify)
	}
	return c
}

// value checks the SignatureValue.
func (v *verifier) value(c *checked, sig, info *node, at time.Time, name string) {
	var certs []*x509.Certificate
	for data := range sig.child("KeyInfo").all("X509Data") {
		for n := range data.all("X509Certificate") {
			x, err := x509.ParseCertificate(decode64(n.content()))
			if err != nil {
				c.fault(FaultCertificateBroken, "")
				return
			}
			certs = append(certs, x)
		}
	}
	if len(certs) == 0 {
		c.fault(FaultCertificateMissing, "")
		return
	}
	if method := info.child("CanonicalizationMethod").get("Algorithm"); method != c14n {
		c.fault(FaultAlgorithm, method)
		return
	}
	method := info.child("SignatureMethod").get("Algorithm")
	alg, ok := signatures[method]
	if !ok {
		c.fault(FaultAlgorithm, method)
		return
	}
	c.signature.Algorithm = alg.name
	signed := decode64(sig.child("SignatureValue").content())
	for _, form := range []Form{Stripped, AsIs} {
		h := alg.make()
		_ = canonical(h, info, form) // a hash takes everything
		sum := h.Sum(nil)
		for i, x := range certs {
			key, ok := x.PublicKey.(*rsa.PublicKey)
			if !ok || rsa.VerifyPKCS1v15(key, alg.hash, sum, signed) != nil {
				continue
			}
			c.signature.Valid, c.signature.Form = true, form
			c.certificate = v.examine(x, append(certs[:i:i], certs[i+1:]...), at)
			c.problems = append(c.problems, v.judge(c.certificate, at, name)...)
			if alg.weak {
				c.doubt(DoubtWeak, alg.name)
			}
			return
		}
	}
	c.certificate = v.examine(certs[0], certs[1:], at)
	c.fault(FaultSignatureWrong, "")
}

// reference checks one Reference.
func (v *verifier) reference(c *checked, ref *node, classify func(*node) (Covers, Code)) {
	uri := ref.get("URI")
	cover := Coverage{URI: uri, Kind: CoversFile}
	var target *node
	defer func() { c.covers, c.targets = append(c.covers, cover), append(c.targets, target) }()

	method := ref.child("DigestMethod").get("Algorithm")
	alg, ok := digests[method]
	if !ok {
		c.fault(FaultAlgorithm, method)
		return
	}
	cover.Digest = alg.name
	if alg.weak && !Has(c.problems, DoubtWeak) {
		c.doubt(DoubtWeak, alg.name)
	}
	for t := range ref.child("Transforms").all("Transform") {
		if transform := t.get("Algorithm"); transform != c14n {
			c.fault(FaultAlgorithm, transform)
			return
		}
	}
	want := decode64(ref.child("DigestValue").content())
	if id := fragment(uri); id != "" {
		found := v.ids[id]
		cover.Kind = CoversOther
		if found == nil {
			code := FaultOtherMissing
			if kind, missing := v.absent(id); missing != "" {
				cover.Kind, code = kind, missing
			}
			c.fault(code, uri)
			return
		}
		kind, changed := classify(found)
		cover.Kind = kind
		for _, form := range []Form{Stripped, AsIs} {
			h := alg.make()
			_ = canonical(h, found, form)
			if bytes.Equal(h.Sum(nil), want) {
				target, cover.Match, cover.Form = found, true, form
				return
			}
		}
		c.fault(changed, uri)
		return
	}
	file, ok := v.file(uri)
	if !ok {
		c.fault(FaultFileMissing, uri)
		return
	}
	if cover.Match = bytes.Equal(v.digestOf(file, alg), want); !cover.Match {
		c.fault(FaultFileChanged, uri)
	}
}

// digestOf gives the digest of a file: thirty sign points cover the same forty.
func (v *verifier) digestOf(file int, alg digest) []byte {
	key := fileDigest{file, alg.hash}
	if sum, ok := v.sums[key]; ok {
		return sum
	}
	h := alg.make()
	_, _ = h.Write(v.pkg.Files[file].Bytes) // a hash takes everything
	v.sums[key] = h.Sum(nil)
	return v.sums[key]
}

// file finds a file of the package by what a reference calls it.
func (v *verifier) file(uri string) (index int, ok bool) {
	if i, ok := v.files[uri]; ok {
		return i, true
	}
	if plain, err := url.PathUnescape(uri); err == nil {
		if i, ok := v.files[plain]; ok {
			return i, true
		}
	}
	i, ok := v.files[uri[strings.LastIndexAny(uri, `/\`)+1:]]
	return i, ok
}

// decode64 reads base64 as XML Signature writes it, with line ends anywhere,
// and nothing else: one value has one writing but for these. What is not
// base64 gives nil, which matches nothing.
func decode64(s string) []byte {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(space, r) {
			return -1
		}
		return r
	}, s)
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}
