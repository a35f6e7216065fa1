// SPDX-License-Identifier: Apache-2.0

// Package document holds values as telemetry and JSON carry them: whole numbers apart from floating ones, the keys of
// objects in the order in which they came. What is read here and written again keeps its bytes, but for white space.
package document

import (
	"math"
	"math/big"
)

// Kind is what a Value holds.
type Kind uint8

// The kinds of values; Big is a whole number beyond 64 bits.
const (
	Null Kind = iota
	Bool
	Int
	Big
	Float
	String
	List
	Map
)

// Value is one value. The zero Value is null. Lists and maps are shared when a Value is copied.
type Value struct {
	kind  Kind
	bits  uint64
	text  string
	inner *inner
}

type inner struct {
	keys  []string
	items []Value
	whole *big.Int
}

// OfBool returns a boolean.
func OfBool(b bool) Value {
	if b {
		return Value{kind: Bool, bits: 1}
	}
	return Value{kind: Bool}
}

// OfInt returns a whole number.
func OfInt(n int64) Value { return Value{kind: Int, bits: uint64(n)} }

// OfBig returns a whole number of any size.
func OfBig(n *big.Int) Value {
	if n.IsInt64() {
		return OfInt(n.Int64())
	}
	return Value{kind: Big, inner: &inner{whole: n}}
}

// OfFloat returns a floating number.
func OfFloat(f float64) Value { return Value{kind: Float, bits: math.Float64bits(f)} }

// OfString returns a text.
func OfString(s string) Value { return Value{kind: String, text: s} }

// OfList returns a list.
func OfList(items ...Value) Value { return Value{kind: List, inner: &inner{items: items}} }

// NewMap returns an empty map.
func NewMap() Value { return Value{kind: Map, inner: &inner{}} }

// Kind is what the value holds.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether there is no value.
func (v Value) IsNull() bool { return v.kind == Null }

// Bool returns a boolean, false for anything else.
func (v Value) Bool() bool { return v.kind == Bool && v.bits == 1 }

// Int returns a whole number of 64 bits; false for anything else.
func (v Value) Int() (int64, bool) { return int64(v.bits), v.kind == Int }

// Whole returns a whole number of any size, nil for anything else.
func (v Value) Whole() *big.Int {
	switch v.kind {
	case Int:
		return big.NewInt(int64(v.bits))
	case Big:
		return v.inner.whole
	}
	return nil
}

// Float returns a floating number; false for anything else.
func (v Value) Float() (float64, bool) { return math.Float64frombits(v.bits), v.kind == Float }

// Decimal returns a floating number exactly as the text has it, "" when it did not come from a text.
func (v Value) Decimal() string {
	if v.kind != Float {
		return ""
	}
	return v.text
}

// Text returns a text; false for anything else.
func (v Value) Text() (string, bool) { return v.text, v.kind == String }

// Items returns the elements of a list or the values of a map, nil for anything else.
func (v Value) Items() []Value {
	if v.inner == nil {
		return nil
	}
	return v.inner.items
}

// Keys returns the keys of a map in order, nil for anything else.
func (v Value) Keys() []string {
	if v.inner == nil {
		return nil
	}
	return v.inner.keys
}

// Get returns what a map holds under a key, null when it holds nothing or the value is no map.
func (v Value) Get(key string) Value {
	if at := v.at(key); at >= 0 {
		return v.inner.items[at]
	}
	return Value{}
}

// Has reports whether a map holds a key.
func (v Value) Has(key string) bool { return v.at(key) >= 0 }

// Set puts a value under a key of a map, in its place when the key is there, else at the end.
func (v Value) Set(key string, held Value) {
	if at := v.at(key); at >= 0 {
		v.inner.items[at] = held
		return
	}
	v.inner.keys = append(v.inner.keys, key)
	v.inner.items = append(v.inner.items, held)
}

// Append adds an element to a list.
func (v Value) Append(item Value) { v.inner.items = append(v.inner.items, item) }

// Replace puts an element of a list in the place of another.
func (v Value) Replace(at int, item Value) { v.inner.items[at] = item }

func (v Value) at(key string) int {
	if v.kind == Map {
		for n, found := range v.inner.keys {
			if found == key {
				return n
			}
		}
	}
	return -1
}

// TypeName returns the name that error messages call the value's type by, the same in every implementation.
func (v Value) TypeName() string {
	return [...]string{"NoneType", "bool", "int", "int", "float", "str", "list", "dict"}[v.kind]
}

// Truthy reports whether the value is neither null, false, zero nor empty.
func (v Value) Truthy() bool {
	switch v.kind {
	case Null:
		return false
	case Bool, Int:
		return v.bits != 0
	case Float:
		return math.Float64frombits(v.bits) != 0
	case String:
		return v.text != ""
	case List, Map:
		return len(v.inner.items) > 0
	}
	return true
}
