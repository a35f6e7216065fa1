// SPDX-License-Identifier: Apache-2.0

// Package tracedata takes spans out of the Collector's data for package cost, and puts attributes back.
package tracedata

import (
	"encoding/binary"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/ledger"
)

// Key names a span of a trace; the zero span id gives the zero key, which is no span.
func Key(trace pcommon.TraceID, span pcommon.SpanID) cost.SpanKey {
	if span.IsEmpty() {
		return cost.SpanKey{}
	}
	return cost.SpanKey{
		Trace: [2]uint64{binary.BigEndian.Uint64(trace[:8]), binary.BigEndian.Uint64(trace[8:])},
		ID:    binary.BigEndian.Uint64(span[:]),
	}
}

// Fill makes into the span of a scope, its attributes taken over into the memory that into holds already. Texts are shared
// with the data, which must outlive it. IsLocalRoot is true when the span names no parent.
func Fill(span ptrace.Span, scope pcommon.InstrumentationScope, into *cost.Span) {
	fill(span, scope, Attributes(span.Attributes(), into.Attributes[:0]), into)
}

// Language returns the language of the SDK that a resource names, "" when it names none.
func Language(resource pcommon.Resource) string {
	if value, known := resource.Attributes().Get("telemetry.sdk.language"); known && value.Type() == pcommon.ValueTypeStr {
		return value.Str()
	}
	return ""
}

// FillWritten is Fill with those attributes alone that an earlier run can have written, or left out because the span states
// the same under another key.
func FillWritten(span ptrace.Span, scope pcommon.InstrumentationScope, into *cost.Span) {
	buf := into.Attributes[:0]
	for key, value := range span.Attributes().All() {
		if strings.HasPrefix(key, writtenPrefix) || key == responseIDKey {
			buf = append(buf, cost.Attribute{Key: key, Value: valueOf(value)})
		}
	}
	fill(span, scope, buf, into)
}

// writtenPrefix begins every attribute that is written.
const writtenPrefix = "llm."

var responseIDKey = cost.StatedBy[cost.AttrRequestID]

func fill(span ptrace.Span, scope pcommon.InstrumentationScope, attributes cost.Attributes, into *cost.Span) {
	trace := span.TraceID()
	*into = cost.Span{
		Key:          Key(trace, span.SpanID()),
		Parent:       Key(trace, span.ParentSpanID()),
		StartNs:      int64(span.StartTimestamp()),
		EndNs:        int64(span.EndTimestamp()),
		ScopeName:    scope.Name(),
		ScopeVersion: scope.Version(),
		Name:         span.Name(),
		Attributes:   attributes,
		IsError:      span.Status().Code() == ptrace.StatusCodeError,
	}
	into.IsLocalRoot, into.IsChild = !into.HasParent(), into.HasParent()
	if into.IsError {
		into.Raised = raised(span.Events())
	}
}

// raised returns the type of the last exception among a span's events, "" when there is none.
func raised(events ptrace.SpanEventSlice) string {
	for n := events.Len() - 1; n >= 0; n-- {
		if event := events.At(n); event.Name() == "exception" {
			if found, has := event.Attributes().Get("exception.type"); has {
				return found.Str()
			}
			return ""
		}
	}
	return ""
}

// Attributes takes attributes over behind those that are in into.
func Attributes(from pcommon.Map, into cost.Attributes) cost.Attributes {
	for key, value := range from.All() {
		into = append(into, cost.Attribute{Key: key, Value: valueOf(value)})
	}
	return into
}

// Process returns the process that a resource is of, "" when it does not report.
func Process(resource pcommon.Resource, dialects *dialect.Dialects) string {
	attributes := resource.Attributes()
	return dialects.Process(func(key string) string {
		value, known := attributes.Get(key)
		if !known || value.Type() != pcommon.ValueTypeStr && value.Type() != pcommon.ValueTypeInt {
			return ""
		}
		return value.AsString()
	})
}

// valueOf returns a value; of a list only the first element, because no more is ever read, and of a map nothing.
func valueOf(value pcommon.Value) document.Value {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return document.OfString(value.Str())
	case pcommon.ValueTypeInt:
		return document.OfInt(value.Int())
	case pcommon.ValueTypeDouble:
		return document.OfFloat(value.Double())
	case pcommon.ValueTypeBool:
		return document.OfBool(value.Bool())
	case pcommon.ValueTypeSlice:
		if value.Slice().Len() == 0 {
			return document.OfList()
		}
		return document.OfList(valueOf(value.Slice().At(0)))
	case pcommon.ValueTypeMap:
		return document.NewMap()
	}
	return document.Value{}
}

// Put removes and sets attributes as written states.
func Put(on pcommon.Map, written *ledger.Writes) {
	for _, key := range written.Remove {
		on.Remove(key)
	}
	if len(written.Put) == 0 {
		return
	}
	on.EnsureCapacity(on.Len() + len(written.Put))
	for n := range written.Put {
		key, value := written.Put[n].Key, &written.Put[n].Value
		switch value.Kind() {
		case document.String:
			text, _ := value.Text()
			on.PutStr(key, text)
		case document.Int:
			whole, _ := value.Int()
			on.PutInt(key, whole)
		case document.Float:
			number, _ := value.Float()
			on.PutDouble(key, number)
		case document.Bool:
			on.PutBool(key, value.Bool())
		}
	}
}
