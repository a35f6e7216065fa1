// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"math"
	"math/bits"
)

// octave is how many units a doubling has, so that one unit is about 1.1 %.
const octave = 64

// unitsOf holds 64 times the binary logarithm of 1 to 255; naturalOf the natural logarithm of 1 to 1023, in hundredths.
var (
	unitsOf   = table64(256, func(n float64) float64 { return octave * math.Log2(n) })
	naturalOf = table64(1024, func(n float64) float64 { return 100 * math.Log(n) })
	// ofAUnit is the natural logarithm of what one unit is in natural logarithms, in hundredths.
	ofAUnit = int64(math.Round(100 * math.Log(math.Ln2/octave)))
)

func table64(size int, of func(float64) float64) []int64 {
	values := make([]int64, size)
	for i := 1; i < size; i++ {
		values[i] = int64(math.Round(of(float64(i))))
	}
	return values
}

// units returns 64 times the binary logarithm of a number above 0, to 8 binary digits of the number.
func units(number int64) int64 {
	shift := max(0, bits.Len64(uint64(number))-8)
	return int64(shift)*octave + unitsOf[number>>shift]
}
