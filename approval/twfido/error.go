package twfido

import (
	"errors"
	"fmt"
	"strings"
)

// ErrPending: the person has not answered yet.
var ErrPending = errors.New("twfido: not answered yet")

// ErrUnproven: an answer is not what it says that it is. What exactly is wrong
// stands in the error around it; it is for logs, and nothing of the answer may
// be used.
var ErrUnproven = errors.New("twfido: the answer is not proven")

// TransportError: TW FidO could not be asked, or said nothing that could be
// read. Whether a request for a ticket has arrived is not known.
type TransportError struct {
	Interface string
	Err       error
}

func (e *TransportError) Error() string { return fmt.Sprintf("%s: %v", e.Interface, e.Err) }

// Unwrap gives what happened.
func (e *TransportError) Unwrap() error { return e.Err }

// Error is an error_code of TW FidO.
type Error struct {
	Interface string // SP-API-ATH-01 ...
	Code      string // without the interface: IDNUM_DEVPROF_NF
}

func (e *Error) Error() string { return e.Interface + ": " + e.Code }

// Next is what a person can do about an error.
type Next string

const (
	Bind  Next = "bind"   // bind a phone first, at TW FidO
	Open  Next = "open"   // open the app and try again
	ByQR  Next = "qr"     // push does not get through: scan instead
	Again Next = "again"  // try again
	Later Next = "later"  // TW FidO is being repaired
	Admin Next = "admin"  // this system is not set up rightly
	Helpd Next = "help"   // TW FidO's help desk
	Ended Next = "cancel" // the person said no
)

// codes is the table of errors of the specification (§伍, 表 5-1-1), with what
// to do next. Its texts are in Advice.
var codes = map[string]Next{
	"DB_CONN_ERR": Later, "DB_SQL_EXP": Later, "DB_ROOLBACK": Later, "DB_CLOSE_ERR": Later, "DB_JNDI_ERR": Later, "UNDEFINED": Later,
	"NFCNONCE_INS_ERR": Later, "OTP_INS_ERR": Later, "NFCNONCE_DBSQL": Later, "NFCNONCE_DEL_ERR": Later,
	"OTP_EXPIRED": Again, "OTP_IDNUM_MISMATCH": Again, "OTP_NF": Again, "OTP_DBSQL": Again,
	"NFCNONCE_NF": Again, "NFCNONCE_IDNUM_MISMATCH": Again, "NFCNONCE_EXPIRED": Again,
	"IDNUM_USERPROF_NF": Bind, "IDNUM_USERPROF_DBSQL": Helpd, "IDNUM_DEVPROF_NF": Bind, "IDNUM_DEVPROF_DBSQL": Helpd, "DEV_LIM_REACHED": Bind,
	"DEVID_DEVPROF_NF": Bind, "DEVID_DEVPROF_DBSQL": Helpd, "DEV_DESC_MISMATCH": Again, "DEVID_SPTKT_MISMATCH": Again, "IDNUM_DEVID_MISMATCH": Again,
	"USERPROF_INS_ERR": Later, "DEVPROF_INS_ERR": Later, "SPTKT_INS_ERR": Later, "TXNLOG_INS_ERR": Later,
	"USERPROF_DEL_ERR": Later, "DEVPROF_DEL_ERR": Later, "SPTKT_DEL_ERR": Later, "USERPROF_UPD_ERR": Later, "DEVPROF_UPD_ERR": Later,
	"CERT_SIGNDATA_MISMATCH": Helpd, "CERT_SIGNDATA_ERR": Helpd,
	"SPTKT_OVD": Again, "SPTKTID_SPTKT_NF": Again, "SPTKTID_SPTKT_RDM": Again, "SPTKTID_SPTKT_DBSQL": Later, "SIGRESP_CNT_MISMATCH": Again,
	"PS_CONNECT_404": ByQR, "PS_CONNECT_500": ByQR, "PS_JSON_FMT_ERR": ByQR, "PS_JSON_TYPE_ERR": ByQR, "PS_JSON_MISS_KEY": ByQR, "PS_CONNECT_IOEXC": ByQR, "PS_1001": ByQR, "PS_5000": ByQR,
	"PS_FCM_NOT_FOUND": Open,
	"PM_INV_NF":        Helpd, "PM_SIGDATA_ERR": Helpd, "PM_INV_SG": Helpd, "PM_SIGNDATA_NULL": Helpd,
	"SPTKT_PLD_FT_ERR": Admin, "SPTKT_DIG_FT_ERR": Admin, "INV_SP_CHECKSUM": Admin, "TGT_INV": Admin, "PM_IDN_FT_ERR": Admin,
	"SIGNDATA_LEN_LIMIT": Admin, "SPTKT_TIME_FT_ERR": Admin, "SPTKT_TIME_ORV": Admin, "SPSVCID_NF": Admin, "SPSVCID_DBSQL": Admin, "BATSIGN_CNT_LIMIT": Admin,
	"APP_SIGN_FAILURE": Again, "APP_USER_CANCEL": Ended, "APP_DECODE_FAIL": Again, "APP_DATA_NULL": Again,
}

// Next says what to do. Codes that are not in the specification's table are
// tried again later.
func (e *Error) Next() Next {
	if n, ok := codes[e.Code]; ok {
		return n
	}
	if strings.HasPrefix(e.Code, "PS_") {
		return ByQR
	}
	return Later
}

// advice is a sentence for each Next.
var advice = map[Next]struct{ zh, en string }{
	Bind:  {"尚未綁定裝置，或裝置已失效。請先到「行動自然人憑證」App 綁定裝置並申請憑證，再回來簽章。", "No phone is bound, or it no longer counts. Bind one in the TW FidO app first, then come back and sign."},
	Open:  {"推播送不到手機。請打開「行動自然人憑證」App 一次，再重新送出；或改用 QR Code。", "The prompt does not reach your phone. Open the TW FidO app once and try again, or use the QR code."},
	ByQR:  {"推播服務暫時無法使用，請改用 QR Code 或從本機開啟 App。", "Prompts cannot be sent at the moment. Use the QR code, or open the app on this phone."},
	Again: {"這次沒有完成，請重新送出。", "It was not completed. Please try again."},
	Later: {"行動自然人憑證系統維護中，請稍後再試，或先用軟體憑證簽章。", "TW FidO is being repaired. Try later, or sign with the software certificate for now."},
	Admin: {"本系統與行動自然人憑證的設定有誤，請通知管理者。", "This system is not set up rightly for TW FidO. Please tell an administrator."},
	Helpd: {"行動自然人憑證無法完成簽章，請洽其客服 0800-080-117。", "TW FidO could not complete the signature. Its help desk: 0800-080-117."},
	Ended: {"您已在手機上取消，公文未簽核。", "You declined on your phone. Nothing was signed."},
}

// Advice is a sentence for the person, in zh-TW or, for the locale en, in
// English.
func (e *Error) Advice(locale string) string {
	a := advice[e.Next()]
	if locale == "en" {
		return a.en
	}
	return a.zh
}

// pending are the codes that say "not yet"; the numbers are not in the
// specification's table and come from production.
func pending(code string) bool {
	return code == "SPTKTID_TXNLOG_NF" || code == "20002" || code == "20003"
}

// bare gives a code without its interface and without a text after it:
// "SP-API-ATH-02-SPTKTID_TXNLOG_NF: ..." is SPTKTID_TXNLOG_NF.
func bare(code string) string {
	code, _, _ = strings.Cut(code, ":")
	code = strings.TrimSpace(code)
	return code[strings.LastIndexByte(code, '-')+1:]
}
