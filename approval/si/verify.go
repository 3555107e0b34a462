package si

import (
	"cmp"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
)

// Options is what a verifier believes and knows beforehand. Nothing is fetched.
type Options struct {
	Anchors     []Anchor
	Revocations []*x509.RevocationList // each believed if the authority itself has signed it
}

type verifier struct {
	pkg         *Package
	log         *Log
	anchors     []Anchor
	revocations []*x509.RevocationList
	ids         map[string]*node
	files       map[string]int
	steps       map[*node]int // 簽核點定義 to its index in log.Steps
	sums        map[fileDigest][]byte
}

type fileDigest struct {
	file int // its index in pkg.Files
	hash crypto.Hash
}

// Verify proves or refutes a package. It gives an error only for a log that
// cannot be read at all, see [Decode]; everything else stands in the report.
func Verify(p *Package, o Options) (*Report, error) {
	log, err := Decode(p.Log)
	if err != nil {
		return nil, err
	}
	v := &verifier{
		pkg: p, log: log, anchors: o.Anchors, revocations: o.Revocations,
		ids: map[string]*node{}, files: map[string]int{}, steps: map[*node]int{}, sums: map[fileDigest][]byte{},
	}
	for n := range log.root.walk() {
		if n.kind == element && n.id() != "" {
			v.ids[n.id()] = n
		}
	}
	for i, f := range p.Files {
		v.files[f.Name] = i
	}
	for i, s := range log.Steps {
		v.steps[s.node] = i
	}
	r := &Report{Log: p.Name, Warnings: log.Warnings}
	var found []*checked
	for i := range log.Steps {
		step, c := v.step(i)
		r.Steps, found = append(r.Steps, step), append(found, c)
	}
	v.chain(r)
	for i := range log.Re {
		re, c := v.reSigning(r, i)
		r.Re, found = append(r.Re, re), append(found, c)
	}
	for i, s := range log.Steps {
		if s.Borrowed != nil && len(r.Steps[i].ReSignedBy) == 0 {
			r.Debts = append(r.Debts, s.ID)
		}
	}
	v.flow(r)
	v.fileReports(r)
	r.Uncovered = v.uncovered(found)
	r.sum()
	return r, nil
}

// step checks one sign point by itself.
func (v *verifier) step(i int) (StepReport, *checked) {
	s := v.log.Steps[i]
	c := v.check(s.signature, s.At, s.Signer.Name, func(n *node) (Covers, Code) {
		if n == s.object {
			return CoversStep, FaultStepChanged
		}
		if _, ok := v.steps[n]; ok {
			return CoversPrevious, FaultPreviousChanged
		}
		return CoversOther, FaultOtherChanged
	})
	covered := map[string]bool{}
	object := false
	var previous []string
	for k, cover := range c.covers {
		switch {
		case cover.Kind == CoversStep:
			object = true
		case cover.Kind == CoversFile:
			covered[cover.URI] = true
		case cover.Kind == CoversPrevious:
			id := fragment(cover.URI)
			previous = append(previous, id)
			if at, ok := v.steps[c.targets[k]]; ok && at >= i {
				c.fault(FaultOrder, id)
			} else if ok && !s.At.IsZero() && s.At.Before(v.log.Steps[at].At) {
				c.doubt(DoubtTime, id)
			}
		}
	}
	if !object && !Has(c.problems, FaultSignatureMissing) {
		c.fault(FaultStepUnsigned, s.object.id())
	}
	if s.At.IsZero() {
		c.doubt(DoubtNoTime, s.Time)
	}
	for _, f := range s.Files {
		if !covered[f.Name] {
			c.doubt(DoubtFileOpen, f.Name)
			continue
		}
		if at, ok := v.file(f.Name); ok && f.Size >= 0 && f.Size != int64(len(v.pkg.Files[at].Bytes)) {
			c.doubt(DoubtFileSize, f.Name)
		}
	}
	for _, cover := range c.covers {
		if cover.Kind == CoversFile && !slices.ContainsFunc(s.Files, func(f File) bool { return f.Name == cover.URI }) {
			c.doubt(DoubtFileUnsaid, cover.URI)
		}
	}
	return StepReport{
		ID: s.ID, Signer: s.Signer, ClaimedAt: s.At, Action: s.Action, Opinion: s.Opinion,
		Signature: c.signature, Covers: c.covers, Previous: previous, Certificate: c.certificate,
		Borrowed: s.Borrowed, Problems: c.problems,
	}, c
}

// chain checks how sign points hang together: one beginning, and every branch
// joined by a later one.
func (v *verifier) chain(r *Report) {
	joined := map[string]bool{}
	for i := range r.Steps {
		for _, id := range r.Steps[i].Previous {
			joined[id] = true
		}
		if i > 0 && len(r.Steps[i].Previous) == 0 {
			r.Steps[i].Problems = append(r.Steps[i].Problems, Problem{Code: FaultStart})
		}
	}
	for i := range len(r.Steps) - 1 { // nothing can follow the last one
		if !joined[r.Steps[i].ID] {
			r.Steps[i].Problems = append(r.Steps[i].Problems, Problem{Code: DoubtBranch, Doubt: true})
		}
	}
}

// absent says what a reference to an Id that is not there was to.
func (v *verifier) absent(id string) (Covers, Code) {
	switch {
	case strings.HasPrefix(id, "SignStep_"):
		return CoversPrevious, FaultPreviousMissing
	case strings.HasPrefix(id, "Object_"):
		return CoversStep, FaultStepChanged
	}
	return CoversOther, FaultOtherMissing
}

// reSigning checks one 補簽: it is for the 借卡 of its sign point and covers
// nothing else.
func (v *verifier) reSigning(r *Report, i int) (ReSigningReport, *checked) {
	re := v.log.Re[i]
	at, _ := ParseTime(re.Made)
	c := v.check(re.signature, at, re.Signer.Name, func(n *node) (Covers, Code) {
		if n.is("借卡") {
			return CoversBorrowed, FaultOtherChanged
		}
		return CoversOther, FaultOtherChanged
	})
	of := slices.IndexFunc(v.log.Steps, func(s Step) bool { return s.Flow == re.Flow && s.Flow != "" })
	borrowed := false
	for k, cover := range c.covers {
		n := c.targets[k]
		if cover.Kind != CoversBorrowed || n == nil {
			continue
		}
		borrowed = true
		// The signature says which step it is for; the address around it is
		// covered by nothing.
		signed := slices.IndexFunc(v.log.Steps, func(s Step) bool { return n.within(s.node) })
		if signed != of {
			c.fault(FaultForeign, re.Flow)
			of = signed
		}
	}
	if !borrowed && len(c.problems) == 0 {
		c.fault(FaultForeign, re.Flow)
	}
	out := ReSigningReport{Signer: re.Signer, Made: re.Made, Note: re.Note, Signature: c.signature, Covers: c.covers, Certificate: c.certificate}
	if of >= 0 {
		step := &r.Steps[of]
		out.Step = step.ID
		if step.Signer.Name != re.Signer.Name {
			c.doubt(DoubtDeputy, re.Signer.Name)
		}
		if c.signature.Valid && borrowed && !slices.ContainsFunc(c.problems, func(p Problem) bool { return !p.Doubt }) {
			step.ReSignedBy = append(step.ReSignedBy, cmp.Or(re.Signer.Name, c.certificate.Name))
		}
	}
	out.Problems = c.problems
	return out, c
}

// flow compares the list of steps with the sign points.
func (v *verifier) flow(r *Report) {
	listed := map[string]bool{}
	for _, f := range v.log.Flow {
		listed[f.ID] = true
		if !slices.ContainsFunc(v.log.Steps, func(s Step) bool { return s.Flow == f.ID }) {
			r.Problems = append(r.Problems, Problem{DoubtFlowExtra, true, f.ID})
		}
	}
	for _, s := range v.log.Steps {
		if !listed[s.Flow] {
			r.Problems = append(r.Problems, Problem{DoubtFlowMissing, true, s.ID})
		}
	}
}

// fileReports says of each file which sign points cover it.
func (v *verifier) fileReports(r *Report) {
	for i, f := range v.pkg.Files {
		sum := sha256.Sum256(f.Bytes)
		out := FileReport{Name: f.Name, Size: len(f.Bytes), SHA256: hex.EncodeToString(sum[:])}
		for _, s := range r.Steps {
			for _, cover := range s.Covers {
				if at, ok := v.file(cover.URI); ok && cover.Kind == CoversFile && at == i && cover.Match && s.Signature.Valid {
					out.CoveredBy = append(out.CoveredBy, s.ID)
					break
				}
			}
		}
		if len(out.CoveredBy) == 0 {
			r.Problems = append(r.Problems, Problem{DoubtFileLoose, true, f.Name})
		}
		r.Files = append(r.Files, out)
	}
}

// uncovered gives the parts of the log that no valid signature covers, in
// order.
func (v *verifier) uncovered(found []*checked) []Region {
	covered := make([]bool, len(v.log.b))
	cover := func(n *node) {
		for i := n.from; i < n.to; i++ {
			covered[i] = true
		}
	}
	signature := func(n *node, c *checked) {
		if !c.signature.Valid {
			return
		}
		cover(n.child("SignedInfo"))
		for _, target := range c.targets {
			if target != nil {
				cover(target)
			}
		}
	}
	for i, s := range v.log.Steps {
		signature(s.signature, found[i])
	}
	for i, re := range v.log.Re {
		signature(re.signature, found[len(v.log.Steps)+i])
	}
	var out []Region
	borders := v.borders()
	for i := 0; i < len(covered); {
		if covered[i] {
			i++
			continue
		}
		region := v.part(i)
		next, _ := slices.BinarySearch(borders, i+1)
		end := len(covered)
		if next < len(borders) {
			end = borders[next]
		}
		for ; i < end && !covered[i]; i++ {
		}
		if region.To = i; len(out) > 0 && out[len(out)-1].To == region.From && out[len(out)-1].What == region.What && out[len(out)-1].Step == region.Step {
			out[len(out)-1].To = i
			continue
		}
		out = append(out, region)
	}
	return out
}

// borders are the places where part may change, in order.
func (v *verifier) borders() []int {
	var out []int
	add := func(n *node) {
		if n != nil {
			out = append(out, n.from, n.to)
		}
	}
	add(v.log.root)
	add(v.log.root.child("線上簽核流程"))
	for _, s := range v.log.Steps {
		add(s.node)
	}
	for _, re := range v.log.Re {
		add(re.node)
	}
	slices.Sort(out)
	return out
}

// part says where a byte of the log stands.
func (v *verifier) part(at int) Region {
	in := func(n *node) bool { return n != nil && at >= n.from && at < n.to }
	r := Region{What: PartFrame, From: at}
	switch root := v.log.root; {
	case at < root.from:
		r.What = PartProlog
	case in(root.child("線上簽核流程")):
		r.What = PartFlow
	default:
		for _, s := range v.log.Steps {
			if in(s.node) {
				r.What, r.Step = PartStep, s.ID
				return r
			}
		}
		for _, re := range v.log.Re {
			if in(re.node) {
				r.What = PartReSigning
			}
		}
	}
	return r
}
