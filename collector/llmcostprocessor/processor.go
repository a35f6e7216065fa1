// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/internal/prices"
	"github.com/spancost/spancost/collector/internal/tracedata"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
)

// costProcessor holds nothing from one batch to the next but what to price by and what was worked out from it.
type costProcessor struct {
	current   atomic.Pointer[generation]
	source    *prices.Source
	logger    *zap.Logger
	telemetry *telemetry
	leftOut   ledger.LeftOut
	content   *contentFilter
	tagger    *tagger
	// readsResources: a contract asks what the resource states of whom a call is for.
	readsResources, keepProvider bool
	reloadInterval               time.Duration

	stop    chan struct{}
	stopped sync.WaitGroup
}

// generation is what was loaded at one time, with the workers that price by it.
type generation struct {
	loaded   *prices.Loaded
	released time.Time
	workers  sync.Pool
}

func newCostProcessor(set processor.Settings, cfg *Config) (*costProcessor, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	p := &costProcessor{
		source: cfg.source(), logger: set.Logger, telemetry: &telemetry{builder: builder}, leftOut: cfg.leftOut(),
		readsResources: cfg.ContractFile != "", keepProvider: cfg.KeepProvider, reloadInterval: cfg.ReloadInterval,
		tagger: newTagger(cfg), stop: make(chan struct{}),
	}
	if cfg.DropContent {
		p.content = newContentFilter(cfg.ContentAttributes)
	}
	if err := p.load(p.source.Load); err != nil {
		return nil, err
	}
	return p, p.observe(builder)
}

func (p *costProcessor) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	g := p.current.Load()
	w := g.workers.Get().(*worker)
	if p.tagger != nil {
		p.tagger.put(td, g.loaded.Dialects)
	}
	p.gather(td, g.loaded.Dialects, w)
	w.price(func(span ptrace.Span, written *ledger.Writes) {
		tracedata.Put(span.Attributes(), written)
	})
	p.telemetry.record(ctx, w)
	w.clear()
	g.workers.Put(w)
	if p.content != nil {
		p.telemetry.builder.ProcessorLlmCostWithheldAttributes.Add(ctx, p.content.drop(td))
	}
	return td, nil
}

// gather puts the spans that may report a model call into the worker.
func (p *costProcessor) gather(td ptrace.Traces, dialects *dialect.Dialects, w *worker) {
	for _, resource := range td.ResourceSpans().All() {
		var about cost.Attributes
		if p.readsResources {
			about = tracedata.Attributes(resource.Resource().Attributes(), nil)
		}
		from := source{
			resource: about, language: tracedata.Language(resource.Resource()), process: tracedata.Process(resource.Resource(), dialects),
		}
		for _, scope := range resource.ScopeSpans().All() {
			from.isDetached = dialects.Identity().IsDetached(scope.Scope().Name())
			from.isReplay = dialects.Identity().Replays(scope.Scope().Name())
			w.from(from)
			for _, span := range scope.Spans().All() {
				if mayReport(dialects, span.Attributes()) {
					w.take(span, scope.Scope())
				}
			}
		}
	}
	if w.hasParents {
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
