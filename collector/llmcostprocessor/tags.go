// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/internal/tracedata"
)

const (
	tagPrefix = "app."
	mostTags  = 32
	// farthestAncestor bounds the walk over spans that name one another as parents.
	farthestAncestor = 1_000
)

// tagger puts app.* on spans and log records that may report a call and do not have them: from other attributes of their own,
// from the nearest ancestor in the batch, from the resource.
type tagger struct {
	tags          []tag
	fromAncestors bool
}

// tag is an attribute to put, and the keys under which its value is looked for: its own first.
type tag struct {
	name string
	keys []string
}

// newTagger returns nil where nothing is to be put.
func newTagger(cfg *Config) *tagger {
	if len(cfg.Tags) == 0 {
		return nil
	}
	t := &tagger{fromAncestors: cfg.TagsFromAncestors}
	for name, keys := range cfg.Tags {
		t.tags = append(t.tags, tag{name, append([]string{name}, keys...)})
	}
	slices.SortFunc(t.tags, func(a, b tag) int { return strings.Compare(a.name, b.name) })
	return t
}

func (c *Config) checkTags() (faults []error) {
	for name, keys := range c.Tags {
		if !strings.HasPrefix(name, tagPrefix) || name == tagPrefix {
			faults = append(faults, fmt.Errorf("tags: found %q; expected a name that begins with %s", name, tagPrefix))
		}
		if slices.Contains(keys, "") {
			faults = append(faults, fmt.Errorf("tags::%s: found an empty key; expected keys of attributes", name))
		}
	}
	if len(c.Tags) > mostTags {
		faults = append(faults, fmt.Errorf("tags: found %d; expected at most %d", len(c.Tags), mostTags))
	}
	if c.TagsFromAncestors && len(c.Tags) == 0 {
		faults = append(faults, errors.New("tags_from_ancestors: found true without tags; expected the names to take over in tags"))
	}
	return faults
}

// value returns what some attributes hold of a tag, "" for nothing: a string, or a number as text.
func (t *tag) value(attributes pcommon.Map) string {
	for _, key := range t.keys {
		found, known := attributes.Get(key)
		if known && (found.Type() == pcommon.ValueTypeStr || found.Type() == pcommon.ValueTypeInt) {
			if text := found.AsString(); text != "" {
				return text
			}
		}
	}
	return ""
}

// put puts tags on the spans of a batch.
func (t *tagger) put(td ptrace.Traces, dialects *dialect.Dialects) {
	var spans map[cost.SpanKey]ptrace.Span
	if t.fromAncestors {
		spans = spansOf(td)
	}
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				if !mayReport(dialects, span.Attributes()) {
					continue
				}
				for n := range t.tags {
					t.tags[n].put(span.Attributes(), resource.Resource(), func() string { return t.tags[n].above(span, spans) })
				}
			}
		}
	}
}

// putLogs puts tags on the log records of a batch, which have no ancestors.
func (t *tagger) putLogs(ld plog.Logs, dialects *dialect.Dialects) {
	for _, resource := range ld.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				if !mayReport(dialects, record.Attributes()) {
					continue
				}
				for n := range t.tags {
					t.tags[n].put(record.Attributes(), resource.Resource(), func() string { return "" })
				}
			}
		}
	}
}

func (t *tag) put(on pcommon.Map, resource pcommon.Resource, above func() string) {
	if _, known := on.Get(t.name); known {
		return
	}
	value := t.value(on)
	if value == "" {
		value = above()
	}
	if value == "" {
		value = t.value(resource.Attributes())
	}
	if value != "" {
		on.PutStr(t.name, value)
	}
}

// above returns what the nearest ancestor with the tag has, as far as ancestors are in the batch without a gap.
func (t *tag) above(span ptrace.Span, spans map[cost.SpanKey]ptrace.Span) string {
	trace, parent := span.TraceID(), span.ParentSpanID()
	for range farthestAncestor {
		ancestor, known := spans[tracedata.Key(trace, parent)]
		if !known {
			return ""
		}
		if value := t.value(ancestor.Attributes()); value != "" {
			return value
		}
		parent = ancestor.ParentSpanID()
	}
	return ""
}

func spansOf(td ptrace.Traces) map[cost.SpanKey]ptrace.Span {
	found := make(map[cost.SpanKey]ptrace.Span, td.SpanCount())
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				found[tracedata.Key(span.TraceID(), span.SpanID())] = span
			}
		}
	}
	return found
}
