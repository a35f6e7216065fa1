// SPDX-License-Identifier: Apache-2.0

package document

import (
	"hash/maphash"
	"strings"
)

var seed = maphash.MakeSeed()

// Same reports whether two values are equal for certain: scalars, and lists of scalars. Others are not.
func Same(a, b *Value) bool {
	if a.kind != b.kind || a.bits != b.bits || a.text != b.text {
		return false
	}
	switch a.kind {
	case Map, Big:
		return false
	case List:
		if len(a.inner.items) != len(b.inner.items) {
			return false
		}
		for n := range a.inner.items {
			if !Same(&a.inner.items[n], &b.inner.items[n]) {
				return false
			}
		}
	}
	return true
}

// Hash returns a number that is equal for values that are the same, and changes from process to process.
func (v *Value) Hash() uint64 {
	found := v.bits + uint64(v.kind)
	if v.text != "" {
		found ^= maphash.String(seed, v.text)
	}
	if v.kind == List {
		for n := range v.inner.items {
			found = found*31 + v.inner.items[n].Hash()
		}
	}
	return found
}

// Owned returns a value that is the same with its own copy of texts, so that it does not hold on to somebody else's
// memory; of maps nothing is kept.
func (v *Value) Owned() Value {
	found := Value{kind: v.kind, bits: v.bits, text: strings.Clone(v.text)}
	if v.kind == List || v.kind == Map {
		found.inner = &inner{}
	}
	if v.kind == List {
		for n := range v.inner.items {
			found.inner.items = append(found.inner.items, v.inner.items[n].Owned())
		}
	}
	return found
}
