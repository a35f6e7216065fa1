// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/spancost/spancost/collector/cost/ledger"
)

// refused are parts that the next component did not take: nobody else has these spans, so they are offered again.
type refused struct {
	mutex  sync.Mutex
	chunks []chunk
	bytes  int
}

// keep holds a part; false when that would be more than most bytes.
func (r *refused) keep(p chunk, most int) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.bytes+p.bytes > most {
		return false
	}
	r.chunks, r.bytes = append(r.chunks, p), r.bytes+p.bytes
	return true
}

// take hands over all that is kept.
func (r *refused) take() []chunk {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	kept := r.chunks
	r.chunks, r.bytes = nil, 0
	return kept
}

// send passes what was released on, and counts what happened meanwhile.
func (p *rollUpProcessor) send(ctx context.Context, out *outcome) {
	p.withdrawn(ctx, out.withdrawn)
	for reason, traces := range out.early {
		p.builder.ProcessorLlmCostRollupEarlyReleases.Add(ctx, traces, metric.WithAttributeSet(reasonSet(reason)))
	}
	if out.lateCalls > 0 {
		p.builder.ProcessorLlmCostRollupLateCalls.Add(ctx, out.lateCalls)
		p.builder.ProcessorLlmCostRollupLateCost.Add(ctx, out.lateCost.Nano())
	}
	if out.corrections > 0 {
		p.builder.ProcessorLlmCostRollupCorrections.Add(ctx, out.corrections)
	}
	if out.evicted > 0 {
		p.builder.ProcessorLlmCostRollupForgottenTotals.Add(ctx, out.evicted)
	}
	for _, chunk := range out.chunks {
		p.deliver(ctx, chunk)
	}
}

// deliver passes a chunk on. One that is refused for now (a full queue) is kept and sent again; one that is refused for
// good, or that there is no memory for, is dropped and counted.
func (p *rollUpProcessor) deliver(ctx context.Context, chunk chunk) {
	err := p.next.ConsumeTraces(ctx, chunk.traces)
	if err == nil || (!consumererror.IsPermanent(err) && p.refused.keep(chunk, p.cfg.MaxHeldBytes)) {
		return
	}
	p.drop(ctx, chunk, err)
}

func (p *rollUpProcessor) retry(ctx context.Context) {
	for _, chunk := range p.refused.take() {
		p.deliver(ctx, chunk)
	}
}

// flush sends what was refused once more; what is refused again is dropped and counted.
func (p *rollUpProcessor) flush(ctx context.Context) {
	for _, chunk := range p.refused.take() {
		if err := p.next.ConsumeTraces(ctx, chunk.traces); err != nil {
			p.drop(ctx, chunk, err)
		}
	}
}

func (p *rollUpProcessor) drop(ctx context.Context, chunk chunk, err error) {
	p.builder.ProcessorLlmCostRollupRefusedSpans.Add(ctx, int64(chunk.spans))
	p.logger.Error("released spans were refused by the next component", zap.Int("spans", chunk.spans), zap.Error(err))
}

func (p *rollUpProcessor) withdrawn(ctx context.Context, calls ledger.RepeatCounts) {
	for n, number := range calls {
		if number > 0 {
			p.builder.ProcessorLlmCostRollupWithdrawnCalls.Add(
				ctx, number, metric.WithAttributeSet(reasonSet(ledger.RepeatReasons[n])))
		}
	}
}

// reused counts response ids that came with other tokens.
func (p *rollUpProcessor) reused(ctx context.Context, ids int64) {
	if ids > 0 {
		p.builder.ProcessorLlmCostRollupReusedResponseIds.Add(ctx, ids)
	}
}
