// SPDX-License-Identifier: Apache-2.0

package document

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Append writes the value as JSON behind what is in out: no white space, characters beyond ASCII as they are, floating
// numbers in the shortest form that reads back as the same number.
func Append(out []byte, v Value) []byte {
	switch v.kind {
	case Null:
		return append(out, "null"...)
	case Bool:
		return strconv.AppendBool(out, v.bits == 1)
	case Int:
		return strconv.AppendInt(out, int64(v.bits), 10)
	case Big:
		return v.inner.whole.Append(out, 10)
	case Float:
		return AppendFloat(out, math.Float64frombits(v.bits))
	case String:
		return appendText(out, v.text)
	case List:
		out = append(out, '[')
		for n, item := range v.inner.items {
			if n > 0 {
				out = append(out, ',')
			}
			out = Append(out, item)
		}
		return append(out, ']')
	}
	out = append(out, '{')
	for n, key := range v.inner.keys {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, key), ':')
		out = Append(out, v.inner.items[n])
	}
	return append(out, '}')
}

// AppendFloat writes the shortest decimal form that reads back as f, with an exponent below 1e-4 and from 1e16 on, and
// always with a point or an exponent.
func AppendFloat(out []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(out, "NaN"...)
	case math.IsInf(f, 1):
		return append(out, "Infinity"...)
	case math.IsInf(f, -1):
		return append(out, "-Infinity"...)
	}
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.AppendFloat(out, f, 'e', -1, 64)
	}
	start := len(out)
	out = strconv.AppendFloat(out, f, 'f', -1, 64)
	for _, c := range out[start:] {
		if c == '.' {
			return out
		}
	}
	return append(out, ".0"...)
}

func appendText(out []byte, text string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, '\\', 'n')
		case r == '\r':
			out = append(out, '\\', 'r')
		case r == '\t':
			out = append(out, '\\', 't')
		case r == '\f':
			out = append(out, '\\', 'f')
		case r == '\b':
			out = append(out, '\\', 'b')
		case r < 0x20:
			out = append(out, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}

// Canonical returns the value as JSON in which the keys of all objects rise.
func Canonical(v Value) []byte { return Append(nil, sorted(v)) }

func sorted(v Value) Value {
	if v.inner == nil || v.kind == Big {
		return v
	}
	found := Value{kind: v.kind, inner: &inner{}}
	order := make([]int, len(v.inner.items))
	for n := range order {
		order[n] = n
	}
	if v.kind == Map {
		slices.SortFunc(order, func(a, b int) int { return strings.Compare(v.inner.keys[a], v.inner.keys[b]) })
	}
	for _, n := range order {
		if v.kind == Map {
			found.inner.keys = append(found.inner.keys, v.inner.keys[n])
		}
		found.inner.items = append(found.inner.items, sorted(v.inner.items[n]))
	}
	return found
}
