package si

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
)

// Pending is a sign point, or a 補簽, that waits for its signature: RSA PKCS #1
// v1.5 with SHA-256 over SignedInfo. A person may take minutes; nothing is
// held meanwhile.
type Pending struct {
	SignedInfo []byte // canonical, what is signed
	Step       string // Id of the sign point

	finish func(signature []byte, certs []*x509.Certificate) ([]byte, error)
}

// Digest is the SHA-256 of SignedInfo.
func (p *Pending) Digest() [sha256.Size]byte { return sha256.Sum256(p.SignedInfo) }

// Complete gives the log with the sign point in it. A signature that is not the
// first certificate's over SignedInfo is refused with an
// *approval.InvalidError. Other certificates lead from the first one to an
// authority.
func (p *Pending) Complete(signature []byte, certs ...*x509.Certificate) ([]byte, error) {
	if len(certs) == 0 {
		return nil, &approval.InvalidError{Field: "certificate", Reason: "signature.empty"}
	}
	key, ok := certs[0].PublicKey.(*rsa.PublicKey)
	sum := p.Digest()
	if !ok || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return nil, &approval.InvalidError{Field: "signature", Reason: "signature.wrong"}
	}
	return p.finish(signature, certs)
}

// empty is a log without sign points. The DOCTYPE names the standard's DTD; no
// reader here loads it.
func empty(number string) []byte {
	n := nameOf(number)
	return []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE 線上簽核 SYSTEM \"104_sign_utf8.dtd\"[]>\n" +
		source(el("線上簽核", []attr{{"Id", "Sign_" + n}},
			el("線上簽核流程", []attr{{"Id", "FlowInfo"}}), el("線上簽核資訊", []attr{{"Id", "SignInfo"}}))) + "\n")
}

// Prepare makes a sign point at the end of a log; nil begins one. The bytes
// that are there stay as they are, so that signatures of others keep holding.
//
// A draft that cannot be written is refused with an *approval.InvalidError, a
// log that cannot be read with a *SyntaxError.
func Prepare(log []byte, d Draft) (*Pending, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	var l *Log
	after := d.After
	if log == nil {
		log = empty(d.Number)
		if len(after) > 0 {
			return nil, &approval.InvalidError{Field: "after", Reason: "signature.unknown", Detail: after[0]}
		}
	} else {
		var err error
		if l, err = Decode(log); err != nil {
			return nil, err
		}
		if after == nil {
			after = l.heads()
		}
		for _, id := range after {
			if !slices.ContainsFunc(l.Steps, func(s Step) bool { return s.ID == id }) {
				return nil, &approval.InvalidError{Field: "after", Reason: "signature.unknown", Detail: id}
			}
		}
		if len(after) == 0 {
			return nil, &approval.InvalidError{Field: "after", Reason: "signature.empty"}
		}
	}
	i := l.newIDs(d.Number)
	object := d.objectNode(i)
	within := func(sums map[string][sha256.Size]byte, value string, certs []*x509.Certificate) []byte {
		var refs []*node
		for _, f := range d.Files {
			refs = append(refs, reference(f.Name, f.SHA256))
		}
		refs = append(refs, reference("#"+i.object, sums[i.object]))
		for _, id := range after {
			refs = append(refs, reference("#"+id, sums[id]))
		}
		step := el("簽核點定義", []attr{{"URI", "#" + i.flow}, {"Id", i.step}}, signatureNode(i.signature, signedInfo(refs), value, certs), object)
		return addStep(log, el("簽核流程", []attr{{"Id", i.flow}, {"異動別", tidy(d.Action)}}), step)
	}
	return seal(i.step, i.signature, append([]string{i.object}, after...), within)
}

// PrepareReSigning makes a 補簽 of a sign point that was signed without the
// card. Note says why somebody else signs, where somebody else does.
func PrepareReSigning(log []byte, step string, who Signer, at time.Time, note string) (*Pending, error) {
	l, err := Decode(log)
	if err != nil {
		return nil, err
	}
	k := slices.IndexFunc(l.Steps, func(s Step) bool { return s.ID == step })
	if k < 0 {
		return nil, &approval.InvalidError{Field: "step", Reason: "signature.unknown", Detail: step}
	}
	of := l.Steps[k]
	if of.Borrowed == nil || of.Borrowed.ID == "" {
		return nil, &approval.InvalidError{Field: "step", Reason: "signature.nodebt", Detail: step}
	}
	if err := (&Draft{Number: "0", Signer: who, Action: "補簽", Opinion: note, At: at}).check(); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("ReSign_%s_%d", strings.TrimPrefix(of.Borrowed.ID, "Bor_"), len(l.Re)+1)
	within := func(sums map[string][sha256.Size]byte, value string, certs []*x509.Certificate) []byte {
		info := signedInfo([]*node{reference("#"+of.Borrowed.ID, sums[of.Borrowed.ID])})
		return addReSigning(log, l, el("補簽人員", []attr{{"URI", "#" + of.Flow}, {"補簽註記", tidy(note)}, {"產生時間", FormatTime(at)}},
			el("簽章資料", nil, who.node(), signatureNode(name, info, value, certs))))
	}
	return seal(step, name, []string{of.Borrowed.ID}, within)
}

// seal works out the digests of parts of the log in the place where they will
// stand, and with them the SignedInfo.
func seal(step, signature string, parts []string, within func(map[string][sha256.Size]byte, string, []*x509.Certificate) []byte) (*Pending, error) {
	sums := map[string][sha256.Size]byte{}
	find := func(b []byte) (map[string]*node, error) {
		root, err := parse(b)
		if err != nil {
			return nil, fmt.Errorf("sign-off log as written: %w", err)
		}
		byID := map[string]*node{}
		for n := range root.walk() {
			byID[n.id()] = n
		}
		return byID, nil
	}
	byID, err := find(within(sums, "", nil))
	if err != nil {
		return nil, err
	}
	for _, id := range parts {
		h := sha256.New()
		_ = canonical(h, byID[id], Stripped) // a hash takes everything
		sums[id] = [sha256.Size]byte(h.Sum(nil))
	}
	if byID, err = find(within(sums, "", nil)); err != nil {
		return nil, err
	}
	var info bytes.Buffer
	_ = canonical(&info, byID[signature].child("SignedInfo"), Stripped)
	return &Pending{SignedInfo: info.Bytes(), Step: step, finish: func(signed []byte, certs []*x509.Certificate) ([]byte, error) {
		return within(sums, base64.StdEncoding.EncodeToString(signed), certs), nil
	}}, nil
}

// heads are the sign points that none is chained to.
func (l *Log) heads() []string {
	joined := map[string]bool{}
	for _, s := range l.Steps {
		for ref := range s.signature.child("SignedInfo").all("Reference") {
			joined[fragment(ref.get("URI"))] = true
		}
	}
	var out []string
	for _, s := range l.Steps {
		if !joined[s.ID] {
			out = append(out, s.ID)
		}
	}
	return out
}

func signatureNode(id string, info *node, value string, certs []*x509.Certificate) *node {
	data := el("X509Data", nil)
	for _, c := range certs {
		data.kids = append(data.kids, leaf("X509Certificate", base64.StdEncoding.EncodeToString(c.Raw)))
	}
	return el("Signature", []attr{{"Id", id}}, info, leaf("SignatureValue", value), el("KeyInfo", nil, data))
}

// addStep puts a line at the end of the flow and a sign point after the others.
func addStep(log []byte, flow, step *node) []byte {
	root, err := parse(log)
	if err != nil {
		return log // read before
	}
	info := root.child("線上簽核資訊")
	log = inside(log, info, lastOf(info, "簽核點定義"), source(step)) // the later place first
	return inside(log, root.child("線上簽核流程"), nil, source(flow))
}

func lastOf(n *node, name string) (last *node) {
	for k := range n.all(name) {
		last = k
	}
	return last
}

// addReSigning puts a 補簽 at the end of the others, and counts it.
func addReSigning(log []byte, l *Log, re *node) []byte {
	list := l.root.child("補簽追認")
	if list == nil {
		list = l.root.child("線上簽核資訊", "補簽追認")
	}
	if list == nil {
		return inside(log, l.root, nil, source(el("補簽追認", []attr{{"補簽人員數", "1"}}, re)))
	}
	log = inside(log, list, nil, source(re))
	const count = "補簽人員數"
	tag := el(list.name, nil)
	for _, a := range list.attrs {
		if a.name == count {
			a.value = strconv.Itoa(len(l.Re) + 1)
		}
		tag.attrs = append(tag.attrs, a)
	}
	start := strings.TrimSuffix(source(tag), "</"+list.name+">")
	if log[list.open-2] == '/' { // it was empty; inside has opened it
		return log
	}
	return slices.Concat(log[:list.from], []byte(start), log[list.open:])
}

// inside puts XML after one of n's children, or at n's end.
func inside(b []byte, n, after *node, xml string) []byte {
	if after != nil {
		return slices.Concat(b[:after.to], []byte(xml), b[after.to:])
	}
	if b[n.to-2] == '/' && n.open == n.to { // <n/>
		return slices.Concat(b[:n.to-2], []byte(">"+xml+"</"+n.name+">"), b[n.to:])
	}
	at := n.from + bytes.LastIndex(b[n.from:n.to], []byte("</"))
	return slices.Concat(b[:at], []byte(xml), b[at:])
}
