package si

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"strconv"
	"testing"
)

// Every code that a report can hold has its sentence in both languages.
func TestWords(t *testing.T) {
	seen := 0
	for _, file := range []string{"report.go", "certificate.go"} {
		f, err := goparser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || spec.Type == nil || len(spec.Values) != 1 {
				return true
			}
			prefix, ok := map[string]string{"Code": "", "Verdict": "", "Kind": "kind.", "Part": "part."}[typeName(spec.Type)]
			if !ok {
				return true
			}
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			seen++
			if w := words[prefix+value]; w.zh == "" || w.en == "" {
				t.Errorf("%s has no sentence", prefix+value)
			}
			return true
		})
	}
	if seen < 40 {
		t.Errorf("only %d codes were found", seen)
	}
}

func typeName(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
