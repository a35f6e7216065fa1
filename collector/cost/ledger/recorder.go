// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/document"
)

const (
	tagPrefix   = "app."
	batch       = "batch"
	environment = "app.environment"
	outcome     = "app.outcome"
	// otherError is what error.type states of an error of unknown type (OpenTelemetry semantic conventions).
	otherError = "_OTHER"
)

// notTags are attributes with the prefix of tags that are none.
var notTags = []string{outcome, "app.attribution_missing"}

// environmentOfResource are attributes that name the environment, the stable one first.
var environmentOfResource = []string{"deployment.environment.name", "deployment.environment"}

// recordOf returns the record of a call, with its own memory but for texts.
func recordOf(
	keys *dialect.RecordKeys, reading *cost.Reading, span *cost.Span, priced *cost.Cost, version string,
) *cost.CallRecord {
	began := span.StartNs
	if reading.HasBegan {
		began = reading.BeganNs
	}
	found := &cost.CallRecord{
		Key: span.Key, ParentID: span.Parent.ID, StartNs: began, DurationNs: span.EndNs - began,
		Service:  textAt(span.Resource, "service.name"),
		Provider: reading.Provider, Model: reading.Model, Operation: reading.Operation, Tier: reading.ServiceTier,
		Usage: slices.Clone(reading.Usage), Cost: *priced, PricingVersion: version, Tags: tagsOf(span),
		Error: textAt(span.Attributes, "error.type"), FinishReason: reading.FinishReason, Outcome: textAt(span.Attributes, outcome),
	}
	if found.Tier == "" && reading.Processing == batch {
		found.Tier = batch
	}
	if !priced.ListKnown && priced.Known && priced.Source == cost.SourceRateCard {
		found.Cost.ListKnown, found.Cost.List = true, priced.Femto
	}
	if found.Error == "" && span.IsError {
		found.Error = cmp.Or(span.Raised, otherError)
	}
	found.SessionID = firstOf(span.Attributes, keys.Session)
	if found.SessionID == "" {
		found.SessionID = fmt.Sprintf("%016x%016x", span.Key.Trace[0], span.Key.Trace[1])
	}
	found.PromptName, found.PromptVersion = firstOf(span.Attributes, keys.PromptName), firstOf(span.Attributes, keys.PromptVersion)
	found.TimeToFirstTokenNs, found.HasFirstToken = firstToken(span.Attributes, keys.FirstToken)
	return found
}

func tagsOf(span *cost.Span) (found []cost.Fact) {
	hasEnvironment := false
	for n := range span.Attributes {
		key := span.Attributes[n].Key
		text, isText := span.Attributes[n].Value.Text()
		if isText && strings.HasPrefix(key, tagPrefix) && !slices.Contains(notTags, key) {
			found = append(found, cost.Fact{Dimension: key, Value: text})
			hasEnvironment = hasEnvironment || key == environment
		}
	}
	for _, key := range environmentOfResource {
		if text := textAt(span.Resource, key); text != "" && !hasEnvironment {
			return append(found, cost.Fact{Dimension: environment, Value: text})
		}
	}
	return found
}

func textAt(attributes cost.Attributes, key string) string {
	text, _ := attributes.Get(key).Text()
	return text
}

// firstOf returns the first value of some keys that names something: a string, or a whole number as text.
func firstOf(attributes cost.Attributes, keys []string) string {
	for _, key := range keys {
		value := attributes.Get(key)
		if text, isText := value.Text(); isText && text != "" {
			return text
		}
		if value.Kind() == document.Int || value.Kind() == document.Big {
			return value.Whole().String()
		}
	}
	return ""
}

// firstToken returns the first time to the first token that is a number, in nanoseconds.
func firstToken(attributes cost.Attributes, keys []dialect.TimeKey) (int64, bool) {
	const most = 1e15
	for _, key := range keys {
		value := attributes.Get(key.Key)
		if value.Kind() == document.Bool {
			value = document.OfInt(map[bool]int64{true: 1}[value.Bool()]) // as in Python, where a boolean is a number
		}
		if n, isWhole := value.Int(); isWhole && n >= 0 && n < most {
			return n * key.UnitNs, true
		}
		if f, isFloat := value.Float(); isFloat && f >= 0 && f < most {
			return int64(math.RoundToEven(f * float64(key.UnitNs))), true
		}
	}
	return 0, false
}
