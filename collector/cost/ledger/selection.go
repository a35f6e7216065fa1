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
	// The last ones leave out what the span states already (cost.StatedBy), and what is meant where none is written
	// (cost.Implied).
	noStatedOperation
	noStatedRequestID
	noImpliedSource
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

// conditions are for each attribute that is left out altogether the bit of its being left out where it says nothing new.
var conditions = map[LeftOut]LeftOut{
	noOperation: noStatedOperation, noRequestID: noStatedRequestID, noSource: noImpliedSource,
}

// AllBut returns what is left out where only some attributes are written. isStandard: beside those, the set standard is,
// which leaves out what follows from the rest of the span.
func AllBut(written []string, isStandard bool) (left LeftOut) {
	for _, bit := range leftOutBits {
		left |= bit
	}
	for _, key := range written {
		left &^= leftOutBits[key]
	}
	if !isStandard {
		return left
	}
	for always, condition := range conditions {
		if left.has(always) {
			left = left&^always | condition
		}
	}
	return left | noZeroParts
}

// on returns what is left out on the span of a call. Under a contract, which the version names, no source is implied.
func (l LeftOut) on(attributes cost.Attributes, r *cost.Reading, result *cost.Cost, version string) LeftOut {
	if l.has(noImpliedSource) && result.Source == cost.SourceRateCard && cost.ImpliedSource(version) != "" {
		l |= noSource
	}
	if !l.has(noStatedOperation | noStatedRequestID) {
		return l
	}
	for n := range attributes {
		switch attributes[n].Key {
		case operationKey:
			if text, _ := attributes[n].Value.Text(); l.has(noStatedOperation) && text == r.Operation {
				l |= noOperation
			}
		case responseIDKey:
			if text, _ := attributes[n].Value.Text(); l.has(noStatedRequestID) && text == r.ResponseID {
				l |= noRequestID
			}
		}
	}
	return l
}

// The keys under which a span may state what the set standard leaves out then.
var operationKey, responseIDKey = cost.StatedBy[cost.AttrOperation], cost.StatedBy[cost.AttrRequestID]

// has reports whether an attribute is left out.
func (l LeftOut) has(attribute LeftOut) bool { return l&attribute != 0 }
