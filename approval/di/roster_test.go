package di_test

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/di"
)

func TestEncodeRoster(t *testing.T) {
	t.Parallel()
	b, err := di.EncodeRoster(roster())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "roster-104.sw", b)
	got, err := di.DecodeRoster(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(roster(), got); diff != "" {
		t.Errorf("roster (-want +got):\n%s", diff)
	}
}

func TestDecodeRoster(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file string
		want []approval.Addressee
	}{
		{"roster-91.sw", []approval.Addressee{
			{Kind: approval.ByAgency, Name: "青川市東區公所", AgencyCode: "376990200A", Enclosed: "含附件"},
			{Kind: approval.ByUnit, Name: "青川市政府工務局養護科", AgencyCode: "376990100A", UnitCode: "U100001", Enclosed: "不含附件"},
		}},
		{"roster-99-big5.sw", []approval.Addressee{
			{Kind: approval.ByPerson, Name: "吳明遠", Title: "里長", AgencyCode: "376990200A"},
			{Kind: approval.ByAgency, Name: "青川市立圖書館", AgencyCode: "376990400A", Copy: "副本"},
		}},
	}
	for _, tt := range tests {
		b, err := os.ReadFile("testdata/" + tt.file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := di.DecodeRoster(b)
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.file, diff)
		}
	}
}

func TestRosterRefuses(t *testing.T) {
	t.Parallel()
	for name, all := range map[string][]approval.Addressee{
		"none":         nil,
		"group":        {{Kind: approval.ByGroup, Name: "各區公所"}},
		"title":        {{Kind: approval.ByTitle, Title: "科長"}},
		"empty":        {{Kind: approval.ByAgency}},
		"path":         {{Kind: approval.ByAgency, Name: "甲", Portable: "../x.pdf"}},
		"control":      {{Kind: approval.ByAgency, Name: "甲\x01"}},
		"no such kind": {{Kind: "機關", Name: "甲"}},
	} {
		if _, err := di.EncodeRoster(all); !isInvalid(err) {
			t.Errorf("%s: got error %v, want an InvalidError", name, err)
		}
	}
	for name, text := range map[string]string{
		"a letter":      "<函/>",
		"entity":        `<!DOCTYPE 交換表單 [<!ENTITY a "b">]><交換表單>&a;</交換表單>`,
		"portable path": "<交換表單><全銜>甲</全銜><內含本文與附件之可攜式文件檔名>../../x</內含本文與附件之可攜式文件檔名></交換表單>",
	} {
		_, err := di.DecodeRoster([]byte(text))
		if _, ok := errors.AsType[*di.SyntaxError](err); !ok {
			t.Errorf("%s: got error %v, want a SyntaxError", name, err)
		}
	}
}

func isInvalid(err error) bool {
	_, ok := errors.AsType[*approval.InvalidError](err)
	return ok
}
