package sms

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"qianhe/hub"
)

// HTTPClient makes the client of a sender: it follows no redirects and waits
// for nobody longer than the context of a call.
func HTTPClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    32,
			MaxResponseHeaderBytes: 64 << 10,
			HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		},
	}
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 1 << 20

// Answer is what came of one request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most 1 MiB of it; empty when it broke off
	Began  bool   // the request may have reached the other side
	Err    error  // there was no answer
}

// Do makes one request and reads its answer.
func Do(ctx context.Context, client *http.Client, req *http.Request) Answer {
	ctx, began := hub.Traced(ctx)
	res, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return Answer{Began: began(), Err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		body = nil // the status came: the request was dealt with
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: body, Began: true}
}

// Failure says what it means that there was no answer: sent or not, nobody
// knows, unless the request never began.
func (a Answer) Failure() error {
	if a.Began {
		return &hub.Unknown{Reason: hub.TransportWords(a.Err)}
	}
	return &hub.Retry{Reason: hub.TransportWords(a.Err)}
}

// CheckAddress refuses what is not an address to send texts to: https, or http
// on a loopback address. The error does not repeat it, it may hold a password.
func CheckAddress(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil {
		return errors.New("not an address such as https://sms.example.com/send")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) {
		return errors.New("must be https")
	}
	return nil
}

// Loopback reports whether a host is this machine.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}
