package si

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
)

// Draft is a sign point to be made.
type Draft struct {
	Number   string // 文號
	Signer   Signer
	Action   string // 異動別
	Opinion  string // 簽核意見
	At       time.Time
	Next     []Signer
	Borrowed *Borrowed // Date and Reason; the Id is given
	Papers   []DraftPaper
	Files    []DraftFile
	// After are the sign points that it follows, by Id; nil for all that none
	// follows yet, which is also how branches are merged (並會整併).
	After []string
}

// DraftPaper is a 文稿: one document of the folder, with its page view.
type DraftPaper struct {
	Type     string // 類型: 函, 簽 ...
	Name     string
	Kind     string // 文稿類型: 本文
	Document string // name of its file, one of Draft.Files
	Pages    int    // of the 文稿頁面檔
	PageFile string // name of the 文稿頁面檔, one of Draft.Files; "" for none
	Attached []string
}

// DraftFile is a file that the sign point covers.
type DraftFile struct {
	Name   string
	Size   int64
	SHA256 [sha256.Size]byte
}

// NewFile describes a file.
func NewFile(name string, b []byte) DraftFile {
	return DraftFile{name, int64(len(b)), sha256.Sum256(b)}
}

const (
	digestSHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	rsaSHA256    = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
)

// el makes an element, tx a text. Empty attributes are left out.
func el(name string, attrs []attr, kids ...*node) *node {
	n := &node{kind: element, name: name}
	for _, a := range attrs {
		if a.value != "" {
			n.attrs = append(n.attrs, a)
		}
	}
	for _, k := range kids {
		if k != nil {
			n.kids = append(n.kids, k)
		}
	}
	return n
}

func leaf(name, content string) *node {
	n := el(name, nil)
	if content = tidy(content); content != "" {
		n.kids = []*node{{kind: text, text: content}}
	}
	return n
}

// tidy gives text that comes back as it went in: one sort of line ends, no
// white space around it.
func tidy(s string) string { return strings.Trim(lineEnds(s), space) }

// source is an element as XML.
func source(n *node) string {
	var b strings.Builder
	_ = canonical(&b, n, AsIs) // a Builder takes everything
	return b.String()
}

// ids are the identifiers of a new sign point.
type ids struct{ flow, step, object, signature, borrowed, folder string }

func (l *Log) newIDs(number string) ids {
	number = nameOf(number)
	taken := map[string]bool{}
	if l != nil {
		for n := range l.root.walk() {
			taken[n.id()] = true
		}
	}
	n := 1
	if l != nil {
		n += len(l.Steps)
	}
	for ; ; n++ {
		at := number + "_" + strconv.Itoa(n)
		i := ids{"Flow_" + at + "_1", "SignStep_" + at, "Object_" + at, "Signature_" + at, "Bor_" + at, "Folder_" + at}
		if !taken[i.flow] && !taken[i.step] && !taken[i.object] && !taken[i.signature] && !taken[i.borrowed] && !taken[i.folder] {
			return i
		}
	}
}

// nameOf makes a 文號 part of an Id.
func nameOf(number string) string {
	return strings.Map(func(r rune) rune {
		if r != ':' && isNameChar(r) {
			return r
		}
		return '-'
	}, number)
}

// check refuses what could not be written, or would not be found again.
func (d *Draft) check() error {
	invalid := func(field, reason, detail string) error {
		return &approval.InvalidError{Field: field, Reason: reason, Detail: detail}
	}
	for field, s := range map[string]string{
		"number": d.Number, "opinion": d.Opinion, "action": d.Action, "signer": d.Signer.Name + d.Signer.Title + d.Signer.Unit + d.Signer.Agency + d.Signer.Account + d.Signer.Role,
	} {
		for _, r := range s {
			if !isChar(r) || r == 0xFFFD {
				return invalid(field, "signature.character", strconv.QuoteRuneToASCII(r))
			}
		}
	}
	switch {
	case tidy(d.Number) == "":
		return invalid("number", "signature.empty", "")
	case tidy(d.Signer.Name) == "":
		return invalid("signer", "signature.empty", "")
	case tidy(d.Action) == "":
		return invalid("action", "signature.empty", "")
	case d.At.IsZero() || d.At.In(taipei).Year() < 1912:
		return invalid("time", "signature.time", "")
	}
	seen := map[string]bool{}
	for _, f := range d.Files {
		switch {
		case f.Name == "" || strings.ContainsAny(f.Name, "/\\#%") || tidy(f.Name) != f.Name || strings.ContainsFunc(f.Name, func(r rune) bool { return r < ' ' || !isChar(r) || r == 0xFFFD }):
			return invalid("file", "signature.filename", strconv.Quote(f.Name))
		case seen[f.Name]:
			return invalid("file", "signature.twice", f.Name)
		}
		seen[f.Name] = true
	}
	for _, p := range d.Papers {
		for _, name := range append([]string{p.Document, p.PageFile}, p.Attached...) {
			if name != "" && !seen[name] {
				return invalid("file", "signature.unknown", name)
			}
		}
	}
	return nil
}

// objectNode is what the sign point says: who, what, when, over which files.
func (d *Draft) objectNode(i ids) *node {
	at := FormatTime(d.At)
	change := el("異動資訊", nil, d.Signer.node(), leaf("異動別", d.Action))
	if tidy(d.Opinion) != "" {
		change.kids = append(change.kids, leaf("簽核意見", d.Opinion))
	}
	change.kids = append(change.kids, leaf("簽章時間", at))
	for _, next := range d.Next {
		change.kids = append(change.kids, el("次位簽核人員", nil, next.node()))
	}
	if d.Borrowed != nil {
		change.attrs = []attr{{"借卡", "Y"}}
		change.kids = append(change.kids, el("借卡", []attr{{"Id", i.borrowed}}, leaf("借卡日期", d.Borrowed.Date), leaf("借卡原因", d.Borrowed.Reason)))
	}
	sequence := map[string]string{}
	files := el("檔案清單", []attr{{"檔案數", strconv.Itoa(len(d.Files))}})
	for k, f := range d.Files {
		n := strconv.Itoa(k + 1)
		sequence[f.Name] = n
		format := strings.TrimPrefix(extension(f.Name), ".")
		files.kids = append(files.kids, el("電子檔案資訊", []attr{{"原始檔序號", n}, {"序號", n}, {"產生時間", at}},
			leaf("檔案名稱", f.Name), leaf("檔案大小", strconv.FormatInt(f.Size, 10)), leaf("檔案格式", format)))
	}
	papers := el("簽核文稿清單", []attr{{"文稿數", strconv.Itoa(len(d.Papers))}})
	for k, p := range d.Papers {
		paper := el("文稿", []attr{{"類型", p.Type}, {"原始檔序號", sequence[p.Document]}, {"序號", strconv.Itoa(k + 1)}, {"產生時間", at}}, leaf("名稱", p.Name), leaf("文稿類型", p.Kind))
		if p.PageFile != "" {
			pages := el("文稿頁面清單", []attr{{"頁面數", strconv.Itoa(p.Pages)}})
			for n := range p.Pages {
				pages.kids = append(pages.kids, el("頁面", []attr{{"原始檔序號", sequence[p.PageFile]}, {"頁次", strconv.Itoa(n + 1)}}))
			}
			paper.kids = append(paper.kids, el("文稿頁面檔", []attr{{"記錄方式", "單檔多頁"}}, pages))
		}
		if len(p.Attached) > 0 {
			list := el("附件清單", []attr{{"附件數", strconv.Itoa(len(p.Attached))}})
			for _, name := range p.Attached {
				list.kids = append(list.kids, el("附件", []attr{{"格式", "電子"}}, leaf("名稱", name), leaf("附件類型", strings.TrimPrefix(extension(name), ".")), el("電子檔格式附件", []attr{{"原始檔序號", sequence[name]}})))
			}
			paper.kids = append(paper.kids, list)
		}
		papers.kids = append(papers.kids, paper)
	}
	folder := el("簽核文件夾", []attr{{"Id", i.folder}, {"產生時間", at}}, papers, files)
	return el("Object", []attr{{"Id", i.object}}, change, el("簽核資訊", nil, folder))
}

func (s Signer) node() *node {
	return el("簽核人員", nil, el("機關", nil, leaf("全銜", s.Agency)), leaf("單位", s.Unit), leaf("職稱", s.Title), leaf("姓名", s.Name), leaf("帳號", s.Account), leaf("角色", s.Role))
}

// reference is one Reference; a digest that is not known yet is zero.
func reference(uri string, sum [sha256.Size]byte) *node {
	return el("Reference", []attr{{"URI", uri}},
		el("DigestMethod", []attr{{"Algorithm", digestSHA256}}),
		leaf("DigestValue", base64.StdEncoding.EncodeToString(sum[:])))
}

func signedInfo(references []*node) *node {
	n := el("SignedInfo", nil, el("CanonicalizationMethod", []attr{{"Algorithm", c14n}}), el("SignatureMethod", []attr{{"Algorithm", rsaSHA256}}))
	n.kids = append(n.kids, references...)
	return n
}
