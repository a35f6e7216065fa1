// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strings"
)

const (
	femtoPerUSD  = 1_000_000_000_000_000
	femtoPerNano = 1_000_000
)

// Femto is an amount of money: a whole number of femto-dollars (1e-15 USD) in 128 bits, two's complement.
type Femto struct {
	hi int64
	lo uint64
}

// FemtoOf returns n femto-dollars.
func FemtoOf(n int64) Femto { return Femto{n >> 63, uint64(n)} }

// FemtoOfNano returns n nano-dollars; n is not negative.
func FemtoOfNano(n int64) Femto {
	hi, lo := bits.Mul64(uint64(n), femtoPerNano)
	return Femto{int64(hi), lo}
}

// FemtoOfBits returns the amount whose two's complement is hi and lo.
func FemtoOfBits(hi int64, lo uint64) Femto { return Femto{hi, lo} }

// Add returns the sum of two amounts.
func (f Femto) Add(g Femto) Femto {
	lo, carry := bits.Add64(f.lo, g.lo, 0)
	return Femto{f.hi + g.hi + int64(carry), lo}
}

// Neg returns the amount with its sign turned.
func (f Femto) Neg() Femto {
	lo, borrow := bits.Sub64(0, f.lo, 0)
	return Femto{-f.hi - int64(borrow), lo}
}

// Cmp returns -1, 0 or 1 as f is less than, equal to or more than g.
func (f Femto) Cmp(g Femto) int {
	switch {
	case f == g:
		return 0
	case f.hi < g.hi || (f.hi == g.hi && f.lo < g.lo):
		return -1
	}
	return 1
}

// IsZero reports whether the amount is 0.
func (f Femto) IsZero() bool { return f == Femto{} }

// Big returns the amount as a number of any size.
func (f Femto) Big() *big.Int {
	n := new(big.Int).Lsh(big.NewInt(f.hi), 64)
	return n.Add(n, new(big.Int).SetUint64(f.lo))
}

// FemtoOfBig returns a number as an amount; false when it does not fit.
func FemtoOfBig(n *big.Int) (Femto, bool) {
	if n.BitLen() > 126 {
		return Femto{}, false
	}
	size := new(big.Int).Abs(n)
	lo := new(big.Int).And(size, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	f := Femto{int64(new(big.Int).Rsh(size, 64).Uint64()), lo}
	if n.Sign() < 0 {
		f = f.Neg()
	}
	return f, true
}

// USD returns the amount as the double nearest to it, in USD.
func (f Femto) USD() float64 {
	const exact = 1 << 53
	if f.hi == 0 && f.lo < exact {
		return float64(f.lo) / femtoPerUSD
	}
	usd, _ := new(big.Rat).SetFrac(f.Big(), big.NewInt(femtoPerUSD)).Float64()
	return usd
}

// Text returns the amount as an exact plain decimal in USD, without an exponent or trailing zeros.
func (f Femto) Text() string {
	size := new(big.Int).Abs(f.Big())
	whole, rest := size.QuoRem(size, big.NewInt(femtoPerUSD), new(big.Int))
	text := whole.String()
	if f.hi < 0 {
		text = "-" + text
	}
	if digits := strings.TrimRight(fmt.Sprintf("%015d", rest), "0"); digits != "" {
		text += "." + digits
	}
	return text
}

// Nano returns the amount in nano-dollars (1e-9 USD), rounded half-even.
func (f Femto) Nano() int64 {
	if f.hi == 0 && f.lo < math.MaxInt64 {
		return int64(f.lo/femtoPerNano) + halfEven(f.lo/femtoPerNano, f.lo%femtoPerNano, femtoPerNano)
	}
	nano := RoundDiv(f.Big(), big.NewInt(femtoPerNano))
	if !nano.IsInt64() {
		return math.MaxInt64
	}
	return nano.Int64()
}

// Bucket returns the value of llm.cost_bucket for the amount.
func (f Femto) Bucket() string {
	for _, bucket := range buckets {
		if f.Cmp(bucket.below) < 0 {
			return bucket.name
		}
	}
	return "gte_10"
}

var buckets = []struct {
	below Femto
	name  string
}{
	{FemtoOf(femtoPerUSD / 10_000), "lt_0.0001"},
	{FemtoOf(femtoPerUSD / 1_000), "lt_0.001"},
	{FemtoOf(femtoPerUSD / 100), "lt_0.01"},
	{FemtoOf(femtoPerUSD / 10), "lt_0.1"},
	{FemtoOf(femtoPerUSD), "lt_1"},
	{FemtoOf(10 * femtoPerUSD), "lt_10"},
}

// halfEven returns 1 when a quotient with this rest is to be rounded up, else 0.
func halfEven(quotient, rest, divisor uint64) int64 {
	left := divisor - rest
	if rest > left || (rest == left && quotient&1 == 1) {
		return 1
	}
	return 0
}

// RoundDiv returns n / d rounded half-even; d is positive.
func RoundDiv(n, d *big.Int) *big.Int {
	quotient, rest := new(big.Int).DivMod(n, d, new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(d) {
	case 1:
		quotient.Add(quotient, big.NewInt(1))
	case 0:
		if quotient.Bit(0) == 1 {
			quotient.Add(quotient, big.NewInt(1))
		}
	}
	return quotient
}

// RoundedHalfEven returns a fraction as the nearest whole number, of two the even one.
func RoundedHalfEven(exact *big.Rat) *big.Int { return RoundDiv(exact.Num(), exact.Denom()) }

// FemtoFromText returns an amount of USD in decimal text, rounded half-even; false when it is no number or too large.
func FemtoFromText(usd string) (Femto, bool) {
	amount, ok := new(big.Rat).SetString(usd)
	if !ok {
		return Femto{}, false
	}
	amount.Mul(amount, new(big.Rat).SetInt64(femtoPerUSD))
	return FemtoOfBig(RoundDiv(amount.Num(), amount.Denom()))
}

// FemtoOfUSD returns an amount that was written as a double: the nearest whole number of femto-dollars, exact below
// 4.5 USD. It is false for what is no amount: negative, not finite, or 1e15 USD and more.
func FemtoOfUSD(usd float64) (Femto, bool) {
	if !(usd >= 0 && usd < 1e15) {
		return Femto{}, false
	}
	fraction, exponent := math.Frexp(usd)
	hi, lo := bits.Mul64(uint64(fraction*(1<<53)), femtoPerUSD)
	shift := 53 - exponent
	if shift <= 0 {
		for ; shift < 0; shift++ {
			hi, lo = hi<<1|lo>>63, lo<<1
		}
		return Femto{int64(hi), lo}, true
	}
	if shift > 126 {
		return Femto{}, true
	}
	// Round half up: add half of what is shifted out.
	halfHi, halfLo := uint64(0), uint64(0)
	if shift > 64 {
		halfHi = 1 << (shift - 65)
	} else {
		halfLo = 1 << (shift - 1)
	}
	lo, carry := bits.Add64(lo, halfLo, 0)
	hi += halfHi + carry
	if shift >= 64 {
		return Femto{0, hi >> (shift - 64)}, true
	}
	return Femto{int64(hi >> shift), lo>>shift | hi<<(64-shift)}, true
}
