package main

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/channels/sandbox"
	"qianhe/hub"
)

// TestChat is LINE from one end to the other: what is typed and tapped on a
// phone goes through LINE's signed callbacks to our own address, and what comes
// of it shows on the phone and in the record.
func TestChat(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	wang, chen := lineUser("wang"), lineUser("chen")
	d.waitLINE(t, "wang", 1) // the morning's digest
	d.waitLINE(t, "chen", 1)

	// 查詢: the counts of this moment.
	d.sandbox.SayLINE(wang, "查詢")
	if got := d.heard(t, "wang", 2); !strings.HasPrefix(got.Title, "待處理公文 5 件") || !strings.HasPrefix(got.URL, d.config.BaseURL.String()+"/next") {
		t.Errorf("查詢 is answered with %q, opening %q", got.Title, got.URL)
	}

	// 科長 approves a 最速件: 副局長's LINE has it at once, an SMS would follow.
	path := d.approve(t, "wang")
	card := d.heard(t, "chen", 2)
	d.wantLegs(t, "chen", "line accepted, sms pending")

	// 已讀 in the chat: no SMS any more.
	if !d.sandbox.TapLINE(chen, card.ID, "已讀") {
		t.Fatalf("the card has no 已讀: %s", card.JSON)
	}
	if got := d.heard(t, "chen", 3); !strings.HasPrefix(got.Title, "已標為已讀") {
		t.Errorf("已讀 is answered with %q", got.Title)
	}
	d.wantLegs(t, "chen", "line accepted, sms cancelled")

	// 副局長 approves on the web; the button of the card is stale.
	if again := d.approve(t, "chen"); again != path {
		t.Fatalf("副局長 was shown %s, want %s", again, path)
	}
	d.sandbox.TapLINE(chen, card.ID, "已讀")
	if got := d.heard(t, "chen", 4); !regexp.MustCompile(`^此件已於 \d\d:\d\d 處理完畢$`).MatchString(got.Title) {
		t.Errorf("a stale tap is answered with %q", got.Title)
	}

	// What LINE repeats has no effect, and what LINE did not sign is refused.
	before := d.received("chen")
	d.sandbox.RepeatLINE()
	d.sandbox.SetCallbackFault("line", sandbox.CallbackFault{Forged: true})
	d.sandbox.SayLINE(chen, "查詢")
	d.sandbox.SetCallbackFault("line", sandbox.CallbackFault{})
	d.sandbox.SayLINE(wang, "查詢")
	d.heard(t, "wang", 3)
	var status []int
	for _, c := range d.called(t, 6) {
		status = append(status, c.Status)
	}
	if want := []int{200, 200, 200, 200, 401, 200}; !equal(status, want) {
		t.Errorf("callbacks were answered with %v, want %v", status, want)
	}
	if got := d.received("chen"); got != before {
		t.Errorf("a repetition or a forged callback was answered: %d messages, before %d", got, before)
	}

	// Blocked, and unblocked: the link ends and comes back, and of both the
	// person is told elsewhere.
	d.sandbox.BlockLINE(chen)
	d.called(t, 7)
	d.linkedAgain(t, "chen", false)
	d.sandbox.AddLINE(chen)
	if got := d.heard(t, "chen", 5); !strings.HasPrefix(got.Title, "已綁定 · ") {
		t.Errorf("unblocking is answered with %q", got.Title)
	}
	d.linkedAgain(t, "chen", true)
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// heard waits for the nth message in somebody's LINE and gives it.
func (d *demo) heard(t *testing.T, account string, n int) sandbox.Message {
	t.Helper()
	d.waitLINE(t, account, n)
	return d.sandbox.Messages(lineUser(account))[n-1]
}

// called waits for n callbacks of LINE.
func (d *demo) called(t *testing.T, n int) []sandbox.Called {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	list, err := d.sandbox.WaitCalled(ctx, "line", n)
	if err != nil {
		t.Fatalf("%d callbacks, want %d: %v", len(list), n, err)
	}
	return list
}

// approve opens somebody's most urgent document on the web, approves it and
// gives its path.
func (d *demo) approve(t *testing.T, account string) string {
	t.Helper()
	v := d.signedIn(t, account)
	v.get("/next")
	path := v.path
	status, page := v.get(path + "/decide")
	if status != 200 {
		t.Fatalf("%s/decide: %d", path, status)
	}
	form := `form[action="` + path + `/act"]`
	do := page.Find(form+" button[name=do]").First().AttrOr("value", "")
	status, _ = v.post(path+"/act", v.fields(page, form, url.Values{"do": {do}, "opinion": {"如擬。"}}))
	if status != 200 || strings.HasPrefix(v.path, path) {
		t.Fatalf("%s/act: %d at %s", path, status, v.path)
	}
	return path
}

// wantLegs waits until the deliveries of somebody's latest arrival stand so
// that disturb and cost.
func (d *demo) wantLegs(t *testing.T, account, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		rows, _ := d.pool.Query(t.Context(), `
			select d.channel || ' ' || d.state
			from delivery d
			join notification n on n.id = d.notification
			join account a on a.person = n.person
			where a.login = $1 and n.kind = 'document.arrived' and d.channel in ('line', 'sms')
			order by n.seq desc, d.channel
			limit 2`, account)
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(list, ", ")
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("deliveries of %s are %s, want %s", account, got, want)
		}
		pauseOr(t.Context().Done(), 10*time.Millisecond)
	}
}

// linkedAgain waits until somebody's LINE is linked or not, and looks for the
// notice of it.
func (d *demo) linkedAgain(t *testing.T, account string, want bool) {
	t.Helper()
	kind := map[bool]hub.Kind{true: hub.KindLinked, false: hub.KindUnlinked}[want]
	for deadline := time.Now().Add(patience); ; {
		var linked, told bool
		err := d.pool.QueryRow(t.Context(), `
			select exists (select from channel_link where person = a.person and channel = 'line' and disabled_at is null),
				exists (select from notification where person = a.person and kind = $2)
			from account a
			where a.login = $1`, account, kind).Scan(&linked, &told)
		if err != nil {
			t.Fatal(err)
		}
		if linked == want && told {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("LINE of %s is linked: %t, told of it: %t", account, linked, told)
		}
		pauseOr(t.Context().Done(), 10*time.Millisecond)
	}
}
