// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/spancost/spancost/collector/internal/prices"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
)

// load takes in what a source returns, when it is not what is used already. What is broken is refused, counted and logged.
func (p *costProcessor) load(from func() (*prices.Loaded, error, error)) error {
	loaded, refused, err := from()
	if err != nil {
		return err
	}
	if refused != nil {
		p.countLoad("refused")
		p.logger.Error("the rate card, contract or emitters cannot be used; the last good ones stay",
			zap.String("pricing_version", loaded.Prices.Version()), zap.Error(refused))
	}
	if now := p.current.Load(); now != nil && now.loaded == loaded {
		return nil
	}
	released, err := time.Parse("2006.01.02", loaded.Card.Date())
	if err != nil {
		return err
	}
	next := &generation{loaded: loaded, released: released}
	next.workers.New = func() any { return newWorker(loaded.Dialects, loaded.Prices, p.keepProvider, p.leftOut) }
	p.current.Store(next)
	if refused == nil {
		p.countLoad("loaded")
	}
	p.logger.Info("prices are loaded",
		zap.String("card_version", loaded.Card.Version()), zap.String("pricing_version", loaded.Prices.Version()))
	return nil
}

func (p *costProcessor) countLoad(outcome string) {
	p.telemetry.builder.ProcessorLlmCostLoads.Add(
		context.Background(), 1, metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", outcome))))
}

func (p *costProcessor) observe(builder *metadata.TelemetryBuilder) error {
	err := builder.RegisterProcessorLlmCostCardAgeCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(int64(time.Since(p.current.Load().released).Seconds()))
		return nil
	})
	if err != nil {
		return err
	}
	return builder.RegisterProcessorLlmCostPricesCallback(func(_ context.Context, o metric.Int64Observer) error {
		loaded := p.current.Load().loaded
		o.Observe(1, metric.WithAttributeSet(attribute.NewSet(
			attribute.String("card_version", loaded.Card.Version()), attribute.String("pricing_version", loaded.Prices.Version()))))
		return nil
	})
}

// start begins to look for changed files, where that is asked for.
func (p *costProcessor) start(context.Context, component.Host) error {
	if p.reloadInterval == 0 {
		return nil
	}
	p.stopped.Go(func() {
		ticker := time.NewTicker(p.reloadInterval)
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-ticker.C:
				if err := p.load(p.source.Refresh); err != nil {
					p.logger.Error("changed prices cannot be used", zap.Error(err))
				}
			}
		}
	})
	return nil
}

func (p *costProcessor) shutdown(context.Context) error {
	close(p.stop)
	p.stopped.Wait()
	p.telemetry.builder.Shutdown()
	return nil
}
