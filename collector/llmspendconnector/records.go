// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/spend"
	"github.com/spancost/spancost/collector/internal/prices"
	"github.com/spancost/spancost/collector/internal/tracedata"
	"github.com/spancost/spancost/collector/llmspendconnector/internal/metadata"
)

// eventName is that of the record of a call, correctionName that of a record that was made and is not counted any more.
const (
	eventName      = "llm.request"
	correctionName = "llm.request.correction"
)

// What a record carries beside the attributes of a call.
const (
	sessionID    = "session.id"
	errorType    = "error.type"
	otherError   = "_OTHER"
	firstToken   = "llm.time_to_first_token_seconds"
	appPrefix    = "app."
	missingNames = "app.attribution_missing"
)

// tracesToLogs makes a log record of each counted call.
type tracesToLogs struct {
	next    consumer.Logs
	builder *metadata.TelemetryBuilder
	version string
	keys    map[string]bool
	session []string

	mutex sync.Mutex
	spans spend.Window[struct{}]
	// forgotten is how many of the window's were reported.
	forgotten int64
}

func newTracesToLogs(set connector.Settings, cfg *Config, next consumer.Logs) (*tracesToLogs, error) {
	loaded, err := prices.Load(prices.Sources{}, dialect.Options{})
	if err != nil {
		return nil, err
	}
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	t := &tracesToLogs{
		next: next, builder: builder, version: set.BuildInfo.Version, keys: map[string]bool{errorType: true, firstToken: true},
		session: loaded.Dialects.RecordKeys().Session,
		spans:   spend.NewWindow[struct{}](int64(cfg.RepeatWindow), cfg.MaxSpans),
	}
	for _, key := range cost.CallAttributes {
		t.keys[key] = true
	}
	return t, nil
}

// Start does nothing.
func (*tracesToLogs) Start(context.Context, component.Host) error { return nil }

// Shutdown ends the connector, which holds nothing back.
func (t *tracesToLogs) Shutdown(context.Context) error {
	t.builder.Shutdown()
	return nil
}

// Capabilities of the connector: it changes nothing.
func (*tracesToLogs) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeTraces sends a record of each call that was not recorded within the window. When the records are refused, the error
// goes back to the sender, and a call that the sender sends again is recorded then.
func (t *tracesToLogs) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	made := plog.NewLogs()
	var taken []cost.SpanKey
	var repeated, elsewhere int64
	for _, resource := range td.ResourceSpans().All() {
		var of plog.LogRecordSlice
		hasScope := false
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				state := textOf(span.Attributes(), cost.AttrCostStatus)
				switch {
				case !isStatus(state):
					continue
				case state == cost.Duplicate || state == cost.Aggregate:
					elsewhere++
					continue
				case !t.take(span, &taken):
					repeated++
					continue
				}
				if !hasScope {
					of, hasScope = t.scope(made, resource), true
				}
				t.record(of.AppendEmpty(), span)
			}
		}
	}
	t.report(ctx, int64(len(taken)), repeated, elsewhere)
	if len(taken) == 0 {
		return nil
	}
	err := t.next.ConsumeLogs(ctx, made)
	if err != nil {
		t.giveBack(taken)
	}
	return err
}

// take remembers a span; false when it is remembered already.
func (t *tracesToLogs) take(span ptrace.Span, taken *[]cost.SpanKey) bool {
	key := tracedata.Key(span.TraceID(), span.SpanID())
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if _, again := t.spans.Get(key); again {
		return false
	}
	t.spans.Set(time.Now().UnixNano(), key, struct{}{})
	*taken = append(*taken, key)
	return true
}

func (t *tracesToLogs) giveBack(spans []cost.SpanKey) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, key := range spans {
		t.spans.Remove(key)
	}
}

func (t *tracesToLogs) report(ctx context.Context, recorded, repeated, elsewhere int64) {
	t.mutex.Lock()
	forgotten := t.spans.Forgotten - t.forgotten
	t.forgotten = t.spans.Forgotten
	t.mutex.Unlock()
	if recorded > 0 {
		t.builder.ConnectorLlmSpendRecords.Add(ctx, recorded)
	}
	if repeated > 0 {
		t.builder.ConnectorLlmSpendRepeatedSpans.Add(ctx, repeated)
	}
	if elsewhere > 0 {
		t.builder.ConnectorLlmSpendSpansCountedElsewhere.Add(ctx, elsewhere)
	}
	if forgotten > 0 {
		t.builder.ConnectorLlmSpendForgottenSpans.Add(ctx, forgotten)
	}
}

func (t *tracesToLogs) scope(made plog.Logs, from ptrace.ResourceSpans) plog.LogRecordSlice {
	resource := made.ResourceLogs().AppendEmpty()
	from.Resource().CopyTo(resource.Resource())
	resource.SetSchemaUrl(from.SchemaUrl())
	scope := resource.ScopeLogs().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	scope.Scope().SetVersion(t.version)
	return scope.LogRecords()
}

// record writes the record of a call, as the SDK processor makes it: the attributes of a call, its tags, its session and its
// error, in the context of the span. Nothing else of the span is taken over.
func (t *tracesToLogs) record(into plog.LogRecord, span ptrace.Span) {
	into.SetEventName(eventName)
	into.SetSeverityNumber(plog.SeverityNumberInfo)
	into.SetTimestamp(span.EndTimestamp())
	into.SetObservedTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	into.SetTraceID(span.TraceID())
	into.SetSpanID(span.SpanID())
	into.SetFlags(plog.LogRecordFlags(span.Flags() & 0xff))
	for key, value := range span.Attributes().All() {
		if t.keys[key] || isTag(key, value) {
			value.CopyTo(into.Attributes().PutEmpty(key))
		}
	}
	complete(into.Attributes(), span.Attributes())
	into.Attributes().PutStr(sessionID, t.sessionOf(span))
	if _, known := into.Attributes().Get(errorType); !known && span.Status().Code() == ptrace.StatusCodeError {
		into.Attributes().PutStr(errorType, otherError)
	}
}

// complete adds what the set standard leaves out on a span because the span states it otherwise.
func complete(record, span pcommon.Map) {
	for _, key := range [...]string{cost.AttrOperation, cost.AttrRequestID} {
		value, isStated := span.Get(cost.StatedBy[key])
		if _, known := record.Get(key); !known && isStated && value.Type() == pcommon.ValueTypeStr && value.Str() != "" {
			record.PutStr(key, value.Str())
		}
	}
	_, hasRate := record.Get(cost.AttrRateID)
	if _, known := record.Get(cost.AttrCostSource); !known && hasRate {
		if source := cost.ImpliedSource(textOf(record, cost.AttrPricingVersion)); source != "" {
			record.PutStr(cost.AttrCostSource, source)
		}
	}
}

// sessionOf returns the session that a span names, else its trace.
func (t *tracesToLogs) sessionOf(span ptrace.Span) string {
	for _, key := range t.session {
		if found := textOf(span.Attributes(), key); found != "" {
			return found
		}
	}
	return span.TraceID().String()
}

func isTag(key string, value pcommon.Value) bool {
	return strings.HasPrefix(key, appPrefix) && key != missingNames && value.Type() == pcommon.ValueTypeStr
}
