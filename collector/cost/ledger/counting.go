// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

const (
	reasonSameResponse = "same_response_id"
	// reasonDiffers is that of a response that another emitter of the process reports with other tokens.
	reasonDiffers  = "same_response_other_tokens"
	reasonRepeats  = "repeats_call_beneath"
	reasonSum      = "sum_of_calls_beneath"
	reasonExceeds  = "exceeds_calls_beneath"
	reasonSameCall = "same_call_elsewhere"
	// reasonSameTokens is that of a span that looks like another call, without an id that shows it.
	reasonSameTokens = "same_tokens_elsewhere"
	// reasonLocalCache is that of a call that repeats, with its response id, one that its emitter reported and that had ended
	// before.
	reasonLocalCache  = "local_cache"
	reasonOnlyCarrier = "only_carrier"
	// reasonReportsMore is that of a duplicate or aggregate, with the name of a meter that it alone reports and that changes
	// the price.
	reasonReportsMore = "reports_more"
)

// attrCapture is on spans that carry what capture read from the provider's answer.
const attrCapture = "llm.capture"

// RepeatReasons are the reasons of duplicates and aggregates, in the order of LedgerCounters.Repeats.
var RepeatReasons = [...]string{
	reasonSameResponse, reasonDiffers, reasonRepeats, reasonSum, reasonExceeds, reasonSameCall, reasonSameTokens, reasonReportsMore,
}

// CountedCall is a call that was counted: what later spans are compared with.
type CountedCall struct {
	span          cost.SpanKey
	scope         string
	models        [2]string
	input, output cost.Count
	// parts are what was read from and written to the cache, and reasoning.
	parts                [3]cost.Count
	provider, responseID string
	// process is "" when it is not known.
	process string
	isChild bool
	// isExchange: the span carries what capture read from the provider's answer.
	isExchange     bool
	startNs, endNs int64
	// meters are the meters it reports, be they 0; of an earlier run's call they are not known any more.
	meters      []string
	knowsMeters bool
	// held are its places in a memory: by response id, trace, process.
	held [3]heldCall
}

// callWithMeters is a call with memory for the meters it reports: one piece of memory, where an earlier run's call needs less.
type callWithMeters struct {
	CountedCall
	buf [6]string
}

// reportsNothing reports whether a call is known to have reported no meter.
func (c *CountedCall) reportsNothing() bool { return c.knowsMeters && len(c.meters) == 0 }

// tokens are two numbers, -1 where one is not known.
type tokens struct{ input, output int64 }

func (c *CountedCall) tokens() tokens { return tokens{c.input.OrMinusOne(), c.output.OrMinusOne()} }

func (c *CountedCall) traceTokens() traceTokens { return traceTokens{c.span.Trace, c.tokens()} }

func (c *CountedCall) processTokens() processTokens { return processTokens{c.process, c.tokens()} }

func (c *CountedCall) reports() bool { return c.input.Known || c.output.Known }

// classification is what a span is: a call of its own when role is empty, else duplicate or aggregate.
type classification struct {
	role, reason string
	of           *CountedCall
}

// countedCallOf returns what is to be remembered of a call.
func (l *Ledger) countedCallOf(reading *cost.Reading, span *cost.Span) *CountedCall {
	made := l.calls.next()
	found := &made.CountedCall
	*found = CountedCall{
		span: span.Key, scope: cmp.Or(span.ScopeName, reading.Emitter), input: reading.Input, output: reading.Output,
		parts: [3]cost.Count{reading.CacheRead, reading.CacheWrite, reading.Reasoning}, provider: reading.Provider,
		process: span.Process, isChild: span.IsChild, isExchange: span.Attributes.Has(attrCapture), responseID: reading.ResponseID, startNs: span.StartNs, endNs: span.EndNs,
		models: [2]string{bareModel(reading.Model), bareModel(reading.RequestModel)}, knowsMeters: true,
	}
	if len(reading.Usage) > 0 {
		found.meters = made.buf[:0]
		for n := range reading.Usage {
			found.meters = append(found.meters, reading.Usage[n].Meter)
		}
	}
	if reading.HasBegan {
		found.startNs = reading.BeganNs
	}
	return found
}

// bareModel returns a model name without the vendor or path before it, in small letters, to compare by.
func bareModel(name string) string { return strings.ToLower(name[strings.LastIndexByte(name, '/')+1:]) }

// classify returns whether a span is the call, repeats a counted one, or adds some up. Nearest to the wire wins.
func classify(isCall bool, this *CountedCall, below *Subtotal, memory *RecentCalls) classification {
	if this.responseID != "" {
		if found := sameResponse(this, below, memory); found != (classification{}) {
			return found
		}
	}
	if below != nil && !this.reports() && (below.count > 0 || below.unreported != nil) {
		return classifyWithoutUsage(this, below)
	}
	if below != nil && below.count > 0 {
		if found := classifyAncestor(isCall, this, below); found.role != "" {
			return found
		}
	}
	if this.reports() {
		if found := sameTokens(this, memory); found.role != "" {
			return found
		}
	}
	if isCall {
		return classification{}
	}
	return classification{reason: reasonOnlyCarrier}
}

// classifyAncestor classifies a span that reports usage above calls already counted; no role when it is a call of its own.
func classifyAncestor(isCall bool, this *CountedCall, below *Subtotal) classification {
	calls := below.calls
	for n := len(calls) - 1; n >= 0; n-- {
		if calls[n].tokens() == this.tokens() && !areTwoExchanges(this, calls[n]) {
			return classification{cost.Duplicate, reasonRepeats, calls[n]}
		}
	}
	within := this.input.N <= below.Input && this.output.N <= below.Output
	switch {
	case !isCall && within:
		return classification{role: cost.Aggregate, reason: reasonSum}
	case !isCall:
		return classification{role: cost.Aggregate, reason: reasonExceeds}
	case ownResponse(this, calls) || isExchangeAbove(this, calls):
		return classification{}
	case within:
		return classification{role: cost.Aggregate, reason: reasonSum}
	}
	last := calls[len(calls)-1]
	if below.count == 1 && last.scope != this.scope && sameModel(this, last) {
		return classification{cost.Duplicate, reasonExceeds, last}
	}
	return classification{}
}

// classifyWithoutUsage classifies a model call without usage above calls already counted, be they without usage too; no role
// when it is a call of its own.
func classifyWithoutUsage(this *CountedCall, below *Subtotal) classification {
	latest := below.latest()
	switch {
	case areTwoExchanges(this, latest):
		return classification{}
	case below.count > 1:
		return classification{role: cost.Aggregate, reason: reasonSum}
	}
	return classification{cost.Duplicate, reasonRepeats, latest}
}

// isExchangeAbove reports whether a call is an exchange, which is no sum of those below it in its process.
func isExchangeAbove(this *CountedCall, others []*CountedCall) bool {
	return this.isExchange && slices.ContainsFunc(others, func(other *CountedCall) bool { return other.process == this.process })
}

// ownResponse reports whether a call has a response id and each of the others another one, of the same emitter.
func ownResponse(this *CountedCall, others []*CountedCall) bool {
	if this.responseID == "" {
		return false
	}
	for _, other := range others {
		if other.responseID == "" || other.responseID == this.responseID || other.scope != this.scope {
			return false
		}
	}
	return true
}

// metersOnlyOn returns the meters used by a duplicate or aggregate that no call counted in its place reports, in their own
// order. Of an aggregate the latest calls below are looked at. Nothing is known of calls of an earlier run.
func metersOnlyOn(reading *cost.Reading, found classification, below *Subtotal) []string {
	var calls []*CountedCall
	if found.of != nil {
		calls = []*CountedCall{found.of}
	} else if below != nil {
		calls = below.calls
	}
	for _, call := range calls {
		if !call.knowsMeters {
			return nil
		}
	}
	var meters []string
	for _, amount := range reading.Usage {
		isReported := func(call *CountedCall) bool { return slices.Contains(call.meters, amount.Meter) }
		if amount.Quantity.Sign() != 0 && !slices.ContainsFunc(calls, isReported) {
			meters = append(meters, amount.Meter)
		}
	}
	slices.Sort(meters)
	return meters
}

// incomplete returns what states above a duplicate or aggregate that what was counted in its place is not all; else nil.
func incomplete(reason string) *Subtotal {
	if reason != reasonExceeds && reason != reasonSameTokens && reason != reasonDiffers && !strings.HasPrefix(reason, reasonReportsMore) {
		return nil
	}
	return &Subtotal{Doubtful: 1}
}
