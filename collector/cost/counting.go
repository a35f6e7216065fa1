// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"slices"
	"strings"
)

const (
	reasonSameResponse = "same_response_id"
	// reasonDiffers is that of a response that another emitter of the process reports with other tokens.
	reasonDiffers  = "same_response_other_tokens"
	reasonRepeats  = "repeats_call_beneath"
	reasonSum      = "sum_of_calls_beneath"
	reasonExceeds  = "exceeds_calls_beneath"
	reasonSameCall = "same_call_elsewhere"
	// reasonSameTokens is that of a span that looks like another call, without an id that tells that it is.
	reasonSameTokens  = "same_tokens_elsewhere"
	reasonOnlyCarrier = "only_carrier"
	// reasonTellsMore is that of a duplicate or aggregate, with the name of a meter that it alone tells and that changes
	// the price.
	reasonTellsMore = "reports_more"
)

// RepeatReasons are the reasons of duplicates and aggregates, in the order of LedgerCounters.Repeats.
var RepeatReasons = [...]string{
	reasonSameResponse, reasonDiffers, reasonRepeats, reasonSum, reasonExceeds, reasonSameCall, reasonSameTokens, reasonTellsMore,
}

// counted is a call that was counted: what later spans are compared with.
type counted struct {
	span          SpanKey
	scope         string
	models        [2]string
	input, output Count
	// parts are what was read from and written to the cache, and reasoning.
	parts                [3]Count
	provider, responseID string
	// process is "" when it is not known.
	process        string
	isChild        bool
	startNs, endNs int64
	// told are the meters it reports, be they 0; of an earlier run's call they are not known any more.
	told      []string
	knowsTold bool
	// held are its places in a memory: by response id, trace, process.
	held [3]heldCall
}

// tellingCall is a call with room for the meters it reports: one piece of memory, where an earlier run's call needs less.
type tellingCall struct {
	counted
	room [6]string
}

// toldNothing tells whether a call is known to have reported no meter.
func (c *counted) toldNothing() bool { return c.knowsTold && len(c.told) == 0 }

// tokens are two numbers, -1 where one is not known.
type tokens struct{ input, output int64 }

func (c *counted) tokens() tokens { return tokens{c.input.orLess(), c.output.orLess()} }

func (c *counted) tokensHere() tokensHere { return tokensHere{c.span.Trace, c.tokens()} }

func (c *counted) tokensOfProcess() tokensOfProcess { return tokensOfProcess{c.process, c.tokens()} }

func (c Count) orLess() int64 {
	if !c.Known {
		return -1
	}
	return c.N
}

func (c *counted) reports() bool { return c.input.Known || c.output.Known }

// verdict is what a span is: a call of its own when role is empty, else duplicate or aggregate.
type classification struct {
	role, reason string
	of           *counted
}

// countedOf returns what is to be remembered of a call.
func countedOf(reading *Reading, span *Span) *counted {
	room := &tellingCall{}
	found := &room.counted
	*found = counted{
		span: span.Key, scope: or(span.ScopeName, reading.Emitter), input: reading.Input, output: reading.Output,
		parts: [3]Count{reading.CacheRead, reading.CacheWrite, reading.Reasoning}, provider: reading.Provider,
		process: span.Process, isChild: span.IsChild, responseID: reading.ResponseID, startNs: span.StartNs, endNs: span.EndNs,
		models: [2]string{bareModel(reading.Model), bareModel(reading.RequestModel)}, knowsTold: true,
	}
	if len(reading.Usage) > 0 {
		found.told = room.room[:0]
		for n := range reading.Usage {
			found.told = append(found.told, reading.Usage[n].Meter)
		}
	}
	if reading.HasBegan {
		found.startNs = reading.BeganNs
	}
	return found
}

// bareModel returns a model name without the vendor or path before it, in small letters, to compare by.
func bareModel(name string) string { return strings.ToLower(name[strings.LastIndexByte(name, '/')+1:]) }

// judge returns whether a span is the call, repeats a counted one, or adds some up. Nearest to the wire wins.
func classify(isCall bool, this *counted, beneath *Subtotal, memory *RecentCalls) classification {
	if this.responseID != "" {
		if found := sameResponse(this, beneath, memory); found.role != "" {
			return found
		}
	}
	if beneath != nil && !this.reports() && (beneath.count > 0 || beneath.blank != nil) {
		return judgeBlank(beneath)
	}
	if beneath != nil && beneath.count > 0 {
		if found := judgeOver(isCall, this, beneath); found.role != "" {
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

// judgeOver judges a span that reports usage above calls already counted; no role when it is a call of its own.
func judgeOver(isCall bool, this *counted, beneath *Subtotal) classification {
	calls := beneath.calls
	for n := len(calls) - 1; n >= 0; n-- {
		if calls[n].tokens() == this.tokens() {
			return classification{Duplicate, reasonRepeats, calls[n]}
		}
	}
	within := this.input.N <= beneath.Input && this.output.N <= beneath.Output
	switch {
	case !isCall && within:
		return classification{role: Aggregate, reason: reasonSum}
	case !isCall:
		return classification{role: Aggregate, reason: reasonExceeds}
	case ownResponse(this, calls):
		return classification{}
	case within:
		return classification{role: Aggregate, reason: reasonSum}
	}
	last := calls[len(calls)-1]
	if beneath.count == 1 && last.scope != this.scope && sameModel(this, last) {
		return classification{Duplicate, reasonExceeds, last}
	}
	return classification{}
}

// judgeBlank judges a model call without usage above calls already counted, be they without usage too.
func judgeBlank(beneath *Subtotal) classification {
	switch {
	case beneath.count > 1:
		return classification{role: Aggregate, reason: reasonSum}
	case beneath.count == 1:
		return classification{Duplicate, reasonRepeats, beneath.calls[len(beneath.calls)-1]}
	}
	return classification{Duplicate, reasonRepeats, beneath.blank}
}

// ownResponse tells whether a call has a response id and each of the others another one, from the same emitter's hand.
func ownResponse(this *counted, others []*counted) bool {
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

// onlyHere returns the meters used by a duplicate or aggregate that no call counted in its place tells, in their own
// order. Of an aggregate the latest calls beneath are looked at. Nothing is known of calls of an earlier run.
func onlyHere(reading *Reading, found classification, beneath *Subtotal) []string {
	var calls []*counted
	if found.of != nil {
		calls = []*counted{found.of}
	} else if beneath != nil {
		calls = beneath.calls
	}
	for _, call := range calls {
		if !call.knowsTold {
			return nil
		}
	}
	var meters []string
	for _, amount := range reading.Usage {
		isTold := func(call *counted) bool { return slices.Contains(call.told, amount.Meter) }
		if amount.Quantity.Sign() != 0 && !slices.ContainsFunc(calls, isTold) {
			meters = append(meters, amount.Meter)
		}
	}
	slices.Sort(meters)
	return meters
}

// short returns what says above a duplicate or aggregate that what was counted in its place is not all; else nil.
func short(reason string) *Subtotal {
	if reason != reasonExceeds && reason != reasonSameTokens && reason != reasonDiffers && !strings.HasPrefix(reason, reasonTellsMore) {
		return nil
	}
	return &Subtotal{Doubtful: 1}
}
