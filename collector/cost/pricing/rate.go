// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/bits"

	"github.com/spancost/spancost/collector/cost"
)

// Rate is the price of one unit: femto-dollars as a fraction in lowest terms. One that does not fit into 64 bits, as a
// contract may make it, is wide, and has the denominator 0.
type Rate struct {
	Num, Den int64
	wide     *big.Rat
}

// UnmarshalJSON reads a whole number of femto-dollars, or [numerator, denominator].
func (r *Rate) UnmarshalJSON(data []byte) error {
	r.Den = 1
	if json.Unmarshal(data, &r.Num) == nil && r.Num >= 0 {
		return nil
	}
	var pair []int64
	if err := json.Unmarshal(data, &pair); err != nil || len(pair) != 2 || pair[0] < 0 || pair[1] <= 0 {
		return fmt.Errorf("rate: found %s; expected a whole number or [numerator, denominator], not negative", data)
	}
	r.Num, r.Den = pair[0], pair[1]
	return nil
}

// RateOf returns a fraction as a rate.
func RateOf(exact *big.Rat) Rate {
	if exact.Num().IsInt64() && exact.Denom().IsInt64() {
		return Rate{Num: exact.Num().Int64(), Den: exact.Denom().Int64()}
	}
	return Rate{wide: exact}
}

// Exact returns the rate as a fraction, which is not to be changed.
func (r Rate) Exact() *big.Rat {
	if r.wide != nil {
		return r.wide
	}
	return big.NewRat(r.Num, r.Den)
}

// times returns the rate multiplied by a fraction, in lowest terms.
func (r Rate) times(by Rate) Rate { return RateOf(new(big.Rat).Mul(r.Exact(), by.Exact())) }

// equals reports whether two rates in lowest terms are the same.
func (r Rate) equals(other Rate) bool {
	if r.wide != nil && other.wide != nil {
		return r.wide.Cmp(other.wide) == 0
	}
	return r == other
}

// of returns what a quantity costs, exactly.
func (r Rate) of(quantity cost.Quantity) *big.Rat { return new(big.Rat).Mul(quantity.Rat(), r.Exact()) }

// Cost returns what a quantity costs, rounded half-even; false when it is beyond all reason.
func (r Rate) Cost(quantity cost.Quantity) (cost.Femto, bool) {
	if n, whole := quantity.Int(); whole && r.Den == 1 && n >= 0 {
		hi, lo := bits.Mul64(uint64(n), uint64(r.Num))
		return cost.FemtoOfBits(int64(hi), lo), true
	}
	exact := r.of(quantity)
	return cost.FemtoOfBig(cost.RoundDiv(exact.Num(), exact.Denom()))
}

// Text returns the price of so many units in USD as decimal text.
func (r Rate) Text(per int64) string {
	price := r.of(cost.Whole(per))
	femto, _ := cost.FemtoOfBig(cost.RoundDiv(price.Num(), price.Denom()))
	return femto.Text()
}
