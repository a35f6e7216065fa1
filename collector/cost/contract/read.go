// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// contractReader takes a compiled contract apart; fault is the first thing in it that is not as it must be.
type contractReader struct{ fault error }

func contractOf(content document.Value) (*Contract, error) {
	r := &contractReader{}
	found := &Contract{name: r.text(content, "name")}
	attributes := r.object(content, "attributes")
	for n, name := range attributes.Keys() {
		fact := slices.Index(dimensionNames[:factCount], name)
		if fact < 0 {
			r.fail("%q is no fact", name)
			continue
		}
		found.attributes[fact] = r.texts(attributes.Items()[n], name)
	}
	if override := content.Get("override"); !override.IsNull() {
		found.overrideKey = r.text(override, "attribute")
		most, fits := cost.Femto{}, false
		if n := override.Get("most").Whole(); n != nil {
			most, fits = cost.FemtoOfBig(n)
		}
		if !fits {
			r.fail("%s is no amount", document.Shown(override.Get("most")))
		}
		found.most = most
	}
	if content.Has("facts") {
		found.account = pricing.AccountFacts{}
		accounts := r.object(content, "facts")
		for _, name := range accounts.Keys() {
			found.account[name] = r.accountFacts(accounts, name)
		}
	}
	for _, part := range r.list(content, "terms") {
		found.terms = append(found.terms, r.term(part))
	}
	for _, part := range r.list(content, "deployments") {
		found.deployments = append(found.deployments, r.deployment(part))
	}
	return found, r.fault
}

func (r *contractReader) fail(format string, parts ...any) {
	if r.fault == nil {
		r.fault = fmt.Errorf(format, parts...)
	}
}

func (r *contractReader) term(part document.Value) term {
	found := term{
		row: r.row(part), id: r.text(part, "id"), base: r.table(part), factor: pricing.Rate{Num: 1, Den: 1}, skip: map[string]bool{},
	}
	if part.Has("variants") {
		for _, variant := range r.list(part, "variants") {
			table := r.table(variant)
			table.when = map[string]string{}
			for _, fact := range r.facts(variant, "when") {
				table.when[fact.Dimension] = fact.Value
			}
			found.variants = append(found.variants, table)
		}
	}
	if part.Has("skip") {
		for _, id := range r.texts(part.Get("skip"), "skip") {
			found.skip[id] = true
		}
	}
	if part.Has("x") {
		found.factor = r.rate(part.Get("x"))
	}
	units, _ := part.Get("units").Text()
	found.isForAll = units == "all"
	found.isAllocated = part.Get("allocated").Truthy()
	if machines := part.Get("hardware"); machines.Truthy() {
		found.hardware = &hardware{r.rate(machines.Get("rate")), r.rate(machines.Get("gpus"))}
	}
	return found
}

func (r *contractReader) deployment(part document.Value) deployment {
	found := deployment{row: r.row(part), model: r.text(part, "model"), facts: r.facts(part, "facts")}
	if found.when[byModel] != "" {
		r.fail("model is no condition of deployments")
	}
	return found
}

func (r *contractReader) row(part document.Value) row {
	found := row{fromS: r.seconds(part, "from"), untilS: r.seconds(part, "until")}
	for _, condition := range r.facts(part, "when") {
		name := condition.Dimension
		if name == FormerProvider {
			name = dimensionNames[byProvider]
		}
		dimension := slices.Index(dimensionNames[:], name)
		if dimension < 0 || condition.Value == "" {
			r.fail("%q is no condition about %q", condition.Value, condition.Dimension)
			continue
		}
		found.when[dimension] = condition.Value
	}
	return found
}

func (r *contractReader) table(part document.Value) contractTable {
	found := contractTable{rates: r.rates(part)}
	if part.Has("steps") {
		for _, step := range r.list(part, "steps") {
			from, whole := step.Get("from").Int()
			if !whole {
				r.fail("%s is no bound", document.Shown(step.Get("from")))
			}
			found.steps = append(found.steps, pricing.StepRow{From: from, Meter: r.text(step, "meter"), Rates: r.rates(step)})
		}
	}
	return found
}

func (r *contractReader) rates(part document.Value) map[string]pricing.Rate {
	found := map[string]pricing.Rate{}
	if part.Has("rates") {
		rates := r.object(part, "rates")
		for n, meter := range rates.Keys() {
			found[meter] = r.rate(rates.Items()[n])
		}
	}
	return found
}

// rate returns a rational of 0 or more; what is none is refused, so that no contract can make a cost negative.
func (r *contractReader) rate(value document.Value) pricing.Rate {
	numerator, denominator := value.Whole(), big.NewInt(1)
	if value.Kind() == document.List && len(value.Items()) == 2 {
		numerator, denominator = value.Items()[0].Whole(), value.Items()[1].Whole()
	}
	if numerator == nil || denominator == nil {
		r.fail("%s is no rational", document.Shown(value))
		return pricing.Rate{}
	}
	if numerator.Sign() < 0 || denominator.Sign() < 1 {
		r.fail("%s is negative", document.Shown(value))
		return pricing.Rate{}
	}
	return pricing.RateOf(new(big.Rat).SetFrac(numerator, denominator))
}

func (r *contractReader) seconds(part document.Value, key string) *int64 {
	if !part.Has(key) {
		return nil
	}
	n, whole := part.Get(key).Int()
	if !whole {
		r.fail("%s is no second", document.Shown(part.Get(key)))
	}
	return &n
}

func (r *contractReader) text(part document.Value, key string) string {
	text, isText := part.Get(key).Text()
	if !isText {
		r.fail("%s is no text: %s", key, document.Shown(part.Get(key)))
	}
	return text
}

func (r *contractReader) texts(value document.Value, key string) []string {
	if value.Kind() != document.List {
		r.fail("%s is no list: %s", key, document.Shown(value))
	}
	var found []string
	for _, item := range value.Items() {
		text, isText := item.Text()
		if !isText {
			r.fail("%s holds no text: %s", key, document.Shown(item))
		}
		found = append(found, text)
	}
	return found
}

func (r *contractReader) list(part document.Value, key string) []document.Value {
	if part.Get(key).Kind() != document.List {
		r.fail("%s is no list: %s", key, document.Shown(part.Get(key)))
		return nil
	}
	return part.Get(key).Items()
}

func (r *contractReader) object(part document.Value, key string) document.Value {
	if part.Get(key).Kind() != document.Map {
		r.fail("%s is no object: %s", key, document.Shown(part.Get(key)))
		return document.NewMap()
	}
	return part.Get(key)
}

// accountFacts returns the facts of one account; one about nothing is refused.
func (r *contractReader) accountFacts(accounts document.Value, provider string) []cost.Fact {
	found := r.facts(accounts, provider)
	if len(found) == 0 || slices.ContainsFunc(found, func(fact cost.Fact) bool { return cost.IsBlank(fact.Value) }) {
		r.fail("%s states nothing", provider)
	}
	return found
}

// facts returns the texts of an object in the order of its keys.
func (r *contractReader) facts(part document.Value, key string) []cost.Fact {
	object := r.object(part, key)
	var found []cost.Fact
	for n, name := range object.Keys() {
		text, isText := object.Items()[n].Text()
		if !isText {
			r.fail("%s.%s is no text: %s", key, name, document.Shown(object.Items()[n]))
		}
		found = append(found, cost.Fact{Dimension: name, Value: text})
	}
	return found
}
