// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
)

// The signals that an emitter may report a call as.
const (
	SignalSpans = "spans"
	SignalLogs  = "logs"
)

const (
	reasonCountedOnSpan      = "counted_on_span"
	reasonCountedOnLogRecord = "counted_on_log_record"
)

// Report is a span or log record that reports usage. Signal and Prefer are SignalSpans or SignalLogs; Emitter and Group are
// the emitter and its session, or "" and the span that the record was made in. ResponseID is "" when it reports none; SpanID
// is that of a span, 0 for a record.
type Report struct {
	Signal, Prefer, Emitter, Group, ResponseID string
	SpanID                                     uint64
}

// Repeat is what a report that is counted elsewhere states: the reason, and the span that carries the call, 0 when unknown.
type Repeat struct {
	Reason string
	SpanID uint64
}

type reportGroup struct{ emitter, group string }

// Repeats returns for each report how it repeats one of the preferred signal; the reason is "" when it is to be counted.
// Of the reports of one session those of the other signal repeat the preferred ones. One with a response id that no
// preferred report carries is a call of its own. When the preferred signal is not held, the other one counts.
func Repeats(reports []Report) []Repeat {
	preferred := map[reportGroup]map[string]uint64{}
	for n := range reports {
		r := &reports[n]
		if r.Signal != r.Prefer {
			continue
		}
		group := reportGroup{r.Emitter, r.Group}
		if preferred[group] == nil {
			preferred[group] = map[string]uint64{}
		}
		if _, known := preferred[group][r.ResponseID]; !known {
			preferred[group][r.ResponseID] = r.SpanID
		}
	}
	found := make([]Repeat, len(reports))
	for n := range reports {
		r := &reports[n]
		if held := preferred[reportGroup{r.Emitter, r.Group}]; held != nil && r.Signal != r.Prefer {
			found[n] = r.repeats(held)
		}
	}
	return found
}

func (r *Report) repeats(held map[string]uint64) Repeat {
	spanID, known := held[r.ResponseID]
	if _, some := held[""]; r.ResponseID != "" && !known && !some {
		return Repeat{}
	}
	reason := reasonCountedOnSpan
	if r.Prefer == SignalLogs {
		reason = reasonCountedOnLogRecord
	}
	if r.ResponseID == "" {
		spanID = 0
	}
	return Repeat{reason, spanID}
}

// WriteTo means that a span or log record repeats a call that another signal reports.
func (r Repeat) WriteTo(written *Writes) {
	written.Status, written.Reason = cost.Duplicate, r.Reason
	written.text(cost.AttrCostStatus, cost.Duplicate)
	written.text(cost.AttrCostReason, r.Reason)
	written.carrier(r.SpanID)
}

// ReportOf returns what a span or record reports, as one of a signal; false when it reports no usage. madeIn names the span
// itself, or the one that a record was made in; service is the service that reports.
func ReportOf(d *dialect.Dialects, span *cost.Span, signal, madeIn, service string) (report Report, reports bool) {
	var reader dialect.Reader
	var reading cost.Reading
	if !d.Read(span, &reader, &reading) || len(reading.Usage) == 0 {
		return report, false
	}
	report = Report{Signal: signal, Prefer: SignalSpans, Group: madeIn, ResponseID: reading.ResponseID}
	if signal == SignalSpans {
		report.SpanID = span.Key.ID
	}
	dialect, source := d.Source(span)
	if source == nil {
		// An event of any other instrumentation is made within the span of its call.
		return report, true
	}
	report.Prefer, report.Emitter, report.Group = source.Prefer, dialect, service
	for _, key := range source.Session {
		if text, isText := span.Attributes.Get(key).Text(); isText && text != "" {
			report.Group = text
			break
		}
	}
	return report, true
}
