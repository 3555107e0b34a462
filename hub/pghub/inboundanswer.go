package pghub

import (
	"context"
	"time"

	"qianhe/hub"
)

const (
	// replyWithin is how long after an event an answer to it makes sense, and
	// how long LINE's reply token is good.
	replyWithin = time.Minute
	// answersAnHour is how many answers a sender gets at most, whatever they
	// ask: two programs that answer each other come to an end.
	answersAnHour = 30
)

// answerLimit is how many answers of a kind a sender gets within how long.
// What nobody has asked for comes seldom.
func answerLimit(a hub.Answer) (n int, within time.Duration) {
	switch a {
	case hub.AnswerHelp:
		return 2, 10 * time.Minute
	case hub.AnswerHow, hub.AnswerAgain, hub.AnswerDead:
		return 3, 10 * time.Minute
	}
	return 12, 10 * time.Minute
}

// allow drops an answer that its sender would get too often.
func (t *turn) allow(ctx context.Context, a *saying) error {
	if a.Answer == "" {
		return nil
	}
	most, within := answerLimit(a.Answer)
	var same, all int
	err := t.tx.QueryRow(ctx, `
		select count(*) filter (where answer = $3 and answered_at > $4), count(*)
		from inbound
		where channel = $1 and sender = $2 and answered_at > $5`,
		t.event.Channel, t.event.sender, string(a.Answer), t.now.Add(-within), t.now.Add(-time.Hour)).Scan(&same, &all)
	if err == nil && (same >= most || all >= answersAnHour) {
		*a = saying{}
	}
	return err
}

// reply says it, at most once: what is lost here can be asked again.
func (h *Hub) reply(ctx context.Context, e received, a saying) {
	replier, ok := h.channels[e.Channel].(hub.Replier)
	if a.Answer == "" || !ok {
		return
	}
	result := "answered"
	switch err := h.sayTo(ctx, replier, e, a); {
	case h.now().Sub(e.at) > replyWithin:
		result = "too late"
	case err != nil:
		result = "failed"
		h.log.WarnContext(ctx, "answer in a chat was not taken", "channel", e.Channel, "answer", a.Answer, "err", err)
	}
	h.metrics.answers.WithLabelValues(string(e.Channel), string(a.Answer), result).Inc()
}

func (h *Hub) sayTo(ctx context.Context, replier hub.Replier, e received, a saying) error {
	if h.now().Sub(e.at) > replyWithin {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, min(h.sendTimeout, inboundLease/3))
	defer cancel()
	d := a.AnswerData
	d.Agency, d.BaseURL, d.Now = h.agency, h.baseURL, h.now()
	switch a.Answer {
	case hub.AnswerCounts:
		counts, err := h.counts(ctx, d.Person)
		if err != nil {
			return err
		}
		d.Counts = counts
	case hub.AnswerHow, hub.AnswerAgain:
		if linker, ok := replier.(hub.Linker); ok {
			link, err := linker.LinkPage(ctx, e.From, h.baseURL)
			if err == nil {
				d.Link = link
			} else { // then by the web
				h.log.WarnContext(ctx, "no link token was given", "channel", e.Channel, "err", err)
			}
		}
	}
	return replier.Reply(ctx, e.Inbound, a.Answer.Message(d))
}
