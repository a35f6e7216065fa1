// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"maps"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

// AccountFault is what is wrong with a fact of an account: IsProvider is true when it is the provider.
type AccountFault struct {
	IsProvider      bool
	Found, Expected string
}

// AccountFault returns what is wrong with a fact that is stated of an account at a provider, nil when it can be priced.
func (c *RateCard) AccountFault(providerName, fact, text string) *AccountFault {
	line, err := c.provider(providerName)
	if err != nil || line == nil {
		return &AccountFault{true, "provider " + document.Quoted(providerName), "a provider of the rate card"}
	}
	known := slices.DeleteFunc(slices.Sorted(maps.Keys(line.Facts)), func(name string) bool { return name == splitFact })
	if !slices.Contains(known, fact) {
		expected := "none: no price of this provider depends on one"
		if len(known) > 0 {
			expected = "one of " + strings.Join(known, ", ")
		}
		return &AccountFault{false, "fact " + document.Quoted(fact), expected}
	}
	values := line.valuesWithRates(fact)
	words := c.Facts.Of([]cost.Fact{{Dimension: fact, Value: text}})
	word, isOther := words[fact]
	if !isOther && !cost.IsBlank(text) {
		word = standardFact
	}
	isMoved := len(words) > 1 || (len(words) == 1 && !isOther)
	if isMoved || (word != standardFact && !slices.Contains(values, word)) {
		list := "none"
		if len(values) > 0 {
			list = strings.Join(values, ", ")
		}
		return &AccountFault{false, document.Quoted(text), "the usual one, or one with a rate: " + list}
	}
	return nil
}

// valuesWithRates are the values of a fact that some entry of a provider has rates for, sorted.
func (s *ProviderLine) valuesWithRates(fact string) []string {
	found := map[string]bool{}
	for _, e := range s.Models {
		for _, value := range e.BaseFor[fact] {
			if value != "*" {
				found[value] = true
			}
		}
		for n := range e.Periods {
			for k := range e.Periods[n].Variants {
				if value, named := e.Periods[n].Variants[k].When[fact]; named {
					found[value] = true
				}
			}
		}
		for _, index := range e.Modifiers {
			if value, named := s.Modifiers[index].When[fact]; named {
				found[value] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// NewAccountPricer returns a pricer by a card and facts of accounts; the suffix follows the card's version.
func NewAccountPricer(card *RateCard, account AccountFacts, suffix string) *Pricer {
	found := NewPricer(card)
	found.account, found.suffix = account, suffix
	return found
}
