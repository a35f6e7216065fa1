// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/spancost/spancost/collector/cost/ledger"
)

// refused are parts that the next component did not take: nobody else has these spans, so they are offered again, one by one
// and ever less often while it refuses: each attempt counts as a failure of its queue.
type refused struct {
	mutex  sync.Mutex
	chunks []chunk
	bytes  int
	next   time.Time
	wait   time.Duration
}

const (
	firstRetry   = 100 * time.Millisecond
	longestRetry = 5 * time.Second
)

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

func (r *refused) isEmpty() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.chunks) == 0
}

// take hands the oldest part over, when there is one.
func (r *refused) take() (chunk, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.chunks) == 0 {
		return chunk{}, false
	}
	oldest := r.chunks[0]
	r.chunks, r.bytes = r.chunks[1:], r.bytes-oldest.bytes
	return oldest, true
}

// putBack holds a part that was refused again, as the oldest.
func (r *refused) putBack(p chunk, now time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.chunks, r.bytes = append([]chunk{p}, r.chunks...), r.bytes+p.bytes
	r.wait = min(max(2*r.wait, firstRetry), longestRetry)
	r.next = now.Add(r.wait)
}

// send passes what was released on, and counts what happened meanwhile.
func (p *rollUpProcessor) send(ctx context.Context, out *outcome) {
	p.withdrawn(ctx, out.withdrawn)
	p.anomalies(ctx, out.anomalies)
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
// good, or that there is no memory for, is dropped and counted. While chunks wait, later ones wait behind them.
func (p *rollUpProcessor) deliver(ctx context.Context, chunk chunk) {
	err := errWaits
	if p.refused.isEmpty() {
		err = p.next.ConsumeTraces(ctx, chunk.traces)
	}
	if err == nil || (!consumererror.IsPermanent(err) && p.refused.keep(chunk, p.cfg.MaxHeldBytes)) {
		return
	}
	p.drop(ctx, chunk, err)
}

var errWaits = errors.New("earlier spans wait for the next component")

// retry offers what waits until a part is refused again.
func (p *rollUpProcessor) retry(ctx context.Context, now time.Time) {
	if now.Before(p.refused.next) {
		return
	}
	for {
		chunk, waits := p.refused.take()
		if !waits {
			p.refused.wait = 0
			return
		}
		switch err := p.next.ConsumeTraces(ctx, chunk.traces); {
		case err == nil:
		case consumererror.IsPermanent(err):
			p.drop(ctx, chunk, err)
		default:
			p.refused.putBack(chunk, now)
			return
		}
	}
}

// flush sends what was refused once more; what is refused again is dropped and counted.
func (p *rollUpProcessor) flush(ctx context.Context) {
	for chunk, waits := p.refused.take(); waits; chunk, waits = p.refused.take() {
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

func (p *rollUpProcessor) anomalies(ctx context.Context, rules []string) {
	for _, rule := range rules {
		p.builder.ProcessorLlmCostRollupAnomalies.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(attribute.String("rule", rule))))
	}
}

// reused counts response ids that came with other tokens.
func (p *rollUpProcessor) reused(ctx context.Context, ids int64) {
	if ids > 0 {
		p.builder.ProcessorLlmCostRollupReusedResponseIds.Add(ctx, ids)
	}
}
