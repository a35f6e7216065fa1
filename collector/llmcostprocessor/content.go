// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/internal/tracedata"
)

// drop removes attributes with prompts and completions from all spans and their events, and returns how many.
func (f *contentFilter) drop(td ptrace.Traces) (dropped int64) {
	remove := func(key string, _ pcommon.Value) bool {
		if f.has(key) {
			dropped++
			return true
		}
		return false
	}
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				span.Attributes().RemoveIf(remove)
				for _, event := range span.Events().All() {
					event.Attributes().RemoveIf(remove)
				}
			}
		}
	}
	return dropped
}

// genAIEvents begins the names of the conventions' events, whose bodies hold messages.
const genAIEvents = "gen_ai."

// dropLogs removes attributes with prompts and completions from all log records, and the bodies of the conventions' events;
// it returns how many.
func (f *contentFilter) dropLogs(ld plog.Logs) (dropped int64) {
	for _, resource := range ld.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				isGenAI := strings.HasPrefix(tracedata.EventName(record), genAIEvents)
				record.Attributes().RemoveIf(func(key string, _ pcommon.Value) bool {
					if f.has(key) {
						dropped++
						return true
					}
					return false
				})
				if isGenAI && record.Body().Type() != pcommon.ValueTypeEmpty {
					pcommon.NewValueEmpty().CopyTo(record.Body())
					dropped++
				}
			}
		}
	}
	return dropped
}

func (f *contentFilter) has(key string) bool {
	if f.keys[key] {
		return true
	}
	for _, start := range f.beginning {
		if strings.HasPrefix(key, start) {
			return true
		}
	}
	return false
}
