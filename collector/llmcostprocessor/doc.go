// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../tools/go.mod mdatagen metadata.yaml

// Package llmcostprocessor holds the Collector processor llm_cost: it puts what a call cost on the span that reports it.
package llmcostprocessor // import "github.com/spancost/spancost/collector/llmcostprocessor"
