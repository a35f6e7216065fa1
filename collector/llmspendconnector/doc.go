// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../tools/go.mod mdatagen metadata.yaml

// Package llmspendconnector holds the Collector connector llm_spend: it makes metrics of spend, and one log record per call,
// from spans and log records that carry a cost.
package llmspendconnector // import "github.com/spancost/spancost/collector/llmspendconnector"
