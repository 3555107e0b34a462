package main

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"qianhe/approval/access"
	"qianhe/channels/line"
	"qianhe/channels/messenger"
	"qianhe/channels/webhook"
	"qianhe/channels/webpush"
	"qianhe/hub"
	"qianhe/hub/live"
	"qianhe/hub/pghub"
	"qianhe/web"
	"qianhe/web/api"
	"qianhe/web/hooks"
	"qianhe/web/pdfview"
)

// app is a whole server, not listening yet.
type app struct {
	*stores
	metrics *prometheus.Registry
	live    *live.Server
	pages   *pdfview.Viewer
	web     *web.Server
	push    *webpush.Channel // nil when not configured
	speak   []hub.Channel    // everything that is configured
	ready   atomic.Bool

	line      *line.Channel      // nil when not configured
	messenger *messenger.Channel // nil when not configured
	webhooks  *webhook.Sender
}

// world is what differs between a real server and the demo. The zero value is
// the real one; no setting can name a stand-in.
type world struct {
	lineAPI string                               // base URL of the Messaging API
	push    string                               // origin of a push service on this machine
	graph   string                               // base URL of the Graph API
	chat    string                               // where links into Messenger begin
	sms     smsStand                             // provider of text messages
	seed    func(context.Context, *stores) error // fills the database before anything reads it
}

// newApp opens the stores and joins the parts to a server. This is the one
// place where everything meets.
func newApp(ctx context.Context, e env, c *Config, w world) (_ *app, err error) {
	a := &app{metrics: prometheus.NewRegistry()}
	a.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if a.stores, err = openDatabase(ctx, e, c); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if w.seed != nil {
		if err := w.seed(ctx, a.stores); err != nil {
			return nil, err
		}
	}
	if err := a.openHub(ctx, func(opt *pghub.Options) error { return a.addChannels(ctx, opt, w) }); err != nil {
		return nil, err
	}
	a.metrics.MustRegister(a.poolStats()...)
	a.live = live.New(a.hub, a.hub.Bus(), live.Options{
		Origins:    origins(c.BaseURL),
		Alive:      a.alive,
		Log:        a.log,
		Registerer: a.metrics,
	})
	if a.pages, err = pdfview.New(pdfview.Options{Dir: pageCodeDir(c), Cache: a.documents, Log: a.log}); err != nil {
		return nil, err
	}
	a.web, err = a.newWeb(ctx)
	return a, err
}

// origins are where our pages come from. This machine has two names, and
// people type either.
func origins(base *url.URL) []string {
	list := []string{base.String()}
	if base.Hostname() == "127.0.0.1" {
		list = append(list, base.Scheme+"://localhost:"+base.Port())
	}
	return list
}

// addChannels gives the hub the channels that are configured.
func (a *app) addChannels(ctx context.Context, opt *pghub.Options, w world) error {
	opt.Registerer = a.metrics
	a.webhooks = webhook.New(webhook.Options{Proxy: http.ProxyFromEnvironment})
	opt.Webhooks = a.webhooks
	var err error
	if a.line, err = lineChannel(a.config, opt.Agency, w.lineAPI, a.log); err != nil {
		return err
	}
	if a.line != nil {
		opt.Channels = append(opt.Channels, a.line)
	}
	if a.messenger, err = messengerChannel(a.config, w.graph, w.chat, a.log); err != nil {
		return err
	}
	if a.messenger != nil {
		opt.Channels = append(opt.Channels, a.messenger)
	}
	texts, err := smsChannel(a.config, opt.Agency, w.sms, a.log)
	if err != nil {
		return err
	}
	if texts != nil {
		opt.Channels = append(opt.Channels, texts)
	}
	if a.push, err = webpushChannel(ctx, a.config, a.accounts, w.push); err != nil {
		return err
	}
	if a.push != nil {
		opt.Channels = append(opt.Channels, a.push)
	}
	a.speak = opt.Channels
	return nil
}

func (a *app) newWeb(ctx context.Context) (*web.Server, error) {
	formKey, err := a.accounts.Secret(ctx, "form tokens", randomKey)
	if err != nil {
		return nil, err
	}
	calendar, err := a.calendar(ctx)
	if err != nil {
		return nil, err
	}
	jsonAPI := api.New(api.Options{
		Importer:    a.importer(),
		Notices:     a.hub,
		Tokens:      a.accounts,
		Suits:       a.suitsAPI,
		DocumentURL: func(id string) string { return a.config.BaseURL.JoinPath("d", id).String() },
		Log:         a.log,
	})
	callbacks, err := hooks.New(hooks.Options{Inbox: a.hub, Channels: a.speak, Log: a.log, Registerer: a.metrics})
	if err != nil {
		return nil, err
	}
	opt := web.Options{
		Documents:      a.documents,
		Accounts:       a.accounts,
		NewDevices:     a.accounts,
		Handovers:      a.accounts,
		Hotline:        a.config.Hotline,
		Access:         a.accounts,
		Hub:            a.hub,
		Settings:       a.hub,
		Ledger:         a.hub,
		Webhooks:       a.hub,
		Audit:          a.accounts,
		People:         a.accounts,
		Work:           a.documents,
		Forms:          access.NewFormTokens(formKey),
		Workdays:       calendar,
		BaseURL:        a.config.BaseURL,
		Log:            a.log,
		Live:           a.live,
		Pages:          a.pages,
		Agency:         a.agency,
		SignIns:        a.accounts,
		Ways:           a.config.SignIn.Ways,
		NoPassword:     a.config.SignIn.Closed,
		Linking:        a.linking(),
		TrustedProxies: a.config.TrustedProxies,
		Frequent:       api.Frequent,
		PublicURL:      a.config.PublicURL,
		PublicMount:    []string{"/hooks/", "GET /healthz", "GET /readyz"},
		Mount: map[string]http.Handler{
			"/api/":        jsonAPI,
			"/hooks/":      callbacks,
			"GET /healthz": http.HandlerFunc(a.healthz),
			"GET /readyz":  http.HandlerFunc(a.readyz),
		},
	}
	if a.push != nil {
		opt.Push = &web.Push{PublicKey: a.push.PublicKey, KnowsKey: a.push.KnowsKey, Check: a.push.CheckSubscription}
	}
	return web.New(opt)
}

// alive says which sessions let in, and may still have live connections.
func (a *app) alive(ctx context.Context, sessions []string) (map[string]bool, error) {
	alive, err := a.accounts.Alive(ctx, sessions)
	if err == nil {
		err = a.web.StillSuits(ctx, alive)
	}
	return alive, err
}

// suitsAPI says whether the agency lets other systems call from where a request
// comes.
func (a *app) suitsAPI(r *http.Request) (bool, error) {
	settings, err := a.accounts.Settings(r.Context())
	from := access.ClientAddress(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), a.config.TrustedProxies)
	return settings.API.Suits(settings.Network(from)), err
}

func (a *app) close() {
	if a.pages != nil {
		a.pages.Close()
	}
	if a.webhooks != nil {
		a.webhooks.Close()
	}
	a.stores.close()
}
