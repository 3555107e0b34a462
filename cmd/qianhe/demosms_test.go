package main

import (
	"context"
	"strings"
	"testing"

	"qianhe/hub"
)

// TestDemoTexts: a text reaches the telephone in the demo through the stand-in
// 111, and its receipt comes back.
func TestDemoTexts(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	person, err := d.accounts.PersonByLogin(t.Context(), "wang")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.hub.SendTest(t.Context(), person.ID, hub.SMS); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	list, err := d.sandbox.Wait(ctx, phoneNumber("wang"), 1)
	if err != nil {
		t.Fatal(err)
	}
	text := list[0]
	number := phoneNumber("wang")
	if !strings.HasPrefix(text.Body, number[len(number)-3:]+" 青川市政府：") || text.From != "111" || strings.Contains(text.Body, "http") {
		t.Errorf("the text is %q from %s", text.Body, text.From)
	}
	called, err := d.sandbox.WaitCalled(ctx, "111", 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range called {
		if c.Status != 200 {
			t.Errorf("receipt %s was answered %d", c.Body, c.Status)
		}
	}
}
