// Package ldap asks a directory who somebody is: OpenLDAP, Active Directory, or
// whatever else speaks LDAP version 3 (RFC 4511).
//
// # What is asked
//
// With an account of its own the server looks for the entry (search), and then
// tries the password on it (bind). Without one it binds as the person, under the
// name that the configuration makes of the login, and looks for the entry
// afterwards. A login that the directory does not know costs the same calls: a
// bind as nobody takes the place of the one that cannot be made.
//
// # What is never done
//
//   - A password goes over TLS only: ldaps://, or ldap:// with StartTLS (RFC 4511
//     §4.14), whose failure ends it. The certificate is checked, against the
//     system's authorities or those of the configuration and no others.
//   - An empty password is not sent: directories answer yes to it without asking
//     who it is (RFC 4513 §5.1.2).
//   - What somebody typed is escaped before it becomes part of a filter (RFC 4515
//     §3) or a name (RFC 4514 §2.4).
//   - A directory that does not answer is said to be that, with
//     [access.ProviderError]. Only a refusal of the person's own bind means that
//     the password is wrong; an answer like it to the server's own account does
//     not.
//   - Referrals are not followed: they would take the password to a server that
//     nobody has configured.
package ldap
