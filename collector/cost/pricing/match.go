// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// Match are the entries that a name stands for over time.
type Match struct {
	Provider *ProviderLine
	Spans    nameSpan
	callFacts
	ByRequest bool
}

// AccountFacts are what a team states of its own accounts, by provider, for calls that do not report it.
type AccountFacts map[string][]cost.Fact

// Match returns the entry of a call, or the reason why there is none. account holds for facts that nothing else reports.
func (c *RateCard) Match(call *cost.Call, account AccountFacts) (*Match, string) {
	name := c.ProviderNames.Canonical(call.Provider, call.Fact("server_address"))
	if name == "" {
		return nil, cost.ReasonUnknownProvider
	}
	line, err := c.provider(name)
	if err != nil || line == nil {
		return nil, cost.ReasonUnknownProvider
	}
	model := call.Model
	if model == "" {
		model = call.RequestModel
	}
	if strings.TrimFunc(model, cost.IsSpace) == "" {
		return nil, cost.ReasonNoModel
	}
	byRequest := false
	spans, nameFacts := c.lookUp(line, model)
	if spans == nil && call.RequestModel != "" && (line.RequestModelPrices == nil || *line.RequestModelPrices != 0) {
		byRequest, model = true, call.RequestModel
		spans, nameFacts = c.lookUp(line, model)
	}
	if spans == nil {
		return nil, cost.ReasonUnknownModel
	}
	found := &Match{line, spans, c.FactsOf(call, nameFacts, account[name]), byRequest}
	// The name of an entry may hold a fact (`us.` of Bedrock): the entry answers it, and the fact is reported.
	for _, candidate := range c.Models.Candidates(line.name, model) {
		for fact := range candidate.facts {
			found.reported[fact] = true
		}
	}
	return found, ""
}

// FactsOf returns the facts of a call in the card's words; nameFacts are those that the spelling of its model states, account
// those of the provider's account, for what nothing else reports.
func (c *RateCard) FactsOf(call *cost.Call, nameFacts, account []cost.Fact) callFacts {
	reported := withoutBlank(call.Context)
	var silentOn []string
	if address := call.Fact("server_address"); !cost.IsBlank(address) {
		var atHost []cost.Fact
		atHost, silentOn = c.Facts.atHost(address)
		reported = MergeFacts(atHost, reported)
	}
	var served []cost.Fact
	if !cost.IsBlank(call.ServiceTier) {
		served = append(served, cost.Fact{Dimension: "service_tier", Value: call.ServiceTier})
	}
	if !cost.IsBlank(call.Processing) {
		served = append(served, cost.Fact{Dimension: "processing", Value: call.Processing})
	}
	reported = slices.DeleteFunc(MergeFacts(reported, served), func(fact cost.Fact) bool { return slices.Contains(silentOn, fact.Dimension) })
	all := MergeFacts(account, nameFacts, reported)
	found := callFacts{c.Facts.Of(all), map[string]bool{}, silentOn}
	c.Facts.reported(all, found.reported)
	return found
}

func withoutBlank(facts []cost.Fact) []cost.Fact {
	return slices.DeleteFunc(slices.Clone(facts), func(fact cost.Fact) bool { return cost.IsBlank(fact.Value) })
}

func (c *RateCard) lookUp(line *ProviderLine, model string) (nameSpan, []cost.Fact) {
	for _, candidate := range c.Models.Candidates(line.name, model) {
		if spans, known := line.Names[candidate.Name]; known {
			return spans, SortedFacts(candidate.facts)
		}
	}
	return nil, nil
}

// MatchWithoutRates returns the match of a model that no card lists.
func MatchWithoutRates(providerName, model string, facts callFacts) *Match {
	line := &ProviderLine{name: providerName, Models: map[string]*entry{model: {Periods: make([]PeriodRow, 1)}}}
	return &Match{line, nameSpan{{nil, model}}, facts, false}
}
