package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os/user"

	"qianhe/approval"
	"qianhe/channels/sms"
	"qianhe/hub"
)

// runPhone gives a person the number to which text messages go, or takes it
// away. The person is told elsewhere, whoever did it is in the log.
func runPhone(ctx context.Context, e env, args []string) error {
	var login, number string
	var remove bool
	c, fs, err := loadConfig(e, "admin phone", "-login NAME -number 09xxxxxxxx | -login NAME -remove [flags]", args, func(fs *flag.FlagSet) {
		fs.StringVar(&login, "login", "", "account name, such as lin")
		fs.StringVar(&number, "number", "", "mobile number (行動電話), such as 0912345678 or +819012345678")
		fs.BoolVar(&remove, "remove", false, "take the number away: no more text messages")
	})
	if err != nil {
		return err
	}
	if login == "" || (number == "") != remove || fs.NArg() > 0 {
		return misuse("-login, and either -number or -remove, are needed")
	}
	var to sms.Number
	if !remove {
		if to, err = sms.ParseNumber(number); err != nil {
			return misuse("-number is %v", err)
		}
	}
	s, err := openStores(ctx, e, c)
	if err != nil {
		return err
	}
	defer s.close()
	person, err := s.accounts.PersonByLogin(ctx, login)
	if errors.Is(err, approval.ErrNotFound) {
		return fmt.Errorf("there is no account %q in use", login)
	}
	if err != nil {
		return err
	}
	done := "removed"
	if remove {
		to, err = removePhone(ctx, s, person.ID)
	} else {
		done = "set"
		_, err = s.hub.Assign(ctx, hub.Link{Person: person.ID, Channel: hub.SMS, Address: hub.Address{Value: string(to)}, Label: to.Mask()})
	}
	if err != nil {
		return err
	}
	s.log.InfoContext(ctx, "telephone number "+done, "audit", true, "login", login, "person", person.ID, "number", to, "by", operator())
	fmt.Fprintf(e.stdout, "%s: number %s %s\n", login, to.Mask(), done)
	return nil
}

// removePhone ends the link, and gives the number that it was.
func removePhone(ctx context.Context, s *stores, p approval.PersonID) (sms.Number, error) {
	links, err := s.hub.Links(ctx, p)
	if err != nil {
		return "", err
	}
	for _, l := range links {
		if l.Channel == hub.SMS {
			return sms.Number(l.Address.Value), s.hub.RemoveLink(ctx, p, l.ID)
		}
	}
	return "", errors.New("there is no number to remove")
}

// operator is who runs the command, for the record.
func operator() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}
