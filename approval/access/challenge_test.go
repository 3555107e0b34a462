package access_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"qianhe/approval/access"
)

var began = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func challenge(t *testing.T, texted bool) (*access.Challenge, access.Policy) {
	t.Helper()
	p := access.DefaultPolicy()
	c := access.NewChallenge(p, began, rand.Reader)
	if texted {
		if err := c.SendText(p, began, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	return c, p
}

func TestChallengeNumbers(t *testing.T) {
	t.Parallel()
	places := map[int]bool{}
	for range 200 {
		c, _ := challenge(t, true)
		sorted := slices.Compact(slices.Sorted(slices.Values(c.Choices)))
		if len(sorted) != 3 || sorted[0] < 10 || sorted[2] > 99 || !slices.Contains(c.Choices, c.Number) {
			t.Fatalf("number %d among %v", c.Number, c.Choices)
		}
		places[slices.Index(c.Choices, c.Number)] = true
		if len(c.Code) != 6 || len(c.Deny) != 8 || access.OnlyDigits(c.Code+c.Deny) != c.Code+c.Deny {
			t.Fatalf("code %q, deny code %q", c.Code, c.Deny)
		}
	}
	if len(places) != 3 {
		t.Errorf("the number stands at %v only", places)
	}
}

func TestEnter(t *testing.T) {
	t.Parallel()
	c, p := challenge(t, true)
	wrong := "000000"
	if c.Code == wrong {
		wrong = "000001"
	}
	for range access.MaxTries - 1 {
		if err := c.Enter(wrong, false, began); !errors.Is(err, access.ErrCode) {
			t.Fatalf("wrong code: %v", err)
		}
	}
	saved := *c
	if err := c.Enter("", false, began); !errors.Is(err, access.ErrCode) {
		t.Errorf("no code at all: %v", err)
	}
	if err := c.Enter(c.Code, false, began); !errors.Is(err, access.ErrCodeSpent) || c.State != access.Open {
		t.Errorf("right code after too many: %v, %s", err, c.State)
	}
	c = &saved
	if err := c.Enter(c.Code, false, began.Add(p.Code)); !errors.Is(err, access.ErrCodeSpent) {
		t.Errorf("right code too late: %v", err)
	}
	typed := " " + c.Code[:3] + "-" + c.Code[3:4] + string('０'+rune(c.Code[4]-'0')) + c.Code[5:]
	if err := c.Enter(typed, false, began.Add(p.Code-1)); err != nil || c.State != access.Confirmed || c.By != access.ByText {
		t.Errorf("right code %q: %v, %s by %s", typed, err, c.State, c.By)
	}
	if err := c.Enter(c.Code, false, began.Add(time.Minute)); !errors.Is(err, access.ErrAnswered) {
		t.Errorf("right code twice: %v", err)
	}
	c, _ = challenge(t, false)
	if err := c.Enter("", false, began); !errors.Is(err, access.ErrCodeSpent) {
		t.Errorf("no text was sent: %v", err)
	}
}

func TestTextRepeatsItsCode(t *testing.T) {
	t.Parallel()
	c, p := challenge(t, true)
	code, deny, until := c.Code, c.Deny, c.CodeUntil
	for n := 2; n <= access.MaxTexts; n++ {
		if err := c.SendText(p, began.Add(time.Minute), rand.Reader); err != nil {
			t.Fatal(err)
		}
		if c.Code != code || c.Deny != deny || c.CodeUntil != until || c.Texts != n {
			t.Errorf("text %d differs: %+v", n, c)
		}
	}
	if err := c.SendText(p, began.Add(time.Minute), rand.Reader); !errors.Is(err, access.ErrCodeSpent) {
		t.Errorf("one text too many: %v", err)
	}
	c, p = challenge(t, true)
	if err := c.SendText(p, began.Add(p.Code), rand.Reader); !errors.Is(err, access.ErrCodeSpent) || c.Texts != 1 {
		t.Errorf("text for a code that has ended: %v", err)
	}
	c, p = challenge(t, false)
	if err := c.SendText(p, began.Add(p.Waiting-time.Minute), rand.Reader); err != nil || !c.CodeUntil.Equal(c.ExpiresAt) {
		t.Errorf("late text: %v, good until %s", err, c.CodeUntil)
	}
}

func TestPick(t *testing.T) {
	t.Parallel()
	for i := range 3 {
		c, p := challenge(t, false)
		n := c.Choices[i]
		err := c.Pick(n, began)
		want, wantState := error(nil), access.Confirmed
		if n != c.Number {
			want, wantState = access.ErrWrongNumber, access.Denied
		}
		if !errors.Is(err, want) || c.State != wantState || c.By != access.ByDevice {
			t.Errorf("picked %d of %v, shown %d: %v, %s", n, c.Choices, c.Number, err, c.State)
		}
		for name, err := range map[string]error{
			"pick": c.Pick(c.Number, began), "vouch": c.Vouch(p, began), "enter": c.Enter("123456", false, began),
			"text": c.SendText(p, began, rand.Reader), "refuse": c.Refuse(access.ByDevice, p, began),
		} {
			if !errors.Is(err, access.ErrAnswered) {
				t.Errorf("%s after it: %v", name, err)
			}
		}
	}
	c, p := challenge(t, true)
	late := began.Add(p.Waiting)
	for name, err := range map[string]error{
		"pick": c.Pick(c.Number, late), "vouch": c.Vouch(p, late), "enter": c.Enter(c.Code, false, late),
		"text": c.SendText(p, late, rand.Reader), "refuse": c.Refuse(access.ByDevice, p, late),
	} {
		if !errors.Is(err, access.ErrAnswered) || c.State != access.Open {
			t.Errorf("%s when it has ended: %v", name, err)
		}
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	p := access.DefaultPolicy()
	confirm := map[string]func(*access.Challenge) error{
		"nobody": func(*access.Challenge) error { return nil },
		"text":   func(c *access.Challenge) error { return c.Enter(c.Code, false, began) },
		"device": func(c *access.Challenge) error { return c.Pick(c.Number, began) },
		"vouch":  func(c *access.Challenge) error { return c.Vouch(p, began) },
	}
	for _, tt := range []struct {
		confirmed string
		by        access.Answerer
		after     time.Duration
		ok        bool
	}{
		{"nobody", access.ByDevice, 0, true},
		{"nobody", access.ByText, p.Waiting - 1, true},
		{"nobody", access.ByText, p.Waiting, false},
		{"text", access.ByDevice, p.Undo - 1, true},
		{"text", access.ByDevice, p.Undo, false},
		{"text", access.ByText, p.Reading - 1, true},
		{"text", access.ByText, p.Reading, false},
		{"device", access.ByDevice, 0, false},
		{"device", access.ByText, 0, false},
		{"vouch", access.ByDevice, 0, false},
		{"vouch", access.ByText, 0, false},
	} {
		c, _ := challenge(t, true)
		if err := confirm[tt.confirmed](c); err != nil {
			t.Fatal(err)
		}
		err := c.Refuse(tt.by, p, began.Add(tt.after))
		if (err == nil) != tt.ok || tt.ok != (c.State == access.Denied) {
			t.Errorf("confirmed by %s, refused by %s after %s: %v, %s", tt.confirmed, tt.by, tt.after, err, c.State)
		}
	}
}

func TestReadsUntil(t *testing.T) {
	t.Parallel()
	p := access.DefaultPolicy()
	c, _ := challenge(t, true)
	if err := c.Enter(c.Code, false, began); err != nil {
		t.Fatal(err)
	}
	if got := c.ReadsUntil(p); !got.Equal(began.Add(p.Reading)) {
		t.Errorf("taken over by a text: reads until %s", got)
	}
	if err := c.Vouch(p, began.Add(p.Reading)); !errors.Is(err, access.ErrAnswered) {
		t.Errorf("vouched for when it may decide anyway: %v", err)
	}
	if err := c.Vouch(p, began.Add(p.Reading-1)); err != nil || !c.ReadsUntil(p).IsZero() {
		t.Errorf("vouched for after the text: %v, reads until %s", err, c.ReadsUntil(p))
	}
	c, _ = challenge(t, true)
	if err := c.Enter(c.Code, true, began); err != nil || !c.ReadsUntil(p).IsZero() || c.Undoable(access.ByDevice, p, began) || c.Undoable(access.ByText, p, began) {
		t.Errorf("first device: %v, reads until %s", err, c.ReadsUntil(p))
	}
	c, _ = challenge(t, true)
	if err := c.Vouch(p, began); err != nil || !c.ReadsUntil(p).IsZero() {
		t.Errorf("vouched for: %v, reads until %s", err, c.ReadsUntil(p))
	}
}

// FuzzChallenge: no sequence of what people and attackers do leaves a legal
// state.
func FuzzChallenge(f *testing.F) {
	f.Add([]byte{0, 1, 2, 2, 2, 2, 2, 3, 4, 5, 6, 7})
	f.Add([]byte{1, 3, 6, 0x80, 7})
	f.Add([]byte{5, 4, 1, 3})
	f.Fuzz(func(t *testing.T, steps []byte) {
		p := access.DefaultPolicy()
		now := began
		seed := bytes.NewReader(bytes.Repeat([]byte{1, 2, 3, 4, 9, 77, 140, 23, 5}, 64))
		c := access.NewChallenge(p, now, seed)
		for i, step := range steps {
			if i > 200 {
				return
			}
			before := *c
			var err error
			switch step % 10 {
			case 0:
				now = now.Add(time.Duration(step) * time.Minute)
				continue
			case 1:
				err = c.SendText(p, now, seed)
			case 2:
				err = c.Enter(strconv.Itoa(int(step)), false, now)
			case 3:
				err = c.Enter(c.Code, step >= 128, now)
			case 4:
				err = c.Pick(c.Number, now)
			case 5:
				err = c.Pick(c.Number+1, now)
			case 6:
				err = c.Vouch(p, now)
			case 7:
				err = c.Refuse(access.ByDevice, p, now)
			case 8:
				err = c.Refuse(access.ByText, p, now)
			default:
				now = now.Add(time.Duration(step) * time.Hour)
				continue
			}
			switch {
			case before.State == access.Denied && (c.State != access.Denied || err == nil):
				t.Fatalf("step %d: denied, and %s afterwards: %v", i, c.State, err)
			case before.State == access.Confirmed && c.State == access.Open,
				before.State == access.Confirmed && c.State == access.Denied && !before.TookOver,
				c.TookOver && c.By == access.ByVouch:
				t.Fatalf("step %d: confirmed by %s, and %s afterwards", i, before.By, c.State)
			case before.State != c.State && before.State == access.Open && !now.Before(before.ExpiresAt):
				t.Fatalf("step %d: answered when it had ended", i)
			case c.State == access.Confirmed && before.State == access.Open && c.By == access.ByText && (before.Tries >= access.MaxTries || !now.Before(before.CodeUntil)):
				t.Fatalf("step %d: code was spent", i)
			case before.Code != "" && c.Code != before.Code:
				t.Fatalf("step %d: the code has changed", i)
			case c.Tries > access.MaxTries || c.Texts > access.MaxTexts || c.Tries < before.Tries:
				t.Fatalf("step %d: %d tries, %d texts", i, c.Tries, c.Texts)
			case (c.State == access.Open) != (c.By == "") || (c.State == access.Open) != c.ClosedAt.IsZero():
				t.Fatalf("step %d: %s by %q at %s", i, c.State, c.By, c.ClosedAt)
			case c.State != access.Confirmed && !c.ReadsUntil(p).IsZero():
				t.Fatalf("step %d: %s, and reads until %s", i, c.State, c.ReadsUntil(p))
			}
		}
	})
}
