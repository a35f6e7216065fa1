// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"math/rand/v2"
	"testing"

	"github.com/spancost/spancost/collector/cost"
)

// What endings hold is what a map of all that was set holds, as far as the last size spans go back.
func TestEndingsAreAMapOfTheLast(t *testing.T) {
	const size = 200
	chance := rand.New(rand.NewPCG(3, 4))
	held, all := newEndedSpans(size), map[cost.SpanKey]cost.SpanKey{}
	var order []cost.SpanKey
	for range 20_000 {
		key := cost.SpanKey{Trace: [2]uint64{0, chance.Uint64N(6)}, ID: chance.Uint64N(400)}
		order = append(order, key)
		parent := cost.SpanKey{Trace: key.Trace, ID: 1 + chance.Uint64N(400)}
		held.set(key, parent)
		all[key] = parent
		for _, recent := range order[max(0, len(order)-size):] {
			if parent, known := held.get(recent); !known || parent != all[recent] {
				t.Fatalf("%v has %v (%v); expected %v", recent, parent, known, all[recent])
			}
		}
		total := 0
		for _, generation := range []map[traceKey]*endedTrace{held.new, held.old} {
			for _, trace := range generation {
				total += len(trace.spans)
			}
		}
		if total > 2*size {
			t.Fatalf("%d spans are held; expected %d at most", total, 2*size)
		}
	}
	held.clear()
	if _, known := held.get(order[len(order)-1]); known {
		t.Fatal("something is held after clear")
	}
}
