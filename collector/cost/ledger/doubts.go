// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"slices"
	"strconv"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

// NoteDoubt notes of a span that an earlier run took for a copy, without a response id that shows it, which call it may not be
// a copy of: the totals above that call may not be complete either.
func (l *Ledger) NoteDoubt(attributes cost.Attributes) {
	if reason, _ := attributes.Get(cost.AttrCostReason).Text(); reason != reasonSameTokens {
		return
	}
	carrier, _ := attributes.Get(cost.AttrDuplicateOf).Text()
	id, err := strconv.ParseUint(carrier, 16, 64)
	if err != nil || len(carrier) != 16 {
		return
	}
	l.memory.mutex.Lock()
	defer l.memory.mutex.Unlock()
	l.memory.doubt(id)
}

// DoubtedRoots returns which of some spans, whose keys are unique, are local roots above calls that are doubted: they may have
// been written before that was known.
func (l *Ledger) DoubtedRoots(spans []cost.Span) (roots []int) {
	if !l.memory.hasDoubts.Load() {
		return nil
	}
	at := make(map[cost.SpanKey]int, len(spans))
	for n := range spans {
		at[spans[n].Key] = n
	}
	passed := make([]bool, len(spans))
	for n := range spans {
		if !l.memory.doubtsAny([]*CountedCall{{span: spans[n].Key}}) {
			continue
		}
		for above, known := n, true; known && !passed[above]; above, known = at[spans[above].Parent] {
			passed[above] = true
			if spans[above].IsLocalRoot {
				roots = append(roots, above)
			}
		}
	}
	return roots
}

// Incomplete states of a total that it may lack something.
func Incomplete() cost.Attribute {
	return cost.Attribute{Key: cost.AttrTraceCostComplete, Value: document.OfBool(false)}
}

// HasTotal reports whether what is written has the total of a local root.
func (w *Writes) HasTotal() bool {
	return slices.ContainsFunc(w.Put, func(a cost.Attribute) bool { return a.Key == cost.AttrTraceCostComplete })
}
