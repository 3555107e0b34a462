package si

import (
	"slices"
	"time"
)

// Verdict sums a report up.
type Verdict string

const (
	// Sound: everything signed is as it was signed, by certificates that are
	// believed.
	Sound Verdict = "sound"
	// Doubtful: the mathematics hold, something else does not; see the doubts.
	Doubtful Verdict = "doubtful"
	// Broken: something was changed, is missing, or was never signed.
	Broken Verdict = "broken"
)

// Report is what [Verify] has found. It has JSON tags and is what `qianhe
// verify` prints.
type Report struct {
	Verdict   Verdict           `json:"verdict"`
	Log       string            `json:"log"` // name of the sign-off log in the package
	Steps     []StepReport      `json:"steps"`
	Re        []ReSigningReport `json:"reSignings,omitempty"`
	Debts     []string          `json:"debts,omitempty"` // sign points that still lack their 補簽
	Files     []FileReport      `json:"files,omitempty"`
	Problems  []Problem         `json:"problems,omitempty"` // of the package as a whole
	Uncovered []Region          `json:"uncovered,omitempty"`
	Warnings  []string          `json:"warnings,omitempty"`
}

// StepReport is what is known of one sign point.
type StepReport struct {
	ID          string       `json:"id"`
	Signer      Signer       `json:"signer"`
	ClaimedAt   time.Time    `json:"claimedAt,omitzero"` // by the signer; no authority has stamped it
	Action      string       `json:"action"`
	Opinion     string       `json:"opinion,omitempty"`
	Signature   Signature    `json:"signature"`
	Covers      []Coverage   `json:"covers"`
	Previous    []string     `json:"previous,omitempty"` // sign points that this one is chained to
	Certificate *Certificate `json:"certificate,omitempty"`
	Borrowed    *Borrowed    `json:"borrowed,omitempty"`
	ReSignedBy  []string     `json:"reSignedBy,omitempty"` // names
	Problems    []Problem    `json:"problems,omitempty"`
}

// ReSigningReport is what is known of a 補簽.
type ReSigningReport struct {
	Step        string       `json:"step"` // Id of the sign point
	Signer      Signer       `json:"signer"`
	Made        string       `json:"made,omitempty"`
	Note        string       `json:"note,omitempty"`
	Signature   Signature    `json:"signature"`
	Covers      []Coverage   `json:"covers"`
	Certificate *Certificate `json:"certificate,omitempty"`
	Problems    []Problem    `json:"problems,omitempty"`
}

// Signature is a SignatureValue over its SignedInfo.
type Signature struct {
	Valid     bool   `json:"valid"`
	Algorithm string `json:"algorithm,omitempty"` // rsa-sha256
	Form      Form   `json:"form,omitempty"`      // canonical form that matched
}

// Coverage is one Reference of a SignedInfo.
type Coverage struct {
	URI    string `json:"uri"`
	Kind   Covers `json:"kind"`
	Digest string `json:"digest"` // sha256
	Match  bool   `json:"match"`
	Form   Form   `json:"form,omitempty"` // for parts of the log
}

// Covers says what a reference is to.
type Covers string

const (
	CoversFile     Covers = "file"     // a file of the package
	CoversStep     Covers = "step"     // who, what, when and which files of this sign point
	CoversPrevious Covers = "previous" // an earlier sign point, its signature included
	CoversBorrowed Covers = "borrowed" // the 借卡 that a 補簽 is for
	CoversOther    Covers = "other"    // another part of the log
)

// FileReport is one file of the package.
type FileReport struct {
	Name      string   `json:"name"`
	Size      int      `json:"size"`
	SHA256    string   `json:"sha256"`
	CoveredBy []string `json:"coveredBy,omitempty"` // sign points whose signature and digest hold
}

// Region is a part of the log that no signature covers: what stands there can
// be changed without any signature noticing.
type Region struct {
	What Part   `json:"what"`
	Step string `json:"step,omitempty"`
	From int    `json:"from"` // bytes of the log
	To   int    `json:"to"`
}

// Part names regions.
type Part string

const (
	PartProlog    Part = "prolog"    // XML declaration and DOCTYPE
	PartFlow      Part = "flow"      // 線上簽核流程
	PartStep      Part = "step"      // of a sign point after which none comes: its certificate and its place
	PartReSigning Part = "resigning" // surroundings of a 補簽
	PartFrame     Part = "frame"     // everything else
)

// Problem is something that is not as it should be.
type Problem struct {
	Code   Code   `json:"code"`
	Doubt  bool   `json:"doubt,omitempty"` // the mathematics hold all the same
	Detail string `json:"detail,omitempty"`
}

// Code names problems.
type Code string

// Faults.
const (
	FaultSignatureMissing   Code = "signature.missing"
	FaultSignatureWrong     Code = "signature.wrong" // SignatureValue does not belong to SignedInfo and certificate
	FaultAlgorithm          Code = "algorithm.unknown"
	FaultCertificateMissing Code = "certificate.missing"
	FaultCertificateBroken  Code = "certificate.unreadable"
	FaultCertificateRevoked Code = "certificate.revoked" // before the signing
	FaultFileChanged        Code = "file.changed"
	FaultFileMissing        Code = "file.missing"
	FaultStepChanged        Code = "step.changed"   // who, what, when, opinion or list of files
	FaultStepUnsigned       Code = "step.unsigned"  // the signature does not cover it
	FaultPreviousChanged    Code = "chain.changed"  // an earlier sign point, after this one was signed
	FaultPreviousMissing    Code = "chain.missing"  // was taken out, or never was here
	FaultOrder              Code = "chain.order"    // chained to a sign point that stands later
	FaultStart              Code = "chain.start"    // a later sign point is chained to none
	FaultOtherChanged       Code = "part.changed"   // another part of the log
	FaultOtherMissing       Code = "part.missing"   // it is not there
	FaultForeign            Code = "resign.foreign" // a 補簽 that is for no 借卡 of its step
)

// Doubts.
const (
	DoubtWeak        Code = "algorithm.weak"        // SHA-1, or a key below 2048 bits
	DoubtExpired     Code = "certificate.expired"   // or not yet valid, at the claimed time
	DoubtUntrusted   Code = "certificate.untrusted" // leads to none of the authorities that are believed
	DoubtUsage       Code = "certificate.usage"     // not made for signatures, or an authority's own
	DoubtUnchecked   Code = "certificate.unchecked" // revocation: no list of this issuer was given
	DoubtName        Code = "signer.name"           // differs from the name in the certificate
	DoubtTime        Code = "time.order"            // before the sign point it is chained to
	DoubtNoTime      Code = "time.unreadable"       //
	DoubtFileSize    Code = "file.size"             // differs from the one in the list
	DoubtFileUnsaid  Code = "file.unlisted"         // covered, but not in the list of the step
	DoubtFileOpen    Code = "file.uncovered"        // in the list of the step, but not covered
	DoubtFlowExtra   Code = "flow.extra"            // in the list of steps, without a sign point: was the end taken off?
	DoubtFlowMissing Code = "flow.missing"          // a sign point that is not in the list of steps
	DoubtBranch      Code = "chain.branch"          // a branch that no later sign point joins
	DoubtDeputy      Code = "resign.other"          // the 補簽 was made by somebody else
	DoubtFileLoose   Code = "file.loose"            // in the package, covered by nothing
)

// sum sets the verdict.
func (r *Report) sum() {
	faults, doubts := 0, 0
	count := func(problems []Problem) {
		for _, p := range problems {
			switch {
			case !p.Doubt:
				faults++
			case p.Code != DoubtUnchecked:
				doubts++
			}
		}
	}
	count(r.Problems)
	for _, s := range r.Steps {
		count(s.Problems)
	}
	for _, s := range r.Re {
		count(s.Problems)
	}
	switch {
	case faults > 0:
		r.Verdict = Broken
	case doubts > 0:
		r.Verdict = Doubtful
	default:
		r.Verdict = Sound
	}
}

// Has reports whether a sign point, or the package as a whole, has this
// problem.
func Has(problems []Problem, code Code) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Code == code })
}
