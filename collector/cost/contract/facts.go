// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// FactsOf returns a context with the facts that a span, else its resource, states and the contract asks for. Others change
// nothing and would only fill the cache.
func (p *Pricer) FactsOf(context []cost.Fact, attributes, resource cost.Attributes) []cost.Fact {
	var found []cost.Fact
	for n := range p.texts {
		if p.texts[n].isEmpty() {
			continue
		}
		if text, isStated := firstStated(p.contract.attributes[n], attributes, resource); isStated && p.texts[n].matches(normalize(n, text)) {
			found = append(found, cost.Fact{Dimension: dimensionNames[n], Value: text})
		}
	}
	if key := p.contract.overrideKey; key != "" {
		if text, isStated := textOfAttribute(attributes.Get(key)); isStated {
			found = append(found, cost.Fact{Dimension: overrideFact, Value: text})
		}
	}
	if len(found) == 0 {
		return context
	}
	return pricing.MergeFacts(context, found)
}

func firstStated(keys []string, holders ...cost.Attributes) (string, bool) {
	for _, holder := range holders {
		for _, key := range keys {
			if text, isStated := textOfAttribute(holder.Get(key)); isStated {
				return text, true
			}
		}
	}
	return "", false
}

// textOfAttribute returns a text or a number as text; false for anything else.
func textOfAttribute(value document.Value) (string, bool) {
	switch value.Kind() {
	case document.String:
		return value.Text()
	case document.Int:
		n, _ := value.Int()
		return strconv.FormatInt(n, 10), true
	case document.Big:
		return value.Whole().String(), true
	case document.Float:
		f, _ := value.Float()
		return document.NumberText(f), true
	}
	return "", false
}

// relevantFacts returns the facts that can change the price, with texts of their own, in order.
func (p *Pricer) relevantFacts(context []cost.Fact) []cost.Fact {
	var found []cost.Fact
	for _, fact := range context {
		dimension := slices.Index(dimensionNames[:factCount], fact.Dimension)
		matters := fact.Dimension == "server_address" || p.list.Card().Facts.Knows(fact.Dimension)
		if dimension >= 0 {
			matters = p.texts[dimension].matches(normalize(dimension, fact.Value))
		}
		if matters {
			found = append(found, cost.Fact{Dimension: strings.Clone(fact.Dimension), Value: strings.Clone(fact.Value)})
		}
	}
	slices.SortFunc(found, func(a, b cost.Fact) int { return strings.Compare(a.Dimension, b.Dimension) })
	return found
}
