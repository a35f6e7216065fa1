// SPDX-License-Identifier: Apache-2.0

package contracts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost/contract"
	"github.com/spancost/spancost/collector/cost/document"
)

// formReader takes a value apart in the order of the form's keys; fault is the first thing that is not as it must be.
type formReader struct {
	lines *lineTable
	fault error
}

func (r *formReader) fail(at place, found, expected string) {
	if r.fault == nil {
		r.fault = r.lines.fault(at, found, expected)
	}
}

func (r *formReader) expect(at place, value document.Value, expected string) {
	r.fail(at, short(value), expected)
}

// short returns a value as an error shows it.
func short(value document.Value) string {
	shown := []rune(document.Shown(value))
	if len(shown) > 60 {
		return string(shown[:57]) + "..."
	}
	return string(shown)
}

// object is a mapping with the keys that it may have.
type object struct {
	*formReader
	value document.Value
	at    place
}

// object returns a mapping; keys that it may not have are refused, and so is what is no mapping.
func (r *formReader) object(value document.Value, at place, keys ...string) object {
	if value.Kind() != document.Map {
		r.expect(at, value, "a mapping of keys to values")
		return object{r, document.NewMap(), at}
	}
	for _, key := range value.Keys() {
		if !slices.Contains(keys, key) {
			slices.Sort(keys)
			r.fail(at.key(key), "an unknown key", "one of "+strings.Join(keys, ", "))
			break
		}
	}
	return object{r, value, at}
}

// optional calls take with a value and its place where there is one.
func (o object) optional(key string, take func(document.Value, place)) {
	if o.value.Has(key) && o.fault == nil {
		take(o.value.Get(key), o.at.key(key))
	}
}

// required is optional for what cannot be left out.
func (o object) required(key string, take func(document.Value, place)) {
	if !o.value.Has(key) {
		o.fail(o.at.key(key), "nothing", "a value, which cannot be left out")
	}
	o.optional(key, take)
}

// orNull is optional where null is as good as nothing.
func (o object) orNull(key string, take func(document.Value, place)) {
	if !o.value.Get(key).IsNull() {
		o.optional(key, take)
	}
}

func (r *formReader) contract(value document.Value) (found contractForm) {
	o := r.object(value, "", "contract", "name", "currency", "attributes", "override", "facts", "deployments", "terms")
	o.required("contract", func(v document.Value, at place) {
		if n, whole := v.Int(); !whole || n != 1 {
			r.expect(at, v, "1")
		}
	})
	o.required("name", into(r, &found.name, name))
	o.optional("currency", func(v document.Value, at place) {
		if text, _ := v.Text(); text != "USD" {
			r.expect(at, v, "USD; convert other currencies at the rate that you agreed, and write the result")
		}
	})
	found.attributes = []factKeys{
		{"tenant", []string{"app.workspace_id"}}, {"team", []string{"app.team", "metadata.user_api_key_team_alias"}},
		{"account", []string{"cloud.account.id"}}, {"api_key_alias", []string{"metadata.user_api_key_alias"}}, {"deployment", nil},
	}
	o.optional("attributes", func(v document.Value, at place) {
		inner := r.object(v, at, "tenant", "team", "account", "api_key_alias", "deployment")
		for n := range found.attributes {
			inner.optional(found.attributes[n].fact, into(r, &found.attributes[n].keys, attributeKeys))
		}
	})
	o.orNull("override", func(v document.Value, at place) {
		inner := r.object(v, at, "attribute", "most_usd")
		found.override = &overrideForm{attribute: "spancost.cost.override_usd"}
		inner.optional("attribute", into(r, &found.override.attribute, attributeKey))
		inner.required("most_usd", into(r, &found.override.mostUSD, count))
	})
	o.optional("facts", func(v document.Value, at place) {
		r.each(v, at, func(provider string, value document.Value, at place) {
			account := accountForm{provider: provider}
			r.factsInto(&account.facts)(value, at)
			found.facts = append(found.facts, account)
		})
	})
	o.optional("deployments", func(v document.Value, at place) { found.deployments = items(r, v, at, r.deployment) })
	o.optional("terms", func(v document.Value, at place) { found.terms = items(r, v, at, r.term) })
	return found
}

// into returns what puts a value into a field, read by a rule that states what was expected when it does not hold.
func into[T any](r *formReader, field *T, rule func(document.Value) (T, string)) func(document.Value, place) {
	return func(value document.Value, at place) {
		found, expected := rule(value)
		if expected != "" {
			r.expect(at, value, expected)
		}
		*field = found
	}
}

func items[T any](r *formReader, value document.Value, at place, read func(document.Value, place) T) []T {
	if value.Kind() != document.List {
		r.expect(at, value, "a list")
		return nil
	}
	var found []T
	for n, item := range value.Items() {
		if r.fault == nil {
			found = append(found, read(item, at.item(n)))
		}
	}
	return found
}

func (r *formReader) term(value document.Value, at place) (found termForm) {
	o := r.object(value, at, "id", "match", "from", "until", "prices", "steps", "variants", "skip_modifiers", "discount",
		"units", "hardware", "note")
	o.required("id", into(r, &found.id, name))
	o.required("match", func(v document.Value, at place) {
		keys := []string{"tenant", "team", "account", "api_key_alias", "deployment", "model", "provider", "server_address"}
		found.match = r.match(r.object(withCurrentProvider(v), at, slices.Clone(keys)...), keys...)
	})
	o.optional("from", instantInto(r, &found.from))
	o.optional("until", instantInto(r, &found.until))
	o.optional("prices", r.pricesInto(&found.prices))
	o.optional("steps", r.stepsInto(&found.steps))
	o.optional("variants", func(v document.Value, at place) { found.variants = items(r, v, at, r.variant) })
	o.optional("skip_modifiers", into(r, &found.skipModifiers, modifiers))
	o.optional("discount", into(r, &found.discount, percent))
	found.units, found.hasUnits = "tokens", o.value.Has("units")
	o.optional("units", into(r, &found.units, func(v document.Value) (string, string) {
		if text, _ := v.Text(); text == "tokens" || text == "all" {
			return text, ""
		}
		return "", "'tokens' or 'all'"
	}))
	o.orNull("hardware", func(v document.Value, at place) {
		found.hardware = &hardwareForm{}
		inner := r.object(v, at, "usd_per_gpu_hour", "gpus", "share", "prices")
		inner.optional("usd_per_gpu_hour", into(r, &found.hardware.usdPerGPUHour, amount))
		inner.optional("gpus", into(r, &found.hardware.gpus, count))
		inner.optional("share", into(r, &found.hardware.share, share))
		inner.optional("prices", r.pricesInto(&found.hardware.prices))
	})
	o.orNull("note", r.ignoredText)
	return found
}

func (r *formReader) deployment(value document.Value, at place) (found deploymentForm) {
	o := r.object(withCurrentProvider(value), at, "deployment", "provider", "server_address", "model", "facts", "from", "until", "note")
	if !o.value.Has("deployment") {
		o.fail(at.key("deployment"), "nothing", "a value, which cannot be left out")
	}
	found.match = r.match(o, "deployment", "provider", "server_address")
	o.required("model", into(r, &found.model, text))
	o.optional("facts", r.factsInto(&found.facts))
	o.optional("from", instantInto(r, &found.from))
	o.optional("until", instantInto(r, &found.until))
	o.orNull("note", r.ignoredText)
	return found
}

// withCurrentProvider returns value with the key of the provider as it is now.
func withCurrentProvider(value document.Value) document.Value {
	if !value.Has(contract.FormerProvider) || value.Has("provider") {
		return value
	}
	found := document.NewMap()
	for n, key := range value.Keys() {
		if key == contract.FormerProvider {
			key = "provider"
		}
		found.Set(key, value.Items()[n])
	}
	return found
}

func (r *formReader) match(o object, keys ...string) matchForm {
	found := matchForm{}
	for _, key := range keys {
		var texts []string
		o.optional(key, into(r, &texts, conditions))
		if len(texts) > 0 {
			found[key] = texts
		}
	}
	return found
}

func (r *formReader) variant(value document.Value, at place) (found variantForm) {
	o := r.object(value, at, "when", "prices", "steps")
	o.required("when", r.factsInto(&found.when))
	o.optional("prices", r.pricesInto(&found.prices))
	o.optional("steps", r.stepsInto(&found.steps))
	return found
}

func (r *formReader) stepsInto(field *[]stepForm) func(document.Value, place) {
	return func(value document.Value, at place) {
		*field = items(r, value, at, func(value document.Value, at place) (found stepForm) {
			o := r.object(value, at, "above", "meter", "prices")
			found.meter = "input_tokens"
			o.required("above", into(r, &found.above, bound))
			o.optional("meter", into(r, &found.meter, text))
			o.required("prices", r.pricesInto(&found.prices))
			return found
		})
	}
}

func (r *formReader) pricesInto(field *[]price) func(document.Value, place) {
	return func(value document.Value, at place) {
		r.each(value, at, func(meter string, value document.Value, at place) {
			found := price{meter: meter}
			into(r, &found.amount, amount)(value, at)
			*field = append(*field, found)
		})
	}
}

func (r *formReader) factsInto(field *[]fact) func(document.Value, place) {
	return func(value document.Value, at place) {
		r.each(value, at, func(dimension string, value document.Value, at place) {
			found := fact{dimension: dimension}
			into(r, &found.text, text)(value, at)
			*field = append(*field, found)
		})
	}
}

func (r *formReader) each(value document.Value, at place, take func(string, document.Value, place)) {
	if value.Kind() != document.Map {
		r.expect(at, value, "a mapping of keys to values")
		return
	}
	for n, key := range value.Keys() {
		if r.fault == nil {
			take(key, value.Items()[n], at.key(key))
		}
	}
}

func (r *formReader) ignoredText(value document.Value, at place) {
	var ignored string
	into(r, &ignored, text)(value, at)
}

func instantInto(r *formReader, field **int64) func(document.Value, place) {
	return func(value document.Value, at place) {
		seconds, expected := instant(value)
		if expected != "" {
			r.expect(at, value, expected)
		}
		*field = &seconds
	}
}

func bound(value document.Value) (int64, string) {
	const most = 1 << 53
	n, whole := value.Int()
	switch {
	case !whole:
		return 0, "a valid integer"
	case n > most:
		return 0, fmt.Sprintf("less than or equal to %d", int64(most))
	}
	return n, ""
}
