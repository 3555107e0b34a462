package si

import (
	"fmt"
	"iter"
	"strconv"
)

// Decode reads a sign-off log of generation 104 (104_sign). It takes what
// vendors write: any 異動別, elements it does not know, XML Signature with its
// namespace or without, a byte order mark, any line ends, any indentation. It
// refuses with a *SyntaxError what is not well-formed, what is not UTF-8, what
// declares entities, and two elements with one Id, because nobody could say
// which of them a signature is over.
func Decode(b []byte) (*Log, error) {
	root, err := parse(b)
	if err != nil {
		return nil, err
	}
	if !root.is("線上簽核") {
		return nil, &SyntaxError{Line: root.line, Reason: fmt.Sprintf("the root element is %s, not 線上簽核", root.name)}
	}
	l := &Log{root: root, b: b}
	if err := l.uniqueIDs(); err != nil {
		return nil, err
	}
	for n := range root.child("線上簽核流程").all("簽核流程") {
		l.Flow = append(l.Flow, FlowEntry{n.id(), n.get("異動別")})
	}
	info := root.child("線上簽核資訊")
	for n := range info.all("簽核點定義") {
		l.Steps = append(l.Steps, l.step(n))
	}
	for _, parent := range []*node{root, info} { // the standard has it under the root, some write it inside
		for n := range parent.child("補簽追認").all("補簽人員") {
			data := n.child("簽章資料")
			r := ReSigning{Flow: fragment(n.get("URI")), Note: n.get("補簽註記"), Made: n.get("產生時間"), Signer: signer(data.child("簽核人員")), node: n, signature: data.child("Signature")}
			if r.signature == nil {
				r.signature = n.child("Signature")
			}
			l.Re = append(l.Re, r)
		}
	}
	if len(l.Steps) == 0 {
		return nil, &SyntaxError{Line: root.line, Reason: "no sign point (簽核點定義)"}
	}
	return l, nil
}

func (l *Log) uniqueIDs() error {
	seen := map[string]int{}
	for n := range l.root.walk() {
		if n.kind != element {
			continue
		}
		id := n.id()
		if id == "" {
			continue
		}
		if line, again := seen[id]; again {
			return &SyntaxError{Line: n.line, Reason: fmt.Sprintf("Id %q stands in line %d already", id, line)}
		}
		seen[id] = n.line
	}
	return nil
}

func (l *Log) step(n *node) Step {
	signature, object := n.child("Signature"), n.child("Object")
	if object == nil { // some write it inside the Signature
		object = signature.child("Object")
	}
	change := object.child("異動資訊")
	s := Step{
		ID: n.id(), Flow: fragment(n.get("URI")),
		Signer: signer(change.child("簽核人員")), Action: change.child("異動別").content(),
		Opinion: opinion(change.child("簽核意見")), Time: change.child("簽章時間").content(),
		node: n, object: object, signature: signature,
	}
	at, ok := ParseTime(s.Time)
	if s.At = at; !ok {
		l.warn(change, "簽章時間 %q is no time", s.Time)
	}
	for next := range change.all("次位簽核人員") {
		for who := range next.all("簽核人員") {
			s.Next = append(s.Next, signer(who))
		}
	}
	if b := change.child("借卡"); b != nil || change.get("借卡") == "Y" {
		s.Borrowed = &Borrowed{ID: b.id(), Date: b.child("借卡日期").content(), Reason: b.child("借卡原因").content()}
	}
	for d := range walkIn(object) {
		switch {
		case d.is("電子檔案資訊"):
			size, err := strconv.ParseInt(d.child("檔案大小").content(), 10, 64)
			if err != nil {
				size = -1
			}
			s.Files = append(s.Files, File{d.get("原始檔序號"), d.child("檔案名稱").content(), size, d.child("檔案格式").content()})
		case d.is("文稿"):
			s.Papers = append(s.Papers, Paper{d.get("類型"), d.child("名稱").content(), d.child("文稿類型").content(), d.child("文稿頁面檔", "文稿頁面清單").get("頁面數")})
		}
	}
	return s
}

func (l *Log) warn(n *node, format string, args ...any) {
	line := 0
	if n != nil {
		line = n.line
	}
	l.Warnings = append(l.Warnings, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
}

func walkIn(n *node) iter.Seq[*node] {
	if n == nil {
		return func(func(*node) bool) {}
	}
	return n.walk()
}

// opinion is what stands in a 簽核意見, or its name where it is kept in a file.
func opinion(n *node) string {
	if words := n.content(); words != "" {
		return words
	}
	return n.get("URI")
}

func signer(n *node) Signer {
	agency := n.child("機關", "全銜").content()
	if agency == "" {
		agency = n.child("機關").content()
	}
	return Signer{agency, n.child("單位").content(), n.child("職稱").content(), n.child("姓名").content(), n.child("帳號").content(), n.child("角色").content()}
}

// fragment is an Id that a URI points at within the log, "" for another URI.
func fragment(uri string) string {
	if len(uri) > 1 && uri[0] == '#' {
		return uri[1:]
	}
	return ""
}
