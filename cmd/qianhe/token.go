package main

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"
)

// runToken issues, lists and revokes API tokens. A token is shown once.
func runToken(ctx context.Context, e env, args []string) error {
	if len(args) == 0 {
		return misuse("say create, list or revoke")
	}
	var name string
	var days int
	c, fs, err := loadConfig(e, "token "+args[0], "[flags]", args[1:], func(fs *flag.FlagSet) {
		fs.StringVar(&name, "name", "", "create: which system the token is for")
		fs.IntVar(&days, "days", 365, "create: how many days it is good for")
	})
	if err != nil {
		return err
	}
	s, err := openStores(ctx, e, c)
	if err != nil {
		return err
	}
	defer s.close()
	switch args[0] {
	case "create":
		if name == "" || days < 1 || days > 3660 || fs.NArg() > 0 {
			return misuse("create needs -name and takes -days from 1 to 3660")
		}
		token, err := s.accounts.IssueToken(ctx, name, []string{"documents:write"}, time.Now().AddDate(0, 0, days))
		if err != nil {
			return err
		}
		fmt.Fprintln(e.stdout, token)
		return nil
	case "list":
		tokens, err := s.accounts.ListTokens(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
		for _, t := range tokens {
			fmt.Fprintf(w, "%s\t%s\t%v\tuntil %s\n", t.ID, t.Name, t.Scopes, t.ExpiresAt.Format(time.DateOnly))
		}
		return w.Flush()
	case "revoke":
		if fs.NArg() != 1 {
			return misuse("revoke needs the id that 'token list' shows")
		}
		return s.accounts.RevokeToken(ctx, fs.Arg(0))
	}
	return misuse("say create, list or revoke")
}
