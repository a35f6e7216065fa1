// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/ledger"
)

// What is released at once can be all that is held, which no backend takes in one request: gRPC servers refuse more than
// 4 MiB. So it leaves in parts of these sizes at most, but for one span that is larger by itself.
const (
	chunkSpans = 2_048
	chunkBytes = 1 << 20
)

// outcome is what is to be sent on, in parts, and to be counted after a step of a shard.
type outcome struct {
	chunks    []chunk
	scopes    map[chunkScope]ptrace.ScopeSpans
	resources map[*heldResource]ptrace.ResourceSpans

	early       map[string]int64
	withdrawn   ledger.RepeatCounts
	lateCalls   int64
	lateCost    cost.Femto
	corrections int64
	// anomalies are the rules of those that began.
	anomalies []string
	evicted   int64
}

// part is what goes to the next component at once; bytes is estimated as for what is held.
type chunk struct {
	traces       ptrace.Traces
	spans, bytes int
}

type chunkScope struct {
	resource *heldResource
	origin   *origin
}

func (o *outcome) late(total *ledger.Subtotal) {
	o.lateCalls += total.Requests
	o.lateCost = o.lateCost.Add(total.Femto)
}

func (o *outcome) released(reason string) {
	if o.early == nil {
		o.early = map[string]int64{}
	}
	o.early[reason]++
}

// add returns a new span of a resource and scope, which is to be of a size.
func (o *outcome) add(resource *heldResource, from *origin, size int) ptrace.Span {
	if n := len(o.chunks); n == 0 || o.chunks[n-1].spans == chunkSpans || o.chunks[n-1].bytes+size > chunkBytes {
		o.chunks = append(o.chunks, chunk{traces: ptrace.NewTraces()})
		o.scopes, o.resources = map[chunkScope]ptrace.ScopeSpans{}, map[*heldResource]ptrace.ResourceSpans{}
	}
	into := &o.chunks[len(o.chunks)-1]
	into.spans++
	into.bytes += size
	at := chunkScope{resource, from}
	scope, known := o.scopes[at]
	if !known {
		spans, known := o.resources[resource]
		if !known {
			spans = into.traces.ResourceSpans().AppendEmpty()
			resource.resource.CopyTo(spans.Resource())
			spans.SetSchemaUrl(resource.schemaURL)
			o.resources[resource] = spans
		}
		scope = spans.ScopeSpans().AppendEmpty()
		from.scope.CopyTo(scope.Scope())
		scope.SetSchemaUrl(from.schemaURL)
		o.scopes[at] = scope
	}
	return scope.Spans().AppendEmpty()
}

// correctionSize is about the size of a span that this processor makes.
const correctionSize = 600

// sizeOf estimates how much memory a span takes.
func sizeOf(span ptrace.Span) int {
	const fixed, perAttribute, perEvent = 300, 40, 100
	size := fixed + len(span.Name())
	measure := func(attributes pcommon.Map) {
		for key, value := range attributes.All() {
			size += perAttribute + len(key)
			if value.Type() == pcommon.ValueTypeStr {
				size += len(value.Str())
			} else if value.Type() != pcommon.ValueTypeInt {
				size += perAttribute
			}
		}
	}
	measure(span.Attributes())
	for _, event := range span.Events().All() {
		size += perEvent
		measure(event.Attributes())
	}
	return size + perEvent*span.Links().Len()
}
