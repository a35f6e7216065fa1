// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"slices"

	"github.com/spancost/spancost/collector/cost"
)

const (
	// kept is how many calls of a stream are kept as evidence.
	kept = 8
	// shrinks is by how many tokens a context may shrink and go on; jump is by how many any context may grow in one call.
	shrinks = 256
	jump    = 50_000
	// atOnce is the part of a call after which the next one is no call at the same time: instrumentations report ends late.
	atOnce = 10
	// leastRises is how often in a row a context must have grown to be taken for a conversation, not for a list of items.
	leastRises = 2
	// smallOutput is below how many tokens outputs of one size are no sign of one request.
	smallOutput = 20
)

// stream is one context of a session: its last call, those before that are kept as evidence, and what each rule keeps.
type stream struct {
	model                               string
	last                                *observation
	recent                              []*observation
	firstNs                             int64
	longTTL                             bool
	repeats, similar, cold, warm, rises int64
	calls, weight, rereadWeight         int64
	cost                                cost.Femto
	loop                                *loopState
	retryStorm, toolLoop, lost, creep   *Episode
}

func newStream(call *observation) *stream {
	return &stream{
		model: call.model, last: call, recent: []*observation{call}, firstNs: call.startNs, calls: 1, cost: call.cost,
	}
}

// fits reports whether a call may continue this context: calls that overlap do not, and a context does not shrink but by
// compaction, which begins a new one.
func (s *stream) fits(call *observation) bool {
	last := s.last
	if call.model != s.model || call.startNs < last.startNs+(last.endNs-last.startNs)/atOnce {
		return false
	}
	size, before := call.input, last.input
	return size+shrinks >= before-before/50 && size <= 4*before+jump
}

func (s *stream) keep(call *observation) {
	s.last = call
	if len(s.recent) == kept {
		copy(s.recent, s.recent[1:])
		s.recent = s.recent[:kept-1]
	}
	s.recent = append(s.recent, call)
}

// lately returns the last calls before this one that are kept, at most n.
func (s *stream) lately(n int64) []*observation {
	return s.recent[max(0, int64(len(s.recent))-n):]
}

// session holds the contexts of one session, the last used at the end. Many sessions have one call; of these nothing but the
// call is kept.
type session struct {
	first   *observation
	streams []*stream
}

// stream returns the context that a call continues; nil when it begins one, of which there are at most limit.
func (s *session) stream(call *observation, limit int64) *stream {
	if s.first == nil {
		s.first = call
		return nil
	}
	if s.streams == nil {
		s.streams = []*stream{newStream(s.first)}
	}
	if len(s.streams) == 1 && s.streams[0].fits(call) {
		return s.streams[0]
	}
	best := -1
	for i, each := range s.streams {
		if each.fits(call) && (best < 0 || abs(call.input-each.last.input) < abs(call.input-s.streams[best].last.input)) {
			best = i
		}
	}
	if best < 0 {
		if int64(len(s.streams)) >= limit {
			s.streams = slices.Delete(s.streams, 0, 1)
		}
		s.streams = append(s.streams, newStream(call))
		return nil
	}
	found := s.streams[best]
	s.streams = append(slices.Delete(s.streams, best, best+1), found)
	return found
}
