// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// unknownProvider stands for the provider in the rate id of a call that names none, at a host that nobody listed.
const unknownProvider = "unknown"

// closeness reports how closely a condition fits: the whole text beats a pattern, the nearer spelling the farther; a longer
// pattern beats a shorter one, and one that ends in `*` beats one of the same length that begins with it.
type closeness [3]int

// fit returns how closely a condition fits the spellings of a call, the nearest spelling first.
func fit(wanted string, spellings []string) (closeness, bool) {
	if start, isStart := strings.CutSuffix(wanted, "*"); isStart {
		fits := slices.ContainsFunc(spellings, func(text string) bool { return strings.HasPrefix(text, start) })
		return closeness{1, len([]rune(start)), 1}, fits
	}
	if end, isEnd := strings.CutPrefix(wanted, "*"); isEnd {
		fits := slices.ContainsFunc(spellings, func(text string) bool { return strings.HasSuffix(text, end) })
		return closeness{1, len([]rune(end)), 0}, fits
	}
	at := slices.Index(spellings, wanted)
	return closeness{2, -at, 0}, at >= 0
}

// spellings are those of a call for each dimension, the nearest first.
type spellings [dimensionCount][]string

// rank is how well a row fits a call: the number of its conditions, then how closely each dimension fits.
type rank struct {
	count int
	close [dimensionCount]closeness
}

func (r rank) compare(other rank) int {
	if r.count != other.count {
		return cmp.Compare(r.count, other.count)
	}
	for n := range r.close {
		if found := slices.Compare(r.close[n][:], other.close[n][:]); found != 0 {
			return found
		}
	}
	return 0
}

func (w *conditions) rank(texts *spellings) (found rank, fits bool) {
	for n, wanted := range w {
		if wanted == "" {
			continue
		}
		found.count++
		if found.close[n], fits = fit(wanted, texts[n]); !fits {
			return found, false
		}
	}
	return found, true
}

// best returns the row with the most conditions, of equals the one whose conditions are the more telling; nil
// for none. Two rows are never equal: they would have the same conditions at the same time, which a contract may not have.
func best[T any](rows []*T, when func(*T) *conditions, texts *spellings) *T {
	var chosen *T
	var highest rank
	for _, row := range rows {
		if found, fits := when(row).rank(texts); fits && (chosen == nil || found.compare(highest) > 0) {
			chosen, highest = row, found
		}
	}
	return chosen
}

// terms are the terms and deployments of a contract that are in force between two of its instants.
type terms struct {
	card        *pricing.RateCard
	account     pricing.AccountFacts
	terms       []*term
	deployments []*deployment
}

func newTerms(contract *Contract, card *pricing.RateCard, atS *int64) *terms {
	found := &terms{card: card, account: contract.account}
	for n := range contract.terms {
		if contract.terms[n].isInForce(atS) {
			found.terms = append(found.terms, &contract.terms[n])
		}
	}
	for n := range contract.deployments {
		if contract.deployments[n].isInForce(atS) {
			found.deployments = append(found.deployments, &contract.deployments[n])
		}
	}
	return found
}

// holding is what holds for a call: the call as the deployments map it, the card's entry (or the reason why there is none),
// the term, and the entry that the term's rates belong to.
type holding struct {
	call     cost.Call
	isMapped bool
	listed   *pricing.Match
	unlisted string
	term     *term
	agreed   *pricing.Match
}

func (t *terms) holding(call *cost.Call) holding {
	address := call.Fact("server_address")
	provider := t.card.ProviderNames.Canonical(call.Provider, address)
	var texts spellings
	for n, fact := range dimensionNames[:factCount] {
		texts[n] = normalizeAll(n, call.Fact(fact))
	}
	texts[byProvider] = normalizeAll(byProvider, provider)
	if address != "" {
		texts[byServerAddress] = normalizeAll(byServerAddress, pricing.HostOf(address))
	}
	if len(texts[byDeployment]) == 0 {
		texts[byDeployment] = normalizeAll(byDeployment, call.RequestModel, call.Model)
	}
	found := holding{call: *call}
	t.mapDeployment(&found, &texts)
	found.listed, found.unlisted = t.card.Match(&found.call, t.account)
	own := t.names(provider, found.call.Model)
	texts[byModel] = slices.Clone(own)
	if found.listed != nil {
		for _, span := range found.listed.Spans {
			texts[byModel] = append(texts[byModel], span.Entry)
		}
	}
	if found.listed == nil || found.listed.ByRequest {
		texts[byModel] = append(texts[byModel], t.names(provider, found.call.RequestModel)...)
	}
	found.term = best(t.terms, func(row *term) *conditions { return &row.when }, &texts)
	found.agreed = t.agreed(&found, provider, own)
	return found
}

// mapDeployment gives the call the model and facts of its deployment; what the answer itself states stays.
func (t *terms) mapDeployment(found *holding, texts *spellings) {
	behind := best(t.deployments, func(row *deployment) *conditions { return &row.when }, texts)
	if behind == nil {
		return
	}
	answered := found.call
	answered.RequestModel = ""
	if listed, _ := t.card.Match(&answered, t.account); listed == nil {
		found.call.Model = behind.model
	}
	found.call.Context = pricing.MergeFacts(behind.facts, found.call.Context)
	found.isMapped = true
}

func (t *terms) names(provider, model string) []string {
	if model == "" {
		return nil
	}
	var found []string
	for _, candidate := range t.card.Models.Candidates(provider, model) {
		found = append(found, candidate.Name)
	}
	return found
}

// agreed returns the entry that agreed rates change: the card's, or an empty one for a model it does not know.
func (t *terms) agreed(found *holding, providerName string, own []string) *pricing.Match {
	under := found.term
	if under == nil || under.hardware != nil {
		return nil
	}
	isOwn := false
	if wanted := under.when[byModel]; wanted != "" {
		_, isOwn = fit(wanted, own)
	}
	if found.listed != nil && !(found.listed.ByRequest && isOwn && under.hasRates()) {
		return found.listed
	}
	name := found.call.Model
	if name == "" {
		name = found.call.RequestModel
	}
	if name = cost.Normalize(name); !under.hasRates() || name == "" {
		return nil
	}
	if providerName == "" {
		providerName = unknownProvider
	}
	return pricing.MatchWithoutRates(providerName, name, t.card.FactsOf(&found.call, nil, t.account[providerName]))
}

// NormalizeCondition returns a text as conditions about a dimension are compared.
func NormalizeCondition(dimension, text string) string {
	return normalize(slices.Index(dimensionNames[:], dimension), text)
}

// normalize returns a text as conditions about a dimension are compared: trimmed, in lower case where case does not matter.
func normalize(dimension int, text string) string {
	switch dimension {
	case byDeployment, byModel, byServerAddress, byProvider:
		return cost.Normalize(text)
	}
	return strings.TrimFunc(text, cost.IsSpace)
}

func normalizeAll(dimension int, texts ...string) []string {
	var found []string
	for _, text := range texts {
		if text = normalize(dimension, text); text != "" {
			found = append(found, text)
		}
	}
	return found
}
