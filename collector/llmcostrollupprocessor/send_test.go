// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostrollupprocessor/internal/metadata"
)

// moody is a consumer that refuses what comes while it has an error.
type moody struct {
	consumertest.TracesSink
	refuses atomic.Pointer[error]
}

func (m *moody) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (m *moody) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if refusal := m.refuses.Load(); refusal != nil {
		return *refusal
	}
	return m.TracesSink.ConsumeTraces(ctx, td)
}

func (m *moody) refuse(err error) { m.refuses.Store(&err) }

func startedBefore(t *testing.T, next consumer.Traces) processor.Traces {
	t.Helper()
	p, err := NewFactory().CreateTraces(
		context.Background(), processortest.NewNopSettings(metadata.Type), createDefaultConfig(), next)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	return p
}

func TestWhatIsReleasedWhileAQueueIsFullIsOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &moody{}
		p := startedBefore(t, next)
		send(t, p, span{Trace: 1, ID: 1}, span{Trace: 1, ID: 2, Parent: 1, Attributes: priced(10, 1, "a")})
		next.refuse(errors.New("sending queue is full"))
		time.Sleep(12 * time.Second)
		assert.Empty(t, tracetest.Find(next.AllTraces(), 1, 1))
		next.refuses.Store(nil)
		time.Sleep(longestRetry)
		roots := tracetest.Find(next.AllTraces(), 1, 1)
		require.Len(t, roots, 1)
		assert.Equal(t, int64(10), tracetest.Raw(roots[0], "llm.trace_cost_nanousd"))
		require.NoError(t, p.Shutdown(context.Background()))
		assert.Equal(t, 2, next.SpanCount())
	})
}

func TestWhatIsRefusedForGoodIsNotOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &moody{}
		p := startedBefore(t, next)
		send(t, p, span{Trace: 1, ID: 1})
		next.refuse(consumererror.NewPermanent(errors.New("bad data")))
		time.Sleep(12 * time.Second)
		next.refuses.Store(nil)
		require.NoError(t, p.Shutdown(context.Background()))
		assert.Zero(t, next.SpanCount())
	})
}

func TestWhatWasRefusedIsOfferedOnceMoreOnShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &moody{}
		p := startedBefore(t, next)
		send(t, p, span{Trace: 1, ID: 1})
		next.refuse(errors.New("sending queue is full"))
		time.Sleep(12 * time.Second)
		go func() {
			time.Sleep(time.Millisecond)
			next.refuses.Store(nil)
		}()
		time.Sleep(2 * time.Millisecond)
		require.NoError(t, p.Shutdown(context.Background()))
		assert.Equal(t, 1, next.SpanCount())
	})
}

func TestWhatIsReleasedTogetherLeavesInPartsThatBackendsTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &moody{}
		p := startedBefore(t, next)
		large := map[string]any{"big": strings.Repeat("x", 100_000)}
		var spans []span
		for trace := range byte(100) {
			spans = append(spans, span{Trace: trace + 1, ID: 1, Attributes: large})
		}
		send(t, p, spans...)
		require.NoError(t, p.Shutdown(context.Background()))
		assert.Equal(t, 100, next.SpanCount())
		sizes := ptrace.ProtoMarshaler{}
		for _, td := range next.AllTraces() {
			assert.LessOrEqual(t, sizes.TracesSize(td), chunkBytes)
		}
	})
}
