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
			KindLinked:        "已綁定新的通知管道",
			KindUnlinked:      "通知管道已解除綁定",
			KindAnnouncement:  "新公告 1 則",
			KindTest:          "測試訊息",
		},
		texts: map[Kind]string{
			KindSignature:     "請在 TW FidO 確認簽章；不是您本人操作請拒絕",
			KindSignatureDebt: "有公文待補簽，請於歸檔前完成",
			KindNewDevice:     "帳號在新裝置登入。非本人請由平常的網址登入，到「登入的裝置」將它登出，並改密碼",
			KindReplaced:      "行動裝置已更換，舊裝置已登出。非本人請由平常的網址登入停用",
			KindLinked:        "已綁定新的通知管道。非本人請由平常的網址登入，到「通知」解除",
			KindUnlinked:      "通知管道已解除綁定。非本人請由平常的網址登入檢查",
			KindTest:          "測試訊息：這個管道收得到通知",
		},
	}
}
