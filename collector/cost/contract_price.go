// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost/document"
)

// gpuSeconds is the meter of machines' line items: seconds times GPUs, sold by the hour.
const (
	gpuSeconds     = "gpu_seconds"
	secondsPerHour = 3_600
)

var amountByHand = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?$`)

// ContractPricer prices calls by a rate card and a contract, with the list price beside each cost. It is safe for use by
// many goroutines.
type ContractPricer struct {
	list     *Pricer
	contract *Contract
	version  string
	instants []int64
	inForce  []segment
	// spoken are what conditions are about, of each fact that only contracts read.
	spoken [factCount]spoken
	deals  *recentOffers[deal]
}

// segment is the time between two instants: what is in force in it, and the beginning of keys of what is kept for it.
type segment struct {
	terms *terms
	key   string
}

// keyOf returns what of a call in this segment decides its deal; mark tells one whose context was cut down from others.
func (s *segment) keyOf(call *Call, mark string) offerKey {
	key := offerKey{call.Provider, call.Model, call.RequestModel, call.ServiceTier, call.Processing, s.key}
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
	key.context = out.String()
	return key
}

// deal is what holds for all calls of one key: the term, nil for none; what was agreed, nil when the term changes nothing;
// what the card offers; and the call's model and context as the deployments map them.
type deal struct {
	term          *term
	offer, listed *offer
	model         string
	context       []Fact
	isMapped      bool
	source        string
}

// NewContractPricer returns a pricer by a card and a contract; a ContractError when the contract names a meter that the
// card does not know.
func NewContractPricer(list *Pricer, contract *Contract) (*ContractPricer, error) {
	card := list.card
	list = &Pricer{card: card, account: contract.account, offers: newRecentOffers[offer]()}
	for n := range contract.terms {
		t := &contract.terms[n]
		for _, name := range t.meters() {
			if _, known := card.units.byName[name]; !known {
				where := fmt.Sprintf("contract %s, term %s", contract.name, t.id)
				return nil, &ContractError{where, fmt.Sprintf("meter %s, which rate card %s does not have", document.Quoted(name), card.version), ""}
			}
		}
	}
	p := &ContractPricer{
		list: list, contract: contract, version: card.version + "+o" + contract.suffix,
		instants: contract.instants(), deals: newRecentOffers[deal](),
	}
	for n := range p.spoken {
		p.spoken[n] = contract.spokenOf(n)
	}
	p.inForce = []segment{{newTerms(contract, card, nil), "0\x02"}}
	for n, at := range p.instants {
		p.inForce = append(p.inForce, segment{newTerms(contract, card, &at), strconv.Itoa(n+1) + "\x02"})
	}
	return p, nil
}

// Version is what goes into llm.pricing_version.
func (p *ContractPricer) Version() string { return p.version }

// Price returns what a call costs under the contract, the list price beside it; or why that cannot be said.
func (p *ContractPricer) Price(call *Call) Cost {
	var room, listRoom [usualItems]item
	_, cost, listed := p.bill(call, p.deal(call), room[:0], listRoom[:0])
	return p.byHand(call, cost, &listed)
}

// LineItems returns what a call costs meter by meter, and the cost they add up to; one set by hand has no items.
func (p *ContractPricer) LineItems(call *Call) ([]LineItem, Cost) {
	held := p.deal(call)
	items, cost, listed := p.bill(call, held, nil, nil)
	found := p.byHand(call, cost, &listed)
	switch {
	case found.Source == sourceManual:
		return nil, found
	case held.term != nil && held.term.hardware != nil:
		return rented(call, held.term.hardware, cost), found
	}
	return p.list.lineItems(items, found), found
}

// deal returns what holds for a call, and keeps it under all that the call says and under what of its context can change it.
func (p *ContractPricer) deal(call *Call) *deal {
	n, exact := slices.BinarySearch(p.instants, floorDiv(call.AtNs, nsPerSecond))
	if exact {
		n++
	}
	now := &p.inForce[n]
	plain := *call
	if call.has(overrideFact) {
		plain.Context = slices.DeleteFunc(slices.Clone(call.Context), func(fact Fact) bool { return fact.Dimension == overrideFact })
	}
	key := now.keyOf(&plain, "")
	if found := p.deals.get(key); found != nil {
		return found
	}
	key = key.owned()
	plain = Call{
		Provider: key.provider, Model: key.model, RequestModel: key.requestModel, ServiceTier: key.tier,
		Processing: key.processing, Context: p.thatMatter(plain.Context),
	}
	narrow := now.keyOf(&plain, "\x03")
	found := p.deals.get(narrow)
	if found == nil {
		found = p.made(now.terms, &plain)
		p.deals.keep(narrow, found)
	}
	p.deals.keep(key, found)
	return found
}

func (p *ContractPricer) made(in *terms, call *Call) *deal {
	card := p.list.card
	held := in.holding(call)
	found := &deal{
		term: held.term, listed: &offer{unpriced: held.unlisted}, model: held.call.Model, context: held.call.Context,
		isMapped: held.isMapped, source: sourceContract,
	}
	switch {
	case held.agreed != nil && held.agreed != held.listed:
		// What the card has is another model's.
		found.listed = &offer{unpriced: reasonUnknownModel}
	case held.listed != nil:
		found.listed = card.offer(held.listed, nil)
	}
	switch {
	case held.term == nil:
	case held.agreed != nil:
		found.offer = card.offer(held.agreed, card.agreementOf(held.term))
	case held.term.hardware == nil:
		// A discount on what has no list price.
		found.term = nil
	}
	if found.term != nil && found.term.isAllocated {
		found.source = sourceHardware
	}
	return found
}

// bill works a call out, by agreed rates, by machines, or at the list price where nothing was agreed; and its list price.
func (p *ContractPricer) bill(call *Call, held *deal, room, listRoom []item) (items []item, cost, listed Cost) {
	mapped := *call
	if held.isMapped {
		mapped.Model, mapped.Context = held.model, held.context
	}
	listItems, listed := p.list.billUnder(&mapped, held.listed, listRoom)
	if held.term == nil {
		return listItems, listed, listed
	}
	if held.term.hardware != nil {
		return nil, rent(call, held.term, &listed), listed
	}
	items, cost = p.list.billUnder(call, held.offer, room)
	if !cost.Known {
		return items, cost, listed
	}
	if held.term.isAllocated && (cost.Status == Priced || cost.Status == Free) {
		cost.Status, cost.Reason = Estimated, reasonAllocated
	}
	cost.Source, cost.ListKnown, cost.List = held.source, listed.Known, listed.Femto
	return items, cost, listed
}

// byHand returns the cost that was set by hand; one that cannot be taken leaves the other cost in doubt.
func (p *ContractPricer) byHand(call *Call, cost Cost, listed *Cost) Cost {
	if p.contract.overrideKey == "" || !call.has(overrideFact) {
		return cost
	}
	text := strings.TrimFunc(call.fact(overrideFact), isSpace)
	femto, fits := Femto{}, amountByHand.MatchString(text)
	if fits {
		femto, fits = femtoOfDecimal(text)
	}
	if !fits || femto.Cmp(p.contract.most) > 0 {
		if cost.Status == Priced || cost.Status == Free {
			cost.Status, cost.Reason = Estimated, reasonOverrideRefused
		}
		return cost
	}
	found := Cost{
		Status: Priced, Known: true, Femto: femto, RateID: sourceManual, Source: sourceManual,
		ListKnown: listed.Known, List: listed.Femto,
	}
	if femto.IsZero() {
		found.Status, found.Reason = Free, reasonFreeRate
	}
	return found
}

// rent returns the share of the machines' cost that the call's duration comes to; idle time is in no call's cost.
func rent(call *Call, t *term, listed *Cost) Cost {
	rateID := sourceHardware + ";contract=" + t.id
	if !call.HasDuration || call.DurationNs < 0 {
		return Cost{Status: Unpriced, Reason: reasonNoDuration, RateID: rateID}
	}
	seconds := occupied(call, t.hardware)
	femto, fits := t.hardware.perSecond().cost(seconds)
	if !fits {
		return Cost{Status: Unpriced, Reason: reasonBadUsage, RateID: rateID}
	}
	return Cost{
		Status: Estimated, Reason: reasonAllocated, Known: true, Femto: femto, RateID: rateID, Source: sourceHardware,
		ListKnown: listed.Known, List: listed.Femto,
	}
}

// occupied returns the GPU seconds that a call occupied: a fraction, even where it is whole.
func occupied(call *Call, h *hardware) Quantity {
	return Quantity{part: new(big.Rat).Mul(big.NewRat(call.DurationNs, nsPerSecond), h.gpus.exact())}
}

func (h *hardware) perSecond() Rate {
	return rateOf(new(big.Rat).Quo(h.rate.exact(), big.NewRat(secondsPerHour, 1)))
}

func rented(call *Call, h *hardware, cost Cost) []LineItem {
	if !cost.Known {
		return nil
	}
	return []LineItem{{gpuSeconds, occupied(call, h), h.perSecond().text(secondsPerHour), secondsPerHour, cost.Femto}}
}
