// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/spancost/spancost/collector/internal/tracetest"
)

func TestTagsComeFromTheSpanThenTheNearestAncestorThenTheResource(t *testing.T) {
	call := func(attributes map[string]any) map[string]any {
		found := tracetest.Call("gpt-4o-mini", 1000, 100, "")
		for key, value := range attributes {
			found[key] = value
		}
		return found
	}
	for name, row := range map[string]struct {
		call, parent, root map[string]any
		isAlone            bool
		feature            any
	}{
		"own":                 {call: map[string]any{"app.feature": "own"}, parent: map[string]any{"app.feature": "parent"}, feature: "own"},
		"own, by baggage":     {call: map[string]any{"baggage.feature": "sent"}, parent: map[string]any{"app.feature": "parent"}, feature: "sent"},
		"the nearest":         {parent: map[string]any{"app.feature": "parent"}, root: map[string]any{"app.feature": "root"}, feature: "parent"},
		"over one without":    {root: map[string]any{"baggage.feature": 7}, feature: "7"},
		"the resource":        {feature: "whole"},
		"without ancestors":   {parent: map[string]any{"app.feature": "parent"}, isAlone: true, feature: "whole"},
		"an empty one":        {parent: map[string]any{"app.feature": ""}, root: map[string]any{"app.feature": "root"}, feature: "root"},
		"own, although empty": {call: map[string]any{"app.feature": ""}, root: map[string]any{"app.feature": "root"}, feature: ""},
	} {
		t.Run(name, func(t *testing.T) {
			td := tracetest.Traces(
				tracetest.Span{Trace: 1, ID: 1, Attributes: row.root}, tracetest.Span{Trace: 1, ID: 2, Parent: 1, Attributes: row.parent},
				tracetest.Span{Trace: 1, ID: 3, Parent: 2, Attributes: call(row.call)})
			for _, resource := range td.ResourceSpans().All() {
				resource.Resource().Attributes().PutStr("feature.of.service", "whole")
			}
			out := process(t, func(c *Config) {
				c.Tags = map[string][]string{"app.feature": {"baggage.feature", "feature.of.service"}}
				c.TagsFromAncestors = !row.isAlone
			}, td)
			assert.Equal(t, row.feature, tracetest.Raw(tracetest.Find(out, 1, 3)[0], "app.feature"))
			assert.Equal(t, row.parent["app.feature"], tracetest.Raw(tracetest.Find(out, 1, 2)[0], "app.feature"), "no call")
		})
	}
}

func TestParentsInACircleEnd(t *testing.T) {
	out := process(t, func(c *Config) { c.Tags, c.TagsFromAncestors = map[string][]string{"app.team": nil}, true }, tracetest.Traces(
		tracetest.Span{Trace: 1, ID: 1, Parent: 2, Attributes: tracetest.Call("gpt-4o-mini", 1000, 100, "")},
		tracetest.Span{Trace: 1, ID: 2, Parent: 1}))
	assert.Nil(t, tracetest.Raw(tracetest.Find(out, 1, 1)[0], "app.team"))
}

func TestTagsThatCannotBe(t *testing.T) {
	for says, change := range map[string]func(*Config){
		`tags: found "feature"; expected a name that begins with app.`: func(c *Config) { c.Tags = map[string][]string{"feature": nil} },
		"tags::app.team: found an empty key":                           func(c *Config) { c.Tags = map[string][]string{"app.team": {""}} },
		"tags_from_ancestors: found true without tags":                 func(c *Config) { c.TagsFromAncestors = true },
	} {
		cfg := createDefaultConfig().(*Config)
		change(cfg)
		require.ErrorContains(t, cfg.Validate(), says)
	}
}
