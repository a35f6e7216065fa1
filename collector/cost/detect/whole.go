// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// floorDiv divides and rounds down; d is positive.
func floorDiv(n, d int64) int64 {
	quotient := n / d
	if n%d < 0 {
		quotient--
	}
	return quotient
}

func abs(n int64) int64 { return max(n, -n) }

// scaled returns amount * n / d, rounded down; amount, n and d are not negative, d is not 0.
func scaled(amount cost.Femto, n, d int64) cost.Femto {
	product := amount.Big()
	product.Mul(product, big.NewInt(n))
	found, _ := cost.FemtoOfBig(product.Quo(product, big.NewInt(d)))
	return found
}

// millis returns an amount in thousandths of a dollar, rounded down.
func millis(amount cost.Femto) int64 {
	n := amount.Big()
	return n.Quo(n, big.NewInt(milli)).Int64()
}

// atLeast reports whether a part of an amount is at least so many thousandths of it.
func atLeast(part, whole cost.Femto, permille int64) bool {
	left, right := part.Big(), whole.Big()
	return left.Mul(left, big.NewInt(1000)).Cmp(right.Mul(right, big.NewInt(permille))) >= 0
}

// usdShort returns an amount in dollars for people: cents from one dollar up, else four decimal places, half-even.
func usdShort(amount cost.Femto) string {
	places, unit := 4, int64(1e11)
	if amount.Cmp(cost.FemtoOf(1e15)) >= 0 {
		places, unit = 2, 1e13
	}
	digits := cost.RoundDiv(amount.Big(), big.NewInt(unit)).String()
	for len(digits) <= places {
		digits = "0" + digits
	}
	point := len(digits) - places
	return "$" + digits[:point] + "." + digits[point:]
}

// duration returns a time for people, in its two greatest units.
func duration(ns int64) string {
	seconds := max(0, ns) / cost.NsPerSecond
	switch {
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d h %d min", seconds/3600, seconds/60%60)
}

// decimal returns thousandths as a decimal number without trailing zeros.
func decimal(permille int64) string {
	digits := strings.TrimRight(fmt.Sprintf("%03d", permille%1000), "0")
	if digits == "" {
		return strconv.FormatInt(permille/1000, 10)
	}
	return fmt.Sprintf("%d.%s", permille/1000, digits)
}

// percent returns a share for people, in whole percent.
func percent(part, whole int64) string {
	if whole == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%d %%", part*100/whole)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func modelName(model string) string {
	if model == "" {
		return "an unknown model"
	}
	return model
}
