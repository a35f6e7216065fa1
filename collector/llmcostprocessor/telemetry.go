// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
)

// tally counts the calls of a batch; both maps are bounded by closed lists.
type tally struct {
	status, unpriced map[string]int64
}

func (t *tally) add(written *ledger.Writes) {
	if written.Status == "" {
		return
	}
	if t.status == nil {
		t.status, t.unpriced = map[string]int64{}, map[string]int64{}
	}
	t.status[written.Status]++
	if written.Status == cost.Unpriced {
		reason, _, _ := strings.Cut(written.Reason, ":")
		t.unpriced[reason]++
	}
}

func (t *tally) clear() {
	clear(t.status)
	clear(t.unpriced)
}

// telemetry is what the processor states about itself.
type telemetry struct{ builder *metadata.TelemetryBuilder }

func (t *telemetry) record(ctx context.Context, w *worker) {
	for status, count := range w.tally.status {
		t.builder.ProcessorLlmCostCalls.Add(ctx, count, metric.WithAttributeSet(attribute.NewSet(attribute.String("status", status))))
	}
	for reason, count := range w.tally.unpriced {
		t.builder.ProcessorLlmCostUnpriced.Add(ctx, count, metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", reason))))
	}
	now := w.ledger.Counters()
	for n, count := range now.Since(&w.before) {
		if count > 0 {
			t.builder.ProcessorLlmCostRepeats.Add(
				ctx, count, metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", ledger.RepeatReasons[n]))))
		}
	}
	if reused := w.ledger.TakeReused(); reused > 0 {
		t.builder.ProcessorLlmCostReusedResponseIds.Add(ctx, reused)
	}
	if kept := now.AlreadyPriced - w.before.AlreadyPriced; kept > 0 {
		t.builder.ProcessorLlmCostKept.Add(ctx, kept)
	}
}
