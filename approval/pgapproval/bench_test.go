package pgapproval_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

// measure runs fn as often as the benchmark wants and reports the 95th
// percentile in milliseconds.
func measure(b *testing.B, fn func(n int)) {
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		start := time.Now()
		fn(n)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100])/float64(time.Millisecond), "p95-ms")
}

func BenchmarkTray2000(b *testing.B) {
	s := setup(b)
	s.seedPending(b, s.o.Director.ID, 2000)
	now := approvaltest.Now()
	first, err := s.store.Tray(b.Context(), s.o.Director.ID, now, "", "", 20)
	must(b, err)
	for name, tt := range map[string]struct {
		filter approval.TrayFilter
		cursor string
	}{
		"first":   {},
		"next":    {cursor: first.Next},
		"overdue": {filter: approval.TrayOverdue},
	} {
		b.Run(name, func(b *testing.B) {
			measure(b, func(int) {
				tray, err := s.store.Tray(b.Context(), s.o.Director.ID, now, tt.filter, tt.cursor, 20)
				if must(b, err); len(tray.Cards) != 20 {
					b.Fatalf("%d cards", len(tray.Cards))
				}
			})
		})
	}
	b.Run("counts", func(b *testing.B) {
		measure(b, func(int) {
			_, err := s.store.TrayCounts(b.Context(), s.o.Director.ID, now)
			must(b, err)
		})
	})
}

// 研考 looks at what is late in the whole agency: 10,000 documents on their way,
// nearly half of them.
func BenchmarkOverdue10000(b *testing.B) {
	s := setup(b)
	s.seedPending(b, s.o.Director.ID, 10_000)
	must(b, s.store.CreatePerson(b.Context(), approval.Person{ID: "audit", Name: "研考", Unit: s.o.Bureau.ID, Roles: []approval.Role{approval.RoleAuditor}}, approvaltest.Now()))
	now := approvaltest.Now()
	measure(b, func(int) {
		page, err := s.store.Overdue(b.Context(), "audit", now, now.AddDate(0, 0, 1), "", 20)
		if must(b, err); len(page.Cards) != 20 || page.Late < 4000 {
			b.Fatalf("%d cards of %d", len(page.Cards), page.Late)
		}
	})
}

func BenchmarkPlace(b *testing.B) {
	s := setup(b)
	s.seedPending(b, s.o.Director.ID, 2000)
	ids := column[approval.DocumentID](b, s.pool, `select id from document order by id`)
	measure(b, func(n int) {
		place, err := s.store.Place(b.Context(), s.o.Director.ID, approvaltest.Now(), ids[n*7%len(ids)])
		if must(b, err); place.Total != 2000 || place.Position == 0 {
			b.Fatalf("place %+v", place)
		}
	})
}

func BenchmarkOpen200Paragraphs30Attachments(b *testing.B) {
	s := setup(b)
	s.seedPending(b, s.o.Director.ID, 2000) // it is not alone
	in := s.o.Draft("1")
	in.Body = approvaltest.Body(200)
	n := s.new(in)
	n.Files, n.Blobs = approvaltest.Attachments(s.newID, 30, 100_000)
	must(b, s.store.Create(b.Context(), n))
	s.forward(b, n.Document.ID, s.o.Director.ID)
	measure(b, func(int) {
		r, err := s.store.Open(b.Context(), n.Document.ID, s.o.Director.ID)
		if must(b, err); len(r.Content.Files) != 31 {
			b.Fatalf("%d files", len(r.Content.Files))
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	s := setup(b)
	s.seedPending(b, s.o.Director.ID, 2000)
	d := s.create(b, s.o.Draft("1"))
	measure(b, func(n int) {
		if n%150 == 149 { // a route does not grow for ever
			d = s.create(b, s.o.Draft(fmt.Sprint(n)))
		}
		must(b, s.store.UpdateOnce(b.Context(), d.ID, token(fmt.Sprint(n)), minutes(n), func(d *approval.Document) ([]approval.Event, error) {
			if step := d.Active(s.o.Chief.ID); step != nil {
				return d.Return(s.o.Act(d, s.o.Chief.ID, step.ID, n, "請補充。", s.newID), approval.ReturnToHandler)
			}
			return s.o.Pass(d, d.Active(s.o.Handler.ID), n, s.newID)
		}))
	})
}
