// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"slices"
	"strings"
)

// Call is one request to a model as it is to be priced. Fields that are not known are empty.
type Call struct {
	// Provider is the provider in any known spelling, Model the model as the response gave it, else as requested.
	Provider, Model, RequestModel string
	// Usage holds inclusive meters: input_tokens holds cache reads, writes and every modality.
	Usage []Amount
	// AtNs is when the call started, nanoseconds since the Unix epoch, UTC.
	AtNs int64
	// ServiceTier is the tier that was served; Processing is "batch" or empty.
	ServiceTier, Processing string
	// Context holds further facts that can change the price: server_address, speed, inference_geo, …; and for contracts
	// tenant, team, account, api_key_alias, deployment, override_usd.
	Context []Fact
	// DurationNs is how long the call took, when HasDuration, for what is charged by time.
	DurationNs  int64
	HasDuration bool
}

// fact returns what the context states, "" when it states nothing.
func (c *Call) fact(dimension string) string {
	found := ""
	for _, fact := range c.Context {
		if fact.Dimension == dimension {
			found = fact.Value
		}
	}
	return found
}

func (c *Call) has(dimension string) bool {
	for _, fact := range c.Context {
		if fact.Dimension == dimension {
			return true
		}
	}
	return false
}

// matched are the entries that a name stands for over time.
type matched struct {
	provider *provider
	spans    nameSpan
	callFacts
	byRequest bool
}

// AccountFacts are what a team states of its own accounts, by provider, for calls that do not report it.
type AccountFacts map[string][]Fact

// match returns the entry of a call, or the reason why there is none. account holds for facts that nothing else reports.
func (c *RateCard) match(call *Call, account AccountFacts) (*matched, string) {
	name := c.providerNames.Canonical(call.Provider, call.fact("server_address"))
	if name == "" {
		return nil, reasonUnknownProvider
	}
	line, err := c.provider(name)
	if err != nil || line == nil {
		return nil, reasonUnknownProvider
	}
	model := call.Model
	if model == "" {
		model = call.RequestModel
	}
	if strings.TrimFunc(model, isSpace) == "" {
		return nil, reasonNoModel
	}
	byRequest := false
	spans, spelled := c.lookUp(line, model)
	if spans == nil && call.RequestModel != "" && (line.RequestModelPrices == nil || *line.RequestModelPrices != 0) {
		byRequest, model = true, call.RequestModel
		spans, spelled = c.lookUp(line, model)
	}
	if spans == nil {
		return nil, reasonUnknownModel
	}
	found := &matched{line, spans, c.factsOf(call, spelled, account[name]), byRequest}
	// The name of an entry may hold a fact (`us.` of Bedrock): the entry answers it, and the fact is reported.
	for _, candidate := range c.models.candidates(line.name, model) {
		for fact := range candidate.facts {
			found.reported[fact] = true
		}
	}
	return found, ""
}

// factsOf returns the facts of a call in the card's words; spelled are those that the spelling of its model states, account
// those of the provider's account, for what nothing else reports.
func (c *RateCard) factsOf(call *Call, spelled, account []Fact) callFacts {
	said := withoutBlank(call.Context)
	var silentOn []string
	if address := call.fact("server_address"); !isSpaces(address) {
		var atHost []Fact
		atHost, silentOn = c.facts.atHost(address)
		said = stated(atHost, said)
	}
	var served []Fact
	if !isSpaces(call.ServiceTier) {
		served = append(served, Fact{"service_tier", call.ServiceTier})
	}
	if !isSpaces(call.Processing) {
		served = append(served, Fact{"processing", call.Processing})
	}
	said = slices.DeleteFunc(stated(said, served), func(fact Fact) bool { return slices.Contains(silentOn, fact.Dimension) })
	all := stated(account, spelled, said)
	found := callFacts{c.facts.of(all), map[string]bool{}, silentOn}
	c.facts.reported(all, found.reported)
	return found
}

func withoutBlank(facts []Fact) []Fact {
	return slices.DeleteFunc(slices.Clone(facts), func(fact Fact) bool { return isSpaces(fact.Value) })
}

func (c *RateCard) lookUp(line *provider, model string) (nameSpan, []Fact) {
	for _, candidate := range c.models.candidates(line.name, model) {
		if spans, known := line.Names[candidate.name]; known {
			return spans, sortedFacts(candidate.facts)
		}
	}
	return nil, nil
}
