package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"qianhe/approval/access"
	"qianhe/hub"
	"qianhe/web/api"
)

// runToken issues, lists and revokes API tokens. A token is shown once.
func runToken(ctx context.Context, e env, args []string) error {
	if len(args) == 0 {
		return misuse("say create, list or revoke")
	}
	ctx = access.WithOrigin(ctx, access.Origin{Operator: operator()})
	var n access.NewAPIToken
	var scopes, origins string
	var days int
	c, fs, err := loadConfig(e, "token "+args[0], "[flags]", args[1:], func(fs *flag.FlagSet) {
		fs.StringVar(&n.Name, "name", "", "create: which system the token is for; people read it beside its notices")
		fs.StringVar(&scopes, "scope", api.Scopes()[0], "create: what it may do, of "+strings.Join(api.Scopes(), " and ")+"; separated by commas")
		fs.StringVar(&origins, "origin", "", "create: where links of its notices may lead, such as https://hr.example.gov.tw; separated by commas")
		fs.IntVar(&n.PerMinute, "per-minute", 0, "create: how many recipients its notices may have in a minute; 0 for the usual number")
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
		if n.Name == "" || days < 1 || days > 3660 || n.PerMinute < 0 || fs.NArg() > 0 {
			return misuse("create needs -name and takes -days from 1 to 3660")
		}
		n.Scopes, n.Origins, n.Expires = list(scopes), list(origins), time.Now().AddDate(0, 0, days)
		for _, scope := range n.Scopes {
			if !slices.Contains(api.Scopes(), scope) {
				return misuse("there is no scope %q; there are %v", scope, api.Scopes())
			}
		}
		if err := hub.CheckOrigins(n.Origins); err != nil {
			return misuse("-origin takes addresses such as https://hr.example.gov.tw, in lower case and without a path")
		}
		token, err := s.accounts.IssueToken(ctx, n)
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
			fmt.Fprintf(w, "%s\t%s\t%v\t%v\tuntil %s\n", t.ID, t.Name, t.Scopes, t.Origins, t.ExpiresAt.Format(time.DateOnly))
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
