package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/channels/sms"
	"qianhe/hub"
)

// memberDeed is what the command line does to an account, by its name.
type memberDeed struct {
	name string
	done string
	do   func(s *stores, ctx context.Context, m access.Member) (access.Changed, error)
}

// memberDeeds are the same that the administrator's pages offer.
func memberDeeds() []memberDeed {
	return []memberDeed{
		{"lock", "locked", func(s *stores, ctx context.Context, m access.Member) (access.Changed, error) {
			return s.accounts.LockMember(ctx, m.Person.ID, m.Version)
		}},
		{"unlock", "unlocked", func(s *stores, ctx context.Context, m access.Member) (access.Changed, error) {
			return s.accounts.UnlockMember(ctx, m.Person.ID, m.Version)
		}},
		{"reset", "password reset", func(s *stores, ctx context.Context, m access.Member) (access.Changed, error) {
			return s.accounts.ResetPassword(ctx, m.Person.ID, m.Version)
		}},
		{"signout", "signed out everywhere", func(s *stores, ctx context.Context, m access.Member) (access.Changed, error) {
			return s.accounts.SignOutMember(ctx, m.Person.ID, m.Version)
		}},
		{"leave", "has left", func(s *stores, ctx context.Context, m access.Member) (access.Changed, error) {
			return s.accounts.LeaveMember(ctx, m.Person.ID, m.Version)
		}},
	}
}

// runMember does one of those deeds. What somebody who leaves had in hand is
// given to another account, where one is named.
func runMember(ctx context.Context, e env, deed memberDeed, args []string) error {
	var login, to string
	c, fs, err := loadConfig(e, "admin "+deed.name, "-login NAME [flags]", args, func(fs *flag.FlagSet) {
		fs.StringVar(&login, "login", "", "account name, such as lin")
		if deed.name == "leave" {
			fs.StringVar(&to, "to", "", "account that takes over what is in hand (改分)")
		}
	})
	if err != nil {
		return err
	}
	if login == "" || fs.NArg() > 0 {
		return misuse("-login is needed")
	}
	s, err := openStores(ctx, e, c)
	if err != nil {
		return err
	}
	defer s.close()
	m, err := s.accounts.MemberByLogin(ctx, login)
	if err != nil {
		return noAccount(login, err)
	}
	var successor access.Member
	if to != "" {
		if successor, err = s.accounts.MemberByLogin(ctx, to); err != nil {
			return noAccount(to, err)
		}
	}
	out, err := deed.do(s, ctx, m)
	if err != nil {
		return err
	}
	for _, session := range out.Ended {
		if err := s.hub.RemoveSessionLinks(ctx, session); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.stdout, "%s: %s\n", m.Login, deed.done)
	if out.Password != "" {
		fmt.Fprintf(e.stdout, "password, to be changed at the first sign-in: %s\n", out.Password)
	}
	if deed.name != "leave" {
		return nil
	}
	if to != "" {
		n, err := s.documents.Reassign(ctx, m.Person.ID, successor.Person.ID, time.Now())
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%d documents given to %s\n", n, successor.Login)
	}
	held, err := s.documents.Held(ctx, m.Person.ID, 1)
	if err != nil {
		return err
	}
	if held.Total > 0 {
		fmt.Fprintf(e.stdout, "still in hand: %d to act on, %d to come, %d handled\n", held.Waiting, held.Coming, held.Handled)
	}
	return nil
}

func noAccount(login string, err error) error {
	if errors.Is(err, approval.ErrNotFound) {
		return fmt.Errorf("there is no account %q", login)
	}
	return err
}

// runPeople enters people from a file: all of them, or, when anything is wrong
// with any line, none.
func runPeople(ctx context.Context, e env, args []string) error {
	var dry bool
	c, fs, err := loadConfig(e, "admin import", "[-dry-run] PEOPLE.csv", args, func(fs *flag.FlagSet) {
		fs.BoolVar(&dry, "dry-run", false, "only say what is wrong, line by line")
	})
	if err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return misuse("name one file")
	}
	s, err := openStores(ctx, e, c)
	if err != nil {
		return err
	}
	defer s.close()
	rows, wrong, err := readPeople(fs.Arg(0))
	if err != nil {
		return err
	}
	more, err := s.checkPeople(ctx, rows)
	if err != nil {
		return err
	}
	wrong = append(wrong, more...)
	if len(wrong) > 0 {
		for _, w := range sortedFaults(wrong) {
			fmt.Fprintf(e.stderr, "line %d: %s: %s\n", w.line, w.column, w.text)
		}
		return fmt.Errorf("%d things are wrong, nobody was entered", len(wrong))
	}
	if dry {
		fmt.Fprintf(e.stdout, "%d people can be entered\n", len(rows))
		return nil
	}
	drafts := make([]access.MemberDraft, len(rows))
	for i, r := range rows {
		drafts[i] = r.draft
	}
	list, err := s.accounts.CreateMembers(ctx, drafts)
	if err != nil {
		return err
	}
	for i, m := range list {
		fmt.Fprintf(e.stdout, "%s\t%s\t%s\n", m.Member.Login, m.Member.Person.Name, m.Password)
		if n := rows[i].phone; n != "" {
			link := hub.Link{Person: m.Member.Person.ID, Channel: hub.SMS, Address: hub.Address{Value: string(n)}, Label: n.Mask()}
			if _, err := s.hub.Assign(ctx, link); err != nil {
				return fmt.Errorf("everybody was entered; the number of line %d was not: %w", rows[i].line, err)
			}
		}
	}
	fmt.Fprintf(e.stderr, "%d people entered; the passwords above are not shown again\n", len(list))
	return nil
}

// personLine is one line of the file.
type personLine struct {
	line  int
	draft access.MemberDraft
	unit  string // path of names
	phone sms.Number
}

// fault is what is wrong with a line.
type fault struct {
	line   int
	column string
	text   string
}
