// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"bufio"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/llmcostprocessor"
)

// mix is traffic whose bill is known (tests/vectors/traffic, made by src/spancost/testing/traffic.py).
type mix struct {
	Describes   string `json:"describes"`
	BillNanoUSD int64  `json:"bill_nanousd"`
	spans       []ptrace.Traces
}

// mixes returns every mix, each span as a batch of its own.
func mixes(t *testing.T) (found []mix) {
	t.Helper()
	files, err := filepath.Glob("../../tests/vectors/traffic/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no traffic (%v); expected some", err)
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<24)
		var one mix
		for lines.Scan() {
			if one.Describes == "" {
				if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
					t.Fatal(err)
				}
				continue
			}
			// The bytes of a JSON decoder: the Collector's own refuses empty ids of parents written as "".
			td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces([]byte(strings.ReplaceAll(lines.Text(), `"parentSpanId":"",`, "")))
			if err != nil {
				t.Fatal(err)
			}
			one.spans = append(one.spans, split(td)...)
		}
		_ = file.Close()
		found = append(found, one)
	}
	return found
}

// split returns each span of some data as data of its own.
func split(td ptrace.Traces) (found []ptrace.Traces) {
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				one := ptrace.NewTraces()
				to := one.ResourceSpans().AppendEmpty()
				resource.Resource().CopyTo(to.Resource())
				in := to.ScopeSpans().AppendEmpty()
				scope.Scope().CopyTo(in.Scope())
				span.CopyTo(in.Spans().AppendEmpty())
				found = append(found, one)
			}
		}
	}
	return found
}

// batches joins spans to batches of a size, each its own copy.
func batches(spans []ptrace.Traces, size int) (found []ptrace.Traces) {
	for n, span := range spans {
		if n%size == 0 {
			found = append(found, ptrace.NewTraces())
		}
		span.ResourceSpans().At(0).CopyTo(found[len(found)-1].ResourceSpans().AppendEmpty())
	}
	return found
}

// summed returns what spans cost together, in nano-dollars, each once.
func summed(all []ptrace.Traces) (total int64) {
	seen := map[[24]byte]bool{}
	for _, td := range all {
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					var key [24]byte
					trace, id := span.TraceID(), span.SpanID()
					copy(key[:], trace[:])
					copy(key[16:], id[:])
					if value, priced := span.Attributes().Get(cost.AttrRequestCostUSD); priced && !seen[key] {
						seen[key] = true
						amount, _ := cost.FemtoOfUSD(value.Double())
						total += amount.Nano()
					}
				}
			}
		}
	}
	return total
}

// through returns what the costs add up to that both processors make of traffic: in each batch, then in the roll-up.
func through(t *testing.T, traffic []ptrace.Traces, change func(*Config)) (priced, rolledUp int64) {
	t.Helper()
	between, all := throughBoth(t, traffic, change)
	return between, summed(all)
}

// released returns what both processors make of traffic.
func released(t *testing.T, traffic []ptrace.Traces, change func(*Config)) []ptrace.Traces {
	t.Helper()
	_, all := throughBoth(t, traffic, change)
	return all
}

func throughBoth(t *testing.T, traffic []ptrace.Traces, change func(*Config)) (priced int64, all []ptrace.Traces) {
	t.Helper()
	sink, between := &consumertest.TracesSink{}, &consumertest.TracesSink{}
	factory := llmcostprocessor.NewFactory()
	pricing, err := factory.CreateTraces(
		context.Background(), processortest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig(), between)
	if err != nil {
		t.Fatal(err)
	}
	cfg := NewFactory().CreateDefaultConfig().(*Config)
	cfg.MaxWait = time.Minute
	change(cfg)
	rolling, err := NewFactory().CreateTraces(
		context.Background(), processortest.NewNopSettings(NewFactory().Type()), cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []processor.Traces{pricing, rolling} {
		if err := one.Start(context.Background(), componenttest.NewNopHost()); err != nil {
			t.Fatal(err)
		}
	}
	for _, td := range traffic {
		if err := pricing.ConsumeTraces(context.Background(), td); err != nil {
			t.Fatal(err)
		}
	}
	priced = summed(between.AllTraces())
	for _, td := range between.AllTraces() {
		if err := rolling.ConsumeTraces(context.Background(), td); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range []processor.Traces{pricing, rolling} {
		if err := one.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	return priced, sink.AllTraces()
}

func TestTheSumOfTrafficIsItsBillWhateverTheShardsBatchesAndOrder(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for _, traffic := range mixes(t) {
		for _, shards := range []int{1, 2, 7, 16} {
			for _, size := range []int{1, 9, 100_000} {
				spans := append([]ptrace.Traces{}, traffic.spans...)
				if size == 9 {
					chance.Shuffle(len(spans), func(a, b int) { spans[a], spans[b] = spans[b], spans[a] })
				}
				priced, rolledUp := through(t, batches(spans, size), func(cfg *Config) { cfg.Shards = shards })
				if priced < traffic.BillNanoUSD || (size == 100_000 && priced != traffic.BillNanoUSD) {
					t.Errorf("%s, batches of %d: priced at %d; the bill is %d", traffic.Describes, size, priced, traffic.BillNanoUSD)
				}
				if rolledUp != traffic.BillNanoUSD {
					t.Errorf("%s, %d shards, batches of %d: rolled up to %d; the bill is %d",
						traffic.Describes, shards, size, rolledUp, traffic.BillNanoUSD)
				}
			}
		}
		_, inBatch := through(t, batches(traffic.spans, 100_000), func(cfg *Config) { cfg.Mode = ModeBatch })
		if inBatch != traffic.BillNanoUSD {
			t.Errorf("%s, mode batch: %d; the bill is %d", traffic.Describes, inBatch, traffic.BillNanoUSD)
		}
	}
}
