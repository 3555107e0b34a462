package main

import (
	"context"
	"crypto/rand"
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
	addresses := []string{c.Listen}
	if c.AdminListen != "" {
		addresses = append(addresses, c.AdminListen)
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
	endpoints := []endpoint{{listeners[0], a.handler(), a.live.Close}}
	if len(listeners) > 1 {
		endpoints = append(endpoints, endpoint{listeners[1], a.adminHandler(), nil})
	}
	a.log.Info("serving", "address", listeners[0].Addr().String(), "base_url", c.BaseURL.String())
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
