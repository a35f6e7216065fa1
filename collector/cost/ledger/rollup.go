// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"github.com/spancost/spancost/collector/cost"
)

// keptCalls is how many of the calls below a span are kept for comparison; totals cover all of them.
const keptCalls = 64

// Subtotal is what the calls of a subtree add up to.
type Subtotal struct {
	// Femto is what the Priced ones cost.
	Femto  cost.Femto
	Priced int64
	// Input and Output are tokens; Requests counts the calls, Unpriced those without a cost, Doubtful those that are
	// partial or unpriced.
	Input, Output, Requests, Unpriced, Doubtful int64

	// Of the calls that report tokens: the latest, and how many; of those that report none likewise.
	calls           []*CountedCall
	count           int64
	unreported      *CountedCall
	unreportedCount int64
	one             [1]*CountedCall
}

// add takes another subtree into this one; the other is not used afterwards.
func (s *Subtotal) add(other *Subtotal) {
	s.Femto = s.Femto.Add(other.Femto)
	s.Priced += other.Priced
	s.Input += other.Input
	s.Output += other.Output
	s.Requests += other.Requests
	s.Unpriced += other.Unpriced
	s.Doubtful += other.Doubtful
	s.unreportedCount += other.unreportedCount
	if other.unreported != nil {
		s.unreported = other.unreported
	}
	s.count += other.count
	if len(s.calls) == 0 {
		s.calls = other.calls
		return
	}
	s.calls = append(s.calls, other.calls...)
	if len(s.calls) > 2*keptCalls {
		s.calls = append([]*CountedCall(nil), s.calls[len(s.calls)-keptCalls:]...)
	}
}

// latest returns the latest call: of those that report tokens, if any.
func (s *Subtotal) latest() *CountedCall {
	if len(s.calls) > 0 {
		return s.calls[len(s.calls)-1]
	}
	return s.unreported
}

// keptCalls returns the latest calls that report tokens.
func (s *Subtotal) keptCalls() []*CountedCall { return s.calls[max(len(s.calls)-keptCalls, 0):] }

// isOneRequest reports whether a call that reports usage may be the request of one above or below it that reports none.
func (m *RecentCalls) isOneRequest(this, withoutUsage *CountedCall) bool {
	return (this.scope != withoutUsage.scope || m.identity.Nests(this.scope)) && sameModel(this, withoutUsage) &&
		!areTwoExchanges(this, withoutUsage)
}

// absorbUnreported takes back the calls without usage: the call above them has reported it, and is the same request.
func (s *Subtotal) absorbUnreported() {
	s.Requests -= s.unreportedCount
	s.Unpriced -= s.unreportedCount
	s.Doubtful -= s.unreportedCount
	s.unreportedCount, s.unreported = 0, nil
}

// rollUp holds the open subtotals by the span that they belong to, and the spans that have ended with their parents.
type rollUp struct {
	pending cost.GenerationalCache[cost.SpanKey, *Subtotal]
	closed  endedSpans
	// unreported are spans that were counted as calls without usage.
	unreported cost.GenerationalCache[cost.SpanKey, *CountedCall]
	late       int64
}

func newRollUp(openSpans, closedSpans int) *rollUp {
	return &rollUp{pending: cost.NewGenerationalCache[cost.SpanKey, *Subtotal](openSpans), closed: newEndedSpans(closedSpans), unreported: cost.NewGenerationalCache[cost.SpanKey, *CountedCall](openSpans)}
}

// lateParent takes back the parent's request when that parent has ended as a call without usage: the call reports it now.
func (r *rollUp) lateParent(parent cost.SpanKey, call *Subtotal, memory *RecentCalls) {
	if silent, was := r.unreported.Get(parent); was && memory.isOneRequest(call.latest(), silent) {
		r.unreported.Take(parent)
		call.Requests--
		call.Unpriced--
		call.Doubtful--
	}
}

// passUp adds a subtotal to the nearest open ancestor from parent on, and returns it; when none is left the subtotal is
// late.
func (r *rollUp) passUp(parent cost.SpanKey, subtotal *Subtotal) cost.SpanKey {
	target := parent
	// Spans that name one another as parents have no ancestor that is open: who goes in a circle comes back to a mark, which
	// is set anew at ever longer distances.
	mark, steps, distance := parent, 0, 1
	for target != (cost.SpanKey{}) {
		above, ended := r.closed.get(target)
		if !ended {
			break
		}
		target = above
		if target == mark {
			target = cost.SpanKey{}
		}
		if steps++; steps == distance {
			mark, steps, distance = target, 0, 2*distance
		}
	}
	if target == (cost.SpanKey{}) {
		r.late += max(subtotal.Requests, subtotal.count)
		return target
	}
	if held, open := r.pending.Get(target); open {
		held.add(subtotal)
	} else {
		r.pending.Set(target, subtotal)
	}
	return target
}
