package pgaccess_test

import (
	"errors"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s, err := b.Settings(t.Context())
	if err != nil || s.Reach[approval.RoleHandler] != access.ReachOpen {
		t.Fatalf("at first they are %+v, %v", s, err)
	}
	other := b.another()
	if _, err := other.Settings(t.Context()); err != nil {
		t.Fatal(err)
	}
	change := s.Clone()
	change.Reach[approval.RoleHandler] = access.ReachAgency
	change.Fresh = time.Hour
	if err := b.SaveSettings(t.Context(), "p2", 0, change); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Settings(t.Context()); err != nil || got.Fresh != time.Hour {
		t.Errorf("whoever has saved them acts by %+v, %v", got, err)
	}
	if got, err := other.Settings(t.Context()); err != nil || got.Fresh == time.Hour {
		t.Errorf("another node knows at once: %+v, %v", got, err)
	}
	b.clock.pass(3 * time.Second)
	if got, err := other.Settings(t.Context()); err != nil || got.Fresh != time.Hour || got.Reach[approval.RoleHandler] != access.ReachAgency {
		t.Errorf("another node acts later by %+v, %v", got, err)
	}
	// Who has not seen the last version cannot save over it.
	for _, from := range []int{0, 2, -1} {
		if err := other.SaveSettings(t.Context(), "p2", from, s); !errors.Is(err, access.ErrSettingsChanged) {
			t.Errorf("upon version %d: %v", from, err)
		}
	}
	if err := other.SaveSettings(t.Context(), "", 1, access.DefaultSettings()); err != nil {
		t.Fatal(err)
	}
	history, err := b.SettingsHistory(t.Context(), 5)
	if err != nil || len(history) != 3 {
		t.Fatalf("history %+v, %v", history, err)
	}
	if history[0].Version != 2 || history[0].By != "" || history[1].Name != "王大明" || history[1].Settings.Fresh != time.Hour || history[2].Version != 0 {
		t.Errorf("history %+v", history)
	}
	if list, err := b.SettingsHistory(t.Context(), 1); err != nil || len(list) != 1 || list[0].Version != 2 {
		t.Errorf("the last is %+v, %v", list, err)
	}
	if _, err := b.pool.Exec(t.Context(), `delete from access_settings`); err == nil {
		t.Error("a version can be removed")
	}
}

// Of many who save upon the same version, one does.
func TestSettingsAreSavedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 8
	done := make(chan error, n)
	for range n {
		go func() { done <- b.another().SaveSettings(t.Context(), "p2", 0, access.DefaultSettings()) }()
	}
	saved := 0
	for range n {
		switch err := <-done; {
		case err == nil:
			saved++
		case !errors.Is(err, access.ErrSettingsChanged):
			t.Error(err)
		}
	}
	if saved != 1 {
		t.Errorf("%d have saved", saved)
	}
}
