package web

import (
	"context"
	"slices"
	"sync"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// decided is Access in memory.
type decided struct {
	mu       sync.Mutex
	versions []access.SettingsVersion // latest last
	people   map[approval.PersonID]approval.Person
	now      func() time.Time
}

func (d *decided) history() []access.SettingsVersion {
	list := append([]access.SettingsVersion{{Settings: access.DefaultSettings()}}, d.versions...)
	slices.Reverse(list)
	return list
}

func (d *decided) Settings(context.Context) (access.Settings, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.history()[0].Settings, nil
}

func (d *decided) SettingsHistory(_ context.Context, limit int) ([]access.SettingsVersion, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.history()
	return list[:min(limit, len(list))], nil
}

func (d *decided) SaveSettings(_ context.Context, by approval.PersonID, from int, to access.Settings) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if from != len(d.versions) {
		return access.ErrSettingsChanged
	}
	d.versions = append(d.versions, access.SettingsVersion{Version: from + 1, Settings: to.Clone(), By: by, Name: d.people[by].Name, At: d.now()})
	return nil
}

// decide puts settings in force, as pairs of key and text.
func (d *decided) decide(pairs ...string) {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.history()[0].Settings.With(values)
	d.versions = append(d.versions, access.SettingsVersion{Version: len(d.versions) + 1, Settings: s, At: d.now()})
}
