// SPDX-License-Identifier: Apache-2.0

package cost

import "github.com/spancost/spancost/collector/cost/document"

// SpanKey names a span among all that a ledger sees. The zero key is no span.
type SpanKey struct {
	// Trace keeps the spans of traces apart; ID is the span's own id, written into llm.duplicate_of.
	Trace [2]uint64
	ID    uint64
}

// Attribute is one attribute of a span.
type Attribute struct {
	Key   string
	Value document.Value
}

// Attributes are those of one span, each key once.
type Attributes []Attribute

// Get returns the value under a key, null when there is none.
func (a Attributes) Get(key string) document.Value {
	for n := range a {
		if a[n].Key == key {
			return a[n].Value
		}
	}
	return document.Value{}
}

// Has reports whether a key is there.
func (a Attributes) Has(key string) bool {
	for n := range a {
		if a[n].Key == key {
			return true
		}
	}
	return false
}

// Span is an ended span.
type Span struct {
	// Key names the span, Parent its parent; Parent is zero at the root of a trace.
	Key, Parent SpanKey
	// IsLocalRoot: no parent, or a parent in another process.
	IsLocalRoot bool
	// StartNs and EndNs are nanoseconds since the Unix epoch.
	StartNs, EndNs                int64
	ScopeName, ScopeVersion, Name string
	// Language is that of the SDK that made the span, in the words of telemetry.sdk.language; "" when unknown.
	Language   string
	Attributes Attributes
	// Resource are the attributes of what made the span; nil where nothing asks for them.
	Resource Attributes
	// IsChild: the span has a parent, be it held or not.
	IsChild bool
	// Process is that of its resource (Dialects.Process), "" when it is not known.
	Process string
	// IsError: the span's status is ERROR.
	IsError bool
	// Raised is the type of the last exception recorded on a span whose status is ERROR, "" when none is.
	Raised string
}

// HasParent reports whether the span names a parent.
func (s *Span) HasParent() bool { return s.Parent != SpanKey{} }
