package approval

// Unit is a part of an agency (機關內部單位) or the agency itself (Parent "").
type Unit struct {
	ID     UnitID
	Parent UnitID
	Name   string // 單位名, or 全銜 for the agency itself
	Code   string // 機關代碼 or 單位代碼, may be empty
}

// Person is somebody who acts on documents. Accounts, devices and passwords
// belong to package access, which refers to a person by ID.
type Person struct {
	ID    PersonID
	Name  string // 姓名
	Title string // 職稱, such as 科長
	Unit  UnitID
	Roles []Role
}

// Has reports whether p holds role r.
func (p Person) Has(r Role) bool {
	for _, have := range p.Roles {
		if have == r {
			return true
		}
	}
	return false
}

// Role is what a person may be to the system. A person can hold several.
type Role string

const (
	RoleHandler  Role = "handler"  // 承辦人
	RoleOfficial Role = "official" // 長官: 股長, 科長, 副局長, 局長
	RoleRegistry Role = "registry" // 登記桌
	RoleAuditor  Role = "auditor"  // 研考
	RoleAdmin    Role = "admin"    // 管理者
)

// Roles gives all of them.
func Roles() []Role {
	return []Role{RoleHandler, RoleOfficial, RoleRegistry, RoleAuditor, RoleAdmin}
}

// Actor is the person who acts, and from where. It is an argument of every
// action and is copied into the record of it.
type Actor struct {
	Person PersonID
	Name   string
	Title  string
	Unit   string // name of the unit, as it shall stand in the record
	Roles  []Role
	// OnBehalfOf names the principal when a deputy acts (代理人), else "".
	OnBehalfOf PersonID
	Session    string // identifier of the session, never its secret
	Address    string // client address as seen through trusted proxies only
}
