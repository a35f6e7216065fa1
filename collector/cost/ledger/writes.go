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
func (v classification) write(written *Writes) {
	written.Status, written.Reason = v.role, v.reason
	written.text(cost.AttrCostStatus, v.role)
	written.text(cost.AttrCostReason, v.reason)
	if v.of != nil {
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

// writeCall puts a call and its cost on its span.
func writeCall(r *cost.Reading, result *cost.Cost, version string, keepProvider bool, written *Writes) {
	written.Status, written.Reason = result.Status, result.Reason
	if !keepProvider {
		written.text(cost.AttrProvider, r.Provider)
	}
	written.text(cost.AttrModel, r.Model)
	written.Put = append(written.Put, cost.Attribute{Key: cost.AttrOperation, Value: document.OfString(r.Operation)})
	written.count(cost.AttrInputTokens, r.Input)
	written.count(cost.AttrCachedInputTokens, r.CacheRead)
	written.count(cost.AttrCacheWriteInputTokens, r.CacheWrite)
	written.count(cost.AttrOutputTokens, r.Output)
	written.count(cost.AttrReasoningOutputTokens, r.Reasoning)
	if r.Input.Known || r.Output.Known {
		written.int(cost.AttrTotalTokens, r.Input.N+r.Output.N)
	}
	if result.Known {
		written.usd(cost.AttrRequestCostUSD, result.Femto)
		written.int(cost.AttrRequestCostNanoUSD, result.Femto.Nano())
		written.text(cost.AttrCostBucket, result.Femto.Bucket())
	}
	written.text(cost.AttrCostStatus, result.Status)
	written.text(cost.AttrPricingVersion, version)
	if result.ListKnown {
		written.usd(cost.AttrListCostUSD, result.List)
	}
	written.text(cost.AttrCostReason, result.Reason)
	written.text(cost.AttrCostSource, result.Source)
	written.text(cost.AttrRateID, result.RateID)
	written.text(cost.AttrRequestID, r.ResponseID)
	written.text(cost.AttrFinishReason, r.FinishReason)
	written.text(cost.AttrServiceTier, r.ServiceTier)
}

func (w *Writes) count(key string, count cost.Count) {
	if count.Known {
		w.int(key, count.N)
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
