package main

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
)

// runServe runs the server until it is told to stop.
func runServe(ctx context.Context, e env, args []string) error {
	c, fs, err := loadConfig(e, "serve", "[flags]", args, nil)
	if err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return misuse("takes no arguments")
	}
	if err := c.checkServe(); err != nil {
		return err
	}
	var addresses []string
	var serve []func(*app, net.Listener) endpoint
	for _, l := range []struct {
		address string
		serve   func(*app, net.Listener) endpoint
	}{
		{c.Listen, func(a *app, l net.Listener) endpoint { return endpoint{l, a.handler(), a.live.Close} }},
		{c.PublicListen, func(a *app, l net.Listener) endpoint { return endpoint{l, a.web.Public(), nil} }},
		{c.AdminListen, func(a *app, l net.Listener) endpoint { return endpoint{l, a.adminHandler(), nil} }},
	} {
		if l.address != "" && l.address != "none" {
			addresses, serve = append(addresses, l.address), append(serve, l.serve)
		}
	}
	listeners, err := listen(addresses...)
	if err != nil {
		return err
	}
	a, err := newApp(ctx, e, c, world{})
	if err != nil {
		return err
	}
	defer a.close()
	var endpoints []endpoint
	for i, l := range listeners {
		endpoints = append(endpoints, serve[i](a, l))
	}
	a.log.Info("serving", "listen", c.Listen, "public_listen", c.PublicListen, "base_url", c.BaseURL.String(), "public_url", urlString(c.PublicURL))
	return a.serveUntil(ctx, endpoints...)
}

// pageCodeDir is where the PDF renderer keeps its compiled code.
func pageCodeDir(c *Config) string {
	if c.DatabaseURL == "" {
		return filepath.Join(c.Data, "pdfview")
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "qianhe", "pdfview")
	}
	return ""
}

func randomKey() ([]byte, error) {
	key := make([]byte, 32)
	_, err := rand.Read(key)
	return key, err
}
