// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	shortestFlush  = 100 * time.Millisecond
	longestFlush   = time.Hour
	longestWindow  = 24 * time.Hour
	mostSeries     = 100_000
	mostSpans      = 50_000_000
	mostAttributes = 32
)

// Config of the connector llm_spend.
type Config struct {
	// Attributes are the labels of the metrics: attributes of the span or log record, else of its resource. Default:
	// llm.provider, llm.model, llm.operation, llm.cost_status, app.feature, app.environment, app.team.
	Attributes []string `mapstructure:"attributes"`
	// ResourceAttributes are the attributes of the resource that the metrics keep on theirs. Default: service.name.
	ResourceAttributes []string `mapstructure:"resource_attributes"`
	// FlushInterval is how often the metrics are exported. Default: 15s.
	FlushInterval time.Duration `mapstructure:"flush_interval"`
	// ZeroFor is how long a new sum is exported as 0 before its first value: at least once, so that increase() in Prometheus
	// sees the first value. Where metrics are scraped, choose the scrape interval. 0 disables it. Default: 15s.
	ZeroFor time.Duration `mapstructure:"zero_for"`
	// MaxSeries is how many combinations of labels are kept; calls of further ones are counted under the labels `other`.
	// Default: 2000.
	MaxSeries int `mapstructure:"max_series"`
	// MaxIdle is how long a combination of labels without calls is kept and exported. Default: 48h.
	MaxIdle time.Duration `mapstructure:"max_idle"`
	// RepeatWindow is for how long, at least, a span that arrives again is not counted again. Default: 10m.
	RepeatWindow time.Duration `mapstructure:"repeat_window"`
	// MaxSpans is how many calls are remembered for that, about 100 bytes each. Default: 500000.
	MaxSpans int `mapstructure:"max_spans"`
}

// Validate returns an error that names the key, what was found and what was expected.
func (c *Config) Validate() error {
	var faults []error
	expect := func(holds bool, key string, found, expected any) {
		if !holds {
			faults = append(faults, fmt.Errorf("%s: found %v; expected %v", key, found, expected))
		}
	}
	expect(c.FlushInterval >= shortestFlush && c.FlushInterval <= longestFlush, "flush_interval", c.FlushInterval, "100ms to 1h")
	expect(c.ZeroFor >= 0 && c.ZeroFor <= longestFlush, "zero_for", c.ZeroFor, "0s to 1h")
	expect(c.MaxSeries >= 1 && c.MaxSeries <= mostSeries, "max_series", c.MaxSeries, "1 to 100000")
	expect(c.MaxIdle >= c.FlushInterval, "max_idle", c.MaxIdle, fmt.Sprintf("at least flush_interval (%v)", c.FlushInterval))
	expect(c.RepeatWindow >= time.Second && c.RepeatWindow <= longestWindow, "repeat_window", c.RepeatWindow, "1s to 24h")
	expect(c.MaxSpans >= 1_000 && c.MaxSpans <= mostSpans, "max_spans", c.MaxSpans, "1000 to 50000000")
	expect(len(c.Attributes) <= mostAttributes, "attributes", len(c.Attributes), "at most 32")
	labels := slices.Concat(c.ResourceAttributes, c.Attributes)
	for n, key := range labels {
		if strings.TrimSpace(key) == "" {
			faults = append(faults, errors.New("attributes: found an empty name; expected names of attributes"))
		}
		expect(!slices.Contains(labels[:n], key), "attributes", fmt.Sprintf("%q twice", key), "each name once")
	}
	expect(!slices.Contains(labels, tokenType), "attributes", tokenType, "another name: llm.tokens has this label")
	return errors.Join(faults...)
}
