// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/internal/prices"
	"github.com/spancost/spancost/collector/llmcostrollupprocessor/internal/metadata"
)

// rollUpProcessor passes spans on and holds those that are to carry totals, in shards by trace id.
type rollUpProcessor struct {
	id       component.ID
	cfg      *Config
	next     consumer.Traces
	logger   *zap.Logger
	builder  *metadata.TelemetryBuilder
	dialects *dialect.Dialects
	shards   []*shard
	ledgers  sync.Pool
	// memory of the calls of all shards: which one a trace falls to must not matter.
	memory  *ledger.RecentCalls
	refused refused
	// rooms are arrivals by shard, kept from one batch to the next.
	bufs sync.Pool
	// watch holds the detectors; nil when there are none.
	watch *watch
	// state keeps open traces over a restart; nil where they are not.
	state *state

	stop    chan struct{}
	stopped sync.WaitGroup
}

func newRollUpProcessor(set processor.Settings, cfg *Config, next consumer.Traces) (*rollUpProcessor, error) {
	loaded, err := prices.Load(prices.Sources{}, dialect.Options{})
	if err != nil {
		return nil, err
	}
	pricer, dialects := loaded.Prices, loaded.Dialects
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	watch, err := newWatch(cfg.Detectors, dialects)
	if err != nil {
		return nil, err
	}
	p := &rollUpProcessor{
		id: set.ID, cfg: cfg, next: next, logger: set.Logger, builder: builder, dialects: dialects, watch: watch,
		stop: make(chan struct{}),
	}
	const unbounded = 1 << 30
	options := ledger.Options{JoinServices: true, RollUp: true, Reclassify: true}
	options.OpenSpans, options.ClosedSpans, options.RecentCalls = unbounded, unbounded, unbounded
	p.ledgers.New = func() any { return ledger.New(dialects, pricer, options) }
	if cfg.Mode == ModeHold {
		count := cfg.Shards
		if count == 0 {
			count = runtime.GOMAXPROCS(0)
		}
		// Two generations are kept, so half of what may be remembered goes into one.
		options.ClosedSpans = max(cfg.MaxEndedSpans/count/2, leastClosed/2)
		options.OpenSpans = options.ClosedSpans
		p.memory = ledger.NewRecentCalls(dialects, max(cfg.MaxEndedSpans/2, leastClosed/2))
		options.Shared = p.memory
		for range count {
			p.shards = append(p.shards, newShard(cfg, count, ledger.New(dialects, pricer, options), dialects, watch))
		}
	}
	p.bufs.New = func() any {
		buf := make([]arrivals, len(p.shards))
		return &buf
	}
	return p, p.observe()
}

func (p *rollUpProcessor) observe() error {
	gauge := func(of func(*shard) int) metric.Int64Callback {
		return func(_ context.Context, observer metric.Int64Observer) error {
			total := 0
			for _, s := range p.shards {
				s.mutex.Lock()
				total += of(s)
				s.mutex.Unlock()
			}
			observer.Observe(int64(total))
			return nil
		}
	}
	err := p.builder.RegisterProcessorLlmCostRollupHeldTracesCallback(gauge(func(s *shard) int { return len(s.traces) }))
	if err != nil {
		return err
	}
	return p.builder.RegisterProcessorLlmCostRollupHeldBytesCallback(gauge(func(s *shard) int { return s.heldBytes }))
}

// Capabilities of the processor: it changes what it is given.
func (p *rollUpProcessor) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// Start begins to release held spans when their time is over.
func (p *rollUpProcessor) Start(ctx context.Context, host component.Host) error {
	if p.cfg.Mode != ModeHold {
		return nil
	}
	for _, s := range p.shards {
		s.started = time.Now()
	}
	if p.cfg.Storage != nil {
		var err error
		if p.state, err = openState(ctx, host, *p.cfg.Storage, p.id); err != nil {
			return err
		}
		if err := p.restore(ctx); err != nil {
			p.logger.Error("stored traces cannot be read, and are lost", zap.Error(err))
		}
	}
	p.stopped.Add(1)
	go func() {
		defer p.stopped.Done()
		ticker := time.NewTicker(max(p.cfg.MaxWait/20, time.Millisecond))
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				return
			case now := <-ticker.C:
				p.retry(context.Background(), now)
				p.releaseDue(context.Background(), now)
			}
		}
	}()
	return nil
}

// Shutdown releases everything that is held.
func (p *rollUpProcessor) Shutdown(ctx context.Context) error {
	select {
	case <-p.stop:
		return nil
	default:
		close(p.stop)
	}
	p.stopped.Wait()
	if p.state == nil || !p.save(ctx) {
		p.releaseAll(ctx)
	}
	p.flush(ctx)
	p.builder.Shutdown()
	return nil
}

// ConsumeTraces passes spans on, at once or, for those that are to carry totals, later.
func (p *rollUpProcessor) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if p.cfg.Mode == ModeBatch {
		withdrawn, reused := p.rollUpBatch(td)
		p.anomalies(ctx, p.watchBatch(td))
		p.withdrawn(ctx, withdrawn)
		p.reused(ctx, reused)
		return p.next.ConsumeTraces(ctx, td)
	}
	now, buf := time.Now(), p.bufs.Get().(*[]arrivals)
	p.sort(td, *buf)
	for n := range *buf {
		if of := &(*buf)[n]; !of.isEmpty() {
			p.send(ctx, p.shards[n].onBatch(now, of))
		}
	}
	p.reused(ctx, p.memory.TakeReused())
	removeHeld(td)
	var err error
	if td.ResourceSpans().Len() > 0 {
		err = p.next.ConsumeTraces(ctx, td)
	}
	for n := range *buf {
		of := &(*buf)[n]
		if len(of.moved) > 0 && err == nil {
			p.send(ctx, p.shards[n].hold(now, of))
		}
		of.clear()
	}
	p.bufs.Put(buf)
	return err
}
