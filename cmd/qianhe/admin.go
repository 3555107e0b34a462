package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// runAdmin does what cannot be done from the web yet: creates the agency, its
// units, people and their accounts, and gives people their telephone numbers.
func runAdmin(ctx context.Context, e env, args []string) error {
	ctx = access.WithOrigin(ctx, access.Origin{Operator: operator()})
	for _, deed := range memberDeeds() {
		if len(args) > 0 && args[0] == deed.name {
			return runMember(ctx, e, deed, args[1:])
		}
	}
	if len(args) > 0 && args[0] == "import" {
		return runPeople(ctx, e, args[1:])
	}
	if len(args) > 0 && args[0] == "phone" {
		return runPhone(ctx, e, args[1:])
	}
	if len(args) > 0 && args[0] == "access" {
		return runAccess(ctx, e, args[1:])
	}
	if len(args) == 0 || args[0] != "create" {
		return misuse("say 'qianhe admin create -login NAME -name 姓名 -unit 機關/單位 ...' or 'qianhe admin phone -login NAME -number 09xxxxxxxx' or 'qianhe admin access' or 'qianhe admin import PEOPLE.csv' or 'qianhe admin lock|unlock|reset|signout|leave -login NAME'")
	}
	var login, name, title, unit, roles, locale string
	var ask bool
	c, fs, err := loadConfig(e, "admin create", "-login NAME -name 姓名 -unit 機關/單位 [flags]", args[1:], func(fs *flag.FlagSet) {
		fs.StringVar(&login, "login", "", "account name, such as lin")
		fs.StringVar(&name, "name", "", "the person's name (姓名)")
		fs.StringVar(&title, "title", "", "the person's title (職稱)")
		fs.StringVar(&unit, "unit", "", "path of the unit, such as 青川市政府/工務局/水利科; what is missing of it is created")
		fs.StringVar(&roles, "roles", "handler", "of handler, official, registry, auditor, admin; separated by commas")
		fs.StringVar(&locale, "locale", "zh-TW", "language: zh-TW or en")
		fs.BoolVar(&ask, "password-stdin", false, "read the password from standard input instead of making one")
	})
	if err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return misuse("unexpected %q", fs.Arg(0))
	}
	if login == "" || name == "" || unit == "" {
		return misuse("-login, -name and -unit are needed")
	}
	held, err := parseRoles(roles)
	if err != nil {
		return err
	}
	var password string
	if ask {
		if password, err = readPassword(e.stdin); err != nil {
			return err
		}
	} else {
		password = rand.Text()[:16]
	}

	s, err := openStores(ctx, e, c)
	if err != nil {
		return err
	}
	defer s.close()
	now := time.Now()
	unitID, err := ensureUnit(ctx, s.documents, strings.Split(unit, "/"), now)
	if err != nil {
		return err
	}
	person := approval.Person{ID: approval.PersonID(approval.NewID(now, rand.Reader)), Name: name, Title: title, Unit: unitID, Roles: held}
	if err := s.documents.CreatePerson(ctx, person, now); err != nil {
		return err
	}
	err = s.accounts.CreateAccount(ctx, access.NewAccount{Login: login, Password: password, Person: person.ID, Locale: locale, MustChange: true})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "created %s (%s %s, %s)\n", login, title, name, unit)
	if !ask {
		fmt.Fprintf(e.stdout, "password, to be changed at the first sign-in: %s\n", password)
	}
	return nil
}

func parseRoles(s string) ([]approval.Role, error) {
	known := []approval.Role{approval.RoleHandler, approval.RoleOfficial, approval.RoleRegistry, approval.RoleAuditor, approval.RoleAdmin}
	var roles []approval.Role
	for _, word := range list(s) {
		if !slices.Contains(known, approval.Role(word)) {
			return nil, misuse("there is no role %q; there are %v", word, known)
		}
		roles = append(roles, approval.Role(word))
	}
	return roles, nil
}

func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.Join(errors.New("no password on standard input"), err)
	}
	return line, nil
}
