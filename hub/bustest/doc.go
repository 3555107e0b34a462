// Package bustest is the one suite that every [hub.Bus] passes: what the live
// connections of a fleet rely on, whatever carries it.
package bustest
