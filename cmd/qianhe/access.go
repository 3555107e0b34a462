package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"qianhe/approval"
	"qianhe/approval/access"
)

// runAccess shows and changes who is let in, from where and how: the settings
// of the page /admin/access. It is the way back for whoever has locked everybody
// out there, and asks nobody's leave but that of the database.
func runAccess(ctx context.Context, e env, args []string) error {
	var changes []string
	var reset string
	c, fs, err := loadConfig(e, "admin access", "[-set KEY=VALUE ...] [-reset KEY|all]", args, func(fs *flag.FlagSet) {
		fs.Func("set", "change a setting, such as reach.admin=open; may be given several times", func(v string) error {
			changes = append(changes, v)
			return nil
		})
		fs.StringVar(&reset, "reset", "", "put a setting, or all, back to its default")
	})
	if err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return misuse("unexpected %q", fs.Arg(0))
	}
	s, err := openDatabase(ctx, e, c)
	if err != nil {
		return err
	}
	defer s.close()
	history, err := s.accounts.SettingsHistory(ctx, 1)
	if err != nil {
		return err
	}
	to, err := changeSettings(history[0].Settings, reset, changes)
	if err != nil {
		return err
	}
	if reset != "" || len(changes) > 0 {
		if err := s.accounts.SaveSettings(ctx, "", history[0].Version, to); err != nil {
			return err
		}
	}
	return printSettings(e.stdout, to)
}

// changeSettings gives what the command line makes of settings.
func changeSettings(s access.Settings, reset string, changes []string) (access.Settings, error) {
	s = s.Clone()
	house := access.DefaultSettings()
	switch d, ok := access.FindSetting(reset); {
	case reset == "":
	case reset == "all":
		s = house
	case !ok:
		return s, misuse("there is no setting %q; 'qianhe admin access' lists them", reset)
	default:
		if err := d.Set(&s, d.Text(house)); err != nil {
			return s, err
		}
	}
	for _, change := range changes {
		key, value, _ := strings.Cut(change, "=")
		d, ok := access.FindSetting(key)
		if !ok {
			return s, misuse("there is no setting %q; 'qianhe admin access' lists them", key)
		}
		if err := d.Set(&s, value); err != nil {
			return s, misuse("%s cannot be %q%s", key, value, settingRange(d))
		}
	}
	if invalid, ok := errors.AsType[*approval.InvalidError](s.Check()); ok {
		return s, misuse("%s lets nobody in while the networks are not set", invalid.Field)
	}
	return s, nil
}

// settingRange says what a setting may be.
func settingRange(d access.Setting) string {
	switch d.Form {
	case access.FormToggle:
		return ": true or false"
	case access.FormNumber, access.FormSpan:
		return fmt.Sprintf(": a number from %d to %d", d.Least, d.Most)
	case access.FormChoice:
		return ": one of " + strings.Join(d.Options, ", ")
	case access.FormMany:
		return ": some of " + strings.Join(d.Options, ",")
	}
	return ": networks such as 10.0.0.0/8"
}

func printSettings(out io.Writer, s access.Settings) error {
	house := access.DefaultSettings()
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, d := range access.SettingTable() {
		mark := ""
		if d.Text(s) != d.Text(house) {
			mark = "changed from " + d.Text(house)
		}
		fmt.Fprintf(w, "%s=%s\t%s\n", d.Key, d.Text(s), mark)
	}
	return w.Flush()
}
