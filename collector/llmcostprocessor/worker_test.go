// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/internal/tracedata"
	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
)

// randomBatch returns calls in some traces, with few response ids, token counts, emitters and times, so that many repeat others.
func randomBatch(chance *rand.Rand) ptrace.Traces {
	spans := make([]tracetest.Span, 1+chance.IntN(12))
	for n := range spans {
		id := ""
		if chance.IntN(3) > 0 {
			id = fmt.Sprintf("chatcmpl-AbCdEfGh1234567890xyz%d", chance.IntN(4))
		}
		spans[n] = tracetest.Span{
			Trace: byte(1 + chance.IntN(8)), ID: byte(n + 1), Parent: byte(chance.IntN(n + 1)), Service: "shop",
			Scope:      []string{"opentelemetry.instrumentation.openai_v2", "openinference.instrumentation.openai", "mine"}[chance.IntN(3)],
			Attributes: tracetest.Call("gpt-4o-mini", 100+chance.IntN(2), 10, id),
			From:       10 * chance.IntN(4), To: 40 + 10*chance.IntN(3),
		}
		if chance.IntN(8) == 0 {
			spans[n].Attributes["llm.cost_status"] = "priced"
		}
	}
	return tracetest.Traces(spans...)
}

func TestALoneSpanIsWrittenAsWhenItIsComparedInFull(t *testing.T) {
	p, err := newCostProcessor(processortest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config))
	require.NoError(t, err)
	chance, lone := rand.New(rand.NewPCG(5, 6)), 0
	for range 2_000 {
		td := randomBatch(chance)
		full := ptrace.NewTraces()
		td.CopyTo(full)
		for _, each := range []ptrace.Traces{td, full} {
			w := p.current.Load().workers.Get().(*worker)
			p.gather(each, p.current.Load().loaded.Dialects, w)
			w.compareAll = w.compareAll || each == full
			for n := range w.candidates {
				if len(w.candidates) > 1 && w.isAlone(&w.candidates[n]) {
					lone++
				}
			}
			w.price(func(span ptrace.Span, written *ledger.Writes) { tracedata.Put(span.Attributes(), written) })
			w.clear()
			p.current.Load().workers.Put(w)
		}
		marshaler := &ptrace.JSONMarshaler{}
		found, err := marshaler.MarshalTraces(td)
		require.NoError(t, err)
		expected, err := marshaler.MarshalTraces(full)
		require.NoError(t, err)
		require.JSONEq(t, string(expected), string(found))
	}
	assert.Greater(t, lone, 1_000)
}
