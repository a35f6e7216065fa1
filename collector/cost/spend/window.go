// SPDX-License-Identifier: Apache-2.0

package spend

import "github.com/spancost/spancost/collector/cost"

// Window remembers spans for at least a time and at most twice as long, in two generations; over its size it forgets the older
// generation early.
type Window[V any] struct {
	lengthNs, turnsAtNs int64
	size                int
	new, old            map[cost.SpanKey]V
	// Forgotten is how many spans were forgotten before their time, because there were too many.
	Forgotten int64
}

// NewWindow returns a window of a length in nanoseconds that holds at most size spans.
func NewWindow[V any](lengthNs int64, size int) Window[V] {
	return Window[V]{lengthNs: lengthNs, size: max(size/2, 1), new: map[cost.SpanKey]V{}, old: map[cost.SpanKey]V{}}
}

// Get returns what is remembered of a span.
func (w *Window[V]) Get(span cost.SpanKey) (V, bool) {
	if value, held := w.new[span]; held {
		return value, true
	}
	value, held := w.old[span]
	return value, held
}

// Set remembers a span.
func (w *Window[V]) Set(nowNs int64, span cost.SpanKey, value V) {
	switch {
	case w.turnsAtNs == 0:
		w.turnsAtNs = nowNs + w.lengthNs
	case nowNs >= w.turnsAtNs:
		w.turn(nowNs)
	case len(w.new) >= w.size:
		w.Forgotten += int64(len(w.old))
		w.turn(nowNs)
	}
	w.new[span] = value
}

// Remove forgets a span.
func (w *Window[V]) Remove(span cost.SpanKey) {
	delete(w.new, span)
	delete(w.old, span)
}

// Len returns how many spans are remembered.
func (w *Window[V]) Len() int { return len(w.new) + len(w.old) }

func (w *Window[V]) turn(nowNs int64) {
	clear(w.old)
	w.new, w.old = w.old, w.new
	w.turnsAtNs = nowNs + w.lengthNs
}
