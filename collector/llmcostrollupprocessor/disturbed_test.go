// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/internal/tracetest"
)

func TestARefusedRequestLeavesNothingHeldAndCountsOnceWhenItComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &moody{}
		p := startedBefore(t, next)
		next.refuse(errors.New("sending queue is full"))
		for range 3 {
			require.Error(t, p.ConsumeTraces(context.Background(), tracetest.Traces(threeServices()...)))
		}
		for _, s := range p.(*rollUpProcessor).shards {
			assert.Zero(t, s.heldBytes)
		}
		next.refuses.Store(nil)
		send(t, p, threeServices()...)
		time.Sleep(11 * time.Second)
		assertTotals(t, next.AllTraces())
		require.NoError(t, p.Shutdown(context.Background()))
		assert.Equal(t, len(threeServices()), next.SpanCount(), "each span once")
	})
}

func TestAnOutageIsTriedEverLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts, isOut atomic.Int32
		isOut.Store(1)
		next, err := consumer.NewTraces(func(context.Context, ptrace.Traces) error {
			if attempts.Add(1); isOut.Load() == 1 {
				return errors.New("sending queue is full")
			}
			return nil
		})
		require.NoError(t, err)
		p := startedBefore(t, next)
		// Traces that end one after the other during the outage.
		for trace := range byte(60) {
			send(t, p, span{Trace: trace + 1, ID: 1})
			time.Sleep(time.Second)
		}
		assert.Less(t, attempts.Load(), int32(20), "each attempt counts as a failure of the queue")
		isOut.Store(0)
		attempts.Store(0)
		time.Sleep(20 * time.Second)
		assert.Positive(t, attempts.Load())
		assert.True(t, p.(*rollUpProcessor).refused.isEmpty())
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestACopyOfAReleasedRootCarriesItsTotals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sink := started(t, nil)
		send(t, p, threeServices()...)
		time.Sleep(11 * time.Second)
		send(t, p, threeServices()...)
		require.Len(t, tracetest.Find(sink.AllTraces(), 1, 1), 2)
		assertTotals(t, sink.AllTraces())
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestALateCallSaysThatTheTotalLacksIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sink := started(t, nil)
		spans := threeServices()
		send(t, p, append(spans[:7:7], spans[8])...)
		time.Sleep(12 * time.Second)
		send(t, p, spans[7])
		assert.Equal(t, false, tracetest.Raw(tracetest.Find(sink.AllTraces(), 1, 8)[0], "llm.trace_cost_complete"))
		assert.Nil(t, tracetest.Raw(tracetest.Find(sink.AllTraces(), 1, 9)[0], "llm.trace_cost_complete"))
		send(t, p, spans[0])
		roots := tracetest.Find(sink.AllTraces(), 1, 1)
		require.Len(t, roots, 2)
		assert.Equal(t, true, tracetest.Raw(roots[0], "llm.trace_cost_complete"), "it has gone")
		assert.Equal(t, false, tracetest.Raw(roots[1], "llm.trace_cost_complete"))
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestARootThatBeganBeforeTheStartIsIncomplete(t *testing.T) {
	for name, c := range map[string]struct {
		at       time.Duration
		wait     time.Duration
		complete bool
	}{
		"it runs at the start":                {500 * time.Millisecond, time.Minute, false},
		"it ended before, and comes at once":  {time.Hour, 0, false},
		"it ended before, and is replayed":    {time.Hour, time.Minute, true},
		"it begins after the start":           {-time.Hour, 0, true},
		"it begins after the start, and late": {-time.Hour, 2 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(tracetest.Start.Add(c.at)))
				p, sink := started(t, nil)
				time.Sleep(c.wait)
				send(t, p, threeServices()...)
				time.Sleep(11 * time.Second)
				root := tracetest.Find(sink.AllTraces(), 1, 1)[0]
				assert.Equal(t, int64(3_570), tracetest.Raw(root, "llm.trace_cost_nanousd"))
				assert.Equal(t, c.complete, tracetest.Raw(root, "llm.trace_cost_complete"))
				require.NoError(t, p.Shutdown(context.Background()))
			})
		})
	}
}

func TestClocksThatDifferChangeNothing(t *testing.T) {
	for name, skew := range map[string]int{"ahead": 60_000, "behind": -60_000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, sink := started(t, nil)
				spans := threeServices()
				for n := range spans {
					if spans[n].Service == "rag" {
						spans[n].From, spans[n].To = int(spans[n].ID)+skew, 1_000-int(spans[n].ID)+skew
					}
				}
				send(t, p, spans...)
				time.Sleep(11 * time.Second)
				assertTotals(t, sink.AllTraces())
				require.NoError(t, p.Shutdown(context.Background()))
			})
		})
	}
}

func TestALargeTraceHasItsTotal(t *testing.T) {
	const depth, targets = 2_000, 5_000
	synctest.Test(t, func(t *testing.T) {
		p, sink := started(t, nil)
		td := ptrace.NewTraces()
		spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		add := func(id, parent uint64, kind ptrace.SpanKind) ptrace.Span {
			made := spans.AppendEmpty()
			made.SetTraceID(pcommon.TraceID{15: 1})
			made.SetSpanID(spanID(id))
			if parent != 0 {
				made.SetParentSpanID(spanID(parent))
			}
			made.SetKind(kind)
			made.SetStartTimestamp(pcommon.NewTimestampFromTime(tracetest.Start))
			made.SetEndTimestamp(made.StartTimestamp() + 1)
			return made
		}
		add(1, 0, ptrace.SpanKindInternal)
		for n := range uint64(depth) {
			add(n+2, n+1, ptrace.SpanKindInternal)
		}
		for n := range uint64(targets) {
			add(100_000+n, depth+1, ptrace.SpanKindServer)
			tracetest.Put(add(200_000+n, 100_000+n, ptrace.SpanKindInternal).Attributes(), priced(10, 1, ""))
		}
		require.NoError(t, p.ConsumeTraces(context.Background(), td))
		time.Sleep(11 * time.Second)
		root := tracetest.Find(sink.AllTraces(), 1, 1)[0]
		assert.Equal(t, int64(10*targets), tracetest.Raw(root, "llm.trace_cost_nanousd"))
		require.NoError(t, p.Shutdown(context.Background()))
	})
}
