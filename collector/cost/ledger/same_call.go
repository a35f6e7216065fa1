// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// sameResponse classifies a span by the counted calls that have its response id; no role when none of them is the same call.
// An id that no provider issued is no identity, nor one that came with other tokens. In the trace, spans of one emitter
// must agree in tokens and be one another's parent or have the same times; those of another emitter must overlap, as must
// those of a detached one in other traces of the process. Across other traces provider, model and every token count that
// both report must agree, and the times fit. Two emitters of one process that disagree about the tokens only report one call
// all the same: it is counted once, and the reason names the difference.
func sameResponse(this *CountedCall, below *Subtotal, memory *RecentCalls) classification {
	held, known := memory.byResponse.Get(this.responseID)
	this.held[0].before, this.isLooked[0] = held, true
	if !known {
		return classification{}
	}
	form := memory.identity.Form(this.responseID)
	if form == nil {
		return classification{}
	}
	var buf [keptPerKey]*CountedCall
	others := held.calls(buf[:0], keptPerKey)
	isPassed := func(other *CountedCall) bool { return this.reports() && other.reportsNothing() }
	for _, other := range others {
		if !isPassed(other) && !agree(this, other) && !memory.mayDiffer(this, other) && !isMisreported(this, other) {
			memory.reuse(this.responseID, this.provider)
		}
	}
	if memory.isReused(this.responseID, this.provider) {
		return classification{}
	}
	var differing classification
	for _, other := range others {
		isOver := below.holds(other)
		switch {
		case !isPassed(other) && !isOver && memory.isReplay(this, other):
			return classification{reason: reasonLocalCache, of: other}
		case isPassed(other) || !(form.IsStored || isOver || overlap(this, other)):
		case memory.mayDiffer(this, other):
			if agree(this, other) {
				return classification{cost.Duplicate, reasonSameResponse, other}
			}
			if differing.role == "" {
				differing = classification{cost.Duplicate, reasonDiffers, other}
				if isNear(this, other) {
					differing.reason = reasonSameResponse
				}
			}
		case !agree(this, other):
			if differing.role == "" {
				differing = classification{cost.Duplicate, reasonDiffers, other}
			}
		case other.span.Trace != this.span.Trace:
			if sameProvider(this, other) && sameModel(this, other) {
				return classification{cost.Duplicate, reasonSameResponse, other}
			}
		case !this.reports() || form.IsStored || isOver || coincide(this, other):
			return classification{cost.Duplicate, reasonSameResponse, other}
		}
	}
	return differing
}

// sameTokens classifies a span by calls of other emitters with its model and tokens at its time: in its trace, or in its process
// where data states that one of the two emitters writes into a trace of its own. Sure is only what is the one such call in its
// trace, of such emitters: in other traces tokens and times show no identity.
func sameTokens(this *CountedCall, memory *RecentCalls) classification {
	var buf [keptPerKey]*CountedCall
	held, _ := memory.here.Get(this.traceTokens())
	this.held[1].before, this.isLooked[1] = held, true
	if found := memory.matchTokens(this, held.calls(buf[:0], keptPerKey), false); found.role != "" {
		return found
	}
	return memory.matchTokens(this, memory.elsewhere(this), true)
}

func (m *RecentCalls) matchTokens(this *CountedCall, others []*CountedCall, isElsewhere bool) classification {
	var call *CountedCall
	found, hasItsID := 0, false
	for _, other := range others {
		if other.scope == this.scope || !sameModel(this, other) || !overlap(this, other) ||
			isElsewhere && !(agree(this, other) && sameProvider(this, other)) || areTwoExchanges(this, other) ||
			m.areTwo(this, other) || m.isClaimed(other, this) {
			continue
		}
		found++
		// Whatever the order in which spans come, the same call is chosen.
		hasID := other.responseID != "" && other.responseID == this.responseID
		if call == nil || hasID && !hasItsID || hasID == hasItsID && isAfter(other, call) {
			call, hasItsID = other, hasID
		}
	}
	if call == nil {
		return classification{}
	}
	m.claim(call, this)
	reason := reasonSameTokens
	if !isElsewhere && found == 1 && m.mayReportInParallel(this, call) {
		reason = reasonSameCall
	}
	return classification{cost.Duplicate, reason, call}
}

// mayReportInParallel reports whether data says that one of two emitters of a trace reports calls that another reports too.
func (m *RecentCalls) mayReportInParallel(this, other *CountedCall) bool {
	first, second := m.traits(this.scope), m.traits(other.scope)
	return first.isDetached || second.isDetached ||
		this.process == other.process && (first.isBeside || second.isBeside)
}

// isAfter puts calls in order by end, start and id.
func isAfter(a, b *CountedCall) bool {
	return cmp.Or(cmp.Compare(a.endNs, b.endNs), cmp.Compare(a.startNs, b.startNs), cmp.Compare(a.span.ID, b.span.ID)) > 0
}

// areTwoExchanges reports whether capture saw both on the wire of one process: an exchange each, however alike they are.
func areTwoExchanges(this, other *CountedCall) bool {
	return this.isExchange && other.isExchange && this.process == other.process
}

// mayDiffer reports whether two spans with one response id may count tokens in their own ways: emitters of one trace, or
// detached.
func (m *RecentCalls) mayDiffer(this, other *CountedCall) bool {
	switch {
	case this.scope == other.scope || areTwoExchanges(this, other):
		return false
	case this.span.Trace == other.span.Trace:
		return true
	}
	return this.process != "" && this.process == other.process && (m.isDetached(this.scope) || m.isDetached(other.scope))
}

// isMisreported reports whether two emitters of one process report a call with one response id at one time, and differ in its
// tokens.
func isMisreported(this, other *CountedCall) bool {
	return this.scope != other.scope && !areTwoExchanges(this, other) && this.process != "" && this.process == other.process && overlap(this, other) &&
		sameProvider(this, other) && sameModel(this, other)
}

// areTwo reports whether both have ids of one form that differ: these are two calls, be they as alike as they may.
func (m *RecentCalls) areTwo(this, other *CountedCall) bool {
	if this.responseID == "" || other.responseID == "" || this.responseID == other.responseID {
		return false
	}
	form := m.identity.Form(this.responseID)
	return form != nil && form == m.identity.Form(other.responseID)
}

// areTwoCalls reports whether ids show that two spans, of which one is above the other, are two calls. Two emitters may report
// ids of their own: in two processes (a gateway), or ids that do not show who issued them.
func (m *RecentCalls) areTwoCalls(this, other *CountedCall) bool {
	if !m.areTwo(this, other) {
		return false
	}
	isApart := this.process != "" && other.process != "" && this.process != other.process
	return this.scope == other.scope || m.identity.Form(this.responseID).HasPrefix() && !isApart
}

// isReplay reports whether a span is an answer from the application's own cache, which repeats another with its response id.
func (m *RecentCalls) isReplay(this, other *CountedCall) bool {
	return this.scope == other.scope && m.identity.Replays(this.scope) && this.startNs > other.endNs && agree(this, other) &&
		sameProvider(this, other) && sameModel(this, other)
}

// An answer from a cache takes at most cachedNs, and at most one cachedShare-th of the time of the call that it repeats.
const cachedNs, cachedShare = 20_000_000, 4

// mayBeCached reports whether a call without an id has the tokens of an earlier one that its emitter reported, in almost no time.
// Only of emitters that report answers from the application's own cache like calls.
func (m *RecentCalls) mayBeCached(this *CountedCall) bool {
	took := this.endNs - this.startNs
	if this.responseID != "" || took > cachedNs || !m.identity.Replays(this.scope) {
		return false
	}
	return slices.ContainsFunc(m.alike(this), func(other *CountedCall) bool {
		return (other.scope == this.scope || m.isClaimed(other, this)) && other.endNs < this.startNs && took*cachedShare <= other.endNs-other.startNs &&
			agree(this, other) && sameProvider(this, other) && sameModel(this, other)
	})
}

// agree reports whether every token count that both report is the same.
func agree(this, other *CountedCall) bool {
	same := func(a, b cost.Count) bool { return !a.Known || !b.Known || a.N == b.N }
	for n := range this.parts {
		if !same(this.parts[n], other.parts[n]) {
			return false
		}
	}
	return same(this.input, other.input) && same(this.output, other.output)
}

// nearTokens is by how many tokens two emitters of one call may differ: OpenLLMetry counts the start of Anthropic's streams
// twice.
const nearTokens = 8

// isNear reports whether two emitters count a call alike but for what one does not know, and a few tokens.
func isNear(this, other *CountedCall) bool {
	near := func(a, b cost.Count) bool {
		return !a.Known || !b.Known || a.N-b.N <= nearTokens && b.N-a.N <= nearTokens
	}
	return near(this.input, other.input) && near(this.output, other.output)
}

func sameProvider(this, other *CountedCall) bool {
	return this.provider == "" || other.provider == "" || this.provider == other.provider
}

// holds reports whether a call is below, of those that are kept.
func (s *Subtotal) holds(call *CountedCall) bool {
	if s == nil {
		return false
	}
	for _, other := range s.calls {
		if other.span == call.span {
			return true
		}
	}
	return s.unreported != nil && s.unreported.span == call.span
}

// coincide reports whether two spans begin and end as good as together.
func coincide(this, other *CountedCall) bool {
	near := func(a, b int64) bool { return a-b <= slackNs && b-a <= slackNs }
	return near(this.startNs, other.startNs) && near(this.endNs, other.endNs)
}

func sameModel(this, other *CountedCall) bool {
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

// overlap reports whether two spans share an instant, or one begins as good as when the other ends.
func overlap(this, other *CountedCall) bool {
	return this.startNs-other.endNs <= slackNs && other.startNs-this.endNs <= slackNs
}
