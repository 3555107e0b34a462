package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/traditionalchinese"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/channels/sms"
	"qianhe/hub"
)

// maxPeopleFile bounds a file of people, in bytes; maxPeople how many they are.
const (
	maxPeopleFile = 8 << 20
	maxPeople     = 5000
)

// peopleColumn gives the column that a heading names, "" for none of ours.
func peopleColumn(heading string) string {
	switch strings.ToLower(strings.TrimSpace(heading)) {
	case "name", "姓名":
		return "name"
	case "title", "職稱":
		return "title"
	case "unit", "單位":
		return "unit"
	case "roles", "角色":
		return "roles"
	case "login", "帳號":
		return "login"
	case "phone", "手機", "行動電話":
		return "phone"
	}
	return ""
}

// roleNamed gives a role by what a spreadsheet calls it, "" for none.
func roleNamed(word string) approval.Role {
	switch word {
	case "承辦人":
		return approval.RoleHandler
	case "長官":
		return approval.RoleOfficial
	case "登記桌":
		return approval.RoleRegistry
	case "研考":
		return approval.RoleAuditor
	case "管理者":
		return approval.RoleAdmin
	}
	if r := approval.Role(strings.ToLower(word)); slices.Contains(approval.Roles(), r) {
		return r
	}
	return ""
}

// readPeople reads a CSV in UTF-8, with or without a byte order mark, or Big5 as
// Excel writes it in Taiwan. The first line names the columns, in any order. It
// says what is wrong with a line by itself; an error when it is no such file.
func readPeople(path string) (rows []personLine, wrong []fault, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPeopleFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(b) > maxPeopleFile {
		return nil, nil, errors.New("the file is too large")
	}
	return parsePeople(b)
}

func parsePeople(b []byte) (rows []personLine, wrong []fault, err error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if !utf8.Valid(b) {
		if b, err = traditionalchinese.Big5.NewDecoder().Bytes(b); err != nil || bytes.ContainsRune(b, utf8.RuneError) {
			return nil, nil, errors.New("the file is neither UTF-8 nor Big5: save it as CSV UTF-8")
		}
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("the file has no heading: %w", err)
	}
	columns := map[string]int{}
	for i, h := range head {
		c := peopleColumn(h)
		if _, twice := columns[c]; c == "" || twice {
			return nil, nil, fmt.Errorf("the heading %q is not one of 姓名 職稱 單位 角色 帳號 手機 (name title unit roles login phone), each once", h)
		}
		columns[c] = i
	}
	for _, c := range []string{"name", "unit", "login"} {
		if _, ok := columns[c]; !ok {
			return nil, nil, fmt.Errorf("there is no column %s", c)
		}
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, wrong, nil
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			return nil, nil, err // encoding/csv says which line
		}
		if len(rows) == maxPeople {
			return nil, nil, fmt.Errorf("more than %d people", maxPeople)
		}
		get := func(c string) string {
			if i, ok := columns[c]; ok {
				return strings.TrimSpace(cells[i])
			}
			return ""
		}
		row := personLine{line: line, unit: get("unit"), draft: access.MemberDraft{Name: get("name"), Title: get("title"), Login: get("login")}}
		words := strings.FieldsFunc(get("roles"), func(r rune) bool { return strings.ContainsRune(" ,;/、，；　", r) })
		if len(words) == 0 {
			words = []string{string(approval.RoleHandler)}
		}
		for _, w := range words {
			role := roleNamed(w)
			if role == "" {
				wrong = append(wrong, fault{line, "roles", fmt.Sprintf("there is no role %q", w)})
				continue
			}
			row.draft.Roles = append(row.draft.Roles, role)
		}
		if text := get("phone"); text != "" {
			n, err := sms.ParseNumber(text)
			if err != nil {
				wrong = append(wrong, fault{line, "phone", err.Error()})
			}
			row.phone = n
		}
		rows = append(rows, row)
	}
}

// checkPeople finds the units, and says what is wrong with lines beside others
// and beside what is there.
func (s *stores) checkPeople(ctx context.Context, rows []personLine) (wrong []fault, err error) {
	units, err := s.documents.Units(ctx)
	if err != nil {
		return nil, err
	}
	logins, phones := map[string]int{}, map[sms.Number]int{}
	for i := range rows {
		r := &rows[i]
		id, ok := unitAt(units, r.unit)
		if !ok {
			wrong = append(wrong, fault{r.line, "unit", fmt.Sprintf("there is no unit %q; write the path, such as 青川市政府/工務局/水利科", r.unit)})
			id = "unknown" // said already
		}
		r.draft.Unit = id
		if _, err := r.draft.Check(); err != nil {
			wrong = append(wrong, faults(r.line, err)...)
		}
		login, err := access.CheckLogin(r.draft.Login)
		if err != nil {
			wrong = append(wrong, faults(r.line, err)...)
		} else if first, twice := logins[login]; twice {
			wrong = append(wrong, fault{r.line, "login", fmt.Sprintf("%q is on line %d too", login, first)})
		} else {
			logins[login] = r.line
			switch _, err := s.accounts.MemberByLogin(ctx, login); {
			case err == nil:
				wrong = append(wrong, fault{r.line, "login", fmt.Sprintf("%q is taken", login)})
			case !errors.Is(err, approval.ErrNotFound):
				return nil, err
			}
		}
		if r.phone == "" {
			continue
		}
		if first, twice := phones[r.phone]; twice {
			wrong = append(wrong, fault{r.line, "phone", fmt.Sprintf("is that of line %d", first)})
		}
		phones[r.phone] = r.line
		switch _, err := s.hub.LinkByAddress(ctx, hub.SMS, string(r.phone)); {
		case err == nil:
			wrong = append(wrong, fault{r.line, "phone", "is somebody's already"})
		case !errors.Is(err, approval.ErrNotFound):
			return nil, err
		}
	}
	return wrong, nil
}

// unitAt finds a unit by a path of names.
func unitAt(units []approval.Unit, path string) (approval.UnitID, bool) {
	var at approval.UnitID
next:
	for _, name := range strings.Split(path, "/") {
		for _, u := range units {
			if u.Parent == at && u.Name == strings.TrimSpace(name) {
				at = u.ID
				continue next
			}
		}
		return "", false
	}
	return at, at != ""
}

// faults puts refused fields into lines.
func faults(line int, err error) []fault {
	var list []fault
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, one := range joined.Unwrap() {
			list = append(list, faults(line, one)...)
		}
		return list
	}
	if invalid, ok := errors.AsType[*approval.InvalidError](err); ok {
		return []fault{{line, invalid.Field, strings.TrimSpace(invalid.Reason + " " + invalid.Detail)}}
	}
	return []fault{{line, "", err.Error()}}
}

func sortedFaults(list []fault) []fault {
	slices.SortStableFunc(list, func(a, b fault) int { return a.line - b.line })
	return list
}
