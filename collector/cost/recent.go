// SPDX-License-Identifier: Apache-2.0

package cost

// recent keeps at least the last size keys set and at most twice as many: two generations of a map, the older forgotten
// as a whole. forgotten counts the entries that were still held when their generation was dropped.
type recent[K comparable, V any] struct {
	size     int
	new, old map[K]V
	evicted  int64
}

func newRecent[K comparable, V any](size int) recent[K, V] {
	return recent[K, V]{size: size, new: map[K]V{}}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	if value, held := r.new[key]; held {
		return value, true
	}
	value, held := r.old[key]
	return value, held
}

func (r *recent[K, V]) has(key K) bool {
	_, held := r.get(key)
	return held
}

func (r *recent[K, V]) set(key K, value V) {
	r.new[key] = value
	if len(r.new) < r.size {
		return
	}
	for key := range r.old {
		if _, again := r.new[key]; !again {
			r.evicted++
		}
	}
	if r.old == nil {
		r.old = make(map[K]V, r.size)
	}
	clear(r.old)
	r.old, r.new = r.new, r.old
}

// take takes a key out and returns what it held.
func (r *recent[K, V]) take(key K) (V, bool) {
	value, held := r.new[key]
	if held {
		delete(r.new, key)
	}
	if old, aged := r.old[key]; aged {
		delete(r.old, key)
		if !held {
			value, held = old, true
		}
	}
	return value, held
}

func (r *recent[K, V]) clear() {
	clear(r.new)
	clear(r.old)
}
