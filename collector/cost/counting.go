// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"slices"
	"strings"
)

const (
	reasonSameResponse = "same_response_id"
	reasonRepeats      = "repeats_call_beneath"
	reasonSum          = "sum_of_calls_beneath"
	reasonExceeds      = "exceeds_calls_beneath"
	reasonSameCall     = "same_call_elsewhere"
	reasonOnlyCarrier  = "only_carrier"
	// reasonTellsMore is that of a duplicate or aggregate, with the name of a meter that it alone tells and that changes
	// the price.
	reasonTellsMore = "tells_more"

	keptPerTokens = 8
)

// counted is a call that was counted: what later spans are compared with.
type counted struct {
	span           SpanKey
	scope          string
	models         [2]string
	input, output  Count
	responseID     string
	startNs, endNs int64
	// told are the meters it reports, be they 0; of an earlier run's call they are not known any more.
	told      []string
	knowsTold bool
	// before is the call with the same tokens that was counted before this one, of the latest keptPerTokens.
	before *counted
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

func (c Count) orLess() int64 {
	if !c.Known {
		return -1
	}
	return c.N
}

func (c *counted) reports() bool { return c.input.Known || c.output.Known }

// verdict is what a span is: a call of its own when role is empty, else duplicate or aggregate.
type verdict struct {
	role, reason string
	of           *counted
}

type claim struct {
	span  SpanKey
	scope string
}

// memory holds calls counted lately, in this trace or another, by response id and by tokens.
type memory struct {
	byResponse recent[string, *counted]
	claims     recent[claim, struct{}]
	byTokens   recent[tokens, *counted]
}

func newMemory(size int) *memory {
	return &memory{newRecent[string, *counted](size), newRecent[claim, struct{}](size), newRecent[tokens, *counted](size)}
}

func (m *memory) add(call *counted) {
	if call.responseID != "" {
		m.byResponse.set(call.responseID, call)
	}
	if !call.reports() {
		return
	}
	call.before, _ = m.byTokens.get(call.tokens())
	oldest := call
	for kept := 1; kept < keptPerTokens && oldest.before != nil; kept++ {
		oldest = oldest.before
	}
	oldest.before = nil
	m.byTokens.set(call.tokens(), call)
}

// alsoKnown remembers another response id by which a call goes.
func (m *memory) alsoKnown(responseID string, call *counted) { m.byResponse.set(responseID, call) }

// claim lets one call repeat another; false when another span of the same emitter has: then there are two calls.
func (m *memory) claim(call, by *counted) bool {
	key := claim{call.span, by.scope}
	if m.claims.has(key) {
		return false
	}
	m.claims.set(key, struct{}{})
	return true
}

func (m *memory) clear() {
	m.byResponse.clear()
	m.claims.clear()
	m.byTokens.clear()
}

// countedOf returns what is to be remembered of a call.
func countedOf(reading *Reading, span *Span) *counted {
	room := &tellingCall{}
	found := &room.counted
	*found = counted{
		span: span.Key, scope: or(span.ScopeName, reading.Emitter), input: reading.Input, output: reading.Output,
		responseID: reading.ResponseID, startNs: span.StartNs, endNs: span.EndNs,
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
func judge(isCall bool, this *counted, beneath *Subtotal, memory *memory) verdict {
	if this.responseID != "" {
		same, known := memory.byResponse.get(this.responseID)
		if known && !(this.reports() && same.toldNothing()) {
			return verdict{Duplicate, reasonSameResponse, same}
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
		other, _ := memory.byTokens.get(this.tokens())
		for ; other != nil; other = other.before {
			if other.scope != this.scope && sameModel(this, other) && overlap(this, other) && memory.claim(other, this) {
				return verdict{Duplicate, reasonSameCall, other}
			}
		}
	}
	if isCall {
		return verdict{}
	}
	return verdict{reason: reasonOnlyCarrier}
}

// judgeOver judges a span that reports usage above calls already counted; no role when it is a call of its own.
func judgeOver(isCall bool, this *counted, beneath *Subtotal) verdict {
	calls := beneath.calls
	for n := len(calls) - 1; n >= 0; n-- {
		if calls[n].tokens() == this.tokens() {
			return verdict{Duplicate, reasonRepeats, calls[n]}
		}
	}
	within := this.input.N <= beneath.Input && this.output.N <= beneath.Output
	switch {
	case !isCall && within:
		return verdict{role: Aggregate, reason: reasonSum}
	case !isCall:
		return verdict{role: Aggregate, reason: reasonExceeds}
	case ownResponse(this, calls):
		return verdict{}
	case within:
		return verdict{role: Aggregate, reason: reasonSum}
	}
	last := calls[len(calls)-1]
	if beneath.count == 1 && last.scope != this.scope && sameModel(this, last) {
		return verdict{Duplicate, reasonExceeds, last}
	}
	return verdict{}
}

// judgeBlank judges a model call without usage above calls already counted, be they without usage too.
func judgeBlank(beneath *Subtotal) verdict {
	switch {
	case beneath.count > 1:
		return verdict{role: Aggregate, reason: reasonSum}
	case beneath.count == 1:
		return verdict{Duplicate, reasonRepeats, beneath.calls[len(beneath.calls)-1]}
	}
	return verdict{Duplicate, reasonRepeats, beneath.blank}
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

func sameModel(this, other *counted) bool {
	if this.models == [2]string{} || other.models == [2]string{} {
		return true
	}
	for _, a := range this.models {
		for _, b := range other.models {
			if a != "" && b != "" && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) {
				return true
			}
		}
	}
	return false
}

// slackNs is how long after the other's end a span of another emitter may begin and still be the same call: LlamaIndex
// ends the span of a stream 0.2 ms before the client's begins.
const slackNs = 1_000_000

// overlap tells whether two spans share an instant, or one begins as good as when the other ends.
func overlap(this, other *counted) bool {
	return this.startNs-other.endNs <= slackNs && other.startNs-this.endNs <= slackNs
}

// onlyHere returns the meters used by a duplicate or aggregate that no call counted in its place tells, in their own
// order. Of an aggregate the latest calls beneath are looked at. Nothing is known of calls of an earlier run.
func onlyHere(reading *Reading, found verdict, beneath *Subtotal) []string {
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
	if reason != reasonExceeds && !strings.HasPrefix(reason, reasonTellsMore) {
		return nil
	}
	return &Subtotal{Doubtful: 1}
}
