// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/metric"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/internal/prices"
	"github.com/spancost/spancost/collector/internal/tracedata"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
)

// costProcessor holds nothing from one batch to the next but the rate card and what was worked out from it.
type costProcessor struct {
	dialects  *dialect.Dialects
	telemetry *telemetry
	writes    func(key string) bool
	content   *contentFilter
	workers   sync.Pool
	// readsResources: a contract asks what the resource states of whom a call is for.
	readsResources bool
}

func newCostProcessor(set processor.Settings, cfg *Config) (*costProcessor, error) {
	from := prices.Sources{
		CardFile: cfg.CardFile, CardVersion: cfg.CardVersion, ContractFile: cfg.ContractFile, EmittersFile: cfg.EmittersFile,
		AccountFacts: cfg.AccountFacts,
	}
	loaded, err := prices.Load(from, dialect.Options{ReadResponses: cfg.ReadResponses})
	if err != nil {
		return nil, err
	}
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	p := &costProcessor{
		dialects: loaded.Dialects, telemetry: &telemetry{builder: builder}, writes: chosen(cfg.Attributes),
		readsResources: cfg.ContractFile != "",
	}
	if cfg.DropContent {
		p.content = newContentFilter(cfg.ContentAttributes)
	}
	p.workers.New = func() any { return newWorker(loaded.Dialects, loaded.Prices, cfg.KeepProvider) }
	released, err := time.Parse("2006.01.02", loaded.Card.Date())
	if err != nil {
		return nil, err
	}
	return p, builder.RegisterProcessorLlmCostCardAgeCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(int64(time.Since(released).Seconds()))
		return nil
	})
}

func (p *costProcessor) shutdown(context.Context) error {
	p.telemetry.builder.Shutdown()
	return nil
}

// chosen returns what reports whether an attribute is to be written, nil for all.
func chosen(names []string) func(string) bool {
	if len(names) == 0 {
		return nil
	}
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return func(key string) bool { return set[key] }
}

func (p *costProcessor) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	w := p.workers.Get().(*worker)
	p.gather(td, w)
	w.price(func(span ptrace.Span, written *ledger.Writes) {
		tracedata.Put(span.Attributes(), written, p.writes)
	})
	p.telemetry.record(ctx, w)
	w.clear()
	p.workers.Put(w)
	if p.content != nil {
		p.telemetry.builder.ProcessorLlmCostWithheldAttributes.Add(ctx, p.content.drop(td))
	}
	return td, nil
}

// gather puts the spans that may report a model call into the worker.
func (p *costProcessor) gather(td ptrace.Traces, w *worker) {
	for _, resource := range td.ResourceSpans().All() {
		var about cost.Attributes
		if p.readsResources {
			about = tracedata.Attributes(resource.Resource().Attributes(), nil)
		}
		from := source{about, tracedata.Language(resource.Resource()), tracedata.Process(resource.Resource(), p.dialects), false}
		for _, scope := range resource.ScopeSpans().All() {
			from.isDetached = p.dialects.Identity().IsDetached(scope.Scope().Name())
			for _, span := range scope.Spans().All() {
				if p.mayReport(span.Attributes()) {
					w.take(span, scope.Scope(), from)
				}
			}
		}
	}
	if w.isCrowded() {
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					w.link(span)
				}
			}
		}
	}
}

// contentFilter removes attributes with prompts and completions.
type contentFilter struct {
	keys      map[string]bool
	beginning []string
}

func newContentFilter(keys []string) *contentFilter {
	f := &contentFilter{keys: map[string]bool{}}
	for _, key := range keys {
		if start, open := strings.CutSuffix(key, "*"); open {
			f.beginning = append(f.beginning, start)
		} else {
			f.keys[key] = true
		}
	}
	return f
}
