// SPDX-License-Identifier: Apache-2.0

package contracts

import (
	"fmt"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

// accounts returns the facts of accounts by seller; one that no price depends on, or without a rate, is refused.
func (c *compiler) accounts(forms []accountForm) document.Value {
	found := document.NewMap()
	for _, form := range forms {
		at := place("").key("facts").key(form.seller)
		seller := c.card.Providers().Canonical(form.seller, "")
		if seller == "" {
			seller = form.seller
		}
		if found.Has(seller) {
			c.fail(at, seller+" for the second time", "each seller once")
		}
		if len(form.facts) == 0 {
			c.fail(at, "nothing", "facts of an account")
		}
		stated := document.NewMap()
		for _, fact := range form.facts {
			if fault := c.card.AccountFault(seller, fact.dimension, fact.text); fault != nil {
				where := at.key(fact.dimension)
				if fault.IsSeller {
					where = at
				}
				c.fail(where, fault.Found, fault.Expected)
			}
			stated.Set(fact.dimension, document.OfString(fact.text))
		}
		found.Set(seller, stated)
	}
	return found
}

// WithFacts returns a contract, nil for none, with facts of accounts over its own: by seller, then by fact. Sellers and values
// are those of card; where names them in errors.
func WithFacts(contract *cost.Contract, facts map[string]map[string]string, card *cost.RateCard, where string) (*cost.Contract, error) {
	if len(facts) == 0 {
		return contract, nil
	}
	content := document.NewMap()
	if contract != nil {
		content = copied(contract.Content())
	} else {
		content.Set("attributes", document.NewMap())
		content.Set("deployments", document.OfList())
		content.Set("format", document.OfInt(1))
		content.Set("name", document.OfString("account"))
		content.Set("terms", document.OfList())
	}
	all := document.NewMap()
	if content.Has("facts") {
		all = copied(content.Get("facts"))
	}
	for _, provider := range sorted(facts) {
		seller := card.Providers().Canonical(provider, "")
		stated := document.NewMap()
		if all.Has(seller) {
			stated = copied(all.Get(seller))
		}
		for _, fact := range sorted(facts[provider]) {
			value := strings.TrimSpace(facts[provider][fact])
			if fault := card.AccountFault(seller, fact, value); fault != nil {
				at := fmt.Sprintf("%s, %s:%s=%s", where, provider, fact, value)
				return nil, &cost.ContractError{Where: at, Found: fault.Found, Expected: fault.Expected}
			}
			stated.Set(fact, document.OfString(value))
		}
		all.Set(seller, stated)
	}
	content.Set("facts", all)
	return cost.NewContract(document.Canonical(content), where)
}
