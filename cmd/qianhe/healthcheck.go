package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// runHealthcheck asks the server configured here whether it is ready. It is
// what a container runs to know.
func runHealthcheck(ctx context.Context, e env, args []string) error {
	c, fs, err := loadConfig(e, "healthcheck", "[flags]", args, nil)
	if err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return misuse("takes no arguments")
	}
	address := c.Listen
	if address == "none" {
		address = c.PublicListen
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", body)
	}
	_, err = fmt.Fprintln(e.stdout, "ready")
	return err
}
