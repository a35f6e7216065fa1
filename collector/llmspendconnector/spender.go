// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/spancost/spancost/collector/cost/spend"
	"github.com/spancost/spancost/collector/llmspendconnector/internal/metadata"
)

// spender counts the calls of all pipelines that name one llm_spend, and exports the sums. The Collector makes one component
// for spans and one for log records: they share a spender, because two of them would export series of the same name.
type spender struct {
	cfg     *Config
	next    consumer.Metrics
	logger  *zap.Logger
	builder *metadata.TelemetryBuilder
	reader  *reader
	writer  *writer
	batches sync.Pool

	mutex    sync.Mutex
	table    *spend.Table
	reported spend.Counters
	// exported is how many calls the last export that arrived contains.
	exported int64

	// users are the components that share it; of these, running ones were started.
	users, running int
	stop           chan struct{}
	stopped        sync.WaitGroup
}

// spenders are those in use, by their configuration, of which the Collector makes one for each component id.
var spenders = struct {
	sync.Mutex
	of map[*Config]*spender
}{of: map[*Config]*spender{}}

func sharedSpender(set connector.Settings, cfg *Config, next consumer.Metrics) (*spender, error) {
	spenders.Lock()
	defer spenders.Unlock()
	if known := spenders.of[cfg]; known != nil {
		known.users++
		return known, nil
	}
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	s := &spender{
		cfg: cfg, next: next, logger: set.Logger, builder: builder, reader: newReader(cfg),
		writer: newWriter(cfg, set), table: spend.NewTable(limits(cfg), kept(cfg)), users: 1,
	}
	s.batches.New = func() any { return &batch{} }
	err = builder.RegisterConnectorLlmSpendSeriesCallback(func(_ context.Context, o metric.Int64Observer) error {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		series, _ := s.table.Len()
		o.Observe(int64(series))
		return nil
	})
	spenders.of[cfg] = s
	return s, err
}

func limits(cfg *Config) spend.Limits {
	return spend.Limits{
		MaxSeries: cfg.MaxSeries, MaxIdleNs: int64(cfg.MaxIdle), ZeroForNs: int64(cfg.ZeroFor),
		WindowNs: int64(cfg.RepeatWindow), MaxSpans: cfg.MaxSpans,
	}
}

// kept returns which labels stay when there are too many series: the service, and what the call itself states.
func kept(cfg *Config) []bool {
	var found []bool
	for range cfg.ResourceAttributes {
		found = append(found, true)
	}
	for _, key := range cfg.Attributes {
		found = append(found, strings.HasPrefix(key, "llm."))
	}
	return found
}

// Start begins to export.
func (s *spender) Start(context.Context, component.Host) error {
	spenders.Lock()
	defer spenders.Unlock()
	if s.running++; s.running > 1 {
		return nil
	}
	s.stop = make(chan struct{})
	s.stopped.Add(1)
	go s.run(s.stop)
	return nil
}

func (s *spender) run(stop chan struct{}) {
	defer s.stopped.Done()
	ticker := time.NewTicker(s.cfg.FlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			s.export(context.Background(), now, false)
		}
	}
}

// Shutdown exports all that was counted, with the last component that shares the spender.
func (s *spender) Shutdown(ctx context.Context) error {
	spenders.Lock()
	defer spenders.Unlock()
	if s.users--; s.users > 0 {
		return nil
	}
	delete(spenders.of, s.cfg)
	if s.stop != nil {
		close(s.stop)
		s.stopped.Wait()
	}
	s.finish(ctx)
	s.builder.Shutdown()
	return nil
}

// finish exports everything for the last time.
func (s *spender) finish(ctx context.Context) {
	s.export(ctx, time.Now(), true)
	if lost := s.table.Counters().Counted - s.exported; lost > 0 {
		s.builder.ConnectorLlmSpendLostCalls.Add(ctx, lost)
		s.logger.Error("the last export of spend was refused by the next component", zap.Int64("calls", lost))
	}
}

// export sends the sums on. One that is refused is contained in the next one.
func (s *spender) export(ctx context.Context, now time.Time, isLast bool) {
	s.mutex.Lock()
	made := s.writer.metrics(s.table, now.UnixNano(), isLast)
	counters := s.table.Counters()
	s.mutex.Unlock()
	s.report(ctx, counters)
	if made.ResourceMetrics().Len() == 0 {
		return
	}
	if err := s.next.ConsumeMetrics(ctx, made); err != nil {
		s.mutex.Lock()
		s.table.NotExported(now.UnixNano())
		s.mutex.Unlock()
		s.builder.ConnectorLlmSpendRefusedExports.Add(ctx, 1)
		s.logger.Warn("an export of spend was refused by the next component; the next one contains it", zap.Error(err))
		return
	}
	if isLast {
		s.exported = counters.Counted
	}
}

// report adds what happened since the last report to the connector's own metrics.
func (s *spender) report(ctx context.Context, now spend.Counters) {
	before := s.reported
	s.reported = now
	add := func(to metric.Int64Counter, n int64) {
		if n > 0 {
			to.Add(ctx, n)
		}
	}
	add(s.builder.ConnectorLlmSpendCalls, now.Counted-before.Counted)
	add(s.builder.ConnectorLlmSpendCallsWithoutCost, now.WithoutCost-before.WithoutCost)
	add(s.builder.ConnectorLlmSpendCorrectedCalls, now.Corrected-before.Corrected)
	add(s.builder.ConnectorLlmSpendExpiredSeries, now.Expired-before.Expired)
	add(s.builder.ConnectorLlmSpendFoldedCalls, now.Folded-before.Folded)
	add(s.builder.ConnectorLlmSpendForgottenSpans, now.Forgotten-before.Forgotten)
	add(s.builder.ConnectorLlmSpendRepeatedSpans, now.Repeated-before.Repeated)
	add(s.builder.ConnectorLlmSpendSpansCountedElsewhere, now.Elsewhere-before.Elsewhere)
}
