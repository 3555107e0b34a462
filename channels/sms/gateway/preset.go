package gateway

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed presets/*.json
var presets embed.FS

// Presets are the names of what a file can build on.
func Presets() []string {
	entries, err := presets.ReadDir("presets")
	if err != nil {
		panic(err) // it is compiled in
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	slices.Sort(names)
	return names
}

// Preset gives what a file builds on. Some of it is missing on purpose: the
// provider's address.
func Preset(name string) (Config, error) {
	if !slices.Contains(Presets(), name) {
		return Config{}, fmt.Errorf("gateway: there is no preset %q; there are %s", name, strings.Join(Presets(), ", "))
	}
	b, err := presets.ReadFile(path.Join("presets", name+".json"))
	if err != nil {
		return Config{}, fmt.Errorf("gateway: preset %s: %w", name, err)
	}
	var c Config
	return c, decode(b, &c)
}
