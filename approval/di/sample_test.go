package di_test

import "qianhe/approval"

// samples are bodies that use every field of their type; the golden files of
// the same name are what they are written as.
func samples() map[string]approval.Body {
	agency := approval.Organization{Name: "青川市政府", Code: "376990000A"}
	bureau := approval.Organization{Name: "青川市政府工務局", Code: "376990100A"}
	number := approval.Reference{Word: "青工防", Year: "115", Serial: "0012345"}
	return map[string]approval.Body{
		"letter-104.di": {
			Type:       approval.TypeLetter,
			Category:   "書函",
			Issuers:    []approval.Organization{agency, {Name: "工務局養護科", Code: "376990100A", UnitCode: "U100001", IsUnit: true}},
			Address:    "950001青川市中山路1號",
			Contacts:   []string{"承辦人：周以寧", "電話：089-000000#1234"},
			Recipient:  approval.Recipient{Roster: "表單", RosterText: "如正副本行文單位"},
			Date:       "中華民國115年11月20日",
			References: []approval.Reference{number, {Text: "青議字第1150000321號"}},
			Speed:      approval.SpeedHighest,
			Grade:      approval.GradeSecret,
			Release:    "本件至民國120年12月31日解密",
			Enclosure:  "如主旨",
			Files:      []approval.FileRef{{Entity: "ATTCH1", Name: "防汛 \"甲\" 檢查表.pdf"}, {Entity: "附件二", Name: "a&b's.ods"}},
			Subject:    "檢送檢查表1份，請　查照。",
			Sections: []approval.Section{
				{Heading: "說明：", Items: []approval.Item{
					{Ordinal: "一、", Text: "依據「<甲> & 乙」\n辦理。"},
					{Ordinal: "二、", Text: "重點：", Items: []approval.Item{
						{Ordinal: "(一)", Text: "抽水機。", Items: []approval.Item{
							{Ordinal: "1、", Text: "試運轉。", Items: []approval.Item{{Ordinal: "(1)", Text: "至少30分鐘。"}}},
						}},
					}},
				}},
				{Heading: "辦法：", Text: "逾期未函復者列管。"},
			},
			Primary:    []approval.Addressee{{Kind: approval.ByAgency, Name: "青川市東區公所"}, {Kind: approval.ByGroup, Name: "各抽水站"}},
			Copies:     []approval.Addressee{{Kind: approval.ByUnit, Name: "本府研考處", Enclosed: "含附件"}, {Kind: approval.ByPerson, Name: "吳明遠", Title: "里長"}},
			Signatures: []string{"市長　江大川", "副市長　林遠"},
		},
		"memo-104.di": {
			Type:       approval.TypeMemo,
			Issuers:    []approval.Organization{{Name: "養護科", UnitCode: "U100001", IsUnit: true}},
			Recipient:  approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByUnit, Name: "秘書室", AgencyCode: "376990000A", UnitCode: "U000009"}},
			References: []approval.Reference{{Year: "115", Serial: "1000908", Branch: "1"}},
			Speed:      approval.SpeedUrgent,
			Options:    map[string]string{"擬辦方式": "2"},
			Subject:    "擬汰換東區路燈控制箱，簽請　核示。",
			Sections:   []approval.Section{{Heading: "說明：", Text: "已逾使用年限。"}, {Heading: "擬辦：", Text: "奉核後辦理採購。"}},
			Submit:     []approval.Addressee{{Kind: approval.ByTitle, Title: "科長"}, {Kind: approval.ByTitle, Title: "局長", Name: "陳遠山"}},
			Signatures: []string{"技士　周以寧"},
			Date:       "中華民國115年11月20日",
		},
		"order-104.di": {
			Type:       approval.TypeOrder,
			Category:   "獎懲令",
			Issuers:    []approval.Organization{agency},
			Recipient:  approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByPerson, Name: "周以寧", Title: "技士", AgencyCode: "376990100A"}},
			Date:       "中華民國115年11月20日",
			References: []approval.Reference{{Word: "青人", Year: "115", Serial: "0000042"}},
			Speed:      approval.SpeedNormal,
			Subject:    "核定周以寧嘉獎一次。",
			Sections:   []approval.Section{{Heading: "獎懲事由：", Text: "辦理防汛，工作得力。"}},
			Primary:    []approval.Addressee{{Kind: approval.ByPerson, Name: "周以寧", Title: "技士"}},
			Copies:     []approval.Addressee{{Kind: approval.ByUnit, Name: "本府人事處"}},
			Signatures: []string{"市長　江大川"},
		},
		"notice-104.di": {
			Type:       approval.TypeNotice,
			Issuers:    []approval.Organization{agency},
			Date:       "中華民國115年11月20日",
			References: []approval.Reference{{Word: "青建", Year: "115", Serial: "0088888"}},
			Enclosure:  "範圍圖1份",
			Files:      []approval.FileRef{{Entity: "ATTCH1", Name: "範圍圖.pdf"}},
			Subject:    "公告本市河濱公園颱風期間停止使用。",
			Sections: []approval.Section{
				{Heading: "依據：", Text: "青川市河濱公園管理辦法第3條。"},
				{Heading: "公告事項：", Items: []approval.Item{{Ordinal: "一、", Text: "停止使用至警報解除。"}}},
			},
		},
		"meeting-104.di": {
			Type:       approval.TypeMeeting,
			Issuers:    []approval.Organization{bureau},
			Contacts:   []string{"王小明", "089-000000#5678"},
			Recipient:  approval.Recipient{Roster: "表單", RosterText: "如出列席單位"},
			Date:       "中華民國115年11月21日",
			References: []approval.Reference{number},
			Speed:      approval.SpeedUrgent,
			Enclosure:  "會議資料1份",
			Subject:    "研商「抽水站監控系統」驗收事宜",
			Meeting: &approval.Meeting{
				Times:     []string{"中華民國115年11月27日(星期五)上午10時", "115年12月1日（二）下午2時", "另行通知"},
				Place:     "本局第二會議室",
				Host:      "陳副局長",
				Attendees: []approval.Addressee{{Kind: approval.ByAgency, Name: "青川市政府研考處"}, {Kind: approval.ByUnit, Name: "本局水利科"}},
				Observers: []approval.Addressee{{Kind: approval.ByAgency, Name: "○○科技股份有限公司"}},
			},
			Copies:     []approval.Addressee{{Kind: approval.ByGroup, Name: "本局各科", Enclosed: "含附件"}},
			Remarks:    []approval.Item{{Ordinal: "一、", Text: "請攜帶環保杯。"}, {Text: "停車位有限。"}},
			Signatures: []string{"青川市政府工務局"},
		},
		"inspection-104.di": {
			Type:       approval.TypeInspection,
			Issuers:    []approval.Organization{bureau},
			Contacts:   []string{"林以寧"},
			Recipient:  approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByAgency, Name: "青川市東區公所", AgencyCode: "376990200A"}},
			Date:       "中華民國115年11月2日",
			References: []approval.Reference{number},
			Subject:    "東一街路面坍塌現場會勘",
			Meeting: &approval.Meeting{
				Times:     []string{"中華民國115年11月9日(星期一)上午9時30分"},
				Place:     "東一街與成功路口",
				Host:      "周科長",
				Attendees: []approval.Addressee{{Kind: approval.ByGroup, Name: "各管線單位"}},
			},
		},
		"review-104.di": {
			Type:      approval.TypeReview,
			Recipient: approval.Recipient{Addressee: approval.Addressee{Kind: approval.ByAgency, Name: "青川市政府", AgencyCode: "376990000A"}},
			Issuers:   []approval.Organization{bureau},
			Subject:   "東區路燈控制箱汰換案",
			Handling:  &approval.Organization{Name: "養護科", IsUnit: true},
			Received:  &approval.Reference{Word: "青府收", Year: "115", Serial: "0000999"},
			Reviews: []approval.Review{
				{
					Unit:     approval.Organization{Name: "主計處", IsUnit: true},
					Opinions: []approval.Section{{Text: "請補經費來源。"}, {Heading: "補充：", Items: []approval.Item{{Ordinal: "一、", Text: "科目另列。"}}}},
					Received: "中華民國115年11月20日09時30分",
					Finished: "中華民國115年11月21日",
				},
				{Unit: approval.Organization{Name: "政風處", IsUnit: true}},
			},
		},
	}
}

// roster is the SW that goes with letter-104.di.
func roster() []approval.Addressee {
	return []approval.Addressee{
		{Kind: approval.ByAgency, Name: "青川市東區公所", AgencyCode: "376990200A", Enclosed: "含附件", Portable: "1150012345.pdf", Copy: "正本"},
		{Kind: approval.ByUnit, Name: "青川市政府研考處", AgencyCode: "376990000A", UnitCode: "U000007", Copy: "副本"},
		{Kind: approval.ByPerson, Name: "吳明遠", Title: "里長", AgencyCode: "376990200A"},
	}
}
