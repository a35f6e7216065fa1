// SPDX-License-Identifier: Apache-2.0

package cost

// keptCalls is how many of the calls beneath a span are kept for comparison; totals cover all of them.
const keptCalls = 64

// Subtotal is what the calls of a subtree add up to.
type Subtotal struct {
	// Femto is what the Priced ones cost.
	Femto  Femto
	Priced int64
	// Input and Output are tokens; Requests counts the calls, Unpriced those without a cost, Doubtful those that are
	// partial or unpriced.
	Input, Output, Requests, Unpriced, Doubtful int64

	// Of the calls that report tokens: the latest, and how many; of those that report none likewise.
	calls  []*counted
	count  int64
	blank  *counted
	blanks int64
	one    [1]*counted
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
	s.blanks += other.blanks
	if other.blank != nil {
		s.blank = other.blank
	}
	s.count += other.count
	if len(s.calls) == 0 {
		s.calls = other.calls
		return
	}
	s.calls = append(s.calls, other.calls...)
	if len(s.calls) > 2*keptCalls {
		s.calls = append([]*counted(nil), s.calls[len(s.calls)-keptCalls:]...)
	}
}

// absorbBlanks takes back the calls without usage: the call above them has told it, and is the same request.
func (s *Subtotal) absorbBlanks() {
	s.Requests -= s.blanks
	s.Unpriced -= s.blanks
	s.Doubtful -= s.blanks
	s.blanks, s.blank = 0, nil
}

// rollUp holds the open subtotals by the span that they belong to, and the spans that have ended with their parents.
type rollUp struct {
	pending recent[SpanKey, *Subtotal]
	closed  endings
	// blanks are spans that were counted as calls without usage.
	blanks recent[SpanKey, struct{}]
	late   int64
}

func newRollUp(openSpans, closedSpans int) *rollUp {
	return &rollUp{pending: newRecent[SpanKey, *Subtotal](openSpans), closed: newEndings(closedSpans), blanks: newRecent[SpanKey, struct{}](openSpans)}
}

// toldLate takes back the parent's request when that parent has ended as a call without usage: the call tells it now.
func (r *rollUp) toldLate(parent SpanKey, call *Subtotal) {
	if _, was := r.blanks.take(parent); was {
		call.Requests--
		call.Unpriced--
		call.Doubtful--
	}
}

// passUp adds a subtotal to the nearest open ancestor from parent on, and returns it; when none is left the subtotal is
// late.
func (r *rollUp) passUp(parent SpanKey, subtotal *Subtotal) SpanKey {
	target := parent
	var passed map[SpanKey]bool
	for target != (SpanKey{}) {
		above, ended := r.closed.get(target)
		if !ended {
			break
		}
		if passed == nil {
			passed = map[SpanKey]bool{}
		}
		passed[target] = true
		if passed[above] {
			// Spans that name one another as parents have no ancestor that is open.
			above = SpanKey{}
		}
		target = above
	}
	if target == (SpanKey{}) {
		r.late += max(subtotal.Requests, subtotal.count)
		return target
	}
	if held, open := r.pending.get(target); open {
		held.add(subtotal)
	} else {
		r.pending.set(target, subtotal)
	}
	return target
}
