package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table prints rows under a head, columns to the right.
type table struct {
	w *tabwriter.Writer
}

func newTable(out io.Writer, head ...string) *table {
	t := &table{tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)}
	t.row(head...)
	return t
}

func (t *table) row(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")+"\t") }

func (t *table) print() { _ = t.w.Flush() }

// middle shows the median of runs with the least and the most.
func middle(list []float64, unit string) string {
	return fmt.Sprintf("%.4g%s (%.3g-%.3g)", median(list), unit, quantile(list, 0), quantile(list, 1))
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
