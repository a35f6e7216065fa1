// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../tools/go.mod mdatagen metadata.yaml

// Package llmcostcheckextension holds the Collector extension llm_cost_check: it refuses a configuration in which samplers and
// spancost's components are in the wrong order, or do not wait for each other.
package llmcostcheckextension // import "github.com/spancost/spancost/collector/llmcostcheckextension"
