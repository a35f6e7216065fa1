// SPDX-License-Identifier: Apache-2.0

package contracts

import (
	"fmt"
	"strings"

	"github.com/spancost/spancost/collector/cost/contract"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// accounts returns the facts of accounts by provider; one that no price depends on, or without a rate, is refused.
func (c *compiler) accounts(forms []accountForm) document.Value {
	found := document.NewMap()
	for _, form := range forms {
		at := place("").key("facts").key(form.provider)
		provider := c.card.Providers().Canonical(form.provider, "")
		if provider == "" {
			provider = form.provider
		}
		if found.Has(provider) {
			c.fail(at, provider+" for the second time", "each provider once")
		}
		if len(form.facts) == 0 {
			c.fail(at, "nothing", "facts of an account")
		}
		stated := document.NewMap()
		for _, fact := range form.facts {
			if fault := c.card.AccountFault(provider, fact.dimension, fact.text); fault != nil {
				where := at.key(fact.dimension)
				if fault.IsProvider {
					where = at
				}
				c.fail(where, fault.Found, fault.Expected)
			}
			stated.Set(fact.dimension, document.OfString(fact.text))
		}
		found.Set(provider, stated)
	}
	return found
}

// WithFacts returns a contract, nil for none, with facts of accounts over its own: by provider, then by fact. Providers and values
// are those of card; where names them in errors.
func WithFacts(agreed *contract.Contract, facts map[string]map[string]string, card *pricing.RateCard, where string) (*contract.Contract, error) {
	if len(facts) == 0 {
		return agreed, nil
	}
	content := document.NewMap()
	if agreed != nil {
		content = copied(agreed.Content())
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
	for _, name := range sorted(facts) {
		provider := card.Providers().Canonical(name, "")
		stated := document.NewMap()
		if all.Has(provider) {
			stated = copied(all.Get(provider))
		}
		for _, fact := range sorted(facts[name]) {
			value := strings.TrimSpace(facts[name][fact])
			if fault := card.AccountFault(provider, fact, value); fault != nil {
				at := fmt.Sprintf("%s, %s:%s=%s", where, name, fact, value)
				return nil, &contract.Error{Where: at, Found: fault.Found, Expected: fault.Expected}
			}
			stated.Set(fact, document.OfString(value))
		}
		all.Set(provider, stated)
	}
	content.Set("facts", all)
	return contract.New(document.Canonical(content), where)
}
