package di_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/di"
)

func decodeFile(t *testing.T, name string) *di.Document {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	d, err := di.Decode(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

// Every generation in its own words.
func TestDecodeGenerations(t *testing.T) {
	t.Parallel()
	agency := approval.Organization{Name: "青川市政府", Code: "376990000A"}
	tests := []struct {
		file string
		want di.Document
	}{
		{"letter-91.di", di.Document{
			Generation: "91", Encoding: di.Big5, Roster: "0910001234.sw",
			Body: approval.Body{
				Type: approval.TypeLetter, Category: "函", Issuers: []approval.Organization{agency},
				Address: "青川市中山路一號", Contacts: []string{"聯絡電話：（○八九）○○○○○○轉一二三"},
				Recipient:  approval.Recipient{Roster: "名單", RosterText: "如正副本行文單位"},
				Date:       "中華民國九十一年三月五日",
				References: []approval.Reference{{Word: "青府工", Year: "091", Serial: "0001234", Branch: "0"}},
				Speed:      approval.SpeedUrgent, Enclosure: "計畫書一份", Files: []approval.FileRef{{Entity: "ATTACH1", Name: "計畫書.doc"}},
				Subject:  "檢送本府九十一年度防汛計畫書一份，請　查照。",
				Sections: []approval.Section{{Heading: "說明：", Text: "復　貴公所九十一年二月二十日函。"}},
				Primary:  []approval.Addressee{{Kind: approval.ByAgency, Name: "青川市東區公所"}},
			},
		}},
		{"letter-93.di", di.Document{
			Generation: "93", Encoding: di.Big5, Roster: "0930005678.SW",
			Body: approval.Body{
				Type: approval.TypeLetter, Category: "移文單",
				Issuers: []approval.Organization{{Name: "青川市政府工務局養護科", Code: "376990100A", UnitCode: "U100001", IsUnit: true}},
				Address: "950001青川市中山路1號", Contacts: []string{"承辦人：周以寧"},
				Recipient:  approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByPerson, Name: "吳明遠", Title: "里長", AgencyCode: "376990200A"}},
				Date:       "中華民國93年7月1日",
				References: []approval.Reference{{Word: "青工養", Year: "093", Serial: "0005678", Branch: "0"}},
				Speed:      approval.SpeedNormal,
				Subject:    "台端陳情路燈事項，移請東區公所辦理。",
				Primary:    []approval.Addressee{{Kind: approval.ByAgency, Name: "青川市東區公所"}},
				Copies:     []approval.Addressee{{Kind: approval.ByPerson, Name: "吳明遠", Title: "里長", Enclosed: "不含附件"}},
			},
		}},
		{"letter-97.di", di.Document{
			Generation: "97", Encoding: di.Big5, Roster: "0970000321.sw",
			Body: approval.Body{
				Type: approval.TypeLetter, Category: "開會紀錄通知單",
				Issuers: []approval.Organization{agency, {Name: "青川市議會", Code: "376990900A"}},
				Address: "950001青川市中山路1號", Contacts: []string{"電話：089-000000"},
				Recipient: approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByAgency, Name: "青川市西區公所", AgencyCode: "376990300A", Enclosed: "含附件"}},
				Date:      "中華民國97年12月31日",
				References: []approval.Reference{
					{Word: "青府工", Year: "097", Serial: "0000321"},
					{Word: "青議", Year: "097", Serial: "0000045"},
				},
				Enclosure: "工程圖1份", Files: []approval.FileRef{{Entity: "附件一", Name: "工程圖(定稿).pdf"}},
				Subject:  "檢送聯席會議紀錄（含工程圖），請　鑒核。",
				Sections: []approval.Section{{Items: []approval.Item{{Ordinal: "（一）", Text: "全形括號之項次照原文保留。"}}}},
				Primary:  []approval.Addressee{{Kind: approval.ByGroup, Name: "各區公所"}},
			},
		}},
		{"letter-99-big5.di", di.Document{
			Generation: "99", Encoding: di.Big5, Roster: "A0001.SW",
			Body: approval.Body{
				Type: approval.TypeLetter, Category: "書函", Issuers: []approval.Organization{{Name: "青川市立第二國民小學", Code: "376990002U"}},
				Address: "950003青川市校前路8號", Contacts: []string{"電話：(089)222222"},
				Recipient:  approval.Recipient{Roster: "表單", RosterText: "如正副本行文單位"},
				Date:       "中華民國113年5月3日",
				References: []approval.Reference{{Text: "青二小總字第1130000456號"}},
				Speed:      approval.SpeedNormal,
				Subject:    "本校校慶①敬邀　蒞臨②請惠予轉知。",
				Sections:   []approval.Section{{Heading: "說明：", Items: []approval.Item{{Ordinal: "一、", Text: "時間：113年5月18日（星期六）上午9時。"}}}},
				Primary:    []approval.Addressee{{Kind: approval.ByAgency, Name: "青川市各國民小學"}},
				Signatures: []string{"青川市立第二國民小學"},
			},
		}},
		{"memo-104-padded.di", di.Document{
			Generation: "104", Encoding: di.UTF8, Roster: "M1151000908.sw",
			Body: approval.Body{
				Type: approval.TypeMemo, Issuers: []approval.Organization{agency}, Speed: approval.SpeedNormal,
				Files:    []approval.FileRef{{Entity: "attch1", Name: "1_驗收紀錄.pdf.pdf"}},
				Subject:  "本案實付新臺幣100元整，奉核後辦理撥款事宜。",
				Sections: []approval.Section{{Heading: "擬辦：", Text: "奉核後辦理。"}},
			},
		}},
		{"order-91.di", di.Document{
			Generation: "91", Encoding: di.Big5,
			Body: approval.Body{
				Type: approval.TypeOrder, Category: "令", Issuers: []approval.Organization{agency}, Date: "中華民國九十一年十二月三十一日",
				References: []approval.Reference{{Word: "青府法", Year: "091", Serial: "0000010", Branch: "0"}},
				Subject:    "訂定「青川市路燈管理辦法」。",
				Sections:   []approval.Section{{Heading: "附：", Text: "青川市路燈管理辦法一份"}},
				Signatures: []string{"市長　江大川"},
			},
		}},
		{"notice-93.di", di.Document{
			Generation: "93", Encoding: di.Big5,
			Body: approval.Body{
				Type: approval.TypeNotice, Issuers: []approval.Organization{agency}, Date: "中華民國93年8月8日",
				Recipient:  approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByAgency, Name: "青川市各區公所"}},
				References: []approval.Reference{{Word: "青府建", Year: "093", Serial: "0088888"}},
				Subject:    "公告本市颱風期間停止使用河濱公園。",
				Sections: []approval.Section{
					{Heading: "依據：", Text: "青川市河濱公園管理辦法第三條。"},
					{Heading: "公告事項：", Items: []approval.Item{{Ordinal: "一、", Text: "停止使用至警報解除。"}}},
				},
			},
		}},
		{"meeting-99-big5.di", di.Document{
			Generation: "99", Encoding: di.Big5, Roster: "B0002.sw",
			Body: approval.Body{
				Type: approval.TypeMeeting, Issuers: []approval.Organization{{Name: "青川市政府工務局", Code: "376990100A"}},
				Contacts:   []string{"王小明 089-000000#5678"},
				Recipient:  approval.Recipient{Roster: "表單", RosterText: "如出列席單位"},
				Date:       "中華民國102年6月3日",
				References: []approval.Reference{{Word: "青工", Year: "102", Serial: "0001111"}},
				Speed:      approval.SpeedUrgent,
				Subject:    "研商人行道改善事宜",
				Meeting: &approval.Meeting{
					Times: []string{"中華民國102年6月10日（星期一）下午2時"}, Place: "本局第一會議室", Host: "陳副局長",
					Attendees: []approval.Addressee{{Kind: approval.ByUnit, Name: "本局養護科"}},
				},
				Remarks: []approval.Item{{Ordinal: "一、", Text: "請攜帶環保杯。"}},
			},
		}},
		{"inspection-104-meeting-names.di", di.Document{
			Generation: "104", Encoding: di.UTF8,
			Body: approval.Body{
				Type: approval.TypeInspection, Issuers: []approval.Organization{{Name: "青川市政府工務局", Code: "376990100A"}},
				Contacts:   []string{"林以寧", "089-000000#1234"},
				Recipient:  approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByUnit, Name: "東區公所民政課", AgencyCode: "376990200A", UnitCode: "U200001"}},
				Date:       "中華民國115年11月2日",
				References: []approval.Reference{{Word: "青工", Year: "115", Serial: "0000777"}},
				Speed:      approval.SpeedUrgent,
				Subject:    "東一街路面坍塌現場會勘",
				Meeting: &approval.Meeting{
					Times: []string{"中華民國115年11月9日(星期一)上午9時30分"}, Place: "東一街與成功路口", Host: "周科長　養護科",
					Attendees: []approval.Addressee{{Kind: approval.ByGroup, Name: "各管線單位"}},
				},
				Remarks: []approval.Item{{Text: "注意："}, {Text: "雨天照常。"}},
			},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			got := decodeFile(t, tt.file)
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			// What came in an old form can go out in the one of today.
			b, err := di.Encode(got.Body, di.EncodeOptions{Roster: got.Roster})
			if err != nil {
				t.Fatalf("Encode: %v", err)
			}
			again, err := di.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got.Body, again.Body); diff != "" {
				t.Errorf("after Encode (-want +got):\n%s", diff)
			}
		})
	}
}

// Everything that senders do differently, in one file.
func TestDecodeWild(t *testing.T) {
	t.Parallel()
	got := decodeFile(t, "letter-104-wild.di")
	want := approval.Body{
		Type: approval.TypeLetter, Category: "函",
		Issuers:    []approval.Organization{{Name: "青川市政府"}},
		Recipient:  approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByAgency, Name: "如行文單位"}},
		Files:      []approval.FileRef{{Entity: "attch1", Name: "a&b 清單.PDF"}, {Entity: "附件二", Name: `附件"二".odt`}},
		Subject:    "請　查照，並請於11月底前回復 <研考處>。",
		Sections:   []approval.Section{{Heading: "辦法：", Text: "本府訂之。"}},
		Primary:    []approval.Addressee{{Kind: approval.ByGroup, Name: "本府各一級單位　"}},
		Signatures: []string{"市長　江大川"},
	}
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if got.Roster != "1150000001.SW" {
		t.Errorf("roster: got %q", got.Roster)
	}
	if diff := cmp.Diff([]approval.FileRef{{Entity: "文書訊息表單", Name: "1150000001.dm"}}, got.Others); diff != "" {
		t.Errorf("others (-want +got):\n%s", diff)
	}
	warned := strings.Join(got.Warnings, "\n")
	for _, part := range []string{
		`line 3, DOCTYPE: entity "附件二": the path before "附件\"二\".odt" was dropped`,
		"line 19, urn:vendor:簽核框: not an element of 函",
		"line 26, b: not expected inside 文字",
		`line 31, 附件檔名: "ATTCH1" is declared as "attch1"`,
		`line 39, 速別: unknown speed "特急件" was left out`,
		"line 53, 受文者: text beside its elements was taken for one addressee",
		`"文書訊息表單" (1150000001.dm) is declared but not named in 附件檔名`,
	} {
		if !strings.Contains(warned, part) {
			t.Errorf("warnings lack %q:\n%s", part, warned)
		}
	}
}

func TestDecodeGrade(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, generation string
		grade                approval.Grade
		release              string
		warned               bool
	}{
		{"none", `<密等/><解密條件或保密期限/>`, "104", "", "", false},
		{"empty code", `<密等 代碼=""/>`, "104", "", "", false},
		{"confidential", `<密等 代碼="密"/><解密條件或保密期限>附件抽存後解密</解密條件或保密期限>`, "104", "密", "附件抽存後解密", false},
		{"absolute", `<密等 代碼="絕對機密"/>`, "104", "絕對機密", "", false},
		{"as text", `<密等>機密</密等>`, "104", "機密", "", false},
		{"normal before 99", `<密等 代碼="普通"/>`, "93", "", "", false},
		{"normal with a condition", `<密等 代碼="普通"/><解密條件或保密期限>公布後</解密條件或保密期限>`, "93", "", "公布後", false},
		{"unknown word", `<密等 代碼="限閱"/>`, "104", "限閱", "", true},
		{"condition without grade", `<密等/><解密條件或保密期限>公布後解密</解密條件或保密期限>`, "104", "密", "公布後解密", true},
		{"second element", `<密等/></密等及解密條件或保密期限><密等及解密條件><密等 代碼="極機密"/></密等及解密條件><密等及解密條件或保密期限>`, "104", "極機密", "", false},
		{"outside of its element", `</密等及解密條件或保密期限><密等 代碼="密"/><密等及解密條件或保密期限>`, "104", "密", "", false},
	}
	for _, tt := range tests {
		text := `<!DOCTYPE 函 SYSTEM "` + tt.generation + `_2.dtd"><函><密等及解密條件或保密期限>` + tt.in + `</密等及解密條件或保密期限><主旨><文字>主旨</文字></主旨></函>`
		d, err := di.Decode([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d.Body.Grade != tt.grade || d.Body.Release != tt.release || (len(d.Warnings) > 0) != tt.warned {
			t.Errorf("%s: got grade %q, release %q, warnings %q", tt.name, d.Body.Grade, d.Body.Release, d.Warnings)
		}
	}
}

func TestDecodeRosterName(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, declared, recipient, want string }{
		{"none", ``, ``, ""},
		{"by reference", `<!ENTITY a SYSTEM "a.sw" NDATA DI><!ENTITY 表單 SYSTEM "b.sw" NDATA DI>`, `<交換表 交換表單="a">如</交換表>`, "a.sw"},
		{"by name", `<!ENTITY a SYSTEM "a.x" NDATA DI><!ENTITY 表單 SYSTEM "b.sw" NDATA DI>`, ``, "b.sw"},
		{"by notation", `<!ENTITY a SYSTEM "a.sw" NDATA DI><!ENTITY b SYSTEM "b.pdf" NDATA _X>`, ``, "a.sw"},
		{"two of the notation", `<!ENTITY a SYSTEM "a.sw" NDATA DI><!ENTITY b SYSTEM "b.sw" NDATA DI>`, ``, ""},
		{"not declared", `<!ENTITY a SYSTEM "a.sw" NDATA DI>`, `<交換表 交換表單="表單">如</交換表>`, "a.sw"},
		{"attribute missing", `<!ENTITY 表單 SYSTEM "b.sw" NDATA DI>`, `<交換表>如</交換表>`, "b.sw"},
	}
	for _, tt := range tests {
		d, err := di.Decode([]byte(`<!DOCTYPE 函 SYSTEM "104_2_utf8.dtd"[` + tt.declared + `]><函><受文者>` + tt.recipient + `</受文者></函>`))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d.Roster != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, d.Roster, tt.want)
		}
	}
}

// 會辦單位 is read flat, as it is written, and nested.
func TestDecodeReview(t *testing.T) {
	t.Parallel()
	want := []approval.Review{
		{Unit: approval.Organization{Name: "主計處", IsUnit: true}, Opinions: []approval.Section{{Text: "無意見。"}}, Received: "115年1月2日10時", Finished: "115年1月3日"},
		{Unit: approval.Organization{Name: "政風處", IsUnit: true}},
	}
	flat := `<受會單位><單位名>主計處</單位名></受會單位><會核意見>無意見。</會核意見><收會時間><年月日>115年1月2日</年月日><時分>10時</時分></收會時間><會畢時間>115年1月3日</會畢時間><受會單位>政風處</受會單位>`
	for name, text := range map[string]string{
		"flat":   flat,
		"nested": `<會辦單位>` + strings.Replace(flat, `<受會單位>政風處`, `</會辦單位><會辦單位><受會單位>政風處`, 1) + `</會辦單位>`,
		"named":  strings.ReplaceAll(flat, "受會單位", "會辦單位"),
	} {
		d, err := di.Decode([]byte(`<!DOCTYPE 簽稿會核單 SYSTEM "104_6_utf8.dtd"><簽稿會核單>` + text + `</簽稿會核單>`))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, d.Body.Reviews); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
