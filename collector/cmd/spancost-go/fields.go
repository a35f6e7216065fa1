// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/spancost/spancost/collector/cost/document"
)

// object returns the error that means that an object was expected.
func object(value document.Value, where string) error {
	return fmt.Errorf("%s: found %s, expected an object", where, value.TypeName())
}

// part returns an object inside another, an empty one when it is not there.
func part(holder document.Value, key, where string) (document.Value, error) {
	if holder.Kind() != document.Map {
		return holder, object(holder, where)
	}
	inner := holder.Get(key)
	if !inner.Truthy() {
		return document.NewMap(), nil
	}
	if inner.Kind() != document.Map {
		return inner, object(inner, where+"."+key)
	}
	return inner, nil
}

func list(holder document.Value, key, where string) ([]document.Value, error) {
	if holder.Kind() != document.Map {
		return nil, object(holder, where)
	}
	value := holder.Get(key)
	if !value.IsNull() && value.Kind() != document.List {
		return nil, fmt.Errorf("%s.%s: found %s, expected a list", where, key, value.TypeName())
	}
	return value.Items(), nil
}

// id returns a hexadecimal id of at most 128 bits.
func id(raw document.Value, key, where string) (high, low uint64, err error) {
	value := raw.Get(key)
	text, isText := value.Text()
	digits := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(text), "0x"), "0X")
	number, ok := new(big.Int).SetString(digits, 16)
	if !isText || !ok || number.Sign() < 0 || number.BitLen() > 128 {
		return 0, 0, fmt.Errorf("%s.%s: found %s, expected hexadecimal digits", where, key, document.Shown(value))
	}
	mask := new(big.Int).SetUint64(math.MaxUint64)
	return new(big.Int).Rsh(number, 64).Uint64(), new(big.Int).And(number, mask).Uint64(), nil
}

// whole returns a time in nanoseconds, 0 when the key is not there.
func whole(raw document.Value, key, where string) (int64, error) {
	if !raw.Has(key) {
		return 0, nil
	}
	value := raw.Get(key)
	found := value.Whole()
	if text, isText := value.Text(); isText {
		found = wholeOf(text)
	}
	if f, isFloat := value.Float(); isFloat && !math.IsNaN(f) && !math.IsInf(f, 0) {
		found, _ = big.NewFloat(f).Int(nil)
	}
	if value.Kind() == document.Bool {
		found = wholeOrSelf(value).Whole()
	}
	switch {
	case found == nil:
		return 0, fmt.Errorf("%s.%s: found %s, expected nanoseconds as a whole number", where, key, document.Shown(value))
	case found.IsInt64():
		return found.Int64(), nil
	case found.Sign() < 0:
		return math.MinInt64, nil
	}
	return math.MaxInt64, nil
}

// textOr returns a value as text, "" for none.
func textOr(value document.Value) string {
	if !value.Truthy() {
		return ""
	}
	return plainText(value)
}

func plainText(value document.Value) string {
	if value.IsNull() {
		return ""
	}
	if text, isText := value.Text(); isText {
		return text
	}
	return document.Shown(value)
}
