// SPDX-License-Identifier: Apache-2.0

package cost

import "strings"

// evidence returns the call that attributes of an earlier run tell, nil when they tell of none.
func (l *Ledger) prior_result(span *Span, beneath *Subtotal, written *Written) *Subtotal {
	l.counters.Evidence++
	status, _ := span.Attributes.Get(AttrCostStatus).Text()
	if status == Duplicate || status == Aggregate {
		reason, _ := span.Attributes.Get(AttrCostReason).Text()
		return short(reason)
	}
	attributes := span.Attributes
	this := &counted{
		span: span.Key, scope: span.ScopeName, startNs: span.StartNs, endNs: span.EndNs,
		input: countOf(attributes, AttrInputTokens), output: countOf(attributes, AttrOutputTokens), process: span.Process, isChild: span.IsChild,
		parts: [3]Count{
			countOf(attributes, AttrCachedInputTokens), countOf(attributes, AttrCacheWriteInputTokens),
			countOf(attributes, AttrReasoningOutputTokens),
		},
	}
	model, _ := attributes.Get(AttrModel).Text()
	this.models[0] = bareModel(model)
	this.responseID, _ = attributes.Get(AttrRequestID).Text()
	this.provider, _ = attributes.Get(AttrProvider).Text()
	l.memory.mutex.Lock()
	defer l.memory.mutex.Unlock()
	if l.options.Rejudge {
		reason, _ := attributes.Get(AttrCostReason).Text()
		// The ledger outlives the data that the texts lie in.
		this.scope, this.models[0] = l.names.owned(this.scope), l.names.owned(this.models[0])
		this.provider, this.responseID = l.names.owned(this.provider), strings.Clone(this.responseID)
		if found := classify(reason != reasonOnlyCarrier, this, beneath, l.memory); found.role != "" {
			l.count(found)
			l.counters.repeat(found.reason)
			if found.of != nil {
				l.memory.claim(found.of, this)
			}
			found.write(written)
			written.Remove = withdrawn
			if found.of != nil && this.responseID != "" {
				l.memory.alsoKnown(this.responseID, found.of)
			}
			return short(found.reason)
		}
	}
	cost := Cost{Status: status}
	usd := attributes.Get(AttrRequestCostUSD)
	if n, whole := usd.Int(); whole && n >= 0 {
		cost.Femto, cost.Known = femtoOfUSD(float64(n))
	} else if f, isFloat := usd.Float(); isFloat {
		cost.Femto, cost.Known = femtoOfUSD(f)
	}
	return l.counted(this, &cost)
}

// SaysRepeat tells whether an earlier run found that a span repeats calls; into gets what a copy of it that was taken for a
// call needs to say the same.
func SaysRepeat(attributes Attributes, into *Written) bool {
	status, _ := attributes.Get(AttrCostStatus).Text()
	if status != Duplicate && status != Aggregate {
		return false
	}
	into.Remove = withdrawn
	for _, key := range []string{AttrCostStatus, AttrCostReason, AttrDuplicateOf} {
		if text, isText := attributes.Get(key).Text(); isText {
			into.text(key, strings.Clone(text))
		}
	}
	return true
}

// ownNames are copies of texts that come again and again, one of each.
type ownNames map[string]string

func (o *ownNames) owned(text string) string {
	if held, known := (*o)[text]; known {
		return held
	}
	const kept = 1_024
	if *o == nil || len(*o) >= kept {
		*o = ownNames{}
	}
	held := strings.Clone(text)
	(*o)[held] = held
	return held
}

// withdrawn is what a call loses that turns out to be counted elsewhere.
var withdrawn = []string{
	AttrInputTokens, AttrCachedInputTokens, AttrCacheWriteInputTokens, AttrOutputTokens, AttrReasoningOutputTokens, AttrTotalTokens,
	AttrRequestCostUSD, AttrRequestCostNanoUSD, AttrCostBucket, AttrCostSource, AttrListCostUSD, AttrRateID,
}

func countOf(attributes Attributes, key string) Count {
	n, whole := attributes.Get(key).Int()
	if !whole || n < 0 {
		return Count{}
	}
	return Count{n, true}
}
