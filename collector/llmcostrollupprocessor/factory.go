// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/spancost/spancost/collector/llmcostrollupprocessor/internal/metadata"
)

// NewFactory returns the factory of the processor llm_cost_rollup.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		metadata.Type, createDefaultConfig, processor.WithTraces(createTraces, metadata.TracesStability))
}

func createDefaultConfig() component.Config {
	return &Config{
		Mode: ModeHold, MaxWait: 10 * time.Second, MaxTraces: 100_000, MaxHeldBytes: 256 << 20, MaxEndedSpans: 500_000,
		Detectors: detectorsOff,
	}
}

func createTraces(
	_ context.Context, set processor.Settings, cfg component.Config, next consumer.Traces,
) (processor.Traces, error) {
	return newRollUpProcessor(set, cfg.(*Config), next)
}
