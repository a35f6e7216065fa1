// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

const (
	reasonSameResponse = "same_response_id"
	// reasonDiffers is that of a response that another emitter of the process reports with other tokens.
	reasonDiffers = "same_response_other_tokens"
	reasonRepeats = "repeats_call_beneath"
	reasonSum     = "sum_of_calls_beneath"
	reasonExceeds = "exceeds_calls_beneath"
	// reasonLess is that of an aggregate that is not the sum of calls below it, nor of some of them: it may be of another call.
	reasonLess     = "less_than_calls_below"
	reasonSameCall = "same_call_elsewhere"
	// reasonSameTokens is that of a span that looks like another call, without an id that shows it.
	reasonSameTokens = "same_tokens_elsewhere"
	// reasonLocalCache is that of a call that repeats, with its response id, one that its emitter reported and that had ended
	// before.
	reasonLocalCache  = "local_cache"
	reasonOnlyCarrier = "only_carrier"
	// reasonPossibleCache is that of a call that may be an answer from the application's own cache: no id shows it.
	reasonPossibleCache = "possible_local_cache"
	// reasonReportsMore is that of a duplicate or aggregate, with the name of a meter that it alone reports and that changes
	// the price.
	reasonReportsMore = "reports_more"
)

// attrCapture is on spans that carry what capture read from the provider's answer.
const attrCapture = "llm.capture"

// RepeatReasons are the reasons of duplicates and aggregates, in the order of LedgerCounters.Repeats.
var RepeatReasons = [...]string{
	reasonSameResponse, reasonDiffers, reasonRepeats, reasonSum, reasonExceeds, reasonLess, reasonSameCall, reasonSameTokens,
	reasonReportsMore,
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
	// held are its places in a memory: by response id, trace, process. The call before it in the first two lists is known
	// where isLooked is, from when it was compared, until the memory changes.
	held     [3]heldCall
	isLooked [2]bool
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
		models: l.modelsOf(reading), knowsMeters: true,
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
func classify(isCall, statesCost bool, this *CountedCall, below *Subtotal, memory *RecentCalls) classification {
	if this.responseID != "" {
		if found := sameResponse(this, below, memory); found != (classification{}) {
			return found
		}
	}
	if below != nil && !this.reports() && (below.count > 0 || below.unreported != nil) {
		return classifyWithoutUsage(isCall && !statesCost, this, below, memory)
	}
	if below != nil && below.count > 0 {
		if found := classifyAncestor(isCall, this, below, memory); found.role != "" {
			return found
		}
	}
	if this.reports() {
		if found := sameTokens(this, memory); found.role != "" {
			return found
		}
	}
	switch {
	case !isCall:
		return classification{reason: reasonOnlyCarrier}
	case this.reports() && memory.mayBeCached(this):
		return classification{reason: reasonPossibleCache}
	}
	return classification{}
}

// classifyAncestor classifies a span that reports usage above calls already counted; no role when it is a call of its own.
func classifyAncestor(isCall bool, this *CountedCall, below *Subtotal, memory *RecentCalls) classification {
	calls := below.keptCalls()
	if found := repeats(isCall, this, calls, memory); found.role != "" {
		return found
	}
	isWithin := this.input.N <= below.Input && this.output.N <= below.Output
	isSum := (!this.input.Known || this.input.N == below.Input) && (!this.output.Known || this.output.N == below.Output)
	if !isCall {
		switch {
		case !isWithin:
			return classification{role: cost.Aggregate, reason: reasonExceeds}
		case isSum || addUp(this, calls):
			return classification{role: cost.Aggregate, reason: reasonSum}
		}
		return classification{role: cost.Aggregate, reason: reasonLess}
	}
	if memory.ownResponse(this, calls) || isExchangeAbove(this, calls) {
		return classification{}
	}
	last := calls[len(calls)-1]
	isPart := below.count == 1 && (this.input == last.input || this.output == last.output)
	isOther := func(other *CountedCall) bool { return other.scope != this.scope }
	switch {
	case isSum || isPart && isWithin && memory.mayRepeat(this, last):
		return classification{role: cost.Aggregate, reason: reasonSum}
	case !isPart && !memory.nests(this.scope) && !slices.ContainsFunc(calls, isOther):
		return classification{}
	case isWithin:
		return classification{role: cost.Aggregate, reason: reasonLess}
	case below.count == 1 && isOther(last) && sameModel(this, last):
		return classification{cost.Duplicate, reasonExceeds, last}
	}
	return classification{}
}

// repeats returns which of some calls below it a span repeats, the latest that nothing speaks against; no role for none.
func repeats(isCall bool, this *CountedCall, others []*CountedCall, memory *RecentCalls) (unsure classification) {
	for _, other := range slices.Backward(others) {
		switch {
		case other.tokens() != this.tokens() || areTwoExchanges(this, other):
		case !isCall || memory.mayRepeat(this, other):
			return classification{cost.Duplicate, reasonRepeats, other}
		case unsure.role == "" && !memory.areTwoCalls(this, other):
			unsure = classification{cost.Duplicate, reasonSameTokens, other}
		}
	}
	return unsure
}

// mayRepeat reports whether nothing speaks against a call that repeats one below it. Against it speak: two issued ids; in one
// process another model, or the same emitter, unless data says that it reports a call on spans above one another; a span of
// this emitter that repeats the other already.
func (m *RecentCalls) mayRepeat(this, other *CountedCall) bool {
	switch {
	case m.areTwo(this, other):
		return false
	case m.nests(this.scope):
		return true
	}
	isApart := this.process != "" && other.process != "" && this.process != other.process
	return (isApart || this.scope != other.scope && sameModel(this, other)) && !m.isClaimed(other, this)
}

// mostSums is how many sums of calls below a container are tried; beyond, it is not known whether some add up to its usage.
const mostSums = 4_096

// addUp reports whether one choice of the calls alone adds up to the usage of a container, which may count its own calls only.
func addUp(this *CountedCall, calls []*CountedCall) bool {
	goal := tokens{this.input.N, this.output.N}
	ways := map[tokens]int{{}: 1}
	for _, call := range calls {
		var more tokens
		if this.input.Known {
			more.input = call.input.N
		}
		if this.output.Known {
			more.output = call.output.N
		}
		if more == (tokens{}) {
			continue
		}
		before := maps.Clone(ways)
		for sum, number := range before {
			if sum.input+more.input <= goal.input && sum.output+more.output <= goal.output {
				larger := tokens{sum.input + more.input, sum.output + more.output}
				ways[larger] = min(ways[larger]+number, 2)
			}
		}
		if len(ways) > mostSums {
			return false
		}
	}
	return ways[goal] == 1
}

// classifyWithoutUsage classifies a span without usage above calls already counted, be they without usage too; no role when it
// is a call of its own.
func classifyWithoutUsage(isCall bool, this *CountedCall, below *Subtotal, memory *RecentCalls) classification {
	latest := below.latest()
	isOther := func(other *CountedCall) bool { return other.scope != this.scope }
	switch {
	case areTwoExchanges(this, latest):
		return classification{}
	case below.count == 0 || below.count == 1 && (!isCall || memory.mayRepeat(this, latest)):
		return classification{cost.Duplicate, reasonRepeats, latest}
	case !isCall:
		return classification{role: cost.Aggregate, reason: reasonSum}
	case below.count == 1 || !memory.nests(this.scope) && !slices.ContainsFunc(below.keptCalls(), isOther):
		return classification{}
	}
	return classification{role: cost.Aggregate, reason: reasonLess}
}

// isExchangeAbove reports whether a call is an exchange, which is no sum of those below it in its process.
func isExchangeAbove(this *CountedCall, others []*CountedCall) bool {
	return this.isExchange && slices.ContainsFunc(others, func(other *CountedCall) bool { return other.process == this.process })
}

// ownResponse reports whether a call has a response id and each of the others another one, of the same emitter or of one
// provider.
func (m *RecentCalls) ownResponse(this *CountedCall, others []*CountedCall) bool {
	if this.responseID == "" {
		return false
	}
	for _, other := range others {
		if other.responseID == "" || other.responseID == this.responseID ||
			other.scope != this.scope && !m.areTwoCalls(this, other) {
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
		calls = below.keptCalls()
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
	if reason != reasonExceeds && reason != reasonLess && reason != reasonSameTokens && reason != reasonDiffers && !strings.HasPrefix(reason, reasonReportsMore) {
		return nil
	}
	return &Subtotal{Doubtful: 1}
}
