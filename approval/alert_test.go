package approval_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
)

func TestAlertCheck(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, approval.Zone)
	good := approval.Alert{
		Person: "p", Kind: approval.AlertNewDevice, Key: "01h", At: at, Until: at.Add(10 * time.Minute), Matter: approval.MatterWaiting,
		Device: "mobile", Network: "outside", Path: "/me/devices/01h", Code: "123456", Link: "/c/AAAAAAAAAAAAAAAAAAAAAA", Deny: "7Q4M",
	}
	if err := good.Check(); err != nil {
		t.Errorf("a whole one: %v", err)
	}
	for name, change := range map[string]func(*approval.Alert){
		"nobody":             func(a *approval.Alert) { a.Person = "" },
		"no kind":            func(a *approval.Alert) { a.Kind = "" },
		"no key":             func(a *approval.Alert) { a.Key = "" },
		"no time":            func(a *approval.Alert) { a.At = time.Time{} },
		"over at once":       func(a *approval.Alert) { a.Until = a.At },
		"free words":         func(a *approval.Alert) { a.Matter = "王小明 的手機" },
		"device with spaces": func(a *approval.Alert) { a.Device = "My Phone" },
		"another host":       func(a *approval.Alert) { a.Path = "//evil.example/x" },
		"a whole address":    func(a *approval.Alert) { a.Path = "https://evil.example" },
		"backslash":          func(a *approval.Alert) { a.Path = `/\evil.example` },
		"upwards":            func(a *approval.Alert) { a.Path = "/me/../admin" },
		"query":              func(a *approval.Alert) { a.Path = "/me?next=x" },
		"long link":          func(a *approval.Alert) { a.Link = "/c/" + strings.Repeat("a", 60) },
		"code in words":      func(a *approval.Alert) { a.Code = "one two" },
		"unknown way":        func(a *approval.Alert) { a.Way = "pigeon" },
		"secret for ever":    func(a *approval.Alert) { a.Until = time.Time{} },
		"secret by no text":  func(a *approval.Alert) { a.Way = approval.AlertNoText },
	} {
		a := good
		change(&a)
		var invalid *approval.InvalidError
		if err := a.Check(); !errors.As(err, &invalid) {
			t.Errorf("%s: error %v", name, err)
		} else if strings.Contains(err.Error(), "123456") || strings.Contains(err.Error(), "7Q4M") {
			t.Errorf("%s: the error tells the code: %v", name, err)
		}
	}
}
