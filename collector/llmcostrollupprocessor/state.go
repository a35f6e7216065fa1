// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/internal/tracedata"
)

// state is what a processor leaves for the next one of the same name: the spans that are held, the calls of their traces that
// were passed on, and which other spans have ended. The next one takes them in as if they had just come.
type state struct {
	client storage.Client
}

// stateHead states what is stored under the other keys: so many parts of each kind.
type stateHead struct {
	// Started is when the first processor of a row began to see spans, in nanoseconds since the epoch.
	Started int64          `json:"started"`
	Parts   map[string]int `json:"parts"`
}

const (
	headKey                        = "head"
	heldKind, callsKind, endedKind = "held", "calls", "ended"
	// endedSize is about the size of a span of which only ids are stored.
	endedSize = 64
)

// openState returns the state in a storage extension.
func openState(ctx context.Context, host component.Host, extension, processor component.ID) (*state, error) {
	found, known := host.GetExtensions()[extension].(storage.Extension)
	if !known {
		return nil, fmt.Errorf("storage: found %s, which is no storage extension that is enabled in service::extensions", extension)
	}
	client, err := found.GetClient(ctx, component.KindProcessor, processor, "llm_cost_rollup")
	return &state{client}, err
}

// save stores parts of each kind.
func (s *state) save(ctx context.Context, started time.Time, kinds map[string][]chunk) error {
	head := stateHead{Started: started.UnixNano(), Parts: map[string]int{}}
	marshaler := ptrace.ProtoMarshaler{}
	for kind, chunks := range kinds {
		head.Parts[kind] = len(chunks)
		for n, chunk := range chunks {
			content, err := marshaler.MarshalTraces(chunk.traces)
			if err == nil {
				err = s.client.Set(ctx, partKey(kind, n), content)
			}
			if err != nil {
				return err
			}
		}
	}
	content, err := json.Marshal(head)
	if err != nil {
		return err
	}
	// Stored last: without it, the parts are nothing.
	return s.client.Set(ctx, headKey, content)
}

// take returns what is stored and deletes it: after a crash it would be out of date.
func (s *state) take(ctx context.Context) (started time.Time, kinds map[string][]ptrace.Traces, err error) {
	content, err := s.client.Get(ctx, headKey)
	if err != nil || content == nil {
		return time.Time{}, nil, err
	}
	var head stateHead
	if err := errors.Join(json.Unmarshal(content, &head), s.client.Delete(ctx, headKey)); err != nil {
		return time.Time{}, nil, err
	}
	kinds = map[string][]ptrace.Traces{}
	unmarshaler := ptrace.ProtoUnmarshaler{}
	for kind, count := range head.Parts {
		for n := range count {
			content, err := s.client.Get(ctx, partKey(kind, n))
			if err != nil {
				return time.Time{}, nil, err
			}
			part, err := unmarshaler.UnmarshalTraces(content)
			if err := errors.Join(err, s.client.Delete(ctx, partKey(kind, n))); err != nil {
				return time.Time{}, nil, err
			}
			kinds[kind] = append(kinds[kind], part)
		}
	}
	return time.Unix(0, head.Started), kinds, nil
}

func partKey(kind string, n int) string { return fmt.Sprintf("%s/%d", kind, n) }

// save stores the open traces; true when that worked, and then nothing is held any more.
func (p *rollUpProcessor) save(ctx context.Context) bool {
	held, calls, ended := &outcome{}, &outcome{}, &outcome{}
	for _, s := range p.shards {
		s.export(held, calls, ended)
	}
	started := p.shards[0].started
	kinds := map[string][]chunk{heldKind: held.chunks, callsKind: calls.chunks, endedKind: ended.chunks}
	err := p.state.save(ctx, started, kinds)
	if err != nil {
		p.logger.Error("open traces cannot be stored, and are released as incomplete", zap.Error(err))
	}
	if closed := p.state.client.Close(ctx); closed != nil {
		p.logger.Warn("the storage of open traces cannot be closed", zap.Error(closed))
	}
	return err == nil
}

// export copies what is held, the calls of open traces, and the ids of all other spans that have ended lately.
func (s *shard) export(held, calls, ended *outcome) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	isCall := map[cost.SpanKey]bool{}
	for _, trace := range s.traces {
		for n := range trace.spans {
			from := &trace.spans[n]
			from.data.CopyTo(held.add(from.resource, from.origin, from.size))
		}
		for n := range trace.calls {
			from := &trace.calls[n]
			isCall[tracedata.Key(from.data.TraceID(), from.data.SpanID())] = true
			from.data.CopyTo(calls.add(from.resource, from.origin, from.size))
		}
	}
	nowhere, nobody := &heldResource{resource: pcommon.NewResource()}, &origin{scope: pcommon.NewInstrumentationScope()}
	s.ledger.EachEnded(func(key, parent cost.SpanKey) {
		if isCall[key] {
			return
		}
		into := ended.add(nowhere, nobody, endedSize)
		into.SetTraceID(traceIDOf(key))
		into.SetSpanID(spanID(key.ID))
		if parent != (cost.SpanKey{}) {
			into.SetParentSpanID(spanID(parent.ID))
		}
	})
}

// restore takes in what an earlier processor left.
func (p *rollUpProcessor) restore(ctx context.Context) error {
	started, kinds, err := p.state.take(ctx)
	if err != nil || kinds == nil {
		return err
	}
	for _, s := range p.shards {
		s.started = started
	}
	for _, part := range kinds[endedKind] {
		p.restoreEnded(part)
	}
	now, spans := time.Now(), 0
	for _, kind := range [...]string{callsKind, heldKind} {
		for _, part := range kinds[kind] {
			spans += part.SpanCount()
			buf := p.bufs.Get().(*[]arrivals)
			p.sort(part, *buf)
			for n := range *buf {
				of := &(*buf)[n]
				p.shards[n].onBatch(now, of)
				p.send(ctx, p.shards[n].hold(now, of))
				of.clear()
			}
			p.bufs.Put(buf)
		}
	}
	p.logger.Info("open traces of an earlier run are taken in", zap.Int("spans", spans))
	return nil
}

func (p *rollUpProcessor) restoreEnded(part ptrace.Traces) {
	for _, resource := range part.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				key := tracedata.Key(span.TraceID(), span.SpanID())
				s := p.shards[p.shardOf(span.TraceID())]
				s.mutex.Lock()
				s.ledger.EndAncestor(key, tracedata.Key(span.TraceID(), span.ParentSpanID()), false)
				s.mutex.Unlock()
			}
		}
	}
}

// keepCall remembers of a call that is passed on what a later processor needs to count it.
func (s *shard) keepCall(a *arrival, moved *mover) {
	trace := s.traces[a.key.Trace]
	if trace == nil {
		return
	}
	resource, from := moved.origin(&a.passing)
	kept := ptrace.NewSpan()
	kept.SetTraceID(a.data.TraceID())
	kept.SetSpanID(a.data.SpanID())
	kept.SetParentSpanID(a.data.ParentSpanID())
	kept.SetStartTimestamp(a.data.StartTimestamp())
	kept.SetEndTimestamp(a.data.EndTimestamp())
	kept.SetKind(a.data.Kind())
	kept.SetFlags(a.data.Flags())
	for key, value := range a.data.Attributes().All() {
		if strings.HasPrefix(key, "llm.") {
			value.CopyTo(kept.Attributes().PutEmpty(key))
		}
	}
	trace.calls = append(trace.calls, heldSpan{data: kept, origin: from, resource: resource, size: sizeOf(kept)})
}
