// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// priorResult returns the call that attributes of an earlier run report, nil when there is none.
func (l *Ledger) priorResult(span *cost.Span, below *Subtotal, written *Writes) *Subtotal {
	l.counters.AlreadyPriced++
	status, _ := span.Attributes.Get(cost.AttrCostStatus).Text()
	if status == cost.Duplicate || status == cost.Aggregate {
		reason, _ := span.Attributes.Get(cost.AttrCostReason).Text()
		l.NoteDoubt(span.Attributes)
		return incomplete(reason)
	}
	attributes := span.Attributes
	this := l.priors.next()
	*this = CountedCall{
		span: span.Key, scope: span.ScopeName, startNs: span.StartNs, endNs: span.EndNs,
		input: countOf(attributes, cost.AttrInputTokens), output: countOf(attributes, cost.AttrOutputTokens), process: span.Process, isChild: span.IsChild,
		isExchange: attributes.Has(attrCapture),
		parts: [3]cost.Count{
			countOf(attributes, cost.AttrCachedInputTokens), countOf(attributes, cost.AttrCacheWriteInputTokens),
			countOf(attributes, cost.AttrReasoningOutputTokens),
		},
	}
	model, _ := attributes.Get(cost.AttrModel).Text()
	this.models[0] = bareModel(model)
	this.responseID = stated(attributes, cost.AttrRequestID)
	this.provider, _ = attributes.Get(cost.AttrProvider).Text()
	l.memory.mutex.Lock()
	defer l.memory.mutex.Unlock()
	if l.options.Reclassify {
		reason, _ := attributes.Get(cost.AttrCostReason).Text()
		// The ledger outlives the data that the texts lie in.
		this.scope, this.models[0] = l.names.intern(this.scope), l.names.intern(this.models[0])
		this.provider, this.responseID = l.names.intern(this.provider), strings.Clone(this.responseID)
		if found := classify(reason != reasonOnlyCarrier, reason == cost.ReasonStatedCost, this, below, l.memory); found.role != "" {
			l.count(found)
			l.counters.repeat(found.reason)
			if found.of != nil {
				l.memory.claim(found.of, this)
				if found.reason == reasonSameTokens {
					l.memory.doubt(found.of.span.ID)
				}
			}
			found.write(l.options.LeftOut, written)
			written.Remove = withdrawn
			if found.of != nil && found.reason != reasonSameTokens && this.responseID != "" {
				l.memory.addAlias(this.responseID, found.of)
			}
			return incomplete(found.reason)
		}
	}
	result := cost.Cost{Status: status}
	usd := attributes.Get(cost.AttrRequestCostUSD)
	if n, whole := usd.Int(); whole && n >= 0 {
		result.Femto, result.Known = cost.FemtoOfUSD(float64(n))
	} else if f, isFloat := usd.Float(); isFloat {
		result.Femto, result.Known = cost.FemtoOfUSD(f)
	}
	return l.counted(this, &result)
}

// CopyClassification reports whether an earlier run found that a span repeats calls; into gets what a copy of it that was taken for a
// call needs to state the same.
func CopyClassification(attributes cost.Attributes, into *Writes) bool {
	status, _ := attributes.Get(cost.AttrCostStatus).Text()
	if status != cost.Duplicate && status != cost.Aggregate {
		return false
	}
	into.Remove = withdrawn
	for _, key := range []string{cost.AttrCostStatus, cost.AttrCostReason, cost.AttrDuplicateOf} {
		if text, isText := attributes.Get(key).Text(); isText {
			into.text(key, strings.Clone(text))
		}
	}
	return true
}

// stated returns a text that an earlier run wrote, or left out because the span states it under another key.
func stated(attributes cost.Attributes, key string) string {
	if text, _ := attributes.Get(key).Text(); text != "" {
		return text
	}
	text, _ := attributes.Get(cost.StatedBy[key]).Text()
	return text
}

// internedNames are copies of texts that come again and again, one of each.
type internedNames map[string]string

func (o *internedNames) intern(text string) string {
	if held, known := (*o)[text]; known {
		return held
	}
	const kept = 1_024
	if *o == nil || len(*o) >= kept {
		*o = internedNames{}
	}
	held := strings.Clone(text)
	(*o)[held] = held
	return held
}

// withdrawn is what a call loses that turns out to be counted elsewhere.
var withdrawn = []string{
	cost.AttrInputTokens, cost.AttrCachedInputTokens, cost.AttrCacheWriteInputTokens, cost.AttrOutputTokens, cost.AttrReasoningOutputTokens, cost.AttrTotalTokens,
	cost.AttrRequestCostUSD, cost.AttrRequestCostNanoUSD, cost.AttrCostBucket, cost.AttrCostSource, cost.AttrListCostUSD, cost.AttrRateID,
}

func countOf(attributes cost.Attributes, key string) cost.Count {
	n, whole := attributes.Get(key).Int()
	if !whole || n < 0 {
		return cost.Count{}
	}
	return cost.Count{N: n, Known: true}
}
