// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"math/big"
	"math/bits"
	"regexp"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

const (
	reasonOutputFromTotal = "output_from_total"
	reasonCacheFromTotal  = "cache_from_total"
	reasonUnexplained     = "unexplained_tokens"
	// reasonUsageNotReported: an input or an output that every provider bills is unknown.
	reasonUsageNotReported = "usage_not_reported"
)

// figures are the counts that a span reports, by field.
type figures struct {
	known uint64
	of    [fieldCount]int64
	// parts are the counts that are no whole number.
	parts []part
}

type part struct {
	field  int
	amount *big.Rat
}

func (f *figures) has(field int) bool { return f.known>>field&1 == 1 }

func (f *figures) isEmpty() bool { return f.known == 0 && len(f.parts) == 0 }

// isNothing reports whether every count is 0.
func (f *figures) isNothing() bool {
	for left := f.known; left != 0; left &= left - 1 {
		if f.of[bits.TrailingZeros64(left)] != 0 {
			return false
		}
	}
	for _, part := range f.parts {
		if part.amount.Sign() != 0 {
			return false
		}
	}
	return true
}

// get returns a figure, 0 when it is not known.
func (f *figures) get(field int) int64 {
	if !f.has(field) {
		return 0
	}
	return f.of[field]
}

func (f *figures) set(field int, n int64) {
	f.known |= 1 << field
	f.of[field] = n
}

// smallestPart is the smallest amount above 0, the same number as in every implementation.
const smallestPart = 1e-9

var decimal = regexp.MustCompile(`^[0-9]{1,18}(?:\.[0-9]{1,18})?$`)

// setPart notes a number or decimal text exactly as it is written; false when it is no amount.
func (f *figures) setPart(field int, value document.Value) bool {
	written, isText := value.Text()
	number, isFloat := value.Float()
	switch {
	case isFloat && number >= smallestPart && number < maxCount:
		written = string(document.AppendFloat(nil, number))
	case !isText || !decimal.MatchString(written):
		return false
	}
	amount, ok := new(big.Rat).SetString(written)
	if !ok {
		return false
	}
	if size, _ := amount.Float64(); size != 0 && !(size >= smallestPart && size < maxCount) {
		return false
	}
	if amount.IsInt() {
		f.set(field, amount.Num().Int64())
		return true
	}
	f.parts = append(f.parts, part{field, amount})
	return true
}

// inclusive puts the inclusive meters that the figures report into a reading, and returns the reason of a doubt about
// their split or "". The arithmetic proofs come before what the dialect states.
func (f *figures) inclusive(names []string, into *cost.Reading) string {
	const derived = 1<<fieldCacheRead - 1 | 1<<fieldCacheRead | 1<<fieldCacheWrite | 1<<fieldReasoning
	for left := f.known &^ derived; left != 0; left &= left - 1 {
		field := bits.TrailingZeros64(left)
		add(into, field, names[field], f.of[field])
	}
	read, written := f.get(fieldCacheRead), f.get(fieldCacheWrite)
	if parts, known := f.writes(); known && (!f.has(fieldCacheWrite) || parts > written) {
		f.set(fieldCacheWrite, parts)
		written = parts
	}
	if f.has(fieldCacheWrite) {
		add(into, fieldCacheWrite, names[fieldCacheWrite], written)
	}
	output, hasOutput := f.firstOf(fieldOutput, fieldVisibleOutput, fieldStatedOutput)
	cached, reason := read+written, ""
	if total := f.get(fieldTotal); f.has(fieldStatedInput) && cached == 0 && hasOutput && total > f.get(fieldStatedInput)+output {
		read = total - f.get(fieldStatedInput) - output
		cached, reason = read, reasonCacheFromTotal
		f.set(fieldCacheRead, read)
	}
	if f.has(fieldCacheRead) {
		add(into, fieldCacheRead, names[fieldCacheRead], read)
	}
	entered, hasEntered := f.entered(cached, read, output, hasOutput)
	if hasEntered {
		entered += f.get(fieldToolPrompt)
		add(into, fieldInput, names[fieldInput], entered)
	}
	reasoning, total := f.get(fieldReasoning), f.get(fieldTotal)
	switch {
	case hasOutput:
		isVisible := !f.has(fieldOutput) && f.has(fieldVisibleOutput)
		proven := f.has(fieldTotal) && total == entered+output+reasoning
		if isVisible || (reasoning > 0 && (reasoning > output || proven)) {
			output += reasoning
		}
		switch {
		case !f.has(fieldTotal) || !hasEntered || total <= entered+output:
		case f.has(fieldOutput) || reasoning > 0:
			reason = reasonUnexplained
		default:
			f.set(fieldReasoning, total-entered-output)
			output = total - entered
			reason = reasonOutputFromTotal
		}
		add(into, fieldOutput, names[fieldOutput], output)
	case f.has(fieldInput) && f.has(fieldTotal) && total > entered:
		// A total that is no more than the input is what an emitter adds up that knows no output. What the total holds
		// beyond an input that leaves the cached part out may be that part.
		add(into, fieldOutput, names[fieldOutput], total-entered)
	}
	if f.has(fieldReasoning) {
		add(into, fieldReasoning, names[fieldReasoning], f.get(fieldReasoning))
	}
	return reason
}

func (f *figures) writes() (sum int64, known bool) {
	for field := fieldCacheWrite5m; field <= fieldCacheWrite12h; field++ {
		sum += f.get(field)
		known = known || f.has(field)
	}
	return sum, known
}

func (f *figures) firstOf(fields ...int) (int64, bool) {
	for _, field := range fields {
		if f.has(field) {
			return f.of[field], true
		}
	}
	return 0, false
}

// entered returns the total input: the cached part is added when the figure is proven or known to leave it out.
func (f *figures) entered(cached, read, output int64, hasOutput bool) (int64, bool) {
	total, hasTotal := f.get(fieldTotal), f.has(fieldTotal)
	switch {
	case f.has(fieldInput):
		entered := f.get(fieldInput)
		if cached > 0 && (cached > entered || (hasTotal && total == entered+output+cached)) {
			return entered + cached, true
		}
		return entered, true
	case f.has(fieldUncachedInput):
		return f.get(fieldUncachedInput) + cached, true
	case f.has(fieldStatedInput):
		return f.get(fieldStatedInput) + cached, true
	case f.has(fieldDoubledInput):
		if doubled := f.get(fieldDoubledInput); doubled < 2*read {
			return doubled, true
		}
		return f.get(fieldDoubledInput) - read, true
	case hasTotal && hasOutput && total >= output+cached:
		return total - output, true
	}
	return 0, false
}

// add puts an amount of a meter into the usage of a reading.
func add(r *cost.Reading, field int, meter string, n int64) {
	r.Usage = append(r.Usage, cost.Amount{Meter: meter, Quantity: cost.Whole(n)})
	switch count := (cost.Count{N: n, Known: true}); field {
	case fieldInput:
		r.Input = count
	case fieldCacheRead:
		r.CacheRead = count
	case fieldCacheWrite:
		r.CacheWrite = count
	case fieldOutput:
		r.Output = count
	case fieldReasoning:
		r.Reasoning = count
	}
}
