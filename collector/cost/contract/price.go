// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// gpuSeconds is the meter of machines' line items: seconds times GPUs, sold by the hour.
const (
	gpuSeconds     = "gpu_seconds"
	secondsPerHour = 3_600
)

var overrideAmount = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?$`)

// Pricer prices calls by a rate card and a contract, with the list price beside each cost. It is safe for use by
// many goroutines.
type Pricer struct {
	list     *pricing.Pricer
	contract *Contract
	version  string
	instants []int64
	inForce  []segment
	// texts are what conditions are about, of each fact that only contracts read.
	texts    [factCount]conditionTexts
	resolved *pricing.MatchCache[resolvedTerm]
}

// segment is the time between two instants: what is in force in it, and the beginning of keys of what is kept for it.
type segment struct {
	terms *terms
	key   string
}

// keyOf returns what of a call in this segment decides its resolved term; mark reports one whose context was cut down from others.
func (s *segment) keyOf(call *cost.Call, mark string) pricing.CallKey {
	key := pricing.CallKey{Provider: call.Provider, Model: call.Model, RequestModel: call.RequestModel, Tier: call.ServiceTier, Processing: call.Processing, Context: s.key}
	if len(call.Context) == 0 && mark == "" {
		return key
	}
	size := len(s.key) + len(mark)
	for _, fact := range call.Context {
		size += len(fact.Dimension) + len(fact.Value) + 2
	}
	var out strings.Builder
	out.Grow(size)
	out.WriteString(s.key)
	out.WriteString(mark)
	for _, fact := range call.Context {
		out.WriteString(fact.Dimension)
		out.WriteByte(0)
		out.WriteString(fact.Value)
		out.WriteByte(1)
	}
	key.Context = out.String()
	return key
}

// resolvedTerm is what holds for all calls of one key: the term, nil for none; what was agreed, nil when the term changes nothing;
// the card's rates; and the call's model and context as the deployments map them.
type resolvedTerm struct {
	term          *term
	rates, listed *pricing.ResolvedRates
	model         string
	context       []cost.Fact
	isMapped      bool
	source        string
}

// NewPricer returns a pricer by a card and a contract; a ContractError when the contract names a meter that the
// card does not know.
func NewPricer(list *pricing.Pricer, contract *Contract) (*Pricer, error) {
	card := list.Card()
	list = pricing.NewAccountPricer(card, contract.account, "")
	for n := range contract.terms {
		t := &contract.terms[n]
		for _, name := range t.meters() {
			if _, known := card.Units.ByName[name]; !known {
				where := fmt.Sprintf("contract %s, term %s", contract.name, t.id)
				return nil, &Error{where, fmt.Sprintf("meter %s, which rate card %s does not have", document.Quoted(name), card.Version()), ""}
			}
		}
	}
	p := &Pricer{
		list: list, contract: contract, version: card.Version() + cost.ContractMark + contract.suffix,
		instants: contract.instants(), resolved: pricing.NewMatchCache[resolvedTerm](),
	}
	for n := range p.texts {
		p.texts[n] = contract.textsOf(n)
	}
	p.inForce = []segment{{newTerms(contract, card, nil), "0\x02"}}
	for n, at := range p.instants {
		p.inForce = append(p.inForce, segment{newTerms(contract, card, &at), strconv.Itoa(n+1) + "\x02"})
	}
	return p, nil
}

// Version is what goes into llm.pricing_version.
func (p *Pricer) Version() string { return p.version }

// Price returns what a call costs under the contract, the list price beside it; or why its cost is unknown.
func (p *Pricer) Price(call *cost.Call) cost.Cost {
	var buf, listBuf [pricing.UsualItems]pricing.Item
	_, cost, listed := p.breakDown(call, p.resolvedTerm(call), buf[:0], listBuf[:0])
	return p.overridden(call, cost, &listed)
}

// LineItems returns what a call costs meter by meter, and the cost they add up to; one set as an override has no items.
func (p *Pricer) LineItems(call *cost.Call) ([]cost.LineItem, cost.Cost) {
	held := p.resolvedTerm(call)
	items, result, listed := p.breakDown(call, held, nil, nil)
	found := p.overridden(call, result, &listed)
	switch {
	case found.Source == cost.SourceManual:
		return nil, found
	case held.term != nil && held.term.hardware != nil:
		return hardwareItems(call, held.term.hardware, result), found
	}
	return p.list.LineItemsOf(items, found), found
}

// resolvedTerm returns what holds for a call, and keeps it under all that the call states and under what of its context can change it.
func (p *Pricer) resolvedTerm(call *cost.Call) *resolvedTerm {
	n, exact := slices.BinarySearch(p.instants, pricing.FloorDiv(call.AtNs, cost.NsPerSecond))
	if exact {
		n++
	}
	now := &p.inForce[n]
	plain := *call
	if call.Has(overrideFact) {
		plain.Context = slices.DeleteFunc(slices.Clone(call.Context), func(fact cost.Fact) bool { return fact.Dimension == overrideFact })
	}
	key := now.keyOf(&plain, "")
	if found := p.resolved.Get(key); found != nil {
		return found
	}
	key = key.Owned()
	plain = cost.Call{
		Provider: key.Provider, Model: key.Model, RequestModel: key.RequestModel, ServiceTier: key.Tier,
		Processing: key.Processing, Context: p.relevantFacts(plain.Context),
	}
	narrow := now.keyOf(&plain, "\x03")
	found := p.resolved.Get(narrow)
	if found == nil {
		found = p.resolve(now.terms, &plain)
		p.resolved.Keep(narrow, found)
	}
	p.resolved.Keep(key, found)
	return found
}

func (p *Pricer) resolve(in *terms, call *cost.Call) *resolvedTerm {
	card := p.list.Card()
	held := in.holding(call)
	found := &resolvedTerm{
		term: held.term, listed: &pricing.ResolvedRates{Unpriced: held.unlisted}, model: held.call.Model, context: held.call.Context,
		isMapped: held.isMapped, source: cost.SourceContract,
	}
	switch {
	case held.agreed != nil && held.agreed != held.listed:
		// What the card has is another model's.
		found.listed = &pricing.ResolvedRates{Unpriced: cost.ReasonUnknownModel}
	case held.listed != nil:
		found.listed = card.Resolve(held.listed, nil)
	}
	switch {
	case held.term == nil:
	case held.agreed != nil:
		found.rates = card.Resolve(held.agreed, newRateResolver(card, held.term))
	case held.term.hardware == nil:
		// A discount on what has no list price.
		found.term = nil
	}
	if found.term != nil && found.term.isAllocated {
		found.source = cost.SourceHardware
	}
	return found
}

// breakDown breaks down a call, by agreed rates, by machines, or at the list price where nothing was agreed; and its list price.
func (p *Pricer) breakDown(call *cost.Call, held *resolvedTerm, buf, listBuf []pricing.Item) (items []pricing.Item, result, listed cost.Cost) {
	mapped := *call
	if held.isMapped {
		mapped.Model, mapped.Context = held.model, held.context
	}
	listItems, listed := p.list.BreakDown(&mapped, held.listed, listBuf)
	if held.term == nil {
		return listItems, listed, listed
	}
	if held.term.hardware != nil {
		return nil, hardwareCost(call, held.term, &listed), listed
	}
	items, result = p.list.BreakDown(call, held.rates, buf)
	if !result.Known {
		return items, result, listed
	}
	if held.term.isAllocated && (result.Status == cost.Priced || result.Status == cost.Free) {
		result.Status, result.Reason = cost.Estimated, cost.ReasonAllocated
	}
	result.Source, result.ListKnown, result.List = held.source, listed.Known, listed.Femto
	return items, result, listed
}

// overridden returns the cost that was set as an override; one that cannot be taken leaves the other cost in doubt.
func (p *Pricer) overridden(call *cost.Call, result cost.Cost, listed *cost.Cost) cost.Cost {
	if p.contract.overrideKey == "" || !call.Has(overrideFact) {
		return result
	}
	text := strings.TrimFunc(call.Fact(overrideFact), cost.IsSpace)
	femto, fits := cost.Femto{}, overrideAmount.MatchString(text)
	if fits {
		femto, fits = cost.FemtoFromText(text)
	}
	if !fits || femto.Cmp(p.contract.most) > 0 {
		if result.Status == cost.Priced || result.Status == cost.Free {
			result.Status, result.Reason = cost.Estimated, cost.ReasonOverrideRefused
		}
		return result
	}
	found := cost.Cost{
		Status: cost.Priced, Known: true, Femto: femto, RateID: cost.SourceManual, Source: cost.SourceManual,
		ListKnown: listed.Known, List: listed.Femto,
	}
	if femto.IsZero() {
		found.Status, found.Reason = cost.Free, cost.ReasonFreeRate
	}
	return found
}

// hardwareCost returns the share of the machines' cost that the call's duration comes to; idle time is in no call's cost.
func hardwareCost(call *cost.Call, t *term, listed *cost.Cost) cost.Cost {
	rateID := cost.SourceHardware + ";contract=" + t.id
	if !call.HasDuration || call.DurationNs < 0 {
		return cost.Cost{Status: cost.Unpriced, Reason: cost.ReasonNoDuration, RateID: rateID}
	}
	seconds := occupied(call, t.hardware)
	femto, fits := t.hardware.perSecond().Cost(seconds)
	if !fits {
		return cost.Cost{Status: cost.Unpriced, Reason: cost.ReasonBadUsage, RateID: rateID}
	}
	return cost.Cost{
		Status: cost.Estimated, Reason: cost.ReasonAllocated, Known: true, Femto: femto, RateID: rateID, Source: cost.SourceHardware,
		ListKnown: listed.Known, List: listed.Femto,
	}
}

// occupied returns the GPU seconds that a call occupied: a fraction, even where it is whole.
func occupied(call *cost.Call, h *hardware) cost.Quantity {
	return cost.Fraction(new(big.Rat).Mul(big.NewRat(call.DurationNs, cost.NsPerSecond), h.gpus.Exact()))
}

func (h *hardware) perSecond() pricing.Rate {
	return pricing.RateOf(new(big.Rat).Quo(h.rate.Exact(), big.NewRat(secondsPerHour, 1)))
}

func hardwareItems(call *cost.Call, h *hardware, result cost.Cost) []cost.LineItem {
	if !result.Known {
		return nil
	}
	return []cost.LineItem{{Meter: gpuSeconds, Quantity: occupied(call, h), Price: h.perSecond().Text(secondsPerHour), Per: secondsPerHour, Femto: result.Femto}}
}
