// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Modes of the processor.
const (
	// ModeBatch takes the spans of one batch as all there are, and holds nothing back.
	ModeBatch = "batch"
	// ModeHold passes every span on at once but those that carry totals, and holds these until MaxWait is over.
	ModeHold = "hold"
)

const (
	shortestWait  = 10 * time.Millisecond
	longestWait   = time.Hour
	leastClosed   = 1_024
	mostShards    = 256
	leastHeldSize = 1 << 16
)

// Config of the processor llm_cost_rollup.
type Config struct {
	// Mode is batch or hold. Default: hold.
	Mode string `mapstructure:"mode"`
	// MaxWait is how long a trace is waited for, from its first span on. Default: 10s, because SDKs send every 5s a hop.
	MaxWait time.Duration `mapstructure:"max_wait"`
	// MaxTraces is how many traces are held; over it the oldest are released early, never dropped. Default: 100000.
	MaxTraces int `mapstructure:"max_traces"`
	// MaxHeldBytes is the estimated size of the held spans; over it the oldest are released early. Default: 256 MiB.
	MaxHeldBytes int `mapstructure:"max_held_bytes"`
	// MaxEndedSpans is how many spans that were passed on are remembered, so that late children find their ancestors (a
	// hundred bytes each). Default: 500000.
	MaxEndedSpans int `mapstructure:"max_ended_spans"`
	// CorrectionSpans: a call that comes after its root is followed by a span of no length below the root, linked to it,
	// whose llm.subtree_* state what the root's total lacks. Default: off.
	CorrectionSpans bool `mapstructure:"correction_spans"`
	// Storage is an extension that keeps open traces over a restart: at shutdown they are stored instead of being released as
	// incomplete. Default: none.
	Storage *component.ID `mapstructure:"storage"`
	// Detectors states whether anomalies of spend are detected: on, off, or a file of rules (YAML or JSON) over those that come
	// along. Default: off; detectors take about 2 µs a call.
	Detectors string `mapstructure:"detectors"`
	// Shards is how many parts traces are divided into, by trace id. Default: 0, one for each processor core.
	Shards int `mapstructure:"shards"`
}

// Validate returns an error that names the key, what was found and what was expected.
func (c *Config) Validate() error {
	var faults []error
	expect := func(holds bool, key string, found, expected any) {
		if !holds {
			faults = append(faults, fmt.Errorf("%s: found %v; expected %v", key, found, expected))
		}
	}
	expect(c.Mode == ModeBatch || c.Mode == ModeHold, "mode", fmt.Sprintf("%q", c.Mode), `"batch" or "hold"`)
	expect(c.MaxWait >= shortestWait && c.MaxWait <= longestWait, "max_wait", c.MaxWait, "10ms to 1h")
	expect(c.MaxTraces >= 1, "max_traces", c.MaxTraces, "at least 1")
	expect(c.MaxHeldBytes >= leastHeldSize, "max_held_bytes", c.MaxHeldBytes, "at least 65536")
	expect(c.MaxEndedSpans >= leastClosed, "max_ended_spans", c.MaxEndedSpans, "at least 1024")
	expect(c.MaxEndedSpans >= c.MaxTraces, "max_ended_spans", c.MaxEndedSpans,
		fmt.Sprintf("at least max_traces (%d): a trace has at least one span", c.MaxTraces))
	expect(c.Detectors != "", "detectors", `""`, "on, off, or a file of rules")
	expect(c.Shards >= 0 && c.Shards <= mostShards, "shards", c.Shards, "0 to 256")
	if c.Mode == ModeBatch && c.CorrectionSpans {
		faults = append(faults, errors.New("correction_spans: found true with mode batch; expected mode hold, which knows what is late"))
	}
	if c.Mode == ModeBatch && c.Storage != nil {
		faults = append(faults, fmt.Errorf("storage: found %s with mode batch; expected mode hold, which has open traces", c.Storage))
	}
	return errors.Join(faults...)
}
