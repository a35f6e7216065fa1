// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// dueTrace is a trace to be released by its shard; endNs is when the last of its spans that are held ended.
type dueTrace struct {
	*heldTrace
	shard int
	endNs uint64
}

// releaseDue releases the traces whose time is over. Calls of different traces may be one: the order is that of their ends, the
// same for every number of shards.
func (p *rollUpProcessor) releaseDue(ctx context.Context, now time.Time) {
	p.releaseInOrder(ctx, func(s *shard) []*heldTrace { return s.takeDue(now) }, func(s *shard, trace *heldTrace, out *outcome) {
		s.release(trace, !s.mayBeCut(trace, now), out)
	})
}

// releaseAll releases all traces before their time.
func (p *rollUpProcessor) releaseAll(ctx context.Context) {
	p.releaseInOrder(ctx, (*shard).takeAll, func(s *shard, trace *heldTrace, out *outcome) {
		out.released("shutdown")
		s.release(trace, false, out)
	})
}

func (p *rollUpProcessor) releaseInOrder(
	ctx context.Context, take func(*shard) []*heldTrace, release func(*shard, *heldTrace, *outcome),
) {
	var due []dueTrace
	for n, s := range p.shards {
		s.mutex.Lock()
		for _, trace := range take(s) {
			due = append(due, dueTrace{trace, n, trace.endNs()})
		}
		s.mutex.Unlock()
	}
	slices.SortFunc(due, func(a, b dueTrace) int {
		return cmp.Or(cmp.Compare(a.endNs, b.endNs), slices.Compare(a.id[:], b.id[:]))
	})
	outs := make([]*outcome, len(p.shards))
	for n := range outs {
		outs[n] = &outcome{}
	}
	for _, trace := range due {
		s := p.shards[trace.shard]
		s.mutex.Lock()
		if !trace.isDone {
			release(s, trace.heldTrace, outs[trace.shard])
		}
		s.mutex.Unlock()
	}
	for n, s := range p.shards {
		s.mutex.Lock()
		s.count(outs[n])
		s.mutex.Unlock()
		p.send(ctx, outs[n])
	}
}

// takeDue takes the traces whose time is over out of the queue.
func (s *shard) takeDue(now time.Time) (due []*heldTrace) {
	for len(s.queue) > 0 && (s.queue[0].isDone || !now.Before(s.queue[0].deadline)) {
		due = append(due, s.queue[0])
		s.queue = s.queue[1:]
	}
	return due
}

// takeAll takes all traces out of the queue.
func (s *shard) takeAll() (all []*heldTrace) {
	all, s.queue = s.queue, nil
	return all
}

func (t *heldTrace) endNs() (latest uint64) {
	if t.isDone {
		return 0
	}
	for n := range t.spans {
		latest = max(latest, uint64(t.spans[n].data.EndTimestamp()))
	}
	return latest
}
