// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
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
