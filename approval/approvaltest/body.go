package approvaltest

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"qianhe/approval"
)

// Body is a letter of n paragraphs, under 說明 and 辦法, nested to the four
// levels that letters have: 一、 (一) 1、 (1).
func Body(n int) approval.Body {
	explain := n - n/3
	return approval.Body{
		Type:       approval.TypeLetter,
		Category:   "函",
		Issuers:    []approval.Organization{{Name: "青川市政府", Code: "399990000A"}},
		Address:    "399001 青川市中央路1號",
		Contacts:   []string{"承辦人：林佳穎", "電話：(00)0000-0000"},
		Recipient:  approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByAgency, Name: "青川市政府工務局", AgencyCode: "399990100A"}},
		Date:       "中華民國115年11月20日",
		References: []approval.Reference{{Word: "青工水", Year: "115", Serial: "0012345"}},
		Speed:      approval.SpeedNormal,
		Enclosure:  "如主旨",
		Subject:    "檢送「青川溪護岸改善工程」初步設計審查意見一份，請　查照。",
		Sections: []approval.Section{
			{Heading: "說明", Items: items(explain)},
			{Heading: "辦法", Text: "請依下列事項辦理：", Items: items(n - explain)},
		},
		Primary:    []approval.Addressee{{Kind: approval.ByAgency, Name: "青川市政府工務局"}},
		Copies:     []approval.Addressee{{Kind: approval.ByUnit, Name: "會計室", Enclosed: "含附件"}},
		Signatures: []string{"市長　周明德"},
		Options:    map[string]string{"擬辦方式": "1"},
	}
}

// items gives exactly n paragraphs: every seventh of a level has three below
// it, as long as there are any left.
func items(n int) []approval.Item {
	left := n
	var level func(depth, most int) []approval.Item
	level = func(depth, most int) []approval.Item {
		var list []approval.Item
		for i := 1; i <= most && left > 0; i++ {
			left--
			it := approval.Item{Ordinal: ordinal(depth, i), Text: paragraph(n - left)}
			if depth < 3 && i%7 == 2 {
				it.Items = level(depth+1, 3+depth)
			}
			list = append(list, it)
		}
		return list
	}
	return level(0, n)
}

func ordinal(depth, i int) string {
	switch depth {
	case 0:
		return numeral(i) + "、"
	case 1:
		return "(" + numeral(i) + ")"
	case 2:
		return strconv.Itoa(i) + "、"
	}
	return "(" + strconv.Itoa(i) + ")"
}

// numeral writes 1 to 999 as letters do: 一, 十二, 一百零三.
func numeral(i int) string {
	digits := []string{"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"}
	var b strings.Builder
	if h := i / 100; h > 0 {
		b.WriteString(digits[h] + "百")
	}
	tens, ones := i/10%10, i%10
	switch {
	case tens == 1 && i < 100:
		b.WriteString("十")
	case tens > 0:
		b.WriteString(digits[tens] + "十")
	case i > 100 && ones > 0:
		b.WriteString("零")
	}
	if ones > 0 {
		b.WriteString(digits[ones])
	}
	return b.String()
}

func paragraph(i int) string {
	return fmt.Sprintf("第%d點：護岸基礎埋設深度、排水孔間距及施工期間之交通維持計畫，應於文到後依「青川市公共工程審查要點」檢討修正，並於%d日內將修正後圖說函送本府備查。", i, i%30+1)
}

// Attachments makes n files of a document, each of its own bytes, and the
// bytes by digest. The first is the DI itself, as the source.
func Attachments(newID func() string, n, size int) ([]approval.File, map[[32]byte][]byte) {
	var files []approval.File
	blobs := map[[32]byte][]byte{}
	add := func(role approval.FileRole, position int, name, media string, size int) {
		b := []byte(strings.Repeat(string(newID())+"\n", size/27+1))
		sum := sha256.Sum256(b)
		blobs[sum] = b
		files = append(files, approval.File{ID: approval.FileID(newID()), Name: name, MediaType: media, Size: int64(len(b)), SHA256: sum, Role: role, Position: position})
	}
	add(approval.FileSource, 0, "函.di", "application/xml", 4096)
	for i := range n {
		add(approval.FileAttachment, i, fmt.Sprintf("附件%d.pdf", i+1), "application/pdf", size)
	}
	return files, blobs
}
