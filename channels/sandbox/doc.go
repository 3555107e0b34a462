// Package sandbox holds stand-ins for the providers that the channels talk to,
// for tests and for the demo: the LINE Messaging API, a push service (RFC 8030,
// 8188, 8291, 8292), and the phones on which their messages arrive.
//
// The stand-ins are strict where the providers are: a request that the real
// service would refuse is refused here, in its words. What a provider does only
// on a bad day is switched on by [Sandbox.SetFault], [Sandbox.Block],
// [Sandbox.SetOffline], [Sandbox.Expire] and [Sandbox.SetQuota].
//
// [Sandbox.Handler] serves everything under one address:
//
//	/v2/bot/...  /oauth2/v3/token    LINE
//	/dialog/bot/accountLink          LINE's page of account linking
//	/push/{token}                    the push service
//	/  /phone/{key}                  the phones, for a person to look at
//
// Tests read what arrived through [Sandbox.Messages], [Sandbox.Wait] and
// [Sandbox.Notifications]. Nothing here is for a real server: "serve" refuses
// hosts of the sandbox, and only cmd/qianhe and tests import this package.
package sandbox
