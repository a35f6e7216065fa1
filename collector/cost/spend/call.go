// SPDX-License-Identifier: Apache-2.0

package spend

import "github.com/spancost/spancost/collector/cost"

// TokenType is a part of the tokens of a call. The parts are disjoint: they add up to all tokens.
type TokenType int

const (
	Input TokenType = iota
	CacheRead
	CacheWrite
	Output
	Reasoning
	tokenTypes
)

// String returns the value of llm.token.type.
func (t TokenType) String() string {
	return [...]string{"input", "cache_read", "cache_write", "output", "reasoning"}[t]
}

// Call is what one call adds to its series.
type Call struct {
	// Key names the call, for a span its own key; with the zero key a call is never recognised as a repeat.
	Key cost.SpanKey
	// Span is the span to look at for the call, the zero key for none.
	Span cost.SpanKey
	// TimeNs is when the call ended, in nanoseconds since the epoch.
	TimeNs int64
	// Cost is known where HasCost.
	Cost    cost.Femto
	HasCost bool
	// IsUnpriced: the cost is unknown.
	IsUnpriced bool
	// IsElsewhere: another span carries the cost of the call (a duplicate or an aggregate).
	IsElsewhere bool
	Tokens      [tokenTypes]int64
}

// SetTokens takes the inclusive counts of the attributes: input includes what was read from and written to the cache, output
// includes reasoning. A part that exceeds its total counts as the total.
func (c *Call) SetTokens(input, cacheRead, cacheWrite, output, reasoning int64) {
	input, output = max(input, 0), max(output, 0)
	cacheRead = min(max(cacheRead, 0), input)
	cacheWrite = min(max(cacheWrite, 0), input-cacheRead)
	reasoning = min(max(reasoning, 0), output)
	c.Tokens = [tokenTypes]int64{
		Input: input - cacheRead - cacheWrite, CacheRead: cacheRead, CacheWrite: cacheWrite,
		Output: output - reasoning, Reasoning: reasoning,
	}
}
