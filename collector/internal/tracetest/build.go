// SPDX-License-Identifier: Apache-2.0

// Package tracetest makes traces for tests.
package tracetest

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Start is when the spans of tests start; rates of the card hold then.
var Start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Span describes a span. Trace, ID and Parent are small numbers; a Parent of 0 is none.
type Span struct {
	Trace, ID, Parent byte
	Service, Scope    string
	Kind              ptrace.SpanKind
	Attributes        map[string]any
	// From and To are milliseconds after Start.
	From, To int
}

// Call returns the attributes of a model call as the semantic conventions have them.
func Call(model string, input, output int, responseID string) map[string]any {
	found := map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": model,
		"gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": output,
	}
	if responseID != "" {
		found["gen_ai.response.id"] = responseID
	}
	return found
}

// Traces returns data with the spans, each in a resource of its own.
func Traces(spans ...Span) ptrace.Traces {
	td := ptrace.NewTraces()
	for _, described := range spans {
		resource := td.ResourceSpans().AppendEmpty()
		resource.Resource().Attributes().PutStr("service.name", described.Service)
		scope := resource.ScopeSpans().AppendEmpty()
		scope.Scope().SetName(described.Scope)
		described.fill(scope.Spans().AppendEmpty())
	}
	return td
}

func (s Span) fill(span ptrace.Span) {
	span.SetTraceID(pcommon.TraceID{15: s.Trace})
	span.SetSpanID(SpanID(s.ID))
	if s.Parent != 0 {
		span.SetParentSpanID(SpanID(s.Parent))
	}
	span.SetKind(s.Kind)
	span.SetName("test")
	from, to := s.From, s.To
	if to == 0 {
		// Children start later and end earlier than their parents, whose ids are lower.
		from, to = int(s.ID), 1_000-int(s.ID)
	}
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(Start.Add(time.Duration(from) * time.Millisecond)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(Start.Add(time.Duration(to) * time.Millisecond)))
	Put(span.Attributes(), s.Attributes)
}

// Put puts attributes on in the order of their keys: instrumentations write theirs in the same order each time.
func Put(on pcommon.Map, attributes map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		if err := on.PutEmpty(key).FromRaw(attributes[key]); err != nil {
			panic(err)
		}
	}
}

// SpanID returns the span id of a small number.
func SpanID(n byte) (id pcommon.SpanID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// Find returns the spans with an id among data, in order.
func Find(all []ptrace.Traces, trace, id byte) (found []ptrace.Span) {
	Each(all, func(_ ptrace.ResourceSpans, span ptrace.Span) {
		if span.SpanID() == SpanID(id) && span.TraceID() == (pcommon.TraceID{15: trace}) {
			found = append(found, span)
		}
	})
	return found
}

// Each calls do with every span.
func Each(all []ptrace.Traces, do func(ptrace.ResourceSpans, ptrace.Span)) {
	for _, td := range all {
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					do(resource, span)
				}
			}
		}
	}
}

// Raw returns an attribute of a span, nil when it is not there.
func Raw(span ptrace.Span, key string) any {
	value, known := span.Attributes().Get(key)
	if !known {
		return nil
	}
	return value.AsRaw()
}
