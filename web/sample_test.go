package web

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/approvaltest"
	"qianhe/approval/workday"
	"qianhe/hub"
)

// office is a server over fakes with documents on their way, seen at one
// moment: Monday, 23 November 2026, 09:10 in Taipei.
type office struct {
	*Server
	store    *store
	accounts *accounts
	post     *post
	settings *settings
	access   *decided
	ledger   *ledger
	wire     *wire
	pages    *pages
	pairs    *pairs
	now      time.Time
	newID    func() string

	lin, hsu, chang, wang, chen, kao approval.Person
	admin                            approval.Person     // 管理者
	flood, monitor, meeting, advice  approval.DocumentID // in Wang's hands
	shut, back, old                  approval.DocumentID
	pdf, picture, sheet              approval.FileID
	leave, loan, power               string // notices of other systems to Wang
	systems                          *systems
	trail                            *trail
	staff                            *staff
	door                             *door
	joins                            *joins
}

// pushKey is a VAPID public key, as far as its looks go.
const pushKey = "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func newOffice(t testing.TB, change ...func(*Options)) *office {
	t.Helper()
	o := &office{store: newStore(), post: &post{}, wire: &wire{}, pages: &pages{n: 3, jpeg: testJPEG(t)}, newID: approvaltest.IDs(7)}
	o.now = time.Date(2026, 11, 23, 9, 10, 0, 0, approval.Zone)
	unit := func(name string) approval.UnitID {
		id := approval.UnitID(o.newID())
		o.store.units[id] = name
		return id
	}
	bureau, section := unit("工務局"), unit("工務局 水利科")
	person := func(u approval.UnitID, title, name string) approval.Person {
		p := approval.Person{ID: approval.PersonID(o.newID()), Name: name, Title: title, Unit: u, Roles: []approval.Role{approval.RoleOfficial}}
		o.store.people[p.ID] = p
		return p
	}
	o.lin, o.hsu = person(section, "科員", "林以寧"), person(section, "技士", "許柏宇")
	o.chang, o.wang = person(section, "股長", "張家豪"), person(section, "科長", "王敏華")
	o.chen, o.kao = person(bureau, "副局長", "陳志明"), person(bureau, "局長", "高文彬")
	o.accounts = &accounts{sessions: map[string]access.Session{}}
	for login, p := range map[string]approval.Person{"lin": o.lin, "hsu": o.hsu, "chang": o.chang, "wang": o.wang, "chen": o.chen, "kao": o.kao} {
		o.accounts.sessions[login] = access.Session{
			ID: "session-" + login, Account: "account-" + login, Person: p, UnitName: o.store.units[p.Unit], Login: login, Locale: Chinese,
			Device: "device-" + login, CreatedAt: o.now, ExpiresAt: o.now.Add(7 * 24 * time.Hour),
			Standing: access.Full, ProvenAt: o.now, Methods: []access.Method{access.ByPassword},
		}
	}
	o.admin = person(bureau, "管理師", "周明德")
	o.admin.Roles = append(o.admin.Roles, approval.RoleAdmin)
	o.accounts.sessions["admin"] = access.Session{
		ID: "session-admin", Account: "account-admin", Person: o.admin, UnitName: "工務局", Login: "admin", Locale: Chinese,
		Device: "device-admin", CreatedAt: o.now, ExpiresAt: o.now.Add(7 * 24 * time.Hour),
		Standing: access.Full, ProvenAt: o.now, Methods: []access.Method{access.ByPassword},
	}
	o.settings = &settings{choices: map[approval.PersonID]hub.Preferences{}, people: o.store.people, now: func() time.Time { return o.now }}
	o.access = &decided{people: o.store.people, now: func() time.Time { return o.now }}
	o.accounts.devices = []access.Device{
		{ID: "device-wang", Label: "iPhone · Safari", Platform: "ios", CreatedAt: o.now.AddDate(0, -2, 0), LastSeenAt: o.now, Current: true, Sessions: 1},
		{ID: "device-desk", Label: "Windows · Edge", Platform: "windows", CreatedAt: o.now.AddDate(0, -5, 3), LastSeenAt: o.now.AddDate(0, 0, -3), Sessions: 1},
		{ID: "device-old", Label: "Android · LINE", Platform: "android", CreatedAt: o.now.AddDate(-1, 0, 0), LastSeenAt: o.now.AddDate(0, -1, 0)},
	}
	o.post.links = []hub.Link{{ID: "line", Person: o.wang.ID, Channel: hub.LINE, CreatedAt: o.now.AddDate(0, -2, 0)}}
	o.documents(t)
	o.told()
	o.notices()
	o.events()
	o.did()
	o.employed()

	base, err := url.Parse("http://sign.example.gov.tw")
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{
		Documents: o.store, Accounts: o.accounts, Access: o.access, Hub: o.post, Settings: o.settings, Ledger: o.ledger, Webhooks: o.systems, Audit: o.trail, People: o.staff, Work: o.staff, Live: o.wire, Pages: o.pages, Forms: access.NewFormTokens(bytes.Repeat([]byte{1}, 32)),
		Workdays: workday.Official(), BaseURL: base, Agency: "青川市政府", Now: func() time.Time { return o.now },
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Push: &Push{PublicKey: func(context.Context) string { return pushKey }, KnowsKey: func(_ context.Context, key string) bool { return key == pushKey }, Check: func(endpoint, _, _ string) error {
			if !strings.HasPrefix(endpoint, "https://push.example.org/") {
				return &approval.InvalidError{Field: "endpoint", Reason: "push.host", Detail: "elsewhere"}
			}
			return nil
		}},
	}
	opt.Linking = o.pairings()
	o.door = newDoor(o)
	o.joins = &joins{office: o}
	opt.Handovers = o.joins
	opt.NewDevices, opt.Hotline = o.door, "(02) 0000-0119"
	for _, f := range change {
		f(&opt)
	}
	if o.Server, err = New(opt); err != nil {
		t.Fatal(err)
	}
	return o
}

// put starts a document at received and passes it on, an hour or so a station,
// until it is in the hands of to.
func (o *office) put(t testing.TB, number string, b approval.Body, received time.Time, to approval.Person, opinions map[approval.PersonID]string, route ...approval.Planned) *approval.Document {
	t.Helper()
	d, _, err := approval.Start(approval.Draft{
		Number: number, Body: b, Handler: route[0].Person, ReceivedAt: received, Deadline: workday.Official().DueDate(received, b.Speed), Route: route,
	}, received, o.newID)
	if err != nil {
		t.Fatal(err)
	}
	d.Revision = 1
	o.store.docs = append(o.store.docs, d)
	o.store.contents[d.ID] = approval.Content{Document: d.ID, Version: 1, Body: b}
	at := received
	for d.Active(to.ID) == nil && d.State == approval.StateCirculating {
		at = at.Add(53 * time.Minute)
		var st approval.Step
		for _, s := range d.Route.Steps {
			if s.State == approval.StepActive {
				st = s
			}
		}
		p := o.store.people[st.Person]
		a := approval.Act{By: approval.Actor{Person: p.ID, Name: p.Name, Title: p.Title}, At: at, Step: st.ID, Version: 1, Opinion: opinions[p.ID], NewID: o.newID}
		if _, err := closeStep(d, a, "forward", ""); err != nil {
			t.Fatalf("%s: %v", number, err)
		}
	}
	return d
}

func (o *office) documents(t testing.TB) {
	handle := func(p approval.Person) approval.Planned {
		return approval.Planned{Person: p.ID, Duty: approval.DutyHandle}
	}
	review := func(p approval.Person) approval.Planned {
		return approval.Planned{Person: p.ID, Duty: approval.DutyReview}
	}
	consult := func(p approval.Person) approval.Planned {
		return approval.Planned{Person: p.ID, Duty: approval.DutyConsult}
	}
	decide := func(p approval.Person) approval.Planned {
		return approval.Planned{Person: p.ID, Duty: approval.DutyDecide}
	}
	day := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, approval.Zone) }
	ref := func(word, serial string) []approval.Reference {
		return []approval.Reference{{Word: word, Year: "115", Serial: serial}}
	}

	flood := o.put(t, "1150012345", approval.Body{
		Type: approval.TypeLetter, Category: "函", Issuers: []approval.Organization{{Name: "青川市政府"}}, Date: "中華民國115年11月18日",
		References: ref("青工防", "0012345"), Speed: approval.SpeedHighest, Enclosure: "如主旨", Contacts: []string{"林以寧 089-000000#1234"},
		Subject: "檢送本府115年度防汛整備檢查表及各區抽水站清冊各1份，請於115年11月25日前完成自主檢查並將結果函復本府，請　查照。",
		Sections: []approval.Section{
			{Heading: "說明：", Items: []approval.Item{
				{Ordinal: "一、", Text: "依據經濟部水利署115年11月10日水防字第11500998877號函辦理。"},
				{Ordinal: "二、", Text: "旨揭檢查重點如下：", Items: []approval.Item{
					{Ordinal: "(一)", Text: "抽水機組試運轉至少30分鐘，並記錄油壓、水位與轉速。"},
					{Ordinal: "(二)", Text: "水門啟閉測試：", Items: []approval.Item{{Ordinal: "1、", Text: "電動啟閉2次。"}, {Ordinal: "2、", Text: "手動啟閉1次，並拍照存證。"}}},
				}},
				{Ordinal: "三、", Text: "逾期未函復者，由本府研考單位列管 & 稽催。"},
			}},
			{Heading: "擬辦：", Text: "擬請各區公所配合辦理，並由本科彙整函復。"},
		},
		Primary:    []approval.Addressee{{Name: "青川市政府工務局"}, {Name: "青川市各區公所"}},
		Copies:     []approval.Addressee{{Name: "青川市政府研究發展考核處", Enclosed: "含附件"}},
		Signatures: []string{"市長　江大川"},
	}, day(18, 15, 10), o.wang, map[approval.PersonID]string{o.lin.ID: "擬如說明辦理。", o.chang.ID: "請彙整各區回復期限。"},
		handle(o.lin), review(o.chang), review(o.wang), review(o.chen), decide(o.kao))
	o.flood = flood.ID
	o.store.attach(o.newID, flood.ID, approval.FileSource, "1150012345.di", "application/xml", []byte("<函/>"))
	o.pdf = o.store.attach(o.newID, flood.ID, approval.FileAttachment, "防汛整備檢查表.pdf", "application/pdf", bytes.Repeat([]byte("%PDF-"), 63600))
	o.sheet = o.store.attach(o.newID, flood.ID, approval.FileAttachment, "各區抽水站清冊.ods", "application/vnd.oasis.opendocument.spreadsheet", make([]byte, 42100))
	o.picture = o.store.attach(o.newID, flood.ID, approval.FileAttachment, "三號抽水站現況.png", "image/png", testPNG(t))

	o.monitor = o.put(t, "1150012399", approval.Body{
		Type: approval.TypeMemo, Issuers: []approval.Organization{{Name: "工務局水利科"}}, Speed: approval.SpeedUrgent,
		Subject:  "擬辦理「抽水站自動化監控系統」驗收案，簽請核示。",
		Sections: []approval.Section{{Heading: "說明：", Items: []approval.Item{{Ordinal: "一、", Text: "本案契約金額新臺幣4,980,000元，廠商於115年11月12日報竣。"}, {Ordinal: "二、", Text: "經初驗合格，紀錄如附件。"}}}, {Heading: "擬辦：", Text: "奉核後辦理正式驗收，並請會計室、政風室派員監驗。"}},
	}, day(18, 9, 0), o.wang, map[approval.PersonID]string{o.hsu.ID: "簽請核示。"}, handle(o.hsu), review(o.chang), decide(o.wang)).ID

	o.meeting = o.put(t, "1150023456", approval.Body{
		Type: approval.TypeMeeting, Issuers: []approval.Organization{{Name: "青川市政府水利局"}}, References: ref("青水工", "0023456"), Speed: approval.SpeedNormal,
		Subject: "研商115年度水利設施歲修工程第2次變更設計會議", Contacts: []string{"王小明 089-000000#5678"},
		Meeting: &approval.Meeting{
			Times: []string{"中華民國115年11月27日（星期五）上午10時"}, Place: "本局第二會議室", Host: "陳副局長",
			Attendees: []approval.Addressee{{Name: "青川市政府研究發展考核處"}, {Name: "本局水利科"}}, Observers: []approval.Addressee{{Name: "青川營造股份有限公司"}},
		},
		Remarks: []approval.Item{{Ordinal: "一、", Text: "請攜帶環保杯。"}},
	}, day(20, 8, 12), o.wang, nil, handle(o.lin), consult(o.wang), decide(o.chen)).ID

	o.advice = o.put(t, "1150023501", approval.Body{
		Type: approval.TypeLetter, Issuers: []approval.Organization{{Name: "行政院秘書處"}}, References: ref("院授研", "0023501"), Speed: approval.SpeedNormal,
		Subject: "轉知行政院修正「文書處理手冊」部分規定，請查照。",
	}, day(20, 13, 30), o.wang, nil, handle(o.lin), review(o.wang), decide(o.chen)).ID

	o.shut = o.put(t, "1150099999", approval.Body{
		Type: approval.TypeLetter, Issuers: []approval.Organization{{Name: "國家機密機關"}}, Speed: approval.SpeedUrgent,
		Grade: approval.GradeConfidential, Subject: "不可示人之主旨",
	}, day(23, 8, 0), o.lin, nil, handle(o.lin), review(o.wang), decide(o.chen)).ID
	shut := o.store.find(o.shut) // moved on by hand: no rule lets it be handled here
	shut.Route.Steps[0].State, shut.Route.Steps[0].ActedBy = approval.StepClosed, o.lin.ID
	shut.Route.Steps[1].State, shut.Route.Steps[1].ArrivedAt = approval.StepActive, day(23, 8, 20)

	back := o.put(t, "1150012001", approval.Body{
		Type: approval.TypeLetter, Issuers: []approval.Organization{{Name: "工務局"}}, References: ref("青工水", "0012001"), Speed: approval.SpeedNormal,
		Subject: "檢陳「青川溪護岸改善工程」用地取得協議價購會議紀錄一份。",
	}, day(19, 9, 0), o.chen, nil, handle(o.lin), review(o.wang), decide(o.chen))
	o.back = back.ID
	st := back.Active(o.chen.ID)
	if _, err := back.Return(approval.Act{By: approval.Actor{Person: o.chen.ID, Name: "陳志明", Title: "副局長"}, At: day(20, 16, 5), Step: st.ID, Version: 1, Opinion: "請補地價調查資料。", NewID: o.newID}, approval.ReturnToPrevious); err != nil {
		t.Fatal(err)
	}

	o.old = o.put(t, "1150011800", approval.Body{
		Type: approval.TypeMemo, Issuers: []approval.Organization{{Name: "工務局水利科"}}, Speed: approval.SpeedNormal, Subject: "擬派員參加115年度防汛操作人員訓練，簽請核示。",
	}, day(16, 9, 0), o.kao, map[approval.PersonID]string{o.wang.ID: "如擬。"}, handle(o.lin), decide(o.wang)).ID
}

// notices are two forms that wait for Wang in other systems, and an
// announcement.
func (o *office) notices() {
	post := func(kind hub.Kind, title, from, url string, speed approval.Speed, due, at time.Time) string {
		n := hub.Notification{ID: o.newID(), Person: o.wang.ID, Seq: int64(len(o.post.board) + 1), Kind: kind, Speed: speed, Due: due, At: at}
		o.post.board = append(o.post.board, hub.Posted{Notification: n, Title: title, From: from, URL: url})
		return n.ID
	}
	day := func(d, h int) time.Time { return time.Date(2026, 11, d, h, 0, 0, 0, approval.Zone) }
	o.leave = post(hub.KindForm, "許柏宇 11月26日公出申請單", "差勤系統", "https://hr.example.gov.tw/forms/8812?step=2", approval.SpeedUrgent, day(24, 0), day(23, 8))
	o.loan = post(hub.KindForm, "會議室投影機借用單", "財產管理系統", "", approval.SpeedNormal, time.Time{}, day(20, 16))
	o.power = post(hub.KindAnnouncement, "本週六上午8時至12時機房停電，各系統暫停服務", "資訊中心公告", "https://news.example.gov.tw:8443/1", approval.SpeedNormal, time.Time{}, day(20, 9))
}

// events are two receivers in use, and one that is closed.
func (o *office) events() {
	at := func(h, m int) time.Time { return time.Date(2026, 11, 23, h, m, 0, 0, approval.Zone) }
	o.systems = &systems{events: map[string][]hub.WebhookDelivery{}}
	add := func(url string, waiting, failed int, types ...hub.EventType) string {
		e := hub.EndpointStatus{Endpoint: hub.Endpoint{ID: o.newID(), URL: url, Events: types, Created: at(1, 0)}, Waiting: waiting, Failed: failed, Delivered: at(9, 2)}
		o.systems.endpoints = append(o.systems.endpoints, e)
		return e.ID
	}
	edms := add("https://edms.example.gov.tw/hooks/s3cr3t", 1, 2, hub.EventDocumentArrived, hub.EventDocumentReturned, hub.EventDocumentDecided)
	hr := add("https://hr.example.gov.tw:8443/qianhe", 0, 0, hub.EventNoticeSeen, hub.EventNoticeDone)
	old := add("https://old-registry-of-the-whole-agency.example.gov.tw/", 0, 4, hub.EventDocumentDecided)
	o.systems.endpoints[2].Disabled, o.systems.endpoints[2].Reason = at(7, 30), "410: the endpoint is gone"
	put := func(endpoint string, t hub.EventType, s hub.WebhookState, when time.Time, attempts, status int, why string) {
		d := hub.WebhookDelivery{Event: hub.Event{ID: o.newID(), Type: t, At: when}, Endpoint: endpoint, State: s, Attempts: attempts, Status: status, Error: why}
		if s == hub.WebhookPending {
			d.Next = at(9, 30)
		}
		o.systems.events[endpoint] = append(o.systems.events[endpoint], d)
	}
	put(edms, hub.EventDocumentDecided, hub.WebhookPending, at(9, 1), 3, 503, "503")
	put(edms, hub.EventDocumentArrived, hub.WebhookDelivered, at(8, 50), 1, 200, "")
	put(edms, hub.EventDocumentReturned, hub.WebhookFailed, at(8, 20).AddDate(0, 0, -4), 10, 0, "no answer in time")
	put(edms, hub.EventDocumentArrived, hub.WebhookFailed, at(8, 10).AddDate(0, 0, -4), 10, 404, "404")
	put(hr, hub.EventNoticeSeen, hub.WebhookDelivered, at(9, 2), 1, 204, "")
	put(old, hub.EventDocumentDecided, hub.WebhookFailed, at(7, 30), 1, 410, "410: the endpoint is gone")
}

func testPNG(t testing.TB) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 640, 400))
	for y := range 400 {
		for x := range 640 {
			m.Set(x, y, color.RGBA{uint8(120 + y/6), uint8(140 + x/12), uint8(160 + y/5), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func testJPEG(t testing.TB) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 720, 1018))
	for y := range 1018 {
		for x := range 720 {
			c := uint8(255)
			if y > 90 && y < 900 && x > 80 && x < 640-(y/40%5)*60 && y%40 < 12 {
				c = 90
			}
			m.SetGray(x, y, color.Gray{c})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
