// SPDX-License-Identifier: Apache-2.0

package cost

// LedgerOptions say how a ledger behaves.
type LedgerOptions struct {
	// KeepProvider: an llm.provider already on the span stays.
	KeepProvider bool
	// JoinServices: totals pass from a local root to the parent in another process too.
	JoinServices bool
	// RollUp: write totals above the calls.
	RollUp bool
	// Rejudge: what an earlier run wrote is compared with what is beneath and known, across processes and batches; a
	// repeated call loses its cost and tokens.
	Rejudge bool
	// OpenSpans, ClosedSpans, RecentCalls: how many of each are remembered at least (at most twice as many).
	OpenSpans, ClosedSpans, RecentCalls int
}

// DefaultLedgerOptions are those for all spans in hand.
func DefaultLedgerOptions() LedgerOptions {
	return LedgerOptions{JoinServices: true, RollUp: true, OpenSpans: 32_768, ClosedSpans: 32_768, RecentCalls: 8_192}
}

// LedgerCounters count spans by what they were, calls that ended after their root (Late), and subtotals forgotten because
// their span never ended (Evicted).
type LedgerCounters struct {
	Own, Duplicate, Aggregate, Failed, Evidence, Late, Evicted int64
}
