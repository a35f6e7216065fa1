// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"math"
	"strconv"

	"github.com/spancost/spancost/collector/cost/document"
)

// Written is what is to be put on a span: Remove first, then Put. Status and Reason are those of the span's own call.
type Written struct {
	Put            []Attribute
	Remove         []string
	Status, Reason string
}

// Clear empties what is written, and keeps its memory.
func (w *Written) Clear() { *w = Written{Put: w.Put[:0]} }

func (w *Written) text(key, value string) {
	if value != "" {
		w.Put = append(w.Put, Attribute{key, document.OfString(value)})
	}
}

func (w *Written) int(key string, n int64) { w.Put = append(w.Put, Attribute{key, document.OfInt(n)}) }

func (w *Written) usd(key string, f Femto) {
	w.Put = append(w.Put, Attribute{key, document.OfFloat(f.USD())})
}

// write says that a span is not a call of its own.
func (v classification) write(written *Written) {
	written.Status, written.Reason = v.role, v.reason
	written.text(AttrCostStatus, v.role)
	written.text(AttrCostReason, v.reason)
	if v.of != nil {
		written.carrier(v.of.span.ID)
	}
}

// carrier says which span carries the cost; a log record has no id.
func (w *Written) carrier(span uint64) {
	if span != 0 {
		id := strconv.FormatUint(span, 16)
		w.text(AttrDuplicateOf, "0000000000000000"[len(id):]+id)
	}
}

// write puts a call and its cost on its span.
func (r *Reading) write(cost *Cost, version string, keepProvider bool, written *Written) {
	written.Status, written.Reason = cost.Status, cost.Reason
	if !keepProvider {
		written.text(AttrProvider, r.Provider)
	}
	written.text(AttrModel, r.Model)
	written.Put = append(written.Put, Attribute{AttrOperation, document.OfString(r.Operation)})
	written.count(AttrInputTokens, r.Input)
	written.count(AttrCachedInputTokens, r.CacheRead)
	written.count(AttrCacheWriteInputTokens, r.CacheWrite)
	written.count(AttrOutputTokens, r.Output)
	written.count(AttrReasoningOutputTokens, r.Reasoning)
	if r.Input.Known || r.Output.Known {
		written.int(AttrTotalTokens, r.Input.N+r.Output.N)
	}
	if cost.Known {
		written.usd(AttrRequestCostUSD, cost.Femto)
		written.int(AttrRequestCostNanoUSD, cost.Femto.Nano())
		written.text(AttrCostBucket, cost.Femto.Bucket())
	}
	written.text(AttrCostStatus, cost.Status)
	written.text(AttrPricingVersion, version)
	if cost.ListKnown {
		written.usd(AttrListCostUSD, cost.List)
	}
	written.text(AttrCostReason, cost.Reason)
	written.text(AttrCostSource, cost.Source)
	written.text(AttrRateID, cost.RateID)
	written.text(AttrRequestID, r.ResponseID)
	written.text(AttrFinishReason, r.FinishReason)
	written.text(AttrServiceTier, r.ServiceTier)
}

func (w *Written) count(key string, count Count) {
	if count.Known {
		w.int(key, count.N)
	}
}

// WriteSubtree puts the total on a span above calls.
func (s *Subtotal) WriteSubtree(written *Written) {
	if s.Priced > 0 {
		written.usd(AttrSubtreeCostUSD, s.Femto)
	}
	written.int(AttrSubtreeInputTokens, s.Input)
	written.int(AttrSubtreeOutputTokens, s.Output)
	written.int(AttrSubtreeRequests, s.Requests)
	written.int(AttrSubtreeUnpricedRequests, s.Unpriced)
}

// WriteTrace puts the total on the topmost span of a service.
func (s *Subtotal) WriteTrace(written *Written) {
	if s.Priced > 0 {
		written.usd(AttrTraceCostUSD, s.Femto)
		written.int(AttrTraceCostNanoUSD, s.Femto.Nano())
	}
	written.int(AttrTraceInputTokens, s.Input)
	written.int(AttrTraceOutputTokens, s.Output)
	written.int(AttrTraceRequests, s.Requests)
	written.Put = append(written.Put, Attribute{AttrTraceCostComplete, document.OfBool(s.Doubtful == 0)})
}

// keepSums leaves sums as the span has them already, but for the last bits of a double: costs of an earlier run come back
// as doubles, and above 4.5 USD these do not tell every femto-dollar.
func (w *Written) keepSums(attributes Attributes) {
	const closeTo = 1e-14
	for n := range w.Put {
		if key := w.Put[n].Key; key != AttrSubtreeCostUSD && key != AttrTraceCostUSD {
			continue
		}
		found, _ := w.Put[n].Value.Float()
		if had, isFloat := attributes.Get(w.Put[n].Key).Float(); isFloat && math.Abs(found-had) <= closeTo*max(found, had) {
			w.Put[n].Value = document.OfFloat(had)
		}
	}
}
