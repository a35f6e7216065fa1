// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// failures state what the types of errors report about the bill of a call that reports no usage
// (semconv/dialects/errors.yaml).
type failures struct {
	Keys     []string     `json:"keys"`
	Answered []string     `json:"answered"`
	Rows     []failureRow `json:"rows"`
}

// failureRow is nil in Billed where the type of the error leaves open whether the call was billed.
type failureRow struct {
	Billed *bool    `json:"billed"`
	Words  []string `json:"words"`
	Types  []string `json:"types"`
}

// MayBeBilled reports whether a call whose span has the status ERROR and no usage may have been billed: the provider had
// begun to answer, or nobody heard how the request ended. A refusal is not billed.
func (d *Dialects) MayBeBilled(span *cost.Span, responseID string) bool {
	f := &d.failures
	if slices.ContainsFunc(f.Answered, span.Attributes.Has) {
		return true
	}
	failed := f.typeOf(span)
	for _, row := range f.Rows {
		isIn := func(word string) bool { return strings.Contains(failed, word) }
		if slices.Contains(row.Types, failed) || slices.ContainsFunc(row.Words, isIn) {
			return row.Billed == nil
		}
	}
	return responseID != ""
}

func (f *failures) typeOf(span *cost.Span) string {
	for _, key := range f.Keys {
		if text, is := span.Attributes.Get(key).Text(); is && text != "" {
			return strings.ToLower(text)
		}
	}
	return strings.ToLower(span.Raised)
}
