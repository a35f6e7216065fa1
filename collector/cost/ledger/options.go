// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"slices"
	"strings"
)

// Options state how a ledger behaves.
type Options struct {
	// KeepProvider: an llm.provider already on the span stays.
	KeepProvider bool
	// LeftOut is which attributes of calls are not written.
	LeftOut LeftOut
	// JoinServices: totals pass from a local root to the parent in another process too.
	JoinServices bool
	// RollUp: write totals above the calls.
	RollUp bool
	// Reclassify: what an earlier run wrote is compared with what is below and known, across processes and batches; a
	// repeated call loses its cost and tokens.
	Reclassify bool
	// Records: make the record of each call that is counted.
	Records bool
	// Shared: calls counted by other ledgers too; nil for one of the ledger's own.
	Shared *RecentCalls
	// OpenSpans, ClosedSpans, RecentCalls: how many of each are remembered at least (at most twice as many).
	OpenSpans, ClosedSpans, RecentCalls int
}

// DefaultOptions are those for all spans held.
func DefaultOptions() Options {
	return Options{JoinServices: true, RollUp: true, OpenSpans: 32_768, ClosedSpans: 32_768, RecentCalls: 8_192}
}

// RepeatCounts are numbers of duplicates and aggregates, in the order of RepeatReasons.
type RepeatCounts [len(RepeatReasons)]int64

// Counters count spans by what they were, calls that ended after their root (Late), and subtotals evicted because
// their span never ended (Evicted). Repeats are the duplicates and aggregates by RepeatReasons.
type Counters struct {
	Own, Duplicate, Aggregate, Failed, AlreadyPriced, Late, Evicted int64
	Repeats                                                         RepeatCounts
}

// repeat counts a duplicate or aggregate by its reason.
func (c *Counters) repeat(reason string) {
	code, _, _ := strings.Cut(reason, ":")
	if n := slices.Index(RepeatReasons[:], code); n >= 0 {
		c.Repeats[n]++
	}
}

// Since returns how many duplicates and aggregates of each reason there are beyond those of an earlier time.
func (c *Counters) Since(before *Counters) (repeats RepeatCounts) {
	for n := range repeats {
		repeats[n] = c.Repeats[n] - before.Repeats[n]
	}
	return repeats
}
