// SPDX-License-Identifier: Apache-2.0

package cost

import "sync"

// How many calls with the same response id, or the same tokens in a trace, or in a process, are kept.
const (
	keptPerKey     = 8
	keptPerProcess = 32
)

// RecentCalls holds the calls counted lately, in any trace, to compare later spans with: by response id, by trace and tokens,
// by process and tokens. Ledgers that share one decide alike, whichever of them a trace falls to.
type RecentCalls struct {
	mutex    sync.Mutex
	identity *identity

	byResponse recent[string, *heldCall]
	here       recent[tokensHere, *heldCall]
	attached   recent[tokensOfProcess, *heldCall]
	detached   recent[tokensOfProcess, *heldCall]
	claims     recent[claim, struct{}]
	noIdentity recent[reusedID, struct{}]
	scopes     map[string]bool
	reused     int64
}

// heldCall is a call in a list of calls, newest first.
type heldCall struct {
	call   *counted
	before *heldCall
	depth  int
}

type tokensHere struct {
	trace [2]uint64
	tokens
}

type tokensOfProcess struct {
	process string
	tokens
}

type claim struct {
	span  SpanKey
	scope string
}

type reusedID struct{ id, provider string }

// NewRecentCalls returns a memory that keeps at least some number of calls and at most twice as many.
func NewRecentCalls(dialects *Dialects, calls int) *RecentCalls {
	return &RecentCalls{
		identity: dialects.identity, byResponse: newRecent[string, *heldCall](calls),
		here: newRecent[tokensHere, *heldCall](calls), attached: newRecent[tokensOfProcess, *heldCall](calls),
		detached: newRecent[tokensOfProcess, *heldCall](calls), claims: newRecent[claim, struct{}](calls),
		noIdentity: newRecent[reusedID, struct{}](calls), scopes: map[string]bool{},
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
	m.byResponse.clear()
	m.here.clear()
	m.attached.clear()
	m.detached.clear()
	m.claims.clear()
	m.noIdentity.clear()
}

// add remembers a call.
func (m *RecentCalls) add(call *counted) {
	if call.responseID != "" {
		put(&m.byResponse, call.responseID, &call.held[0], call, keptPerKey)
	}
	if !call.reports() {
		return
	}
	put(&m.here, call.tokensHere(), &call.held[1], call, keptPerKey)
	if call.process == "" {
		return
	}
	of := &m.attached
	if m.isDetached(call.scope) {
		of = &m.detached
	}
	put(of, call.tokensOfProcess(), &call.held[2], call, keptPerProcess)
}

// put holds a call before the others under its key, and lets the oldest go now and then.
func put[K comparable](in *recent[K, *heldCall], key K, at *heldCall, call *counted, most int) {
	before, _ := in.get(key)
	*at = heldCall{call: call, before: before}
	if before != nil {
		at.depth = before.depth + 1
	}
	if at.depth >= 2*most {
		last := at
		for depth := most - 1; depth > 0; depth-- {
			last.depth = depth
			last = last.before
		}
		last.before, last.depth = nil, 0
	}
	in.set(key, at)
}

// calls appends the latest calls of a list, newest first.
func (h *heldCall) calls(into []*counted, most int) []*counted {
	for n := 0; h != nil && n < most; h, n = h.before, n+1 {
		into = append(into, h.call)
	}
	return into
}

// alsoKnown remembers another response id by which a call goes: gateways give ids of their own.
func (m *RecentCalls) alsoKnown(responseID string, call *counted) {
	if responseID != call.responseID {
		put(&m.byResponse, responseID, &heldCall{}, call, keptPerKey)
	}
}

// isClaimed tells whether a span of the emitter of one call repeats the other already: then there are two calls.
func (m *RecentCalls) isClaimed(call, by *counted) bool {
	return m.claims.has(claim{call.span, by.scope})
}

func (m *RecentCalls) claim(call, by *counted) { m.claims.set(claim{call.span, by.scope}, struct{}{}) }

// reuse notes that a provider gave a response id to two calls.
func (m *RecentCalls) reuse(responseID, provider string) {
	if !m.isReused(responseID, provider) {
		m.noIdentity.set(reusedID{responseID, provider}, struct{}{})
		m.reused++
	}
}

func (m *RecentCalls) isReused(responseID, provider string) bool {
	return m.noIdentity.has(reusedID{responseID, provider})
}

func (m *RecentCalls) isDetached(scope string) bool {
	known, looked := m.scopes[scope]
	if !looked {
		const kept = 1_024
		if len(m.scopes) >= kept {
			clear(m.scopes)
		}
		known = m.identity.isDetached(scope)
		m.scopes[scope] = known
	}
	return known
}

// elsewhere returns the calls in other traces of the process of a call with exactly its tokens, of which one is detached,
// newest first. One of the two is a root: within a request both would be in its trace.
func (m *RecentCalls) elsewhere(call *counted) (found []*counted) {
	if call.process == "" {
		return nil
	}
	key := call.tokensOfProcess()
	held, _ := m.detached.get(key)
	all := held.calls(nil, keptPerProcess)
	if m.isDetached(call.scope) {
		held, _ = m.attached.get(key)
		all = held.calls(all, keptPerProcess)
	}
	for _, other := range all {
		if other.span.Trace != call.span.Trace && !(other.isChild && call.isChild) {
			found = append(found, other)
		}
	}
	return found
}
