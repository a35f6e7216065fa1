// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/spend"
	"github.com/spancost/spancost/collector/internal/tracedata"
)

// batch holds the calls of one request, so that the table is locked once for all of them.
type batch struct {
	calls []spend.Call
	// labels are those of all calls, one after the other.
	labels   []string
	resource []string
}

// next returns memory for one more call and its labels, which begin as those of the resource.
func (b *batch) next(labels int) (*spend.Call, []string) {
	b.calls = append(b.calls, spend.Call{})
	b.labels = append(b.labels, b.resource...)
	return &b.calls[len(b.calls)-1], b.labels[len(b.labels)-labels:]
}

// drop removes the last call.
func (b *batch) drop(labels int) {
	b.calls = b.calls[:len(b.calls)-1]
	b.labels = b.labels[:len(b.labels)-labels]
}

// add counts the calls of a batch, and takes the batch back.
func (s *spender) add(b *batch) {
	if len(b.calls) > 0 {
		labels, now := len(s.reader.all), time.Now().UnixNano()
		s.mutex.Lock()
		for n := range b.calls {
			s.table.Add(now, b.labels[n*labels:(n+1)*labels], &b.calls[n])
		}
		s.mutex.Unlock()
	}
	b.clear()
	s.batches.Put(b)
}

// clear drops the texts, which belong to the request, and keeps the memory for some calls.
func (b *batch) clear() {
	const kept = 8_192
	if cap(b.calls) > kept {
		*b = batch{}
		return
	}
	clear(b.labels)
	clear(b.resource)
	b.calls, b.labels, b.resource = b.calls[:0], b.labels[:0], b.resource[:0]
}

// tracesToMetrics counts the calls that spans report.
type tracesToMetrics struct{ *spender }

// Capabilities of the connector: it changes nothing.
func (*tracesToMetrics) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeTraces counts the calls among spans. It never fails.
func (t *tracesToMetrics) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	b, labels := t.batches.Get().(*batch), len(t.reader.all)
	for _, resource := range td.ResourceSpans().All() {
		b.resource = b.resource[:0]
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				if _, isPriced := span.Attributes().Get(cost.AttrCostStatus); !isPriced {
					continue
				}
				if len(b.resource) == 0 {
					b.resource = t.reader.ofResource(resource.Resource(), b.resource)
				}
				call, of := b.next(labels)
				if !t.reader.read(span.Attributes(), of, call) {
					b.drop(labels)
					continue
				}
				call.Key = tracedata.Key(span.TraceID(), span.SpanID())
				call.Span, call.TimeNs = call.Key, int64(span.EndTimestamp())
			}
		}
	}
	t.add(b)
	return nil
}

// logsToMetrics counts the calls that log records report.
type logsToMetrics struct{ *spender }

// Capabilities of the connector: it changes nothing.
func (*logsToMetrics) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeLogs counts the calls among log records. It never fails.
func (l *logsToMetrics) ConsumeLogs(_ context.Context, ld plog.Logs) error {
	b, labels := l.batches.Get().(*batch), len(l.reader.all)
	for _, resource := range ld.ResourceLogs().All() {
		b.resource = b.resource[:0]
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				if _, isPriced := record.Attributes().Get(cost.AttrCostStatus); !isPriced {
					continue
				}
				if len(b.resource) == 0 {
					b.resource = l.reader.ofResource(resource.Resource(), b.resource)
				}
				call, of := b.next(labels)
				if !l.reader.read(record.Attributes(), of, call) {
					b.drop(labels)
					continue
				}
				call.Span = tracedata.Key(record.TraceID(), record.SpanID())
				call.Key, call.TimeNs = recordKey(record, call.Span), recordTime(record)
				// The record of a correction repeats that of the call, which another span reports.
				call.IsElsewhere = call.IsElsewhere || tracedata.EventName(record) == correctionName
			}
		}
	}
	l.add(b)
	return nil
}

func recordTime(record plog.LogRecord) int64 {
	if time := record.Timestamp(); time != 0 {
		return int64(time)
	}
	return int64(record.ObservedTimestamp())
}

// recordKey names the call of a log record. The event llm.request is written in the context of the call's own span. Other
// records name the span around the call, and a span may be around many: time, response id and cost tell them apart. A record
// with neither time nor response id is never recognised as a repeat.
func recordKey(record plog.LogRecord, key cost.SpanKey) cost.SpanKey {
	if event := tracedata.EventName(record); (event == eventName || event == correctionName) && key != (cost.SpanKey{}) {
		return key
	}
	responseID := textOf(record.Attributes(), cost.AttrRequestID)
	if record.Timestamp() == 0 && responseID == "" {
		return cost.SpanKey{}
	}
	hash := newHash()
	hash.number(key.Trace[0])
	hash.number(key.Trace[1])
	hash.number(key.ID)
	hash.number(uint64(record.Timestamp()))
	hash.text(responseID)
	hash.text(textOf(record.Attributes(), cost.AttrModel))
	for _, name := range [...]string{cost.AttrInputTokens, cost.AttrOutputTokens} {
		if value, known := record.Attributes().Get(name); known {
			hash.number(uint64(value.Int()))
		}
	}
	return hash.key()
}
