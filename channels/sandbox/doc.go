// Package sandbox holds stand-ins for the providers that the channels talk to,
// for tests and for the demo: the LINE Messaging API, the Graph API with one
// Facebook Page, Twilio, two text message gateways, one in the shape of the
// government's 111, a push service (RFC 8030, 8188, 8291, 8292), and the phones
// on which their messages arrive.
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
//	/graph/{version}/{page}/...      Messenger
//	/push/{token}                    the push service
//	/m.me/{page}                     where links into Messenger lead
//	/2010-04-01/Accounts/...         Twilio
//	/111/messages  /gateway/send     text message gateways
//	/  /phone/{key}                  the phones, for a person to look at
//
// What people do on a phone, or a test for them ([Sandbox.Say], [Sandbox.Tap],
// [Sandbox.OpenLink] ...), goes to the app as the provider's signed callback,
// in the order in which it was done, and again until it is taken;
// [Sandbox.SetCallbackFault] forges, doubles and loses them.
//
// Tests read what arrived through [Sandbox.Messages], [Sandbox.Wait] and
// [Sandbox.Notifications]. Nothing here is for a real server: "serve" refuses
// hosts of the sandbox, and only cmd/qianhe and tests import this package.
package sandbox
