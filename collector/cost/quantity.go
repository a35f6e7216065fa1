// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"math"
	"math/big"
	"strings"

	"github.com/spancost/spancost/collector/cost/document"
)

const NsPerSecond = 1_000_000_000

// Quantity is how much of a meter was used: tokens and requests are whole, seconds may be a fraction.
type Quantity struct {
	whole int64
	part  *big.Rat
}

// Whole returns n as a quantity.
func Whole(n int64) Quantity { return Quantity{whole: n} }

// Fraction returns an exact amount that is no whole number as a quantity; it is not to be changed afterwards.
func Fraction(exact *big.Rat) Quantity { return Quantity{part: exact} }

// Amount is a quantity of one meter. A quantity that is no number at all has Bad set.
type Amount struct {
	Meter    string
	Quantity Quantity
	Bad      bool
}

// AmountOfText returns a value read from a text as an amount of a meter: 0.1 is a tenth, not the double nearest to it.
// Numbers of 1e30 and more, or below 1e-29, are none.
func AmountOfText(meter string, value document.Value) Amount {
	decimal := value.Decimal()
	if decimal == "" {
		return AmountOf(meter, value)
	}
	if f, _ := value.Float(); f != 0 && !(math.Abs(f) < 1e30 && math.Abs(f) >= 1e-29) {
		return Amount{Meter: meter, Bad: true}
	}
	const longest = 1_000
	exact, ok := new(big.Rat), len(decimal) < longest
	if _, exponent, found := strings.Cut(strings.ToLower(decimal), "e"); found && len(strings.TrimLeft(exponent, "+-0")) > 4 {
		ok = false
	}
	if ok {
		exact, ok = exact.SetString(decimal)
	}
	if !ok {
		return Amount{Meter: meter, Bad: true}
	}
	return amountOfRat(meter, exact)
}

// AmountOf returns a reported value as an amount of a meter.
func AmountOf(meter string, value document.Value) Amount {
	if n, ok := value.Int(); ok {
		return Amount{Meter: meter, Quantity: Whole(n)}
	}
	if f, ok := value.Float(); ok {
		if exact := new(big.Rat).SetFloat64(f); exact != nil {
			return amountOfRat(meter, exact)
		}
	}
	return Amount{Meter: meter, Bad: true}
}

// mostRat is the largest quantity: the largest integer that OTLP carries.
var mostRat = new(big.Rat).SetInt64(math.MaxInt64)

func amountOfRat(meter string, exact *big.Rat) Amount {
	if exact.Cmp(mostRat) > 0 {
		return Amount{Meter: meter, Bad: true}
	}
	if !exact.IsInt() {
		return Amount{Meter: meter, Quantity: Quantity{part: exact}}
	}
	if !exact.Num().IsInt64() {
		return Amount{Meter: meter, Bad: true}
	}
	return Amount{Meter: meter, Quantity: Whole(exact.Num().Int64())}
}

// IsWhole reports whether the quantity is a whole number.
func (q Quantity) IsWhole() bool { return q.part == nil }

// Int returns the quantity when it is a whole number.
func (q Quantity) Int() (int64, bool) { return q.whole, q.part == nil }

// Rat returns the quantity as a fraction.
func (q Quantity) Rat() *big.Rat {
	if q.part != nil {
		return q.part
	}
	return new(big.Rat).SetInt64(q.whole)
}

// Nano returns a billion times the quantity as a whole number, rounded half-even; 0 when it does not fit into 64 bits.
func (q Quantity) Nano() int64 {
	product := new(big.Rat).Mul(q.Rat(), big.NewRat(NsPerSecond, 1))
	if whole := RoundDiv(product.Num(), product.Denom()); whole.IsInt64() {
		return whole.Int64()
	}
	return 0
}

// Sign returns -1, 0 or 1.
func (q Quantity) Sign() int {
	if q.part != nil {
		return q.part.Sign()
	}
	switch {
	case q.whole < 0:
		return -1
	case q.whole > 0:
		return 1
	}
	return 0
}

// Cmp returns -1, 0 or 1 as q is less than, equal to or more than r.
func (q Quantity) Cmp(r Quantity) int {
	if q.part == nil && r.part == nil {
		switch {
		case q.whole < r.whole:
			return -1
		case q.whole > r.whole:
			return 1
		}
		return 0
	}
	return q.Rat().Cmp(r.Rat())
}

// Minus returns the difference of two quantities.
func (q Quantity) Minus(r Quantity) Quantity {
	if q.part == nil && r.part == nil {
		return Quantity{whole: q.whole - r.whole}
	}
	left := new(big.Rat).Sub(q.Rat(), r.Rat())
	if left.IsInt() {
		return Quantity{whole: left.Num().Int64()}
	}
	return Quantity{part: left}
}
