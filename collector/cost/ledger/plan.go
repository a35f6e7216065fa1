// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// The plan cache: what spans share that differ only in their amounts, ids and times.
//
// Invariant: a span read by its plan gives the reading that the slow path gives. A plan holds what the categorical values of
// a span decide (provider, model, rules that match); amounts, ids and times go through the same code as on the slow path.
// TestAPlanGivesWhatTheSlowPathGives holds this. Prices come from the pricer.

const (
	layoutsKept = 256
	plansKept   = 4_096
)

// PlanCache holds the plans of every layout; one too many, and all are evicted. It is not safe for use by several goroutines.
type PlanCache struct {
	dialects *dialect.Dialects
	reader   dialect.Reader
	layouts  map[uint64]*plannedLayout
	// compiled counts the plans that are held.
	compiled int
}

type plannedLayout struct {
	*dialect.Layout
	plans map[uint64]*SpanPlan
	// recent are plans of plain spans that were used lately; next is where the next one is put.
	recent [recentPlans]*SpanPlan
	next   int
}

// recentPlans is how many plans are tried before one is looked for.
const recentPlans = 4

// SpanPlan is what spans with one layout and the same categorical values share. rates are what a pricer by a card alone has
// for them, nil where they were not asked for; models are the bare names of the model and of the one asked for.
type SpanPlan struct {
	*dialect.Resolution
	rates     *pricing.ResolvedRates
	models    [2]string
	hasModels bool
}

// modelsOf returns the bare names of the models of a reading, which its plan keeps.
func (l *Ledger) modelsOf(reading *cost.Reading) [2]string {
	if l.plan == nil {
		return [2]string{bareModel(reading.Model), bareModel(reading.RequestModel)}
	}
	if !l.plan.hasModels {
		l.plan.models = [2]string{strings.Clone(bareModel(reading.Model)), strings.Clone(bareModel(reading.RequestModel))}
		l.plan.hasModels = true
	}
	return l.plan.models
}

// Read puts what a span reports about a model call into a reading, and returns its plan; false when the span reports nothing.
func (c *PlanCache) Read(span *cost.Span, into *cost.Reading) (*SpanPlan, bool) {
	layout := c.layout(span)
	if layout == nil {
		return nil, false
	}
	for _, plan := range layout.recent {
		if plan == nil {
			break
		}
		if isPlain, isReported := layout.ReadPlain(plan.Resolution, span, &c.reader, into); isPlain {
			return plan, isReported
		}
	}
	key := layout.Fetch(span, &c.reader)
	plan := layout.plans[key]
	if plan == nil || !layout.Apply(plan.Resolution, span, &c.reader) {
		if c.compiled++; c.compiled > plansKept {
			c.evict()
		}
		plan = &SpanPlan{Resolution: layout.Resolve(span, &c.reader)}
		layout.plans[key] = plan
	}
	if plan.IsPlain() && !slices.Contains(layout.recent[:], plan) {
		layout.recent[layout.next] = plan
		layout.next = (layout.next + 1) % recentPlans
	}
	return plan, layout.Finish(plan.Resolution, span, &c.reader, into)
}

func (c *PlanCache) evict() {
	c.compiled = 1
	for _, layout := range c.layouts {
		clear(layout.plans)
		layout.recent, layout.next = [recentPlans]*SpanPlan{}, 0
	}
}

// layout returns the layout of a span, nil when the span does not report a model call.
func (c *PlanCache) layout(span *cost.Span) *plannedLayout {
	shape := uint64(len(span.ScopeName)<<8 + len(span.ScopeVersion))
	for n := range span.Attributes {
		if key := span.Attributes[n].Key; key != "" {
			shape = shape*31 + uint64(len(key))<<8 + uint64(key[len(key)-1])
		}
	}
	if known := c.layouts[shape]; known != nil && known.Matches(span) {
		return known
	}
	found := c.dialects.LayoutOf(span)
	if found == nil {
		return nil
	}
	if c.layouts == nil || len(c.layouts) >= layoutsKept {
		c.layouts, c.compiled = map[uint64]*plannedLayout{}, 0
	}
	c.layouts[shape] = &plannedLayout{Layout: found, plans: map[uint64]*SpanPlan{}}
	return c.layouts[shape]
}
