// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/llmspendconnector/internal/metadata"
)

// NewFactory returns the factory of the connector llm_spend.
func NewFactory() connector.Factory {
	return connector.NewFactory(
		metadata.Type, createDefaultConfig,
		connector.WithTracesToMetrics(createTracesToMetrics, metadata.TracesToMetricsStability),
		connector.WithTracesToLogs(createTracesToLogs, metadata.TracesToLogsStability),
		connector.WithLogsToMetrics(createLogsToMetrics, metadata.LogsToMetricsStability))
}

func createDefaultConfig() component.Config {
	return &Config{
		Attributes: []string{
			cost.AttrProvider, cost.AttrModel, cost.AttrOperation, cost.AttrCostStatus, "app.feature", "app.environment", "app.team",
		},
		ResourceAttributes: []string{serviceName},
		FlushInterval:      15 * time.Second, ZeroFor: 15 * time.Second, MaxSeries: 2_000, MaxIdle: 48 * time.Hour,
		RepeatWindow: 10 * time.Minute, MaxSpans: 500_000,
	}
}

func createTracesToMetrics(
	_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics,
) (connector.Traces, error) {
	s, err := sharedSpender(set, cfg.(*Config), next)
	if err != nil {
		return nil, err
	}
	return &tracesToMetrics{s}, nil
}

func createLogsToMetrics(
	_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics,
) (connector.Logs, error) {
	s, err := sharedSpender(set, cfg.(*Config), next)
	if err != nil {
		return nil, err
	}
	return &logsToMetrics{s}, nil
}

func createTracesToLogs(
	_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs,
) (connector.Traces, error) {
	return newTracesToLogs(set, cfg.(*Config), next)
}
