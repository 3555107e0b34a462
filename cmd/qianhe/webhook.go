package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"qianhe/approval"
	"qianhe/channels/webhook"
	"qianhe/hub"
)

// runWebhook keeps the endpoints of the agency's own systems. A secret is shown
// once.
func runWebhook(ctx context.Context, e env, args []string) error {
	const verbs = "say add, list, test, rotate or disable"
	if len(args) == 0 {
		return misuse(verbs)
	}
	var endpoint hub.Endpoint
	var events string
	c, fs, err := loadConfig(e, "webhook "+args[0], "[flags] [ID]", args[1:], func(fs *flag.FlagSet) {
		fs.StringVar(&endpoint.URL, "url", "", "add: where events are posted, such as https://edms.example.gov.tw/hooks")
		fs.StringVar(&events, "events", "", "add: which, separated by commas; all without it: "+eventList())
		fs.BoolVar(&endpoint.Private, "private", false, "add: it may be in a private network, and plain http")
	})
	if err != nil {
		return err
	}
	s, err := openStores(ctx, e, c)
	if err != nil {
		return err
	}
	defer s.close()
	id := fs.Arg(0)
	if args[0] == "add" || args[0] == "list" {
		if fs.NArg() > 0 {
			return misuse("unexpected %q", id)
		}
	} else if fs.NArg() != 1 {
		return misuse("%s needs the id that 'webhook list' shows", args[0])
	}
	switch args[0] {
	case "add":
		endpoint.Events = hub.EventTypes()
		if events != "" {
			endpoint.Events = nil
			for _, t := range list(events) {
				endpoint.Events = append(endpoint.Events, hub.EventType(t))
			}
		}
		endpoint.Secrets = []string{webhook.NewSecret(rand.Reader)}
		id, err := s.hub.AddEndpoint(ctx, endpoint)
		if invalid, ok := errors.AsType[*approval.InvalidError](err); ok {
			return misuse("-%s: %s", invalid.Field, invalid.Detail)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s\n%s\n", id, endpoint.Secrets[0])
		return nil
	case "list":
		return listEndpoints(ctx, e, s)
	case "test":
		return testEndpoint(ctx, e, s, id)
	case "rotate":
		secret := webhook.NewSecret(rand.Reader)
		if err := s.hub.RotateSecret(ctx, id, secret); err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s\n", secret)
		fmt.Fprintln(e.stderr, "events carry the signature of the old secret, too, for 24 hours")
		return nil
	case "disable":
		return s.hub.CloseEndpoint(ctx, id, "closed by the operator")
	}
	return misuse(verbs)
}

func eventList() string {
	words := make([]string, len(hub.EventTypes()))
	for i, t := range hub.EventTypes() {
		words[i] = string(t)
	}
	return strings.Join(words, ", ")
}

func listEndpoints(ctx context.Context, e env, s *stores) error {
	all, err := s.hub.Endpoints(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	for _, p := range all {
		state := "in use"
		if !p.Disabled.IsZero() {
			state = "closed: " + p.Reason
		}
		if p.Private {
			state += ", private"
		}
		fmt.Fprintf(w, "%s\t%s\t%v\t%d waiting, %d failed\t%s\n", p.ID, p.URL, p.Events, p.Waiting, p.Failed, state)
	}
	return w.Flush()
}

// testEndpoint sends a signed event that means nothing, from here.
func testEndpoint(ctx context.Context, e env, s *stores, id string) error {
	endpoint, err := s.hub.Endpoint(ctx, id)
	if err != nil {
		return err
	}
	if !endpoint.Disabled.IsZero() {
		return fmt.Errorf("the endpoint is closed: %s", endpoint.Reason)
	}
	sender := webhook.New(webhook.Options{Proxy: http.ProxyFromEnvironment})
	defer sender.Close()
	now := time.Now()
	event := hub.Event{ID: "test_" + approval.NewID(now, rand.Reader), Type: hub.EventWebhookTest, At: now, Data: json.RawMessage(`{}`)}
	status, err := sender.SendEvent(ctx, endpoint, event)
	if err != nil {
		return fmt.Errorf("%s did not take it: %w", endpoint.Origin(), err)
	}
	fmt.Fprintf(e.stdout, "%s took it: %d\n", endpoint.Origin(), status)
	return nil
}
