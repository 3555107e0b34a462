package hub

import (
	"strconv"

	"qianhe/approval"
)

func chinese() words {
	count := func(before string) func(int) string {
		return func(n int) string { return before + " " + strconv.Itoa(n) + " 件" }
	}
	return words{
		lang:       "zh-TW",
		handle:     "立即處理",
		open:       "開啟檢視",
		list:       "查看清單",
		devices:    "檢查裝置",
		read:       "已讀",
		classified: "機密件公文 1 件",
		atOffice:   "，請至辦公室辦理",
		speed:      "速別",
		due:        "限辦",
		number:     "文號",
		subject:    "主旨",
		speeds:     map[approval.Speed]string{approval.SpeedHighest: "最速件", approval.SpeedUrgent: "速件"},
		buckets:    map[bucket]string{bucketLate: "已逾期", bucketToday: "今日到期", bucketTomorrow: "明日到期", bucketSoon: "3 日內到期"},
		pending:    count("待處理公文"),
		forms:      count("待審核表單"),
		inAll:      count("，待處理共"),
		highest:    count("最速件"),
		overdue:    count("逾期"),
		dueToday:   count("今日到期"),
		labels:     [3]string{"最速件", "逾期", "今日到期"},
		unit:       func(n int) string { return strconv.Itoa(n) + " 件" },
		soon:       count("即將到期公文"),
		today:      count("今日到期公文"),
		late:       count("逾期公文"),
		others:     count("所屬逾期公文"),
		chase:      count("稽催：逾期公文"),
		done:       "待處理公文已全部處理",
		highestNew: "新到最速件公文 1 件",
		titles: map[Kind]string{
			KindArrived:       "新到公文 1 件",
			KindReturned:      "公文退回 1 件",
			KindRecalled:      "公文抽回 1 件",
			KindDecided:       "承辦公文已決行",
			KindForm:          "待審核表單 1 件",
			KindExtension:     "展期申請 1 件待核",
			KindSignature:     "請在 TW FidO 確認簽章",
			KindSignatureDebt: "有公文待補簽",
			KindNewDevice:     "帳號在新裝置登入",
			KindReplaced:      "行動裝置已更換",
			KindAccount:       "帳號設定已變更",
			KindLinked:        "已綁定新的通知管道{about}",
			KindUnlinked:      "通知管道{about}已解除綁定",
			KindAnnouncement:  "新公告 1 則",
			KindTest:          "測試訊息",
		},
		texts: map[Kind]string{
			KindSignature:     "請在 TW FidO 確認簽章；不是您本人操作請拒絕",
			KindSignatureDebt: "有公文待補簽，請於歸檔前完成",
			KindNewDevice:     "帳號在新裝置登入{where}。非本人請由平常的網址登入，到「登入的裝置」將它登出，並改密碼",
			KindReplaced:      "行動裝置已更換，舊裝置已登出。非本人請由平常的網址登入停用",
			KindAccount:       "帳號設定已變更。非本人請由平常的網址登入檢查，或撥服務專線",
			KindLinked:        "已綁定新的通知管道{about}。非本人請由平常的網址登入，到「通知」解除",
			KindUnlinked:      "通知管道{about}已解除綁定。非本人請由平常的網址登入檢查",
			KindTest:          "測試訊息：這個管道收得到通知",
		},
		matters: map[Kind]map[string]said{
			KindNewDevice: {
				approval.MatterWaiting: {"新裝置登入等您確認", "{at} 有人以您的帳號在新裝置登入{where}，等您確認。不是本人請由平常的網址登入後拒絕", "確認或拒絕"},
				approval.MatterReading: {"新裝置只憑簡訊登入", "新裝置只憑簡訊確認登入{where}，目前只能閱讀。非本人請由平常的網址登入，24 小時內可以撤銷", "檢查裝置"},
				approval.MatterDenied:  {"已拒絕新裝置登入", "已拒絕新裝置登入{where}，暫時不接受新裝置。不是您拒絕的，請由平常的網址登入檢查", "檢查裝置"},
				approval.MatterVouched: {"新裝置已由機關確認", "新裝置已由登記桌或管理者確認為您本人{where}。不是本人請由平常的網址登入停用，或撥服務專線", "檢查裝置"},
			},
			KindReplaced: {
				approval.MatterContext: {"同一支手機加入另一個瀏覽器", "同一支手機加入另一個瀏覽器，可以辦公文。非本人請由平常的網址登入停用", "檢查裝置"},
			},
			KindAccount: {
				approval.MatterPassword:  {"密碼已變更", "帳號的密碼已變更。非本人請由平常的網址登入檢查，或撥服務專線", ""},
				approval.MatterReset:     {"密碼已由管理者重設", "帳號的密碼已由管理者重設。不是您要求的，請撥服務專線；請由平常的網址登入後變更", ""},
				approval.MatterPhone:     {"簡訊號碼變更", "接收簡訊的手機號碼將變更。非本人請由平常的網址登入取消，或撥服務專線", ""},
				approval.MatterFactor:    {"已新增第二道驗證", "帳號已新增第二道驗證。非本人請由平常的網址登入移除", ""},
				approval.MatterFactorOff: {"已移除第二道驗證", "帳號已移除一道驗證。非本人請由平常的網址登入檢查", ""},
				approval.MatterSignedOut: {"有裝置已登出", "有一台裝置已從您的帳號登出。非本人操作請由平常的網址登入檢查", ""},
				approval.MatterNamed:     {"裝置名稱已變更", "一台裝置的名稱已變更。非本人操作請由平常的網址登入檢查", ""},
				approval.MatterLocked:    {"帳號已停用", "帳號已由管理者停用。有疑問請撥服務專線，恢復後請由平常的網址登入", ""},
				approval.MatterUnlocked:  {"帳號已恢復使用", "帳號已恢復使用。請由平常的網址登入", ""},
			},
		},
		debts: said{"待補簽公文 {n} 件", "待補簽公文 {n} 件，請於歸檔前完成", ""},
		byCode: said{
			title: "登入驗證碼 {code}，同仁不會索取。非本人請到平常的網址按「不是我」",
			text:  "登入驗證碼 {code}，{minutes} 分鐘內有效，同仁不會索取。{at} 有人以您的帳號在新裝置登入{where}，非本人請到平常的網址按「不是我」",
		},
		byCodeOrDeny: said{
			title: "登入驗證碼 {code}，同仁不會索取。非本人請到平常的網址按「不是我」，輸入 {deny}",
			text:  "登入驗證碼 {code}，{minutes} 分鐘內有效，同仁不會索取。{at} 有人以您的帳號在新裝置登入{where}，非本人請到平常的網址按「不是我」，輸入 {deny}",
		},
		byLink: said{
			title: "新裝置登入，請開啟 {link} 確認或拒絕，同仁不會索取",
			text:  "{at} 有人以您的帳號在新裝置登入{where}。請開啟 {link} 確認或拒絕，{minutes} 分鐘內有效，同仁不會索取",
		},
		classes:  map[string]string{"mobile": "手機", "desktop": "電腦"},
		networks: map[string]string{"intranet": "機關內網", "vpn": "VPN", "outside": "外部網路"},
		channels: map[ChannelName]string{LINE: " LINE ", Messenger: " Messenger ", SMS: "「簡訊」", WebPush: "「瀏覽器通知」"},
		where: func(class, network string) string {
			switch {
			case class == "" && network == "":
				return ""
			case class == "" || network == "":
				return "（" + class + network + "）"
			}
			return "（" + class + "、" + network + "）"
		},
	}
}
