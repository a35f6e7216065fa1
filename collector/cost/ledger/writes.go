// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"math"
	"strconv"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

// Writes is what is to be put on a span: Remove first, then Put. Status and Reason are those of the span's own call.
type Writes struct {
	Put            []cost.Attribute
	Remove         []string
	Status, Reason string
}

// Clear empties what is written, and keeps its memory.
func (w *Writes) Clear() { *w = Writes{Put: w.Put[:0]} }

func (w *Writes) text(key, value string) {
	if value != "" {
		w.Put = append(w.Put, cost.Attribute{Key: key, Value: document.OfString(value)})
	}
}

func (w *Writes) int(key string, n int64) {
	w.Put = append(w.Put, cost.Attribute{Key: key, Value: document.OfInt(n)})
}

func (w *Writes) usd(key string, f cost.Femto) {
	w.Put = append(w.Put, cost.Attribute{Key: key, Value: document.OfFloat(f.USD())})
}

// write means that a span is not a call of its own.
func (v classification) write(left LeftOut, written *Writes) {
	written.Status, written.Reason = v.role, v.reason
	written.chosen(left, noStatus, cost.AttrCostStatus, v.role)
	written.chosen(left, noReason, cost.AttrCostReason, v.reason)
	if v.of != nil && !left.has(noDuplicateOf) {
		written.carrier(v.of.span.ID)
	}
}

// carrier states which span carries the cost; a log record has no id.
func (w *Writes) carrier(span uint64) {
	if span != 0 {
		id := strconv.FormatUint(span, 16)
		w.text(cost.AttrDuplicateOf, "0000000000000000"[len(id):]+id)
	}
}

// writeCall puts a call and its cost on its span, but for what is left out.
func writeCall(r *cost.Reading, result *cost.Cost, version string, left LeftOut, written *Writes) {
	written.Status, written.Reason = result.Status, result.Reason
	written.chosen(left, noProvider, cost.AttrProvider, r.Provider)
	written.chosen(left, noModel, cost.AttrModel, r.Model)
	if !left.has(noOperation) {
		written.Put = append(written.Put, cost.Attribute{Key: cost.AttrOperation, Value: document.OfString(r.Operation)})
	}
	written.tokens(r, left)
	if result.Known {
		written.cost(result.Femto, left)
	}
	written.chosen(left, noStatus, cost.AttrCostStatus, result.Status)
	written.chosen(left, noVersion, cost.AttrPricingVersion, version)
	if result.ListKnown && !left.has(noList) {
		written.usd(cost.AttrListCostUSD, result.List)
	}
	written.chosen(left, noReason, cost.AttrCostReason, result.Reason)
	written.chosen(left, noSource, cost.AttrCostSource, result.Source)
	written.chosen(left, noRateID, cost.AttrRateID, result.RateID)
	written.chosen(left, noRequestID, cost.AttrRequestID, r.ResponseID)
	written.chosen(left, noFinishReason, cost.AttrFinishReason, r.FinishReason)
	written.chosen(left, noServiceTier, cost.AttrServiceTier, r.ServiceTier)
}

func (w *Writes) tokens(r *cost.Reading, left LeftOut) {
	w.count(left, noInput, cost.AttrInputTokens, r.Input)
	w.part(left, noCacheRead, cost.AttrCachedInputTokens, r.CacheRead)
	w.part(left, noCacheWrite, cost.AttrCacheWriteInputTokens, r.CacheWrite)
	w.count(left, noOutput, cost.AttrOutputTokens, r.Output)
	w.part(left, noReasoning, cost.AttrReasoningOutputTokens, r.Reasoning)
	if (r.Input.Known || r.Output.Known) && !left.has(noTotal) {
		w.int(cost.AttrTotalTokens, r.Input.N+r.Output.N)
	}
}

func (w *Writes) cost(amount cost.Femto, left LeftOut) {
	if !left.has(noUSD) {
		w.usd(cost.AttrRequestCostUSD, amount)
	}
	if !left.has(noNanoUSD) {
		w.int(cost.AttrRequestCostNanoUSD, amount.Nano())
	}
	if !left.has(noBucket) {
		w.text(cost.AttrCostBucket, amount.Bucket())
	}
}

func (w *Writes) chosen(left, attribute LeftOut, key, value string) {
	if !left.has(attribute) {
		w.text(key, value)
	}
}

func (w *Writes) count(left, attribute LeftOut, key string, count cost.Count) {
	if count.Known && !left.has(attribute) {
		w.int(key, count.N)
	}
}

func (w *Writes) part(left, attribute LeftOut, key string, count cost.Count) {
	if count.N != 0 || !left.has(noZeroParts) {
		w.count(left, attribute, key, count)
	}
}

// WriteSubtree puts the total on a span above calls.
func (s *Subtotal) WriteSubtree(written *Writes) {
	if s.Priced > 0 {
		written.usd(cost.AttrSubtreeCostUSD, s.Femto)
	}
	written.int(cost.AttrSubtreeInputTokens, s.Input)
	written.int(cost.AttrSubtreeOutputTokens, s.Output)
	written.int(cost.AttrSubtreeRequests, s.Requests)
	written.int(cost.AttrSubtreeUnpricedRequests, s.Unpriced)
}

// WriteTrace puts the total on the topmost span of a service.
func (s *Subtotal) WriteTrace(written *Writes) {
	if s.Priced > 0 {
		written.usd(cost.AttrTraceCostUSD, s.Femto)
		written.int(cost.AttrTraceCostNanoUSD, s.Femto.Nano())
	}
	written.int(cost.AttrTraceInputTokens, s.Input)
	written.int(cost.AttrTraceOutputTokens, s.Output)
	written.int(cost.AttrTraceRequests, s.Requests)
	written.Put = append(written.Put, cost.Attribute{Key: cost.AttrTraceCostComplete, Value: document.OfBool(s.Doubtful == 0)})
}

// keepSums leaves sums as the span has them already, but for the last bits of a double: costs of an earlier run come back
// as doubles, and above 4.5 USD these do not report every femto-dollar.
func (w *Writes) keepTotals(attributes cost.Attributes) {
	const closeTo = 1e-14
	for n := range w.Put {
		if key := w.Put[n].Key; key != cost.AttrSubtreeCostUSD && key != cost.AttrTraceCostUSD {
			continue
		}
		found, _ := w.Put[n].Value.Float()
		if had, isFloat := attributes.Get(w.Put[n].Key).Float(); isFloat && math.Abs(found-had) <= closeTo*max(found, had) {
			w.Put[n].Value = document.OfFloat(had)
		}
	}
}
