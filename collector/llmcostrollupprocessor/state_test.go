// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostrollupprocessor/internal/metadata"
)

// memoryStorage is a storage extension that outlives the processors of a test.
type memoryStorage struct {
	component.StartFunc
	component.ShutdownFunc
	content map[string][]byte
	isFull  bool
}

func (m *memoryStorage) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return m, nil
}

func (m *memoryStorage) Get(_ context.Context, key string) ([]byte, error) {
	return m.content[key], nil
}

func (m *memoryStorage) Set(_ context.Context, key string, value []byte) error {
	if m.isFull {
		return errors.New("no space")
	}
	m.content[key] = value
	return nil
}

func (m *memoryStorage) Delete(_ context.Context, key string) error {
	delete(m.content, key)
	return nil
}

func (m *memoryStorage) Batch(context.Context, ...*storage.Operation) error {
	return errors.ErrUnsupported
}

func (m *memoryStorage) Close(context.Context) error { return nil }

// withStorage is a host with a storage extension.
type withStorage struct {
	component.Host
	id      component.ID
	storage *memoryStorage
}

func (h *withStorage) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{h.id: h.storage}
}

func stored() *withStorage {
	return &withStorage{
		Host: componenttest.NewNopHost(), id: component.MustNewID("file_storage"), storage: &memoryStorage{content: map[string][]byte{}},
	}
}

// startedOn starts a processor that stores its open traces.
func startedOn(t *testing.T, host *withStorage, sink *consumertest.TracesSink, shards int) processor.Traces {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.Shards, cfg.Storage = shards, &host.id
	require.NoError(t, cfg.Validate())
	p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), host))
	return p
}

func TestAStoredTraceGoesOnAfterARestart(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(tracetest.Start.Add(-time.Second)))
				random := rand.New(rand.NewPCG(seed, 3))
				host, sink, spans := stored(), new(consumertest.TracesSink), threeServices()
				random.Shuffle(len(spans), func(a, b int) { spans[a], spans[b] = spans[b], spans[a] })
				for shards := 1; len(spans) > 0; shards++ {
					count := 1 + random.IntN(len(spans))
					p := startedOn(t, host, sink, shards)
					time.Sleep(time.Second)
					send(t, p, spans[:count]...)
					spans = spans[count:]
					require.NoError(t, p.Shutdown(context.Background()))
				}
				p := startedOn(t, host, sink, 3)
				assert.Empty(t, host.storage.content, "after a crash it would be out of date")
				time.Sleep(11 * time.Second)
				assertTotals(t, sink.AllTraces())
				require.NoError(t, p.Shutdown(context.Background()))
				assert.Equal(t, len(threeServices()), sink.SpanCount())
			})
		})
	}
}

func TestWhatCannotBeStoredIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, sink := stored(), new(consumertest.TracesSink)
		p := startedOn(t, host, sink, 2)
		send(t, p, threeServices()...)
		host.storage.isFull = true
		require.NoError(t, p.Shutdown(context.Background()))
		assert.Equal(t, len(threeServices()), sink.SpanCount())
		assert.Equal(t, false, tracetest.Raw(tracetest.Find(sink.AllTraces(), 1, 1)[0], "llm.trace_cost_complete"))
	})
}

func TestAStorageThatIsNotEnabledIsAnError(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	id := component.MustNewID("file_storage")
	cfg.Storage = &id
	p, err := NewFactory().CreateTraces(
		context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.ErrorContains(t, p.Start(context.Background(), componenttest.NewNopHost()), "storage: found file_storage")
	require.NoError(t, p.Shutdown(context.Background()))
	cfg.Mode = ModeBatch
	require.ErrorContains(t, cfg.Validate(), "storage")
}
