// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/spend"
)

// field is what an attribute states of a call.
type field uint8

const (
	noField field = iota
	status
	costUSD
	costNanoUSD
	inputTokens
	cacheReadTokens
	cacheWriteTokens
	outputTokens
	reasoningTokens
	rateID
	pricingVersion
	fields
)

var fieldNames = map[field]string{
	status: cost.AttrCostStatus, costUSD: cost.AttrRequestCostUSD, costNanoUSD: cost.AttrRequestCostNanoUSD,
	inputTokens: cost.AttrInputTokens, cacheReadTokens: cost.AttrCachedInputTokens, cacheWriteTokens: cost.AttrCacheWriteInputTokens,
	outputTokens: cost.AttrOutputTokens, reasoningTokens: cost.AttrReasoningOutputTokens,
	rateID: cost.AttrRateID, pricingVersion: cost.AttrPricingVersion,
}

// use is what an attribute is read for: a field of the call, a label, or both. isSecond: the label is this where no other
// attribute gives it (cost.StatedBy).
type use struct {
	field    field
	label    int16
	isSecond bool
}

const noLabel = -1

// reader takes calls and their labels out of attributes in one pass.
type reader struct {
	uses map[string]use
	// lengths has a bit for each length of a key in uses, modulo 64: most other keys are passed over without a look-up.
	lengths uint64
	// resource are the labels that only a resource gives, the first ones; all are all labels.
	resource, all []string
	// source is the label of the cost's source, which is not written where a rate id implies it (cost.Implied).
	source int
}

func newReader(cfg *Config) *reader {
	r := &reader{uses: map[string]use{}, resource: cfg.ResourceAttributes}
	r.all = append(append(r.all, cfg.ResourceAttributes...), cfg.Attributes...)
	for n, key := range cfg.Attributes {
		r.uses[key] = use{label: int16(len(cfg.ResourceAttributes) + n)}
	}
	for key, other := range cost.StatedBy {
		if _, isLabel := r.uses[other]; !isLabel && slices.Contains(cfg.Attributes, key) {
			r.uses[other] = use{label: r.uses[key].label, isSecond: true}
		}
	}
	r.source = slices.Index(r.all, cost.AttrCostSource)
	for field, key := range fieldNames {
		found, isLabel := r.uses[key]
		if !isLabel {
			found.label = noLabel
		}
		found.field = field
		r.uses[key] = found
	}
	for key := range r.uses {
		r.lengths |= 1 << (len(key) & 63)
	}
	return r
}

// ofResource returns the labels as far as a resource gives them: "" for the others.
func (r *reader) ofResource(resource pcommon.Resource, into []string) []string {
	into = into[:0]
	for _, key := range r.all {
		label := textOf(resource.Attributes(), key)
		if label == "" && key == environment {
			label = environmentOf(resource)
		}
		into = append(into, label)
	}
	return into
}

// environment is the label that a resource gives under other names, the stable one first.
const environment = "app.environment"

var environmentOfResource = [...]string{"deployment.environment.name", "deployment.environment"}

func environmentOf(resource pcommon.Resource) string {
	for _, key := range environmentOfResource {
		if label := textOf(resource.Attributes(), key); label != "" {
			return label
		}
	}
	return ""
}

// textOf returns an attribute of any type as text, "" when there is none.
func textOf(attributes pcommon.Map, key string) string {
	value, known := attributes.Get(key)
	if !known {
		return ""
	}
	return value.AsString()
}

// read takes over what attributes state of a call; labels has the labels of the resource. It is false for what is no result
// of pricing.
func (r *reader) read(attributes pcommon.Map, labels []string, into *spend.Call) bool {
	state, has, hasRate, version := "", false, false, ""
	var tokens [fields]int64
	for key, value := range attributes.All() {
		if r.lengths&(1<<(len(key)&63)) == 0 {
			continue
		}
		found, known := r.uses[key]
		if !known {
			continue
		}
		if found.label != noLabel && (!found.isSecond || labels[found.label] == "") {
			labels[found.label] = value.AsString()
		}
		switch found.field {
		case noField:
		case status:
			state, has = value.AsString(), true
		case rateID:
			hasRate = true
		case pricingVersion:
			version = value.AsString()
		case costUSD:
			if amount, ok := usd(value); ok {
				into.Cost, into.HasCost = amount, true
			}
		case costNanoUSD:
			if nano := value.Int(); !into.HasCost && value.Type() == pcommon.ValueTypeInt && nano >= 0 {
				into.Cost, into.HasCost = cost.FemtoOfNano(nano), true
			}
		default:
			if value.Type() == pcommon.ValueTypeInt {
				tokens[found.field] = value.Int()
			}
		}
	}
	if !has || !isStatus(state) {
		return false
	}
	if hasRate && r.source != noLabel && labels[r.source] == "" {
		labels[r.source] = cost.ImpliedSource(version)
	}
	into.IsElsewhere = state == cost.Duplicate || state == cost.Aggregate
	into.IsUnpriced = state == cost.Unpriced
	if into.IsUnpriced || into.IsElsewhere {
		into.Cost, into.HasCost = cost.Femto{}, false
	}
	into.SetTokens(
		tokens[inputTokens], tokens[cacheReadTokens], tokens[cacheWriteTokens], tokens[outputTokens], tokens[reasoningTokens])
	return true
}

// usd returns an amount of an attribute, exact below 4.5 USD. An integer is taken too: back ends and processors convert.
func usd(value pcommon.Value) (cost.Femto, bool) {
	switch value.Type() {
	case pcommon.ValueTypeDouble:
		return cost.FemtoOfUSD(value.Double())
	case pcommon.ValueTypeInt:
		return cost.FemtoOfUSD(float64(value.Int()))
	}
	return cost.Femto{}, false
}

func isStatus(text string) bool {
	switch text {
	case cost.Priced, cost.Partial, cost.Estimated, cost.Free, cost.NotBilled, cost.Unpriced, cost.Duplicate, cost.Aggregate:
		return true
	}
	return false
}
