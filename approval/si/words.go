package si

// Text says what a code means, in zh-TW or, for the locale en, in English.
func (c Code) Text(locale string) string { return words[string(c)].in(locale, string(c)) }

// Text says it in words.
func (v Verdict) Text(locale string) string { return words[string(v)].in(locale, string(v)) }

// Text says it in words.
func (k Kind) Text(locale string) string { return words["kind."+string(k)].in(locale, string(k)) }

// Text says it in words.
func (p Part) Text(locale string) string { return words["part."+string(p)].in(locale, string(p)) }

type sentence struct{ zh, en string }

func (s sentence) in(locale, otherwise string) string {
	switch {
	case s.zh == "":
		return otherwise
	case locale == "en":
		return s.en
	}
	return s.zh
}

var words = map[string]sentence{
	string(Sound):    {"可信：簽章與內容皆相符", "sound: signatures and contents agree"},
	string(Doubtful): {"有疑慮：簽章相符，但有下列情形", "doubtful: signatures agree, but see below"},
	string(Broken):   {"不可信：內容遭更動、缺漏或未經簽章", "broken: something was changed, is missing or was never signed"},

	string(FaultSignatureMissing):   {"沒有簽章", "there is no signature"},
	string(FaultSignatureWrong):     {"簽章與憑證或簽章內容不符", "the signature does not match its certificate and contents"},
	string(FaultAlgorithm):          {"不支援的演算法", "unknown algorithm"},
	string(FaultCertificateMissing): {"沒有憑證", "there is no certificate"},
	string(FaultCertificateBroken):  {"憑證無法讀取", "the certificate cannot be read"},
	string(FaultCertificateRevoked): {"憑證於簽章前已廢止", "the certificate was revoked before the signing"},
	string(FaultFileChanged):        {"檔案內容已更動", "a file was changed"},
	string(FaultFileMissing):        {"缺少檔案", "a file is missing"},
	string(FaultStepChanged):        {"簽核資訊已更動（人員、異動別、意見、時間或檔案清單）", "who, what, when, the opinion or the list of files was changed"},
	string(FaultStepUnsigned):       {"簽章未涵蓋簽核資訊", "the signature does not cover the sign point"},
	string(FaultPreviousChanged):    {"前一簽核點於簽章後遭更動", "an earlier sign point was changed after this one was signed"},
	string(FaultPreviousMissing):    {"所接續的簽核點不存在", "the sign point before is not there"},
	string(FaultOrder):              {"簽核點順序顛倒", "sign points stand in the wrong order"},
	string(FaultStart):              {"未接續任何簽核點", "it is chained to no sign point"},
	string(FaultOtherChanged):       {"所簽內容已更動", "what was signed has been changed"},
	string(FaultOtherMissing):       {"所簽內容不存在", "what was signed is not there"},
	string(FaultForeign):            {"補簽與所指簽核點不符", "the re-signing is not for the sign point that it names"},

	string(DoubtWeak):        {"演算法或金鑰強度不足", "weak algorithm or key"},
	string(DoubtExpired):     {"簽章時憑證不在有效期間", "the certificate was not valid at the time of signing"},
	string(DoubtUntrusted):   {"憑證非由信任的憑證機構簽發", "the certificate leads to no authority that is believed"},
	string(DoubtUsage):       {"憑證用途不符", "the certificate is not made for signatures"},
	string(DoubtUnchecked):   {"未提供廢止清冊，未查驗是否廢止", "not checked for revocation: no list was given"},
	string(DoubtName):        {"簽核人員姓名與憑證不符", "the signer's name is not the one in the certificate"},
	string(DoubtTime):        {"簽章時間早於前一簽核點", "the claimed time is before that of the sign point before"},
	string(DoubtNoTime):      {"簽章時間無法辨識", "the time of signing cannot be read"},
	string(DoubtFileSize):    {"檔案大小與清單不符", "the size of a file differs from the list"},
	string(DoubtFileUnsaid):  {"簽章涵蓋的檔案不在清單中", "a file that is covered is not in the list"},
	string(DoubtFileOpen):    {"清單中的檔案未經簽章涵蓋", "a file in the list is not covered"},
	string(DoubtFlowExtra):   {"流程清單有此步驟但無簽核點（是否遭移除？）", "the list of steps has one without a sign point: was it taken off?"},
	string(DoubtFlowMissing): {"簽核點不在流程清單中", "a sign point is not in the list of steps"},
	string(DoubtBranch):      {"並會分支尚未整併", "no later sign point joins this branch"},
	string(DoubtDeputy):      {"由他人補簽", "signed again by somebody else"},
	string(DoubtFileLoose):   {"檔案未經任何簽章涵蓋", "no signature covers this file"},

	"kind." + string(NaturalPerson):  {"自然人憑證", "citizen certificate (card)"},
	"kind." + string(Mobile):         {"行動自然人憑證（TW FidO）", "mobile citizen certificate (TW FidO)"},
	"kind." + string(AgencySoftware): {"機關軟體憑證", "the agency's software certificate"},
	"kind." + string(SelfSigned):     {"自簽憑證", "self-signed"},
	"kind." + string(Other):          {"其他憑證", "another certificate"},

	"part." + string(PartProlog):    {"XML 宣告與文件類型宣告", "XML declaration and DOCTYPE"},
	"part." + string(PartFlow):      {"簽核流程清單", "list of steps"},
	"part." + string(PartStep):      {"最後簽核點的憑證與編號", "certificate and identifiers of the last sign point"},
	"part." + string(PartReSigning): {"補簽紀錄的說明與憑證", "notes and certificate of a re-signing"},
	"part." + string(PartFrame):     {"外層標籤", "outer elements"},
}
