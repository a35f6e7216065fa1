// SPDX-License-Identifier: Apache-2.0

package cost

// GenerationalCache keeps at least the last size keys set and at most twice as many: two generations of a map, the older evicted
// as a whole. evicted counts the entries that were still held when their generation was dropped.
type GenerationalCache[K comparable, V any] struct {
	size     int
	new, old map[K]V
	Evicted  int64
}

func NewGenerationalCache[K comparable, V any](size int) GenerationalCache[K, V] {
	return GenerationalCache[K, V]{size: size, new: map[K]V{}}
}

func (r *GenerationalCache[K, V]) Get(key K) (V, bool) {
	if value, held := r.new[key]; held {
		return value, true
	}
	value, held := r.old[key]
	return value, held
}

func (r *GenerationalCache[K, V]) Has(key K) bool {
	_, held := r.Get(key)
	return held
}

func (r *GenerationalCache[K, V]) Set(key K, value V) {
	r.new[key] = value
	if len(r.new) < r.size {
		return
	}
	for key := range r.old {
		if _, again := r.new[key]; !again {
			r.Evicted++
		}
	}
	if r.old == nil {
		r.old = make(map[K]V, r.size)
	}
	clear(r.old)
	r.old, r.new = r.new, r.old
}

// Take takes a key out and returns what it held.
func (r *GenerationalCache[K, V]) Take(key K) (V, bool) {
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

func (r *GenerationalCache[K, V]) Clear() {
	clear(r.new)
	clear(r.old)
}
