// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"github.com/spancost/spancost/collector/cost"
)

// LeftOut is which attributes of calls are not written; the zero value leaves none out. What a span states of a call that is
// left out is never made.
type LeftOut uint32

const (
	noProvider LeftOut = 1 << iota
	noModel
	noOperation
	noInput
	noCacheRead
	noCacheWrite
	noOutput
	noReasoning
	noTotal
	noUSD
	noNanoUSD
	noBucket
	noStatus
	noReason
	noSource
	noList
	noVersion
	noRateID
	noRequestID
	noFinishReason
	noServiceTier
	noDuplicateOf
	// noZeroParts leaves out parts of the tokens (cached, cache write, reasoning) that are 0.
	noZeroParts
)

// leftOutBits are the bits of the attributes of calls.
var leftOutBits = map[string]LeftOut{
	cost.AttrProvider: noProvider, cost.AttrModel: noModel, cost.AttrOperation: noOperation,
	cost.AttrInputTokens: noInput, cost.AttrCachedInputTokens: noCacheRead, cost.AttrCacheWriteInputTokens: noCacheWrite,
	cost.AttrOutputTokens: noOutput, cost.AttrReasoningOutputTokens: noReasoning, cost.AttrTotalTokens: noTotal,
	cost.AttrRequestCostUSD: noUSD, cost.AttrRequestCostNanoUSD: noNanoUSD, cost.AttrCostBucket: noBucket,
	cost.AttrCostStatus: noStatus, cost.AttrCostReason: noReason, cost.AttrCostSource: noSource,
	cost.AttrListCostUSD: noList, cost.AttrPricingVersion: noVersion, cost.AttrRateID: noRateID,
	cost.AttrRequestID: noRequestID, cost.AttrFinishReason: noFinishReason, cost.AttrServiceTier: noServiceTier,
	cost.AttrDuplicateOf: noDuplicateOf,
}

// AllBut returns what is left out where only some attributes are written, and whether parts of the tokens that are 0 are.
func AllBut(written []string, zeroParts bool) (left LeftOut) {
	for _, bit := range leftOutBits {
		left |= bit
	}
	for _, key := range written {
		left &^= leftOutBits[key]
	}
	if !zeroParts {
		left |= noZeroParts
	}
	return left
}

// has reports whether an attribute is left out.
func (l LeftOut) has(attribute LeftOut) bool { return l&attribute != 0 }
