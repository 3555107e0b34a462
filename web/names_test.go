package web

import (
	"testing"

	"qianhe/approval"
)

func TestNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, title            string
		called, sealed, family string
	}{
		{"王敏華", "科長", "王科長", "王敏華印", "王"},
		{"林以", "科員", "林科員", "林以之印", "林"},
		{"歐陽志遠", "局長", "歐陽局長", "歐陽志遠", "歐陽"},
		{"張簡一", "", "張簡一", "張簡一印", "張簡"},
		{"王", "局長", "王局長", "王", "王"},
		{"Anna Lee", "Director", "Anna Lee Director", "A", "Anna Lee"},
		{"阿美族以撒克塔福", "專員", "阿專員", "阿", "阿"},
		{"", "", "", "", ""},
	}
	for _, tt := range tests {
		p := approval.Person{Name: tt.name, Title: tt.title}
		if got := called(p); got != tt.called {
			t.Errorf("called(%q, %q) = %q, want %q", tt.name, tt.title, got, tt.called)
		}
		if got := sealed(tt.name); string(got) != tt.sealed {
			t.Errorf("sealed(%q) = %q, want %q", tt.name, got, tt.sealed)
		}
		if got := surname(tt.name); got != tt.family {
			t.Errorf("surname(%q) = %q, want %q", tt.name, got, tt.family)
		}
	}
}
