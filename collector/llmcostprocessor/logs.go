// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/internal/tracedata"
)

// processLogs prices log records that report a model call. Each is a call of its own: what an emitter reports on spans too
// is not held here (docs/dialects.md states which signal of a coding agent to enable).
func (p *costProcessor) processLogs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	g := p.current.Load()
	w := g.workers.Get().(*worker)
	if p.tagger != nil {
		p.tagger.putLogs(ld, g.loaded.Dialects)
	}
	var record cost.Span
	for _, resource := range ld.ResourceLogs().All() {
		var about cost.Attributes
		if p.readsResources {
			about = tracedata.Attributes(resource.Resource().Attributes(), nil)
		}
		language := tracedata.Language(resource.Resource())
		for _, scope := range resource.ScopeLogs().All() {
			for _, data := range scope.LogRecords().All() {
				if !mayReport(g.loaded.Dialects, data.Attributes()) {
					continue
				}
				tracedata.FillRecord(data, scope.Scope(), &record)
				record.Resource, record.Language = about, language
				w.written.Clear()
				w.ledger.PriceAlone(&record, &w.written)
				w.tally.add(&w.written)
				tracedata.Put(data.Attributes(), &w.written)
			}
		}
	}
	p.telemetry.record(ctx, w)
	w.clear()
	g.workers.Put(w)
	if p.content != nil {
		p.telemetry.builder.ProcessorLlmCostWithheldAttributes.Add(ctx, p.content.dropLogs(ld))
	}
	return ld, nil
}

func mayReport(dialects *dialect.Dialects, attributes pcommon.Map) bool {
	for key := range attributes.All() {
		if dialects.IsMarker(key) || key == cost.AttrCostStatus {
			return true
		}
	}
	return false
}
