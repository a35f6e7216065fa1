// SPDX-License-Identifier: Apache-2.0

package contracts

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/contract"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/pricing"
)

const (
	mostRows    = 10_000
	femtoPerUSD = 1_000_000_000_000_000
)

// namesCalls are the conditions of which prices need one: prices of any model would be wrong.
var namesCalls = []string{"provider", "model", "deployment", "server_address"}

// compiler makes the compiled form of one contract; it keeps where each compiled row was written, and the first fault.
type compiler struct {
	lines  *lineTable
	card   *pricing.RateCard
	places map[string][]place
	fault  error
}

func (c *compiler) fail(at place, found, expected string) {
	if c.fault == nil {
		c.fault = c.lines.fault(at, found, expected)
	}
}

func (c *compiler) contract(form contractForm) document.Value {
	terms, deployments := document.OfList(), document.OfList()
	ids := map[string]bool{}
	for n := range form.terms {
		at := place("").key("terms").item(n)
		if ids[form.terms[n].id] {
			c.fail(at.key("id"), form.terms[n].id+" for the second time", "an id of its own")
		}
		ids[form.terms[n].id] = true
		c.rows(terms, "terms", at.key("match"), at, form.terms[n].match, c.term(&form.terms[n], at))
	}
	for n := range form.deployments {
		at := place("").key("deployments").item(n)
		c.rows(deployments, "deployments", at, at, form.deployments[n].match, c.deployment(&form.deployments[n], at))
	}
	attributes := document.NewMap()
	for _, row := range form.attributes {
		if len(row.keys) > 0 {
			attributes.Set(row.fact, texts(row.keys))
		}
	}
	found := document.NewMap()
	found.Set("attributes", attributes)
	found.Set("deployments", deployments)
	found.Set("format", document.OfInt(1))
	found.Set("name", document.OfString(form.name))
	found.Set("terms", terms)
	if len(form.facts) > 0 {
		found.Set("facts", c.accounts(form.facts))
	}
	if form.override != nil {
		override := document.NewMap()
		override.Set("attribute", document.OfString(form.override.attribute))
		override.Set("most", document.OfBig(cost.RoundedHalfEven(times(form.override.mostUSD, femtoPerUSD))))
		found.Set("override", override)
	}
	c.refuseRivals(found)
	return found
}

func (c *compiler) refuseRivals(content document.Value) {
	if c.fault != nil {
		return
	}
	one, other, kind := contract.Rivals(content)
	if kind == "" {
		return
	}
	c.fail(
		c.places[kind][other], "the same conditions at the same time as in "+c.lines.at(c.places[kind][one]),
		"conditions of its own, or `from` and `until` that do not overlap",
	)
}

// rows appends a row for each alternative of its conditions, in the words that they are compared in.
func (c *compiler) rows(to document.Value, kind string, written, at place, match matchForm, body document.Value) {
	alternatives := []document.Value{document.NewMap()}
	for _, dimension := range contract.Dimensions() {
		if len(match[dimension]) == 0 || c.fault != nil {
			continue
		}
		var more []document.Value
		for _, before := range alternatives {
			for _, text := range match[dimension] {
				if len(more) > mostRows {
					break
				}
				when := copied(before)
				key := dimension
				if key == "provider" {
					key = contract.FormerProvider
				}
				when.Set(key, document.OfString(c.normalized(dimension, text)))
				more = append(more, when)
			}
		}
		alternatives = more
	}
	for _, when := range alternatives {
		if c.places[kind] = append(c.places[kind], written); len(c.places[kind]) > mostRows {
			c.fail(at, fmt.Sprintf("more than %d alternatives", mostRows), "fewer")
			return
		}
		row := copied(body)
		row.Set("when", when)
		to.Append(row)
	}
}

func copied(value document.Value) document.Value {
	found := document.NewMap()
	for n, key := range value.Keys() {
		found.Set(key, value.Items()[n])
	}
	return found
}

func (c *compiler) normalized(dimension, text string) string {
	if dimension == "provider" && !strings.Contains(text, "*") {
		if found := c.card.Providers().Canonical(text, ""); found != "" {
			return found
		}
		return text
	}
	return contract.NormalizeCondition(dimension, text)
}

func (c *compiler) term(form *termForm, at place) document.Value {
	hasPrices := len(form.prices)+len(form.steps)+len(form.variants) > 0
	if !hasPrices && form.discount == nil && form.hardware == nil {
		c.fail(at, "no agreement", "prices, steps, variants, discount or hardware")
	}
	isNamed := slices.ContainsFunc(namesCalls, func(dimension string) bool { return len(form.match[dimension]) > 0 })
	if !isNamed && (hasPrices || form.hardware != nil) {
		c.fail(at.key("match"), "prices of any model", "one of "+strings.Join(namesCalls, ", "))
	}
	if len(form.skipModifiers) > 0 && !hasPrices {
		c.fail(at.key("skip_modifiers"), "it without prices", "prices that it is about")
	}
	found := document.NewMap()
	found.Set("id", document.OfString(form.id))
	c.period(found, form.from, form.until, at)
	if form.hardware != nil {
		if hasPrices || form.discount != nil {
			c.fail(at.key("hardware"), "it beside prices or a discount", "one or the other")
		}
		c.hardware(found, form.hardware, at.key("hardware"))
		return found
	}
	c.table(found, form.prices, form.steps, at)
	c.variants(found, form.variants, at.key("variants"))
	if len(form.skipModifiers) > 0 {
		found.Set("skip", texts(form.skipModifiers))
	}
	if form.discount != nil {
		found.Set("x", ratio(new(big.Rat).Sub(big.NewRat(1, 1), form.discount)))
		found.Set("units", document.OfString(form.units))
	} else if form.hasUnits {
		c.fail(at.key("units"), "it without a discount", "a discount that it is about")
	}
	return found
}

func (c *compiler) variants(into document.Value, forms []variantForm, at place) {
	if len(forms) == 0 {
		return
	}
	rows, seen := document.OfList(), map[string]bool{}
	for n := range forms {
		here := at.item(n)
		words := c.words(forms[n].when, here.key("when"))
		id := string(document.Canonical(words))
		if len(words.Keys()) == 0 || seen[id] {
			c.fail(here.key("when"), "facts that are told apart by nothing", "other facts")
		}
		seen[id] = true
		row := document.NewMap()
		row.Set("when", words)
		c.table(row, forms[n].prices, forms[n].steps, here)
		rows.Append(row)
	}
	into.Set("variants", rows)
}

func (c *compiler) hardware(into document.Value, form *hardwareForm, at place) {
	switch {
	case len(form.prices) > 0 && form.usdPerGPUHour == nil && form.gpus == nil && form.share == nil:
		into.Set("allocated", document.OfInt(1))
		c.table(into, form.prices, nil, at)
		return
	case len(form.prices) > 0 || form.usdPerGPUHour == nil || form.gpus == nil:
		c.fail(at, "another set of keys", "usd_per_gpu_hour and gpus (and share), or prices")
		return
	}
	gpus := form.gpus
	if form.share != nil {
		gpus = new(big.Rat).Mul(gpus, form.share)
	}
	machines := document.NewMap()
	machines.Set("gpus", ratio(gpus))
	machines.Set("rate", ratio(times(form.usdPerGPUHour, femtoPerUSD)))
	into.Set("hardware", machines)
}

func (c *compiler) deployment(form *deploymentForm, at place) document.Value {
	c.known(form.facts, at.key("facts"), false)
	facts := document.NewMap()
	for _, fact := range form.facts {
		facts.Set(fact.dimension, document.OfString(fact.text))
	}
	found := document.NewMap()
	found.Set("model", document.OfString(form.model))
	found.Set("facts", facts)
	c.period(found, form.from, form.until, at)
	return found
}

func (c *compiler) period(into document.Value, from, until *int64, at place) {
	if from != nil && until != nil && *until <= *from {
		c.fail(at.key("until"), "an end before the beginning", "one after `from`")
	}
	if from != nil {
		into.Set("from", document.OfInt(*from))
	}
	if until != nil {
		into.Set("until", document.OfInt(*until))
	}
}

func (c *compiler) table(into document.Value, prices []price, steps []stepForm, at place) {
	if len(prices) > 0 {
		into.Set("rates", c.rates(prices, at.key("prices")))
	}
	type bound struct {
		from  int64
		meter string
	}
	rows := map[bound]document.Value{}
	for n, step := range steps {
		here := at.key("steps").item(n)
		c.meter(step.meter, here.key("meter"))
		this := bound{step.above + 1, step.meter}
		if _, again := rows[this]; again {
			c.fail(here.key("above"), fmt.Sprintf("%d for the second time", step.above), "each bound once")
		}
		row := document.NewMap()
		row.Set("from", document.OfInt(this.from))
		row.Set("meter", document.OfString(step.meter))
		row.Set("rates", c.rates(step.prices, here.key("prices")))
		rows[this] = row
	}
	if len(rows) == 0 {
		return
	}
	order := slices.SortedFunc(maps.Keys(rows), func(a, b bound) int {
		if a.from != b.from {
			return int(a.from - b.from)
		}
		return strings.Compare(a.meter, b.meter)
	})
	found := document.OfList()
	for _, key := range order {
		found.Append(rows[key])
	}
	into.Set("steps", found)
}
