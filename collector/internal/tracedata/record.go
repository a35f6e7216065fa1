// SPDX-License-Identifier: Apache-2.0

package tracedata

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/spancost/spancost/collector/cost"
)

// FillRecord makes into a log record of a scope, as a span without ids that begins and ends at the record's time, else when
// it was observed; its name is that of the event. Attributes are taken over into the memory that into holds already; its body
// is never read.
func FillRecord(record plog.LogRecord, scope pcommon.InstrumentationScope, into *cost.Span) {
	time := record.Timestamp()
	if time == 0 {
		time = record.ObservedTimestamp()
	}
	*into = cost.Span{
		StartNs: int64(time), EndNs: int64(time), ScopeName: scope.Name(), ScopeVersion: scope.Version(),
		Name: EventName(record), Attributes: Attributes(record.Attributes(), into.Attributes[:0]),
	}
}

// EventName returns the attribute event.name of a record, else the record's own event name.
func EventName(record plog.LogRecord) string {
	if named, known := record.Attributes().Get("event.name"); known && named.Type() == pcommon.ValueTypeStr {
		return named.Str()
	}
	return record.EventName()
}
