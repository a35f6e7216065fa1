// SPDX-License-Identifier: Apache-2.0

package dialect

// keyFilter is a set of keys that rejects most other keys by first letter and length.
type keyFilter struct {
	shapes [256]uint64
	keys   map[string]struct{}
}

func (f *keyFilter) add(key string) {
	if key == "" {
		return
	}
	if f.keys == nil {
		f.keys = map[string]struct{}{}
	}
	f.keys[key] = struct{}{}
	f.shapes[key[0]] |= 1 << (len(key) & 63)
}

func (f *keyFilter) has(key string) bool {
	if key == "" || f.shapes[key[0]]>>(len(key)&63)&1 == 0 {
		return false
	}
	_, known := f.keys[key]
	return known
}
