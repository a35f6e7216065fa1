// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/ledger"
)

// carriedRecord is a log record of a request in OTLP's JSON form: the object it came from, the record as a span without
// ids, the span it was made in (zero for none), and its service. text is resource, scope and record as written; records
// alike in all of it are copies of one.
type carriedRecord struct {
	raw           document.Value
	span          cost.Span
	madeIn        cost.SpanKey
	service, text string
}

// carriedRecords returns the log records of a request that may report a model call; on an error those before it.
func carriedRecords(request document.Value, dialects *dialect.Dialects) (found []carriedRecord, err error) {
	resources, err := list(request, "resourceLogs", "request")
	if err != nil {
		return nil, err
	}
	for r, resourceLogs := range resources {
		at := fmt.Sprintf("resourceLogs[%d]", r)
		resource, err := part(resourceLogs, "resource", at)
		if err != nil {
			return found, err
		}
		about, err := attributesOf(resource, at+".resource")
		if err != nil {
			return found, err
		}
		scopes, err := list(resourceLogs, "scopeLogs", at)
		if err != nil {
			return found, err
		}
		for s, scopeLogs := range scopes {
			at := fmt.Sprintf("%s.scopeLogs[%d]", at, s)
			scope, err := part(scopeLogs, "scope", at)
			if err != nil {
				return found, err
			}
			records, err := list(scopeLogs, "logRecords", at)
			if err != nil {
				return found, err
			}
			for n, raw := range records {
				record, reports, err := recordOf(raw, scope, fmt.Sprintf("%s.logRecords[%d]", at, n), dialects)
				if err != nil {
					return found, err
				}
				if reports {
					record.span.Resource, record.service = about, serviceOf(about)
					record.span.Language, _ = about.Get("telemetry.sdk.language").Text()
					record.span.Process = dialects.Process(func(key string) string { return textOrWhole(about.Get(key)) })
					text := document.Append(document.Append(document.Append(nil, resource), scope), raw)
					record.text = string(text)
					found = append(found, record)
				}
			}
		}
	}
	return found, nil
}

// recordOf returns a record; false when none of its attributes report a model call.
func recordOf(raw, scope document.Value, where string, dialects *dialect.Dialects) (found carriedRecord, reports bool, err error) {
	if raw.Kind() != document.Map {
		return found, false, object(raw, where)
	}
	attributes, err := attributesOf(raw, where)
	if err != nil {
		return found, false, err
	}
	reports = slices.ContainsFunc(attributes, func(attribute cost.Attribute) bool {
		return dialects.IsMarker(attribute.Key) || attribute.Key == cost.AttrCostStatus
	})
	if !reports {
		return found, false, nil
	}
	time, err := whole(raw, "timeUnixNano", where)
	if err == nil && time == 0 {
		time, err = whole(raw, "observedTimeUnixNano", where)
	}
	if err != nil {
		return found, false, err
	}
	name, isText := attributes.Get("event.name").Text()
	if !isText {
		name = textOr(raw.Get("eventName"))
	}
	found.raw = raw
	found.span = cost.Span{
		StartNs: time, EndNs: time, ScopeName: textOr(scope.Get("name")), ScopeVersion: textOr(scope.Get("version")),
		Name: name, Attributes: attributes,
	}
	if raw.Get("spanId").Truthy() && raw.Get("traceId").Truthy() {
		high, low, err := id(raw, "traceId", where)
		if err != nil {
			return found, false, err
		}
		_, span, err := id(raw, "spanId", where)
		if err != nil {
			return found, false, err
		}
		if span != 0 {
			found.madeIn = cost.SpanKey{Trace: [2]uint64{high, low}, ID: span}
		}
	}
	return found, true, nil
}

// hand is what is held: spans and, behind them, records as spans, each once; the objects they came from; services.
type hand struct {
	spans    []cost.Span
	copies   [][]document.Value
	services []string
	records  int
}

// place puts records behind the spans, each once, below the span it was made in where that is held.
func (h *hand) place(records []carriedRecord) {
	at := make(map[cost.SpanKey]bool, len(h.spans))
	for n := range h.spans {
		at[h.spans[n].Key] = true
	}
	slices.SortStableFunc(records, func(left, right carriedRecord) int {
		return cmp.Or(cmp.Compare(left.span.EndNs, right.span.EndNs), strings.Compare(left.text, right.text))
	})
	for n, record := range records {
		if n > 0 && record.span.EndNs == records[n-1].span.EndNs && record.text == records[n-1].text {
			last := len(h.copies) - 1
			h.copies[last] = append(h.copies[last], record.raw)
			continue
		}
		h.records++
		// A trace of its own, behind those of spans.
		record.span.Key = cost.SpanKey{Trace: [2]uint64{math.MaxUint64, uint64(h.records)}}
		if at[record.madeIn] {
			record.span.Parent = record.madeIn
		}
		h.spans = append(h.spans, record.span)
		h.copies = append(h.copies, []document.Value{record.raw})
		h.services = append(h.services, record.service)
	}
}

// repeats returns how each span and record repeats a call of the other signal; those written before are as they are.
func (h *hand) repeats(dialects *dialect.Dialects) []ledger.Repeat {
	found := make([]ledger.Repeat, len(h.spans))
	if h.records == 0 {
		return found
	}
	var reports []ledger.Report
	var of []int
	for n := range h.spans {
		span, signal, madeIn := &h.spans[n], ledger.SignalSpans, cost.SpanKey{}
		if madeIn = span.Key; n >= len(h.spans)-h.records {
			signal, madeIn = ledger.SignalLogs, span.Parent
		}
		if report, isReport := ledger.ReportOf(dialects, span, signal, fmt.Sprint(madeIn), h.services[n]); isReport {
			reports, of = append(reports, report), append(of, n)
		}
	}
	for n, repeat := range ledger.Repeats(reports) {
		if !h.spans[of[n]].Attributes.Has(cost.AttrCostStatus) {
			found[of[n]] = repeat
		}
	}
	return found
}
