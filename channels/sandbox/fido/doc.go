// Package fido is a stand-in for TW FidO (行動自然人憑證): the interface that
// service providers call, its page for browsers, and the app on people's phones
// with keys and certificates of a made-up authority in the shape of 內政部憑證
// 管理中心. For tests and the demo.
//
// It is strict where the specification is: a request that it would refuse is
// refused here, with its error_code. [Server.Approve] and [Server.Cancel] do
// what a person does in the app. What happens on a bad day is switched on by
// [Server.SetFault].
package fido
