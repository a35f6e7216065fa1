// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/bits"
)

// Rate is the price of one unit: femto-dollars as a fraction in lowest terms.
type Rate struct{ num, den int64 }

// UnmarshalJSON reads a whole number of femto-dollars, or [numerator, denominator].
func (r *Rate) UnmarshalJSON(data []byte) error {
	r.den = 1
	if json.Unmarshal(data, &r.num) == nil && r.num >= 0 {
		return nil
	}
	var pair []int64
	if err := json.Unmarshal(data, &pair); err != nil || len(pair) != 2 || pair[0] < 0 || pair[1] <= 0 {
		return fmt.Errorf("rate: found %s; expected a whole number or [numerator, denominator], not negative", data)
	}
	r.num, r.den = pair[0], pair[1]
	return nil
}

// times returns the rate multiplied by a fraction, in lowest terms; false when that does not fit into 64 bits.
func (r Rate) times(by Rate) (Rate, bool) {
	product := new(big.Rat).Mul(big.NewRat(r.num, r.den), big.NewRat(by.num, by.den))
	if !product.Num().IsInt64() || !product.Denom().IsInt64() {
		return Rate{}, false
	}
	return Rate{product.Num().Int64(), product.Denom().Int64()}, true
}

// of returns what a quantity costs, exactly.
func (r Rate) of(quantity Quantity) *big.Rat {
	return new(big.Rat).Mul(quantity.Rat(), big.NewRat(r.num, r.den))
}

// cost returns what a quantity costs, rounded half-even; false when it is beyond all reason.
func (r Rate) cost(quantity Quantity) (Femto, bool) {
	if n, whole := quantity.Int(); whole && r.den == 1 && n >= 0 {
		hi, lo := bits.Mul64(uint64(n), uint64(r.num))
		return Femto{int64(hi), lo}, true
	}
	exact := r.of(quantity)
	return femtoOfBig(roundDiv(exact.Num(), exact.Denom()))
}

// text returns the price of so many units in USD as decimal text.
func (r Rate) text(per int64) string {
	price := new(big.Int).Mul(big.NewInt(r.num), big.NewInt(per))
	femto, _ := femtoOfBig(roundDiv(price, big.NewInt(r.den)))
	return femto.Text()
}
