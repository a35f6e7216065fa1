// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
)

// How many calls with the same response id, or the same tokens in a trace, or in a process, are kept.
const (
	keptPerKey     = 8
	keptPerProcess = 32
)

// RecentCalls holds the calls counted lately, in any trace, to compare later spans with: by response id, by trace and tokens,
// by process and tokens. Ledgers that share one decide alike, whichever of them a trace falls to.
type RecentCalls struct {
	mutex    sync.Mutex
	identity *dialect.Identity

	byResponse cost.GenerationalCache[string, *heldCall]
	here       cost.GenerationalCache[traceTokens, *heldCall]
	attached   cost.GenerationalCache[processTokens, *heldCall]
	detached   cost.GenerationalCache[processTokens, *heldCall]
	claims     cost.GenerationalCache[claim, struct{}]
	noIdentity cost.GenerationalCache[reusedID, struct{}]
	scopes     map[string]traits
	reused     int64
	// doubted are spans of which another one was taken for a copy, without an id that shows it.
	doubted   cost.GenerationalCache[uint64, struct{}]
	hasDoubts atomic.Bool
}

// heldCall is a call in a list of calls, newest first.
type heldCall struct {
	call   *CountedCall
	before *heldCall
	depth  int
}

type traceTokens struct {
	trace [2]uint64
	tokens
}

type processTokens struct {
	process string
	tokens
}

type claim struct {
	span  cost.SpanKey
	scope string
}

// traits are what data says of an emitter.
type traits struct{ isDetached, nests, isBeside bool }

type reusedID struct{ id, provider string }

// NewRecentCalls returns a memory that keeps at least some number of calls and at most twice as many.
func NewRecentCalls(dialects *dialect.Dialects, calls int) *RecentCalls {
	return &RecentCalls{
		identity: dialects.Identity(), byResponse: cost.NewGenerationalCache[string, *heldCall](calls),
		here: cost.NewGenerationalCache[traceTokens, *heldCall](calls), attached: cost.NewGenerationalCache[processTokens, *heldCall](calls),
		detached: cost.NewGenerationalCache[processTokens, *heldCall](calls), claims: cost.NewGenerationalCache[claim, struct{}](calls),
		noIdentity: cost.NewGenerationalCache[reusedID, struct{}](calls), scopes: map[string]traits{},
		doubted: cost.NewGenerationalCache[uint64, struct{}](calls),
	}
}

// TakeReused returns how many response ids, since the last time it was asked, came with other tokens and are no identity
// any more.
func (m *RecentCalls) TakeReused() int64 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := m.reused
	m.reused = 0
	return found
}

func (m *RecentCalls) clear() {
	m.byResponse.Clear()
	m.here.Clear()
	m.attached.Clear()
	m.detached.Clear()
	m.claims.Clear()
	m.noIdentity.Clear()
	m.doubted.Clear()
	m.hasDoubts.Store(false)
}

// addResponse remembers a call by its response id alone.
func (m *RecentCalls) addResponse(call *CountedCall) {
	if call.responseID != "" {
		if !call.isLooked[0] {
			call.held[0].before, _ = m.byResponse.Get(call.responseID)
		}
		put(&m.byResponse, call.responseID, &call.held[0], call, keptPerKey)
	}
}

// add remembers a call.
func (m *RecentCalls) add(call *CountedCall) {
	m.addResponse(call)
	if !call.reports() {
		return
	}
	if !call.isLooked[1] {
		call.held[1].before, _ = m.here.Get(call.traceTokens())
	}
	put(&m.here, call.traceTokens(), &call.held[1], call, keptPerKey)
	if call.process == "" {
		return
	}
	of := &m.attached
	if m.isDetached(call.scope) {
		of = &m.detached
	}
	call.held[2].before, _ = of.Get(call.processTokens())
	put(of, call.processTokens(), &call.held[2], call, keptPerProcess)
}

// put holds a call before the others under its key (at.before), and lets the oldest go now and then.
func put[K comparable](in *cost.GenerationalCache[K, *heldCall], key K, at *heldCall, call *CountedCall, most int) {
	at.call, at.depth = call, 0
	if at.before != nil {
		at.depth = at.before.depth + 1
	}
	if at.depth >= 2*most {
		last := at
		for depth := most - 1; depth > 0; depth-- {
			last.depth = depth
			last = last.before
		}
		last.before, last.depth = nil, 0
	}
	in.Set(key, at)
}

// calls appends the latest calls of a list, newest first.
func (h *heldCall) calls(into []*CountedCall, most int) []*CountedCall {
	for n := 0; h != nil && n < most; h, n = h.before, n+1 {
		into = append(into, h.call)
	}
	return into
}

// addAlias remembers another response id by which a call goes: gateways give ids of their own.
func (m *RecentCalls) addAlias(responseID string, call *CountedCall) {
	if responseID != call.responseID {
		before, _ := m.byResponse.Get(responseID)
		put(&m.byResponse, responseID, &heldCall{before: before}, call, keptPerKey)
	}
}

// exchange stands for the emitter in the claims of spans that capture wrote on.
const exchange = "exchange"

// isClaimed reports whether a span of the emitter of one call, or another exchange, repeats the other already: then there are
// two calls.
func (m *RecentCalls) isClaimed(call, by *CountedCall) bool {
	return m.claims.Has(claim{call.span, by.scope}) || by.isExchange && m.claims.Has(claim{call.span, exchange})
}

func (m *RecentCalls) claim(call, by *CountedCall) {
	m.claims.Set(claim{call.span, by.scope}, struct{}{})
	if by.isExchange {
		m.claims.Set(claim{call.span, exchange}, struct{}{})
	}
}

// doubt notes that a span was taken for a copy of the call on the span with an id, without a response id that shows it. The
// caller holds the mutex.
func (m *RecentCalls) doubt(span uint64) {
	m.doubted.Set(span, struct{}{})
	m.hasDoubts.Store(true)
}

// doubtsAny reports whether a span was taken for a copy of one of some calls, without a response id that shows it.
func (m *RecentCalls) doubtsAny(calls []*CountedCall) bool {
	if !m.hasDoubts.Load() {
		return false
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.ContainsFunc(calls, func(call *CountedCall) bool { return m.doubted.Has(call.span.ID) })
}

// reuse notes that a provider gave a response id to two calls.
func (m *RecentCalls) reuse(responseID, provider string) {
	if !m.isReused(responseID, provider) {
		m.noIdentity.Set(reusedID{responseID, provider}, struct{}{})
		m.reused++
	}
}

func (m *RecentCalls) isReused(responseID, provider string) bool {
	return m.noIdentity.Has(reusedID{responseID, provider})
}

func (m *RecentCalls) isDetached(scope string) bool { return m.traits(scope).isDetached }

// nests reports whether an emitter may report one call on spans above one another.
func (m *RecentCalls) nests(scope string) bool { return m.traits(scope).nests }

func (m *RecentCalls) traits(scope string) traits {
	known, looked := m.scopes[scope]
	if !looked {
		const kept = 1_024
		if len(m.scopes) >= kept {
			clear(m.scopes)
		}
		known = traits{m.identity.IsDetached(scope), m.identity.Nests(scope), m.identity.IsBeside(scope)}
		m.scopes[scope] = known
	}
	return known
}

// alike returns the calls in its trace, or in its process, with exactly the tokens of a call.
func (m *RecentCalls) alike(call *CountedCall) []*CountedCall {
	held, _ := m.here.Get(call.traceTokens())
	found := held.calls(nil, keptPerKey)
	if call.process == "" {
		return found
	}
	held, _ = m.attached.Get(call.processTokens())
	found = held.calls(found, keptPerProcess)
	held, _ = m.detached.Get(call.processTokens())
	return held.calls(found, keptPerProcess)
}

// elsewhere returns the calls in other traces of the process of a call with exactly its tokens, of which one is detached,
// newest first. One of the two is a root: within a request both would be in its trace.
func (m *RecentCalls) elsewhere(call *CountedCall) (found []*CountedCall) {
	if call.process == "" {
		return nil
	}
	key := call.processTokens()
	held, _ := m.detached.Get(key)
	all := held.calls(nil, keptPerProcess)
	if m.isDetached(call.scope) {
		held, _ = m.attached.Get(key)
		all = held.calls(all, keptPerProcess)
	}
	for _, other := range all {
		if other.span.Trace != call.span.Trace && !(other.isChild && call.isChild) {
			found = append(found, other)
		}
	}
	return found
}
