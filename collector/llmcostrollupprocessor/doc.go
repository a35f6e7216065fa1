// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../tools/go.mod mdatagen metadata.yaml

// Package llmcostrollupprocessor holds the Collector processor llm_cost_rollup: it puts the total cost of a trace on its
// root, on the topmost span of each service and on agent spans, across processes. Put llm_cost before it.
package llmcostrollupprocessor // import "github.com/spancost/spancost/collector/llmcostrollupprocessor"
