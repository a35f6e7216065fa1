// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost/document"
)

// FactsOf returns a context with the facts that a span, else its resource, states and the contract speaks of. Others change
// nothing and would only fill the cache.
func (p *ContractPricer) FactsOf(context []Fact, attributes, resource Attributes) []Fact {
	var found []Fact
	for n := range p.spoken {
		if p.spoken[n].isSilent() {
			continue
		}
		if text, isStated := firstStated(p.contract.attributes[n], attributes, resource); isStated && p.spoken[n].of(spelled(n, text)) {
			found = append(found, Fact{dimensionNames[n], text})
		}
	}
	if key := p.contract.overrideKey; key != "" {
		if text, isStated := textOfAttribute(attributes.Get(key)); isStated {
			found = append(found, Fact{overrideFact, text})
		}
	}
	if len(found) == 0 {
		return context
	}
	return stated(context, found)
}

func firstStated(keys []string, holders ...Attributes) (string, bool) {
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

// thatMatter returns the facts that can change the price, with texts of their own, in order.
func (p *ContractPricer) thatMatter(context []Fact) []Fact {
	var found []Fact
	for _, fact := range context {
		dimension := slices.Index(dimensionNames[:factCount], fact.Dimension)
		matters := fact.Dimension == "server_address" || p.list.card.facts.words[fact.Dimension] != nil
		if dimension >= 0 {
			matters = p.spoken[dimension].of(spelled(dimension, fact.Value))
		}
		if matters {
			found = append(found, Fact{strings.Clone(fact.Dimension), strings.Clone(fact.Value)})
		}
	}
	slices.SortFunc(found, func(a, b Fact) int { return strings.Compare(a.Dimension, b.Dimension) })
	return found
}
